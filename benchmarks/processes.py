"""`qanat send` from the shell's start of it to its end, against an interpreter that imports what it
cannot do without."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.comparison import Comparison
from benchmarks.desk import MadeDesk
from benchmarks.metered import compiled
from qanat_client.demo.programs import command

__all__ = ["process_comparisons"]

_IMPORTS = (
    "import argparse, dataclasses, json, pathlib, sqlite3, msgpack\n"
    "from cryptography.hazmat.primitives import hpke"
)


class _Processes:
    """Processes that find every module compiled, as after an installation."""

    def __init__(self, cache: Path) -> None:
        self._variables = compiled(cache)

    def run(self, command: Sequence[str]) -> float:
        """The seconds from start to end."""
        begun = time.perf_counter()
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=self._variables,
        )
        return time.perf_counter() - begun


def process_comparisons(folder: Path, cache: Path, count: int) -> list[Comparison]:
    """`count` reports without a code a turn, each by a process of its own, into one home."""
    home, card = folder / "home", folder / "desk.card"
    card.write_bytes(MadeDesk().card())
    processes = _Processes(cache)
    at_home = ["--home", str(home)]
    processes.run(command("qanat", [*at_home, "desk", "add", str(card), "--yes"]))

    def send() -> float:
        text = "Two trucks without number plates stand at the corner since noon."
        sending = command("qanat", [*at_home, "send", "--no-code", "--seen", text])
        return sum(processes.run(sending) for _ in range(count))

    def imports() -> float:
        return sum(processes.run([sys.executable, "-c", _IMPORTS]) for _ in range(count))

    return [
        Comparison(
            "qanat send, a whole process",
            "Python importing hpke, msgpack, sqlite3, argparse, dataclasses, pathlib, json",
            "s",
            count,
            send,
            imports,
            turns=2,
            aim=0.5,
        )
    ]
