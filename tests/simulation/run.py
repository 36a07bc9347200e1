"""One run from its seed: builds the machines and the network, lets the story happen, and tells what
was wrong. Runs in a process of its own, under the recorder of `power`.

The programs are the real ones, from their command lines (a relay from `serve`) down to SQLite's
files and HTTP's bytes. What is simulated is what an operating system gives them: time, chance,
threads, connections, and what a disk still holds after a cut. Not simulated: TLS, proxies, disks
that fill up or return what was never written, and two programs on two processors at one moment.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from tests.simulation import breakages, doors
from tests.simulation.machines import Machine
from tests.simulation.network import Network
from tests.simulation.people import World
from tests.simulation.power import Power
from tests.simulation.processes import current_process
from tests.simulation.story import Story
from tests.simulation.virtual_time import VirtualLoop

__all__ = ["Outcome", "run"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. `digest` is over every line of its trace: equal for equal runs."""

    seed: str
    wrong: list[str]
    digest: str
    trace: list[str]
    hours: float
    events: int
    reports: int
    deaths: int
    connections: int
    cuts: int
    repeats: int
    statuses: int
    tombstones: int


class _Mistakes(logging.Handler):
    """Log lines of programs: what is logged with an exception is a mistake of theirs."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        process = current_process()
        if process is not None and process.dead:
            return
        if record.exc_info and record.exc_info[1] is not None:
            frames = "".join(traceback.format_exception(record.exc_info[1]))
            self._world.hold(False, f"{record.getMessage()}: {frames}")


def run(seed: str, place: Path, power: Power, breakage: str | None = None) -> Outcome:
    """Perform the run of this seed in an empty folder. Call it once in a process."""
    loop = VirtualLoop()
    world = World(place)
    lines: list[str] = []
    mistakes = _Mistakes(world)
    logging.getLogger().addHandler(mistakes)
    logging.getLogger("qanat_relay").addHandler(mistakes)
    doors.begin(seed, loop)

    def trace(words: str) -> None:
        day, rest = divmod(loop.time(), 86_400)
        lines.append(f"day {day:3.0f} {rest / 3600:06.3f} h  {words}")

    def make_machine(number: int, name: str) -> Machine:
        return Machine(number, name, place / "machines", loop=loop, power=power, trace=trace)

    network = Network(loop, Random(f"{seed} network"), trace)
    story = Story(world, network, make_machine, Random(f"{seed} story"), trace)
    loop.on_turn += [machine.look_at_power for machine in story.machines]
    if breakage is not None:
        breakages.apply(breakage)
    try:
        loop.run_until_complete(story.perform())
    except Exception as error:  # noqa: BLE001 - whatever ends a run is its finding
        world.hold(False, "".join(traceback.format_exception(error)))
    for complaint in loop.complaints:
        world.hold(False, f"nobody caught: {complaint}")
    return Outcome(
        seed=seed,
        wrong=world.wrong,
        digest=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        trace=lines,
        hours=loop.time() / 3600,
        events=loop.events,
        reports=len(world.sent),
        deaths=sum(machine.deaths for machine in story.machines),
        connections=network.connections,
        cuts=network.cuts,
        repeats=network.repeats,
        statuses=story.truths.statuses,
        tombstones=story.truths.tombstones,
    )


def write_outcome(outcome: Outcome, path: Path) -> None:
    """Put it where the parent reads it."""
    path.write_text(json.dumps(asdict(outcome)))
    sys.__stdout__.flush() if sys.__stdout__ else None
