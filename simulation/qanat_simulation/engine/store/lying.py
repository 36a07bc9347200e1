"""The store of a relay that lies: it says to have whatever it is given or asked about, and keeps
nothing. Whoever believes it alone loses what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from qanat_protocol.frames import AckStatus
from qanat_protocol.kinds import Kind
from qanat_protocol.limits import HASH_BYTES, TAG_BYTES
from qanat_protocol.parcel import Header
from qanat_relay.store.interface import Holding, Outcome, State, Write, parcels_in
from qanat_simulation.engine.store.memory import MemoryStore

__all__ = ["LyingStore"]

_ANY = Header(
    Kind.LETTER,
    urgent=False,
    expiry_day=0,
    body_size=4096,
    tag=bytes(TAG_BYTES),
    lock=bytes(HASH_BYTES),
    root=bytes(HASH_BYTES),
)


class LyingStore(MemoryStore):
    """Always empty, and never says so."""

    async def write(self, writes: Sequence[Write], *, today: int) -> list[Outcome]:
        """Everything is stored, by its word."""
        await asyncio.sleep(0)
        return [Outcome(AckStatus.STORED)] * sum(map(parcels_in, writes))

    async def look_up(self, offers: Sequence[bytes]) -> list[Holding | None]:
        """Everything is here, by its word."""
        return [
            Holding(offer + bytes(HASH_BYTES // 2), _ANY, State.HELD, taken_day=0)
            for offer in offers
        ]
