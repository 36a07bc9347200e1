"""A person at a terminal: a line runs on a pseudo-terminal, and its questions are answered."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CTRL_C = "\x03"
CTRL_D = "\x04"
_PATIENCE_S = 60.0
# The terminal has to be the session's own: secrets are asked for on /dev/tty.
_START = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    " os.execvp('sh', ['sh', '-c', sys.argv[1]])"
)


@dataclass(frozen=True)
class Seen:
    """What the line ended with, and all that stood on the terminal."""

    code: int
    screen: str


def at_terminal(
    line: str,
    *answers: tuple[str, str],
    folder: Path,
    variables: Mapping[str, str],
) -> Seen:
    """Run a shell line; each (question, typed) is answered when the question appears, in order."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _START, line],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env=variables,
    )
    os.close(slave)
    try:
        screen = _converse(master, list(answers), line)
        return Seen(process.wait(_PATIENCE_S), screen)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _converse(master: int, answers: Sequence[tuple[str, str]], line: str) -> str:
    waiting = list(answers)
    screen, read_to = "", 0
    while data := _read(master, line, screen):
        screen += data.decode(errors="replace")
        while waiting and waiting[0][0] in screen[read_to:]:
            question, typed = waiting.pop(0)
            read_to = screen.index(question, read_to) + len(question)
            os.write(master, typed.encode())
    assert not waiting, f"{line} never asked {waiting[0][0]!r}: {screen}"
    return screen


def _read(master: int, line: str, screen: str) -> bytes:
    ready, _, _ = select.select([master], [], [], _PATIENCE_S)
    assert ready, f"{line} waits for something: {screen}"
    try:
        return os.read(master, 65_536)
    except OSError:
        # The last process on the terminal has closed it.
        return b""
