"""Sketches (section 18) one id and one cell at a time, in whole numbers and floats of Python."""

import hashlib
import math
from collections.abc import Sequence

_64 = 2**64
Cell = tuple[int, int]


def hashed(key: bytes, parcel_id: bytes) -> int:
    """The hash of an id under a key, as a number."""
    return int.from_bytes(hashlib.sha256(b"qanat/1/sketch\0" + key + parcel_id).digest())


def check(short_id: int) -> int:
    """What tells one short id from a sum of several."""
    x = short_id ^ short_id >> 33
    x = x * 0xFF51AFD7ED558CCD % _64
    x ^= x >> 33
    x = x * 0xC4CEB9FE1A85EC53 % _64
    x ^= x >> 33
    return x >> 32


def places(short_id: int, count: int) -> list[int]:
    """The cells before `count` in which a short id is."""
    found, state, at = [], short_id, 0.0
    while at < count:
        found.append(int(at))
        state = state * 0xDA942042E4DD58B5 % _64
        at += math.ceil((at + 1.5) * (4294967296 / math.sqrt(float(state) + 1.0) - 1.0))
    return found


def cells(short_ids: Sequence[int], count: int) -> list[Cell]:
    """The first cells of a set."""
    made = [(0, 0)] * count
    for short_id in short_ids:
        add(made, short_id, 1)
    return made


def add(made: list[Cell], short_id: int, times: int) -> None:
    """Put a short id into its cells, or take it out (-1)."""
    for at in places(short_id, len(made)):
        total, checks = made[at]
        made[at] = (total + times * short_id) % _64, (checks + times * check(short_id)) % 2**32


def pack(made: Sequence[Cell]) -> bytes:
    """12 bytes each."""
    return b"".join(total.to_bytes(8) + checks.to_bytes(4) for total, checks in made)


def peel(made: list[Cell]) -> tuple[bool, list[int], list[int]]:
    """Whether nothing is left, and what was found with the sign of the cells and with the other."""
    there: list[int] = []
    here: list[int] = []
    changed = True
    while changed:
        changed = False
        for at in range(len(made)):
            total, checks = made[at]
            for found, times in ((there, 1), (here, -1)):
                short_id = times * total % _64
                alone = short_id and check(short_id) == times * checks % 2**32
                if alone and at in places(short_id, len(made)) and short_id not in found:
                    add(made, short_id, -times)
                    found.append(short_id)
                    changed = True
                    break
    return not any(map(any, made)), sorted(there), sorted(here)


def estimate(ids: Sequence[bytes]) -> bytes:
    """512 bytes."""
    numbers = [int.from_bytes(parcel_id) for parcel_id in ids]
    counts = (
        2 * sum(number >> 255 - bit & 1 for number in numbers) - len(ids) for bit in range(256)
    )
    return b"".join((count % 2**16).to_bytes(2) for count in counts)
