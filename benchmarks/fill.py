"""Puts very many letters into a relay's store, through the store's own interface."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.desk import today
from benchmarks.metered import Failed
from benchmarks.parcels import make_letter
from qanat_protocol.frames import AckStatus
from qanat_protocol.kinds import Rank
from qanat_relay.position import Position
from qanat_relay.serving import STORE_FOLDER
from qanat_relay.store import mixer
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

    def grow(self, letters: int, note: Callable[[str], None]) -> float:
        """Store letters until there are so many, then sweep; the seconds of storing alone."""
        return asyncio.run(self._grow(letters, note))

    def add_newest(self, tag: bytes, count: int) -> bytes:
        """Store `count` letters under one tag; the cursor of a desk that has all before them."""
        return asyncio.run(self._add_newest(tag, count))

    async def _add_newest(self, tag: bytes, count: int) -> bytes:
        store = await SqliteStore.open(self._folder, StoreLimits())
        try:
            newest, era = await store.newest(), store.era
            position = Position(era=era).after_arrival(Rank.LETTER, newest, era)
            await self._store(store, self.letters + count, [tag], lambda _: None)
            return position.to_cursor(store.incarnation)
        finally:
            await store.close()

    async def _grow(self, letters: int, note: Callable[[str], None]) -> float:
        store = await SqliteStore.open(self._folder, StoreLimits())
        try:
            begun = time.perf_counter()
            await self._store(store, letters, self._tags, note)
            taken_s = time.perf_counter() - begun
            # As a relay that got them over weeks: hardly anything is left for its next sweep.
            note(f"{letters:,} letters are swept")
            mixer.PACE = 0
            await store.sweep(today())
            return taken_s
        finally:
            await store.close()

    async def _store(
        self,
        store: SqliteStore,
        letters: int,
        tags: Sequence[bytes],
        note: Callable[[str], None],
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
                note(f"{self.letters:,} of {letters:,} letters are stored")
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
