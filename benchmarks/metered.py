"""Programs as processes of their own, with the time and the memory that each took. Nothing that was
started here runs on behind its block."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["Failed", "Running", "Usage", "compiled", "resident_bytes", "run", "running"]

_METER = Path(__file__).with_name("meter.py")
_STOP_S = 30.0


class Failed(Exception):
    """A program did not do its part, or its result is wrong: there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Usage:
    """seconds: from start to end; peak_bytes: the most memory that was resident at once."""

    seconds: float
    peak_bytes: int
    output: str


def compiled(cache: Path) -> dict[str, str]:
    """Variables under which every module is found compiled, as after an installation: in `cache`,
    unless they name a place themselves."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("QANAT_")}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    variables.setdefault("PYTHONPYCACHEPREFIX", str(cache))
    return variables | {"PYTHONIOENCODING": "utf-8"}


def resident_bytes(pid: int) -> int:
    """What a running process has in memory now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True)
    return int(shown.stdout) * 1024


class Running:
    """A program at work. `first_line` waits for what it says first."""

    def __init__(self, process: subprocess.Popen[str], report: IO[str], said: IO[bytes]) -> None:
        self._process = process
        self._report = report
        self._said = said
        self._usage: Usage | None = None
        first = report.readline()
        if not first:
            raise Failed(f"it could not be started: {self._complaint()}")
        self.pid: int = json.loads(first)["pid"]

    def first_line(self) -> str:
        """Raises Failed if the program ends without a line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the program ended: {self._complaint()}")
        return line

    def stop(self) -> Usage:
        """Ask it to stop, and wait for that; again the same usage if it has stopped."""
        if self._usage is None and self._process.poll() is None:
            self._process.terminate()
        return self.wait(stopped=True)

    def wait(self, *, stopped: bool = False) -> Usage:
        """Wait for its end. Raises Failed for an exit code that is not 0."""
        if self._usage is None:
            output, _ = self._process.communicate(timeout=_STOP_S if stopped else None)
            facts = json.loads(self._report.readline())
            if facts["code"] != 0 and not stopped:
                raise Failed(f"exit code {facts['code']}: {self._complaint()}")
            self._usage = Usage(facts["seconds"], facts["peak_bytes"], output)
        return self._usage

    def _complaint(self) -> str:
        self._process.wait()
        self._said.seek(0)
        return self._said.read().decode(errors="replace")[-2000:].strip()


@contextmanager
def running(command: Sequence[str | Path], variables: Mapping[str, str]) -> Iterator[Running]:
    """A program that is stopped at the end of the block; `command[0]` is a path."""
    reading, writing = os.pipe()
    interrupts: list[int] = []
    with tempfile.TemporaryFile() as said, open(reading) as report:  # noqa: PTH123
        # An interrupt while it is being started would leave behind what nobody knows of yet.
        before = {
            number: signal.signal(number, lambda number, _: interrupts.append(number))
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        process = None
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", _METER, str(writing), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                env=dict(variables),
                pass_fds=[writing],
                text=True,
            )
            os.close(writing)
            program = Running(process, report, said)
            _let_through(interrupts, before)
            yield program
            program.stop()
        finally:
            if process is not None:
                with process:
                    _end(process)
            _let_through(interrupts, before)


def _let_through(interrupts: list[int], handlers: Mapping[signal.Signals, Any]) -> None:
    """Handle interrupts as before, and those that waited."""
    for number, handler in handlers.items():
        signal.signal(number, handler)
    while interrupts:
        signal.raise_signal(interrupts.pop())


def _end(process: subprocess.Popen[str]) -> None:
    """End the meter and its program, whatever state an interrupt left them in."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def run(command: Sequence[str | Path], variables: Mapping[str, str]) -> Usage:
    """Run a program to its end. Raises Failed."""
    with running(command, variables) as program:
        return program.wait()
