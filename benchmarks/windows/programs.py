"""Programs that are cut off in the middle, as a window's end does it: killed, not asked to stop."""

from __future__ import annotations

import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from benchmarks.turns import MEASURED, run_before_others

__all__ = ["Program", "started"]


class Program:
    """One that runs; its standard output is read line by line."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self._process = process
        self._said = said
        self._left = b""

    def line(self, timeout_s: float) -> str:
        """Its next line; empty if none comes in time or it has ended."""
        until_s = time.monotonic() + timeout_s
        output = self._process.stdout
        assert output is not None
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while b"\n" not in self._left:
                if not selector.select(max(0.0, until_s - time.monotonic())):
                    return ""
                more = output.read1(65_536)  # type: ignore[attr-defined]  # it is buffered
                if not more:
                    return ""
                self._left += more
        line, _, self._left = self._left.partition(b"\n")
        return line.decode(errors="replace")

    def wait(self, timeout_s: float) -> bool:
        """Whether it ends by itself in this time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ended_well(self, timeout_s: float) -> bool:
        """Whether it ends by itself in this time, with exit code 0."""
        return self.wait(max(0.0, timeout_s)) and self._process.returncode == 0

    def rest(self) -> str:
        """What it printed and nobody read; it has ended."""
        assert self._process.stdout is not None
        return (self._left + self._process.stdout.read()).decode(errors="replace")

    def kill(self) -> None:
        """End it without a warning; what it wrote can still be read."""
        self._process.kill()
        self._process.wait()

    def said(self) -> str:
        """The end of what it complained of."""
        self._said.seek(0)
        return self._said.read().decode(errors="replace")[-2000:].strip()


@contextmanager
def started(command: Sequence[str | Path], variables: Mapping[str, str]) -> Iterator[Program]:
    """A program that is killed at the end of the block, if it still runs."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env=dict(variables),
        )
        with process:
            try:
                run_before_others(process.pid, MEASURED)
                yield Program(process, said)
            finally:
                process.kill()
