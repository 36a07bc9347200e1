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


@dataclass(slots=True, eq=False)
class Gift:
    """A parcel that the other side is to be given. `done` resolves to whether all was sent."""

    header: Header
    parcel_id: bytes
    taken_day: int | None
    held: Bitmap
    done: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    refused: bool = False
    handle: int = -1
    _outgoing: Outgoing | None = None
    _missing: Iterator[int] = field(default_factory=lambda: iter(()))

    @property
    def rank(self) -> Rank:
        """Its place in the order of SPEC section 3."""
        return rank_of(self.header)

    @property
    def flow(self) -> bytes | None:
        """What it shares a class with in turns: a mailbox. Replies have a tag each."""
        return None if self.header.kind is Kind.REPLY else self.header.tag

    @property
    def left_bytes(self) -> int:
        """The bytes of all blocks that the other side did not tell to hold."""
        blocks = block_count(self.header.body_size)
        missing = self.held.count_missing(blocks)
        if blocks - 1 in self.held:
            return missing * BLOCK_BYTES
        return self.header.body_size - (blocks - missing) * BLOCK_BYTES

    @property
    def is_small(self) -> bool:
        """Whether it may go as one of a run: in one block that the other side does not have."""
        header = self.header
        is_public = header.kind is Kind.PUBLIC
        return header.body_size <= BLOCK_BYTES and not is_public and not self.held.count()

    @property
    def is_open(self) -> bool:
        """Whether its HEADER was sent."""
        return self.handle >= 0

    async def open(self, handle: int, store: Store) -> list[Frame]:
        """HEADER and, for a large body, the page roots. Raises NotHeld and StoreError."""
        paged = block_count(self.header.body_size) > PAGE_LEAVES
        roots = await store.page_roots(self.parcel_id) if paged else []
        self._outgoing = Outgoing(handle, self.header, self.held)
        frames = self._outgoing.start(roots)
        self._missing = iter(self._outgoing.missing())
        return frames

    async def slice(self, store: Store) -> tuple[list[Frame], int]:
        """The next blocks with the lists that they need, and how many bytes the blocks are."""
        assert self._outgoing is not None, "open comes first"
        indices = list(islice(self._missing, SLICE_BLOCKS))
        frames: list[Frame] = []
        size_bytes = 0
        if not indices:
            return frames, size_bytes
        blocks = await store.blocks(self.parcel_id, indices)
        for index, data in zip(indices, blocks, strict=True):
            if (page := self._outgoing.page_needed(index)) is not None:
                first = page * PAGE_LEAVES
                count = min(PAGE_LEAVES, block_count(self.header.body_size) - first)
                leaves = await store.leaves(self.parcel_id, first, count)
                frames.append(self._outgoing.page(page, leaves))
            frames.append(self._outgoing.block(index, data))
            size_bytes += len(data)
        return frames, size_bytes
