"""`qanat send` from the shell's start of it to its end, against an interpreter that imports what it
cannot do without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.comparison import Comparison
from benchmarks.desk import MadeDesk

__all__ = ["process_comparisons"]

_QANAT = "import sys; from qanat_client.reporter.cli import main; sys.exit(main())"
_IMPORTS = (
    "import argparse, dataclasses, json, pathlib, sqlite3, msgpack\n"
    "from cryptography.hazmat.primitives import hpke"
)


class _Processes:
    """Processes that find every module compiled, as after an installation."""

    def __init__(self, cache: Path) -> None:
        self._environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache)}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def run(self, code: str, arguments: Sequence[str | Path] = ()) -> float:
        """The seconds from start to end."""
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", code, *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=self._environment,
        )
        return time.perf_counter() - begun


def process_comparisons(folder: Path, count: int) -> list[Comparison]:
    """`count` reports without a code a turn, each by a process of its own, into one home."""
    home, card = folder / "home", folder / "desk.card"
    card.write_bytes(MadeDesk().card())
    processes = _Processes(folder / "compiled")
    processes.run(_QANAT, ["--home", home, "desk", "add", card, "--yes"])

    def send() -> float:
        text = "Two trucks without number plates stand at the corner since noon."
        command: list[str | Path] = ["--home", home, "send", "--no-code", "--seen", text]
        return sum(processes.run(_QANAT, command) for _ in range(count))

    def imports() -> float:
        return sum(processes.run(_IMPORTS) for _ in range(count))

    return [
        Comparison(
            "qanat send, a whole process",
            "Python importing hpke, msgpack, sqlite3, argparse, ...",
            "runs",
            count,
            send,
            imports,
            turns=2,
        )
    ]
