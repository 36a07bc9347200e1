"""Lets a program work and kills it, again and again: by the clock, and at one of its writes.

A process starts in a second and works for a tenth of one. So one process loads all that is needed
and forks: a child that works and is killed, then a child that looks at what is left. Neither leaves
anything behind in memory. Half of the moments are drawn from the time that an unkilled run takes.
The other half are drawn from its calls that change a file, as the recorder of the power cuts counts
them: most of a program's time passes where a kill changes nothing.

Usage: python -m tests.kills.nursery WORK FOLDER KILLS SEED
"""

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Protocol

from tests.power_cuts.recording import record

__all__ = ["Work", "fork", "speak", "wait_for"]

KILLS_IN_A_FOLDER = 25
"""Then the next one begins with nothing; a check reads all that was ever said in a folder."""


class Work(Protocol):
    """One program that is killed. Each call but the first is made in a process of its own."""

    def __init__(self, folder: Path) -> None:
        """For an empty folder. What it writes to while it is killed is `home`."""

    home: Path

    def prepare(self) -> list[int]:
        """Make what must be there before; the processes that are to end with it."""

    def begin(self, number: int) -> None:
        """What has to be done before run `number`, unkilled."""

    def run(self, number: int) -> None:
        """Work, and say on file 1, line by line, what counts from now on."""

    def check(self, said: list[str]) -> None:
        """Raise if what is left is not as it must be after all these lines were said."""

    def complete(self, said: list[str]) -> None:
        """The same once all is done that was begun."""


def speak(*words: object) -> None:
    """Say a line, in one write, so that no kill cuts it in two."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def fork(program: Callable[[], object], *, says_to: int | None = None) -> int:
    """Run it in a process of its own, whose file 1 is `says_to`; the process."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        if says_to is not None:
            os.dup2(says_to, 1)
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        program()
        sys.stdout.flush()
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        raise
    finally:
        os._exit(code)


def wait_for(pid: int) -> int:
    """Its exit code; the negative number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@dataclass(frozen=True)
class Measure:
    """What an unkilled run takes."""

    duration_s: float
    calls: int


class Nursery:
    """Runs of one kind of work."""

    def __init__(self, kind: type[Work], folder: Path, seed: int) -> None:
        self._kind = kind
        self._folder = folder
        self._draw = Random(seed)
        self._measure: Measure | None = None
        self.lines = 0
        self.by_time = 0
        self.by_call = 0
        self.too_late = 0

    def kill(self, times: int) -> None:
        """Kill so often. Raises AssertionError, naming the run, when a check fails."""
        runs = 0
        # What had ended before its moment came was not killed.
        while (done := self.by_time + self.by_call) < times:
            here = min(KILLS_IN_A_FOLDER, times - done)
            self._kill_here(runs, here)
            runs += here

    def _kill_here(self, first: int, times: int) -> None:
        self._folder.mkdir()
        work = self._kind(self._folder)
        beside = work.prepare()
        said: list[str] = []
        try:
            if self._measure is None:
                self._measure = self._take_measure(work, said)
            for number in range(first + 1, first + times + 1):
                _must(partial(work.begin, number), f"what precedes run {number}")
                moment, lines = self._run_and_kill(work, number)
                said += lines
                self.lines += len(lines)
                _must(partial(work.check, said), f"run {number}, killed {moment}")
            _must(partial(work.begin, 0), "the last run")
            said += self._run(work, 0, None)[1]
            _must(partial(work.complete, said), f"all after run {first + times}")
        finally:
            for pid in beside:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        rmtree(self._folder)

    def _take_measure(self, work: Work, said: list[str]) -> Measure:
        """The second run counts: the first one makes what is made once."""
        durations, calls = [], 0
        for number in (-1, -2, -3):
            _must(partial(work.begin, number), "the measure")
            if number == -3:
                calls, lines = self._run_traced(work, number, None)
            else:
                begun_s = time.monotonic()
                killed, lines = self._run(work, number, None)
                assert not killed
                durations.append(time.monotonic() - begun_s)
            said += lines
        return Measure(durations[-1], calls)

    def _run_and_kill(self, work: Work, number: int) -> tuple[str, list[str]]:
        assert self._measure is not None
        if number % 2:
            after_s = self._draw.uniform(0, self._measure.duration_s)
            killed, lines = self._run(work, number, after_s)
            self.by_time += killed
            self.too_late += not killed
            return f"{after_s:.6f} s after it began", lines
        after = self._draw.randint(1, self._measure.calls)
        calls, lines = self._run_traced(work, number, after)
        killed = calls >= after
        self.by_call += killed
        self.too_late += not killed
        return f"at its call {after} that changes a file", lines

    def _run(self, work: Work, number: int, kill_after_s: float | None) -> tuple[bool, list[str]]:
        """Whether it was killed, and what it had said."""
        reading, writing = os.pipe()
        begun_s = time.monotonic()
        pid = fork(lambda: work.run(number), says_to=writing)
        os.close(writing)
        data, killed = b"", False
        while True:
            left_s = None
            if kill_after_s is not None and not killed:
                left_s = begun_s + kill_after_s - time.monotonic()
                if left_s <= 0:
                    os.kill(pid, signal.SIGKILL)
                    killed = True
                    continue
            if select.select([reading], [], [], left_s)[0]:
                more = os.read(reading, 65_536)
                if not more:
                    break
                data += more
        os.close(reading)
        code = wait_for(pid)
        assert code in (0, -signal.SIGKILL), f"it ended with {code}"
        return code == -signal.SIGKILL, data.decode().split("\n")[:-1]

    def _run_traced(self, work: Work, number: int, kill_after: int | None) -> tuple[int, list[str]]:
        """How often it changed a file, and what it said; killed at one of these changes."""
        reading, writing = os.pipe()

        def run() -> None:
            # What it says is in the record.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            work.run(number)

        def trace() -> None:
            # The recorder waits for every child of its process.
            records = record(work.home, run, kill_after=kill_after)
            said = "".join(text for what, text, *_ in records if what == "said")
            os.write(1, f"{len(records)}\n".encode() + said.encode())

        pid = fork(trace, says_to=writing)
        os.close(writing)
        with open(reading, "rb") as file:  # noqa: PTH123 - a pipe
            calls, _, said = file.read().partition(b"\n")
        assert wait_for(pid) == 0
        return int(calls), said.decode().split("\n")[:-1]


def _must(program: Callable[[], object], what: str) -> None:
    assert wait_for(fork(program)) == 0, f"not as it must be: {what}"


WORKS = {
    "relay": ("relay_work", "RelayWork"),
    "reporter": ("reporter_work", "ReporterWork"),
    "desk": ("desk_work", "DeskWork"),
    "careless": ("number_work", "Careless"),
    "careful": ("number_work", "Careful"),
}
"""By name: the module here and the class in it."""


def _kind_of(name: str) -> type[Work]:
    module, kind = WORKS[name]
    found: type[Work] = getattr(import_module(f"tests.kills.{module}"), kind)
    return found


if __name__ == "__main__":
    name, folder, kills, seed = sys.argv[1:5]
    print(f"{name}: {kills} kills, seed {seed}", flush=True)
    nursery = Nursery(_kind_of(name), Path(folder), int(seed))
    nursery.kill(int(kills))
    print(
        f"{name}: {nursery.by_time} killed by the clock, {nursery.by_call} at a write,"
        f" {nursery.too_late} had ended; {nursery.lines} lines were said and all hold"
    )
