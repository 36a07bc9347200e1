"""The disk: how long it takes to write a file durably, with nothing around it."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["write_s"]


def write_s(path: Path, data: bytes) -> float:
    """Seconds to write a new file, 1 MiB at once, and to sync it; the file is removed again."""
    begun = time.perf_counter()
    with path.open("xb", buffering=0) as file:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest[: 1 << 20]) :]
        os.fsync(file.fileno())
    taken_s = time.perf_counter() - begun
    path.unlink()
    return taken_s
