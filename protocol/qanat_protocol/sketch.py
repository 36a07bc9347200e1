"""Sketches of sets of parcel ids, as many cells of them as it takes (SPEC section 18). Arithmetic
alone: whose set it is, and who is told of it, is said elsewhere.

Needs numpy, which a reporter has not: nothing that a reporter runs may import this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qanat_protocol.errors import LocalMalformed
from qanat_protocol.labels import label
from qanat_protocol.limits import CELL_BYTES, HASH_BYTES, SKETCH_KEY_BYTES

__all__ = [
    "Cells",
    "Numbers",
    "Sketched",
    "Summing",
    "mixed",
    "no_cells",
    "pack_cells",
    "places_of",
    "read_cells",
    "sum_cells",
]

Numbers: TypeAlias = NDArray[np.uint64]
Places: TypeAlias = NDArray[np.int64]
Cells: TypeAlias = tuple[Numbers, Numbers]
"""Of each cell the sum of short ids modulo 2^64 and that of their checks modulo 2^32."""

CHECK_MASK: Final = np.uint64(2**32 - 1)
_STEP: Final = np.uint64(0xDA942042E4DD58B5)
_MIX_1: Final = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2: Final = np.uint64(0xC4CEB9FE1A85EC53)
_33: Final = np.uint64(33)
_32: Final = np.uint64(32)
_MODULUS: Final = 2**256
_CELL: Final = np.dtype([("sum", ">u8"), ("check", ">u4")])
_AT_ONCE: Final = 65_536
"""Ids that are hashed, or go through the generator, together: bounds memory beside the result."""


class Sketched:
    """A set of ids under a key: their short ids, in the order of the ids, and its fingerprint."""

    def __init__(self, key: bytes, ids: bytes = b"") -> None:
        """`key`: 16 bytes; `ids`: 32 bytes each, one after the other, none of them twice."""
        if len(key) != SKETCH_KEY_BYTES:
            raise LocalMalformed(f"a sketch's key of {len(key)} bytes")
        self._before = label("sketch") + key
        self._sum = 0
        self.short_ids: Numbers = np.zeros(0, np.uint64)
        self.add(ids)

    @property
    def fingerprint(self) -> bytes:
        """32 bytes: equal for equal sets, and for no others."""
        return self._sum.to_bytes(32)

    @classmethod
    def joined(cls, parts: Iterable[Sketched]) -> bytes:
        """The fingerprint of several sets under one key, none of which shares an id."""
        return (sum(part._sum for part in parts) % _MODULUS).to_bytes(32)

    def add(self, ids: bytes) -> Numbers:
        """Take in more ids, none of which is there; returns their short ids."""
        if len(ids) % HASH_BYTES:
            raise LocalMalformed(f"{len(ids)} bytes are no row of ids")
        pieces = [self.short_ids]
        for start in range(0, len(ids), _AT_ONCE * HASH_BYTES):
            pieces.append(self._hash(ids[start : start + _AT_ONCE * HASH_BYTES]))
        known, self.short_ids = len(self.short_ids), np.concatenate(pieces)
        return self.short_ids[known:]

    def _hash(self, ids: bytes) -> Numbers:
        before, sha256 = self._before, hashlib.sha256
        hashed = b"".join(
            [
                sha256(before + ids[at : at + HASH_BYTES]).digest()
                for at in range(0, len(ids), HASH_BYTES)
            ]
        )
        words = np.frombuffer(hashed, ">u4").reshape(-1, 8).sum(axis=0, dtype=np.uint64)
        total = sum(int(word) << 32 * place for place, word in enumerate(reversed(words)))
        self._sum = (self._sum + total) % _MODULUS
        return np.frombuffer(hashed, ">u8").reshape(-1, 4)[:, 0].astype(np.uint64)


class Summing:
    """The cells of a set, some at a time: goes on where it stopped."""

    def __init__(self, short_ids: Numbers) -> None:
        self._short_ids = short_ids
        self._checks = mixed(short_ids)
        self._states = short_ids.copy()
        self._next = np.zeros(len(short_ids))
        self.end = 0

    def extend(self, count: int) -> Cells:
        """The next `count` cells."""
        first, self.end = self.end, self.end + count
        sums, checks = no_cells(count)
        live = np.flatnonzero(self._next < self.end)
        while live.size:
            at = self._next[live]
            places = at.astype(np.int64) - first
            np.add.at(sums, places, self._short_ids[live])
            np.add.at(checks, places, self._checks[live])
            states = self._states[live] * _STEP
            self._states[live] = states
            at += _gaps(states, at)
            self._next[live] = at
            live = live[at < self.end]
        return sums, checks & CHECK_MASK


def sum_cells(short_ids: Numbers, count: int) -> Cells:
    """The first `count` cells of a set."""
    sums, checks = no_cells(count)
    for start in range(0, len(short_ids), _AT_ONCE):
        some_sums, some_checks = Summing(short_ids[start : start + _AT_ONCE]).extend(count)
        sums += some_sums
        checks += some_checks
    return sums, checks & CHECK_MASK


def places_of(short_ids: Numbers, count: int) -> tuple[Places, Places]:
    """Every pair of a short id (by its place in the row) and one of the first `count` cells in
    which it is."""
    whose, states = np.arange(len(short_ids)), short_ids
    at = np.zeros(len(short_ids))
    all_whose, all_places = [], []
    while whose.size:
        all_whose.append(whose)
        all_places.append(at.astype(np.int64))
        states = states * _STEP
        at = at + _gaps(states, at)
        live = at < count
        whose, states, at = whose[live], states[live], at[live]
    empty = np.zeros(0, np.int64)
    return np.concatenate([empty, *all_whose]), np.concatenate([empty, *all_places])


def mixed(short_ids: Numbers) -> Numbers:
    """The checks of short ids: what a sum of several has only by a chance of 2^-32."""
    bits = short_ids ^ (short_ids >> _33)
    bits = bits * _MIX_1
    bits ^= bits >> _33
    bits *= _MIX_2
    bits ^= bits >> _33
    return bits >> _32


def no_cells(count: int) -> Cells:
    """The cells of the empty set."""
    return np.zeros(count, np.uint64), np.zeros(count, np.uint64)


def pack_cells(cells: Cells) -> bytes:
    """12 bytes each, as CELLS carries them."""
    packed = np.zeros(len(cells[0]), _CELL)
    packed["sum"], packed["check"] = cells
    return packed.tobytes()


def read_cells(data: bytes) -> Cells:
    """Cells that `pack_cells` has packed; any bytes are some, if they are a multiple of 12."""
    assert len(data) % CELL_BYTES == 0, "the codec has seen to it"
    packed = np.frombuffer(data, _CELL)
    return packed["sum"].astype(np.uint64), packed["check"].astype(np.uint64)


def _gaps(states: Numbers, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the next cell is, each step in binary64."""
    roots = np.sqrt(states.astype(np.float64) + 1.0)
    gaps: NDArray[np.float64] = np.ceil((at + 1.5) * (4294967296.0 / roots - 1.0))
    return gaps
