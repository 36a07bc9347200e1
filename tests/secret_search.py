"""Finds any run of eight bytes of a secret in files: raw, in hex, or in base64 of any alignment.

What is searched is decoded, not what is looked for encoded: one set of runs serves all forms.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

RUN_BYTES = 8
_SIEVE_BITS = 24
_SPREADS = np.uint64(0x9E3779B97F4A7C15)
"""2^64 by the golden ratio: multiplied by it, numbers that lie together lie apart."""
_HEX = re.compile(rb"[0-9a-fA-F]{16,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{11,}")
_STANDARD = bytes.maketrans(b"-_", b"+/")


def runs_of(secrets: Iterable[bytes | str], *, most_alike: int = 5) -> frozenset[bytes]:
    """Every eight bytes in a row; a text counts in UTF-8 and both UTF-16.

    Left out are runs of which more than `most_alike` bytes are the same one: padding, and numbers
    in file formats such as 00 00 00 01 00 00 00 04, stand in every photo and in every database.
    """
    found: set[bytes] = set()
    for secret in secrets:
        for data in _encoded(secret):
            found.update(data[at : at + RUN_BYTES] for at in range(len(data) - RUN_BYTES + 1))
    return frozenset(run for run in found if not _is_alike(run, most_alike))


def _is_alike(run: bytes, most_alike: int) -> bool:
    distinct = set(run)
    # So many different bytes leave too few that could be the same one: nearly every run.
    if RUN_BYTES - len(distinct) < most_alike:
        return False
    return max(map(run.count, distinct)) > most_alike


def _encoded(secret: bytes | str) -> tuple[bytes, ...]:
    if isinstance(secret, bytes):
        return (secret,)
    return secret.encode(), secret.encode("utf-16-le"), secret.encode("utf-16-be")


def _forms(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield "raw", data
    for match in _HEX.finditer(data):
        digits = match.group().decode()
        for shift in (0, 1):
            even = len(digits) - (len(digits) - shift) % 2
            yield "hex", bytes.fromhex(digits[shift:even])
    for match in _BASE64.finditer(data):
        signs = match.group().translate(_STANDARD)
        for shift in range(4):
            piece = signs[shift:]
            piece = piece[:-1] if len(piece) % 4 == 1 else piece
            yield "base64", base64.b64decode(piece + b"=" * (-len(piece) % 4))


def _slots(data: bytes, first: int) -> Any:
    """Where in a sieve each whole run from this byte on belongs: int64 (runs)."""
    count = (len(data) - first) // RUN_BYTES
    numbers = np.frombuffer(data, "<u8", count, first)
    return ((numbers * _SPREADS) >> np.uint64(64 - _SIEVE_BITS)).astype(np.int64)


@lru_cache(maxsize=4)
def _sieve(runs: frozenset[bytes]) -> Any:
    """bool (2^24): True wherever one of the runs belongs, so that few places are looked at."""
    sieve = np.zeros(1 << _SIEVE_BITS, bool)
    sieve[_slots(b"".join(runs), 0)] = True
    return sieve


def _places(plain: bytes, runs: frozenset[bytes]) -> Iterator[int]:
    """Where in these bytes one of the runs may stand."""
    if len(plain) < 1024:
        yield from range(len(plain) - RUN_BYTES + 1)
        return
    sieve = _sieve(runs)
    for first in range(RUN_BYTES):
        for number in np.flatnonzero(sieve[_slots(plain, first)]).tolist():
            yield first + number * RUN_BYTES


def find_run(data: bytes, runs: frozenset[bytes]) -> str | None:
    """A run of a secret that `data` holds, as words; None if there is none."""
    for form, plain in _forms(data):
        for at in _places(plain, runs):
            if (run := plain[at : at + RUN_BYTES]) in runs:
                return f"{run!r} in {form}, at {at}"
    return None


def search(folders: Iterable[Path], runs: frozenset[bytes]) -> list[str]:
    """Every file under these folders whose content or name holds a run of a secret."""
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            name = find_run(str(path.relative_to(folder)).encode(), runs)
            content = find_run(path.read_bytes(), runs) if path.is_file() else None
            found += [f"{path}: {what}" for what in (name, content) if what]
    return found
