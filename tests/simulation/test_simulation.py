"""Whole small systems under a virtual clock: what was queued arrives and what was said is true,
whatever the network, the power and the clocks do. Each run is made from its seed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from tests.power_cuts.cutting import REPOSITORY, environment
from tests.power_cuts.recording import is_possible
from tests.simulation.breakages import BREAKAGES

SOAK_MINUTES = float(os.environ.get("SIMULATION_MINUTES", "15"))

TRIED = [str(seed) for seed in (11, 2, 6, 10, 3, 7, 5, 13, 15, 16, 17, 18, 19, 20, 21, 22)]
"""Seeds that try a broken part, until one finds it; in the first much happens in a short time."""


pytestmark = pytest.mark.timeout(600)
"""Seconds of work, and minutes where every processor has other work too."""


@pytest.fixture(autouse=True)
def _linux() -> None:
    if not is_possible():
        pytest.skip("ptrace is known here for Linux on x86_64 and aarch64")


def simulate(*words: str) -> list[dict[str, Any]]:
    """The outcomes of some runs."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--json", *words],
        cwd=REPOSITORY,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def wrongs(outcomes: list[dict[str, Any]]) -> list[str]:
    """What was wrong, with the seed that shows it again."""
    return [
        f"python -m tests.simulation --trace {outcome['seed']}: {words}"
        for outcome in outcomes
        for words in outcome["wrong"]
    ]


def test_whatever_happens_reports_arrive_once_and_what_is_said_is_true() -> None:
    outcomes = simulate(TRIED[0])
    assert not wrongs(outcomes)
    for what in ("reports", "deaths", "cuts", "repeats", "statuses", "tombstones"):
        assert sum(outcome[what] for outcome in outcomes) > 0, f"no {what}: nothing was tried"


def find(breakage: str) -> dict[str, Any]:
    """The first run that finds a broken part. AssertionError if none does."""
    found = simulate("--until-wrong", "--breakage", breakage, *TRIED)[-1]
    assert found["wrong"], f"{breakage} was not found"
    return found


def test_a_relay_that_acknowledges_too_early_is_found_and_its_run_is_the_same_again() -> None:
    name = "relay_acknowledges_before_it_is_on_disk"
    found = find(name)
    assert any("said" in words for words in found["wrong"])
    (again,) = simulate("--breakage", name, found["seed"])
    assert again["trace"] == found["trace"]
    assert again["wrong"] == found["wrong"]


@pytest.mark.soak
@pytest.mark.parametrize("name", BREAKAGES)
def test_every_broken_part_is_found(name: str) -> None:
    seed = find(name)["seed"]
    assert not wrongs(simulate(seed))


@pytest.mark.soak
def test_nothing_is_wrong_in_many_runs() -> None:
    assert not wrongs(simulate("--minutes", str(SOAK_MINUTES), "1000"))
