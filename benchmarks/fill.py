"""Puts very many letters into a relay's store, through the store's own interface."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.desk import today
from benchmarks.metered import Failed
from benchmarks.parcels import make_letter
from qanat_protocol.frames import AckStatus
from qanat_protocol.kinds import Rank
from qanat_relay.position import Position
from qanat_relay.serving import STORE_FOLDER
from qanat_relay.store.files import DATABASE
from qanat_relay.store.interface import PutBlocks, StoredBlock, StoreLimits
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["Filled"]

_TOGETHER = 512
_NOTED = 16_384
_LETTER_BYTES = 4096


class Filled:
    """A relay's data folder whose store grows. Nobody else has it open meanwhile."""

    def __init__(self, data: Path, tags: Sequence[bytes]) -> None:
        """`tags` are those of the letters, drawn by chance."""
        self.data = data
        self._folder = data / STORE_FOLDER
        self._tags = tags
        self._choose = random.Random(1).choice
        self.letters = 0
        data.mkdir(mode=0o700, parents=True, exist_ok=True)

    def grow(self, letters: int, note: Callable[[int], None]) -> None:
        """Store letters until there are so many; `note` hears how many there are."""
        asyncio.run(self._grow(letters, note))

    def add_newest(self, tag: bytes, count: int) -> bytes:
        """Store `count` letters under one tag; the cursor of a desk that has all before them."""
        return asyncio.run(self._add_newest(tag, count))

    async def _add_newest(self, tag: bytes, count: int) -> bytes:
        store = await SqliteStore.open(self._folder, StoreLimits())
        try:
            # Nothing but letters came in, so their number is the last arrival's.
            position = Position().after_arrival(Rank.LETTER, self.letters)
            await self._store(store, self.letters + count, [tag], lambda _: None)
            return position.to_cursor(store.incarnation)
        finally:
            await store.close()

    async def _grow(self, letters: int, note: Callable[[int], None]) -> None:
        store = await SqliteStore.open(self._folder, StoreLimits())
        try:
            await self._store(store, letters, self._tags, note)
        finally:
            await store.close()

    async def _store(
        self,
        store: SqliteStore,
        letters: int,
        tags: Sequence[bytes],
        note: Callable[[int], None],
    ) -> None:
        # The next ones are made while these are written.
        writing: asyncio.Task[None] | None = None
        while self.letters < letters:
            count = min(_TOGETHER, letters - self.letters)
            batch = [self._letter(self._choose(tags)) for _ in range(count)]
            if writing is not None:
                await writing
            writing = asyncio.create_task(_write(store, batch))
            await asyncio.sleep(0)
            self.letters += count
            if self.letters % _NOTED < count:
                note(self.letters)
        if writing is not None:
            await writing

    @staticmethod
    def _letter(tag: bytes) -> PutBlocks:
        header, body = make_letter(_LETTER_BYTES, tag)
        return PutBlocks(header, (StoredBlock(0, header.root, body),))

    def size_bytes(self) -> int:
        """What the letters take on the disk, once nobody has the store open."""
        return (self._folder / DATABASE).stat().st_size

    def forget(self) -> None:
        """Have the system read it from the disk again, where the system lets us."""
        if hasattr(os, "posix_fadvise"):
            with (self._folder / DATABASE).open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def _write(store: SqliteStore, batch: Sequence[PutBlocks]) -> None:
    outcomes = await store.write(batch, today=today())
    if any(outcome.status is not AckStatus.STORED for outcome in outcomes):
        raise Failed("the store did not take a letter")
