"""What a run stood on: without it a rate means nothing. Names no machine and no person."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

__all__ = ["Machine", "look_at"]


@dataclass(frozen=True, slots=True)
class Machine:
    """fsync_ms: the median of writing 4 KiB to the end of a file and syncing it, where the stores
    of this run lie. load: runnable processes in the last minute, this run's own among them."""

    system: str
    cores: int
    python: str
    sqlite: str
    cryptography: str
    openssl: str
    fsync_ms: float
    load: float

    def __str__(self) -> str:
        return (
            f"{self.system}, {self.cores} cores, load {self.load:.1f},"
            f" fsync {self.fsync_ms:.2f} ms,"
            f" Python {self.python}, SQLite {self.sqlite},"
            f" cryptography {self.cryptography} ({self.openssl})"
        )


def look_at(folder: Path) -> Machine:
    """The machine as it is now."""
    from cryptography.hazmat.backends.openssl.backend import backend

    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        cryptography=version("cryptography"),
        openssl=" ".join(backend.openssl_version_text().split()[:2]),
        fsync_ms=_fsync_ms(folder),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
    )


def _cores() -> int:
    return os.cpu_count() or 1


def _fsync_ms(folder: Path) -> float:
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(21):
            begun = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000
