"""A seed gives the same run, in this process and in any other."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.simulator_engine.hand_made import (
    FAST,
    HOUR_S,
    MIB,
    SLOW,
    between,
    letters,
    live,
    made_plan,
    with_film,
)

from qanat_simulation.outcome import Outcome
from qanat_simulation.plan import Meeting, Plan

ROOT = Path(__file__).resolve().parents[2]


def busy_plan(seed: int = 1) -> Plan:
    """Lossy lines, several relays, a courier and films: chance has much to say."""
    names = [f"p{number}" for number in range(6)]
    items = [
        each
        for number, name in enumerate(names)
        for each in with_film(letters(name, 1, at_s=60.0 * number, first=number)[0], MIB)
    ]
    bad = [
        between(
            type(SLOW)("", 0.0, 0.0, 50e3, 50e3, 0.3, 0.03), name, HOUR_S, HOUR_S + 30.0 + number
        )
        for number, name in enumerate(names[1:])
    ]
    return made_plan(
        3,
        items,
        [*bad, between(FAST, "bus", 2 * HOUR_S, 3 * HOUR_S)],
        relays=["r1", "r2", "r3"],
        couriers=["bus"],
        meetings=[Meeting(HOUR_S, name, "bus", 10 * MIB) for name in names[:3]],
        seed=seed,
    )


def spread_plan() -> Plan:
    """Blocks of films lie on five relays, and a desk is given them by all at once."""
    names = [f"p{number}" for number in range(4)]
    items = [
        each
        for number, name in enumerate(names)
        for each in with_film(letters(name, 1, at_s=20.0 * number, first=4 * number)[0], MIB)
    ]
    lines = [between(SLOW, name, 0.0, HOUR_S) for name in names]
    return made_plan(1, items, lines, relays=[f"r{number}" for number in range(5)])


def told(outcome: Outcome) -> str:
    return repr((outcome.arrived_s, sorted(outcome.burdens.items())))


def test_two_runs_of_a_seed_are_equal() -> None:
    assert told(live(busy_plan())) == told(live(busy_plan()))


def test_another_seed_is_another_run() -> None:
    assert told(live(busy_plan())) != told(live(busy_plan(2)))


@pytest.mark.parametrize("plan", [busy_plan, spread_plan])
def test_a_run_is_the_same_whatever_python_hashes_by(plan: Callable[[], Plan]) -> None:
    script = (
        "from tests.simulator_engine import test_determinism as here;"
        f"print(here.told(here.live(here.{plan.__name__}())))"
    )
    path = os.pathsep.join(
        str(ROOT / each) for each in ("protocol", "relay", "client", "simulation", "")
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "4711")
    }
    assert said == {told(live(plan())) + "\n"}


def test_chance_and_time_are_the_systems_again_after_a_run() -> None:
    before = (os.urandom, time.monotonic, random.getstate())
    live(made_plan(0.1, letters("a", 1), []))
    assert before == (os.urandom, time.monotonic, random.getstate())


def test_a_program_that_fails_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    from qanat_simulation import engine
    from qanat_simulation.engine.store.memory import MemoryStore

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(MemoryStore, "look_up", fail)
    items = with_film(letters("a", 1)[0], MIB)
    with pytest.raises(engine.Mistake, match="a mistake"):
        live(made_plan(1, items, [between(SLOW, "a", 0.0, HOUR_S)]))
