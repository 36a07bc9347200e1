"""How far a desk has been given what lies under its tags: the cursor that this relay makes.

Opaque to everybody else; one of another incarnation counts as none (SPEC section 17).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from qanat_protocol.parcel import Rank

_LAYOUT = struct.Struct(">16s6Q")


@dataclass(frozen=True, slots=True)
class Position:
    """The newest arrival number given, of each rank and of the tombstones; 0 for nothing."""

    arrivals: Mapping[Rank, int] = field(
        default_factory=lambda: MappingProxyType(dict.fromkeys(Rank, 0))
    )
    tombstones: int = 0

    def after_arrival(self, rank: Rank, arrival: int) -> Position:
        """The position with one rank moved on."""
        return Position(MappingProxyType({**self.arrivals, rank: arrival}), self.tombstones)

    def after_tombstone(self, arrival: int) -> Position:
        """The position with the tombstones moved on."""
        return Position(self.arrivals, arrival)

    def to_cursor(self, incarnation: bytes) -> bytes:
        """64 bytes."""
        positions = [self.arrivals[rank] for rank in sorted(Rank)]
        return _LAYOUT.pack(incarnation, *positions, self.tombstones)


def position_of(cursor: bytes | None, incarnation: bytes) -> Position:
    """What a cursor says; the very beginning if it is none or not of this store."""
    if cursor is None or len(cursor) != _LAYOUT.size:
        return Position()
    named, *positions, tombstones = _LAYOUT.unpack(cursor)
    # What the store's 64-bit integers can't hold was not made here.
    if named != incarnation or max(*positions, tombstones) >= 2**63:
        return Position()
    return Position(MappingProxyType(dict(zip(sorted(Rank), positions, strict=True))), tombstones)
