"""How much two sets differ, from 512 bytes of each (SPEC section 18). Says how many, never which.

Needs numpy, which a reporter has not: nothing that a reporter runs may import this.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qanat_protocol.errors import LocalMalformed
from qanat_protocol.limits import ESTIMATE_BYTES, HASH_BYTES

__all__ = ["Balance", "balance_of", "estimate_difference", "no_balance", "pack_balance"]

Balance: TypeAlias = NDArray[np.int64]
"""For each of the 256 bits of an id: how many ids of a set have it, less how many have it not.
Those of sets without a common id add up."""

_BITS: Final = 8 * HASH_BYTES
_AT_ONCE: Final = 8192
"""Ids whose bits are spread out together: 2 MiB."""


def no_balance() -> Balance:
    """That of the empty set."""
    return np.zeros(_BITS, np.int64)


def balance_of(ids: bytes) -> Balance:
    """That of ids of 32 bytes each, one after the other."""
    if len(ids) % HASH_BYTES:
        raise LocalMalformed(f"{len(ids)} bytes are no row of ids")
    rows = np.frombuffer(ids, np.uint8).reshape(-1, HASH_BYTES)
    ones = no_balance()
    for start in range(0, len(rows), _AT_ONCE):
        bits = np.unpackbits(rows[start : start + _AT_ONCE], axis=1)
        ones += bits.sum(axis=0, dtype=np.uint32)
    return 2 * ones - len(rows)


def pack_balance(balance: Balance) -> bytes:
    """512 bytes: each number modulo 2^16."""
    return balance.astype(">u2").tobytes()


def estimate_difference(balance: Balance, packed: bytes) -> int:
    """About how many ids are in one of two sets alone; 0 for equal sets. `packed`: the other's.

    Each bit is a sum of as many signs as there are such ids, so its square is on average their
    number; the mean of 256 is within 9% of it two times in three.
    """
    assert len(packed) == ESTIMATE_BYTES, "the codec has seen to it"
    theirs = np.frombuffer(packed, ">u2")
    differences = (balance.astype(np.uint16) - theirs).astype(np.int16)
    return round(float(np.mean(np.square(differences, dtype=np.float64))))
