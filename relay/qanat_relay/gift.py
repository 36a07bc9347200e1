"""One parcel on its way out, slice by slice, so that a more urgent one can go between.

Reads from the store; leaves it to its caller when a slice is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import Frame
from qanat_protocol.limits import BLOCK_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import Header, Kind, Rank, rank_of
from qanat_protocol.transfer import Outgoing
from qanat_relay.store.interface import Store

SLICE_BLOCKS = 8
"""128 KiB: a preview in one, and little for a letter to wait behind on a slow line."""


@dataclass(slots=True)
class Gift:
    """A parcel that the other side is to be given. `done` resolves to whether all was sent."""

    header: Header
    taken_day: int | None
    held: Bitmap
    done: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    refused: bool = False
    handle: int = -1
    _outgoing: Outgoing | None = None
    _missing: Iterator[int] = field(default_factory=lambda: iter(()))

    @property
    def rank(self) -> Rank:
        """Its place in the order of SPEC section 3."""
        return rank_of(self.header)

    @property
    def is_small(self) -> bool:
        """Whether it may go as one of a run: in one block that the other side does not have."""
        header = self.header
        is_public = header.kind is Kind.PUBLIC
        return header.body_size <= BLOCK_BYTES and not is_public and not self.held.count()

    @property
    def is_open(self) -> bool:
        """Whether its HEADER was sent."""
        return self._outgoing is not None

    async def open(self, handle: int, store: Store) -> list[Frame]:
        """HEADER and, for a large body, the page roots. Raises NotHeld and StoreError."""
        paged = block_count(self.header.body_size) > PAGE_LEAVES
        roots = await store.page_roots(self.header.parcel_id) if paged else []
        self._outgoing = Outgoing(handle, self.header, self.held)
        frames = self._outgoing.start(roots)
        self._missing = iter(self._outgoing.missing())
        return frames

    async def slice(self, store: Store) -> tuple[list[Frame], bool]:
        """The next blocks with the lists that they need, and whether more may follow."""
        assert self._outgoing is not None, "open comes first"
        indices = list(islice(self._missing, SLICE_BLOCKS))
        frames: list[Frame] = []
        if not indices:
            return frames, False
        parcel_id = self.header.parcel_id
        for index, data in zip(indices, await store.blocks(parcel_id, indices), strict=True):
            if (page := self._outgoing.page_needed(index)) is not None:
                first = page * PAGE_LEAVES
                count = min(PAGE_LEAVES, block_count(self.header.body_size) - first)
                leaves = await store.leaves(parcel_id, first, count)
                frames.append(self._outgoing.page(page, leaves))
            frames.append(self._outgoing.block(index, data))
        return frames, len(indices) == SLICE_BLOCKS
