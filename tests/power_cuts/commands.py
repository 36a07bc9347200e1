"""Runs commands of Qanat's programs, one after the other, and says of each when it has ended well.

Usage: python -m tests.power_cuts.commands [careless] PROGRAM ARGUMENT... [, PROGRAM ARGUMENT...]...

Careless programs never wait for the disk, but where SQLite does so by itself. Beside what the
programs themselves say, `ended NUMBER` stands behind each command, from 1. A relay that serves is
stopped once it can be.
"""

import io
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread

__all__ = ["Ran", "never_wait", "run"]

PROGRAMS = {
    "qanat": "qanat_client.reporter.cli",
    "qanat-desk": "qanat_client.desk.cli",
    "qanat-relay": "qanat_relay.cli",
}


@dataclass(frozen=True)
class Ran:
    """What a command ended with, and what it said."""

    code: int
    out: str
    err: str


def run(program: str | Path, *arguments: str | Path) -> Ran:
    """One command, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = _main(program, [str(argument) for argument in arguments])
    return Ran(code, out.getvalue(), err.getvalue())


def _main(program: str | Path, arguments: list[str]) -> int:
    return int(import_module(PROGRAMS[str(program)]).main(arguments))


def _split(words: Sequence[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in [*words, ","]:
        if word != ",":
            command.append(word)
        else:
            yield command
            command = []


def _stop_when_it_can_be() -> None:
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)


def never_wait() -> None:
    """Make this process careless."""

    def do_not_wait(fd: object) -> None:
        pass

    os.fsync = do_not_wait


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[0] == "careless":
        never_wait()
        del words[0]
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    for number, (name, *rest) in enumerate(_split(words), start=1):
        if "serve" in rest:
            Thread(target=_stop_when_it_can_be, daemon=True).start()
        assert _main(name, rest) == 0
        print("ended", number)
