"""Puts very many letters into a relay's store, through the store's own interface or straight into
its tables; lets days pass over them."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.desk import today
from benchmarks.laying import lay, letters
from benchmarks.metered import Failed
from benchmarks.parcels import make_letter
from qanat_protocol.frames import AckStatus
from qanat_protocol.kinds import Rank
from qanat_relay.config import FILE_NAME
from qanat_relay.keys import ensure_keys
from qanat_relay.position import Position
from qanat_relay.store import mixer
from qanat_relay.store.files import DATABASE, STORE_FOLDER
from qanat_relay.store.interface import PutBlocks, StoredBlock
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["Expiry", "Filled"]

_TOGETHER = 512
_NOTED = 16_384
_LETTER_BYTES = 4096
_CAPACITY_BYTES = 2**50
_LIMITS = StoreLimits(max_store_bytes=_CAPACITY_BYTES)
_PAUSE_S = 0.02
_CALM_S = 3.0


@dataclass(frozen=True, slots=True)
class Expiry:
    """Seconds that a sweep took, and the longest that a letter waited for its commit meanwhile, and
    before."""

    taken_s: float
    longest_wait_s: float
    calm_wait_s: float


class Filled:
    """A relay's data folder whose store grows. Nobody else has it open meanwhile."""

    def __init__(self, data: Path, tags: Sequence[bytes], *, expiring: int = 0) -> None:
        """`tags` are those of the letters, drawn by chance. expiring: how many of the first that
        `grow` stores expire tomorrow."""
        self.data = data
        self._folder = data / STORE_FOLDER
        self._tags = tags
        self._choose = random.Random(1).choice
        self._expiring = expiring
        self.letters = 0
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        ensure_keys(data)
        # What a relay takes as it comes holds fewer than four million letters.
        (data / FILE_NAME).write_text(f"capacity_bytes = {_CAPACITY_BYTES}\n")

    def grow(self, letters: int, note: Callable[[str], None]) -> float:
        """Store letters until there are so many, then sweep; the seconds of storing alone."""
        return asyncio.run(self._grow(letters, note))

    def lay(self, letters: int, note: Callable[[str], None]) -> float:
        """As `grow`, straight into the tables: ten times as fast, and nothing is left to sweep."""
        return asyncio.run(self._lay(letters, note))

    def add_newest(self, tag: bytes, count: int) -> bytes:
        """Store `count` letters under one tag; the cursor of a desk that has all before them."""
        return asyncio.run(self._add_newest(tag, count))

    async def _add_newest(self, tag: bytes, count: int) -> bytes:
        store = await SqliteStore.open(self._folder, _LIMITS)
        try:
            newest, era = await store.newest(), store.era
            position = Position(era=era).after_arrival(Rank.LETTER, newest, era)
            await self._store(store, self.letters + count, [tag], lambda _: None)
            return position.to_cursor(store.incarnation)
        finally:
            await store.close()

    async def _grow(self, letters: int, note: Callable[[str], None]) -> float:
        store = await SqliteStore.open(self._folder, _LIMITS)
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

    async def _lay(self, count: int, note: Callable[[str], None]) -> float:
        # Opened, it makes its tables.
        await (await SqliteStore.open(self._folder, _LIMITS)).close()
        begun = time.perf_counter()
        made = letters(self._tags, _LETTER_BYTES, self._days)
        lay(
            self._folder / DATABASE,
            made,
            count,
            lambda laid: note(f"{laid:,} of {count:,} letters are laid"),
        )
        taken_s = time.perf_counter() - begun
        self.letters = count
        store = await SqliteStore.open(self._folder, _LIMITS)
        try:
            await store.sweep(today())
        finally:
            await store.close()
        return taken_s

    def _days(self, number: int) -> int:
        """Until the letter of this number expires."""
        return 1 if number < self._expiring else 90

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
            batch = [
                self._letter(self._choose(tags), self._days(number))
                for number in range(self.letters, self.letters + count)
            ]
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
    def _letter(tag: bytes, days: int) -> PutBlocks:
        header, body = make_letter(_LETTER_BYTES, tag, days)
        return PutBlocks(header, (StoredBlock(0, header.root, body),))

    def expire(self) -> Expiry:
        """Let two days pass, while somebody brings a letter now and then. Raises Failed if anything
        else is removed than what expired in them."""
        return asyncio.run(self._expire())

    async def _expire(self) -> Expiry:
        store = await SqliteStore.open(self._folder, _LIMITS)
        try:
            # What came since the last sweep is dealt anew by this one; only the other is timed.
            mixer.PACE = 0
            await store.sweep(today())
            calm_s = await self._bring(store, asyncio.sleep(_CALM_S))
            begun = time.perf_counter()
            sweeping = asyncio.create_task(store.sweep(today() + 2))
            waited_s = await self._bring(store, sweeping)
            swept = await sweeping
            taken_s = time.perf_counter() - begun
        finally:
            await store.close()
        if swept.expired != self._expiring:
            raise Failed(f"{swept.expired:,} letters expired instead of {self._expiring:,}")
        return Expiry(taken_s, max(waited_s), max(calm_s))

    async def _bring(self, store: SqliteStore, meanwhile: Awaitable[object]) -> list[float]:
        """Store one letter after the other until something is done; how long each waited."""
        until, waited_s = asyncio.ensure_future(meanwhile), []
        while True:
            letter = self._letter(self._tags[0], 90)
            begun = time.perf_counter()
            await _write(store, [letter])
            waited_s.append(time.perf_counter() - begun)
            if until.done():
                return waited_s
            await asyncio.sleep(_PAUSE_S)

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
