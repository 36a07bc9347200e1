"""How far a desk has been given what lies under its tags: the cursor that this relay makes.

Opaque to everybody else; one of another incarnation counts as none (SPEC section 17).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from qanat_protocol.parcel import Rank
from qanat_relay.store.interface import Store

_LAYOUT = struct.Struct(">16s6Q")
_ARRIVAL_BITS = 42
"""Of a number in a cursor: more parcels than a store holds. Above the last one stands the era."""


@dataclass(frozen=True, slots=True)
class Position:
    """The newest arrival number given, of each rank and of the tombstones; 0 for nothing."""

    arrivals: Mapping[Rank, int] = field(
        default_factory=lambda: MappingProxyType(dict.fromkeys(Rank, 0))
    )
    tombstones: int = 0
    era: int = 0
    """The oldest era of the store in which one of the numbers was read."""

    def after_arrival(self, rank: Rank, arrival: int, era: int = 0) -> Position:
        """The position with one rank moved on, to a number that was read in this era."""
        arrivals = MappingProxyType({**self.arrivals, rank: arrival})
        return Position(arrivals, self.tombstones, min(self.era, era))

    def after_tombstone(self, arrival: int) -> Position:
        """The position with the tombstones moved on, to a number of the same era."""
        return replace(self, tombstones=arrival)

    def after_all(self, newest: int) -> Position:
        """The position behind everything up to this number, which is of the same era."""
        return Position(
            MappingProxyType({rank: max(at, newest) for rank, at in self.arrivals.items()}),
            max(self.tombstones, newest),
            self.era,
        )

    async def resumed(self, store: Store) -> Position:
        """What it has become in the store's era."""
        if self.era == store.era:
            return self
        numbers = [*(self.arrivals[rank] for rank in sorted(Rank)), self.tombstones]
        *numbers, tombstones = await store.resume(numbers, self.era)
        arrivals = MappingProxyType(dict(zip(sorted(Rank), numbers, strict=True)))
        return Position(arrivals, tombstones, store.era)

    def to_cursor(self, incarnation: bytes) -> bytes:
        """64 bytes."""
        positions = [self.arrivals[rank] for rank in sorted(Rank)]
        tombstones = self.era << _ARRIVAL_BITS | self.tombstones
        return _LAYOUT.pack(incarnation, *positions, tombstones)


def position_of(cursor: bytes | None, incarnation: bytes) -> Position:
    """What a cursor says; the very beginning if it is none or not of this store."""
    if cursor is None or len(cursor) != _LAYOUT.size:
        return Position()
    named, *positions, tombstones = _LAYOUT.unpack(cursor)
    # What the store's 64-bit integers can't hold was not made here.
    if named != incarnation or max(*positions, tombstones) >= 2**63:
        return Position()
    era, tombstones = divmod(tombstones, 1 << _ARRIVAL_BITS)
    arrivals = MappingProxyType(dict(zip(sorted(Rank), positions, strict=True)))
    return Position(arrivals, tombstones, era)
