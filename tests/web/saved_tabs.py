"""What Firefox keeps of open tabs on the disk, to open them again after it was killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_MAGIC = b"mozLz40\0"
_HEADER_BYTES = len(_MAGIC) + 4
_LEAST_COPY = 4


def saved_tabs(profile: Path) -> list[dict[str, Any]]:
    """The tabs of all windows; none while nothing was written yet."""
    path = profile / "sessionstore-backups" / "recovery.jsonlz4"
    if not path.exists():
        return []
    windows = json.loads(_unpacked(path.read_bytes()))["windows"]
    return [tab for window in windows for tab in window["tabs"]]


def _unpacked(data: bytes) -> bytes:
    """One LZ4 block behind Mozilla's own header."""
    assert data.startswith(_MAGIC)
    at, out = _HEADER_BYTES, bytearray()
    while True:
        token = data[at]
        count, at = _length(data, at + 1, token >> 4)
        out += data[at : at + count]
        at += count
        if at == len(data):
            return bytes(out)
        start = len(out) - int.from_bytes(data[at : at + 2], "little")
        count, at = _length(data, at + 2, token & 15)
        # What is copied may reach into what it makes.
        for place in range(start, start + count + _LEAST_COPY):
            out.append(out[place])


def _length(data: bytes, at: int, begun: int) -> tuple[int, int]:
    """A length that goes on in the bytes from `at` if four bits were not enough; where it ends."""
    more = 255 if begun == 15 else 0
    while more == 255:
        more = data[at]
        begun += more
        at += 1
    return begun, at
