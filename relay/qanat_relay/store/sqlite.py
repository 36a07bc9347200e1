"""The relay's store in one SQLite file: one thread that writes, a few connections that read.
Puts the parts together; what is stored, and how, is theirs."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from qanat_protocol.frames import Opened, Purge
from qanat_protocol.limits import MAX_INT
from qanat_protocol.parcel import Rank
from qanat_relay.events import Event
from qanat_relay.folders import make_folder
from qanat_relay.logs import tell
from qanat_relay.store import halves, mixing, reading, sweeping
from qanat_relay.store.checking import inspect
from qanat_relay.store.commits import Commits
from qanat_relay.store.errors import Damaged, StoreBroken, StoreClosed, StoreFull
from qanat_relay.store.failures import failed, naming
from qanat_relay.store.files import (
    DATABASE,
    Migration,
    ProcessLock,
    connect,
    open_writer,
    shipped_migrations,
)
from qanat_relay.store.interface import (
    Entry,
    Half,
    Holding,
    Known,
    Outcome,
    Problem,
    Stats,
    Swept,
    Write,
)
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.mixer import Mixer
from qanat_relay.store.offers import RECENT_MAX
from qanat_relay.store.room import takes_letters
from qanat_relay.store.tally import load
from qanat_relay.store.turns import Turns
from qanat_relay.store.work import Work
from qanat_relay.store.writer import Writer

T = TypeVar("T")

READERS = 2
"""Connections that read beside the writer; each answers within milliseconds."""

BUSY_TIMEOUT_S = 5.0


class SqliteStore:
    """A `Store` in a folder of its own. Make one with `open`, end it with `close`."""

    def __init__(
        self,
        folder: Path,
        limits: StoreLimits,
        lock: ProcessLock,
        writing: sqlite3.Connection,
        recent_max: int,
    ) -> None:
        """For `open` alone."""
        self._path = folder / DATABASE
        self._lock = lock
        (self._incarnation,) = writing.execute("SELECT incarnation FROM store").fetchone()
        self._connections: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for _ in range(READERS):
            self._connections.put(
                connect(self._path, busy_timeout_s=BUSY_TIMEOUT_S, read_only=True)
            )
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        beside = connect(self._path, busy_timeout_s=BUSY_TIMEOUT_S)
        self._writer = Writer(writing, beside, limits, recent_max)
        self.commits: Commits = self._writer.commits
        self.ended = self._writer.ended
        """Set when nothing is written any more, be it by `close` or by a mistake of ours."""
        self._turns = Turns(mixing.newest_era(writing))
        self._mixer = Mixer(self._writer, self._turns)
        self._damaged: set[bytes] = set()
        self._closed = False

    @classmethod
    async def open(
        cls,
        folder: Path,
        limits: StoreLimits,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        recent_max: int = RECENT_MAX,
        migrations: Sequence[Migration] | None = None,
    ) -> SqliteStore:
        """Open the store in `folder`, making or upgrading it as needed.

        Raises StoreInUse, StoreTooNew, StoreFull, StoreBusy or StoreBroken. `busy_timeout_s`: how
        long a write waits while another program holds the database. `recent_max`: how many parcels
        the index of ids may lack. `migrations`: instead of those of this package.
        """
        try:
            make_folder(folder)
        except OSError as error:
            raise failed("cannot make the store's folder", error) from error
        lock = ProcessLock(folder)
        try:
            steps = shipped_migrations() if migrations is None else migrations
            writing = await asyncio.to_thread(
                open_writer, folder, busy_timeout_s=busy_timeout_s, migrations=steps
            )
            with naming():
                return cls(folder, limits, lock, writing, recent_max)
        except BaseException:
            lock.release()
            raise

    @property
    def incarnation(self) -> bytes:
        """As `Store.incarnation`."""
        assert isinstance(self._incarnation, bytes)
        return self._incarnation

    def limit(self, limits: StoreLimits) -> None:
        """As `Store.limit`."""
        self._writer.limit(limits)

    async def write(self, writes: Sequence[Write], *, today: int) -> list[Outcome]:
        """As `Store.write`."""
        return await self._writer.write(writes, today)

    async def look_up(self, offers: Sequence[bytes]) -> list[Holding | None]:
        """As `Store.look_up`."""
        return await self._read(reading.look_up, self._writer.recent, offers)

    async def list_tags(
        self, tags: Sequence[bytes], rank: Rank, after: int, limit: int
    ) -> list[Entry]:
        """As `Store.list_tags`."""
        async with self._turns.reading():
            return await self._read(reading.list_tags, tags, rank, after, limit)

    async def list_halves(self, tags: Sequence[bytes], rank: Rank, limit: int) -> list[Half]:
        """As `Store.list_halves`."""
        return await self._read(halves.list_halves, tags, rank, limit)

    async def list_all(self, rank: Rank, above: int, below: int, limit: int) -> list[Entry]:
        """As `Store.list_all`."""
        async with self._turns.reading():
            return await self._read(reading.list_all, rank, above, below, limit)

    async def list_known(self, tag: bytes, after: int, limit: int) -> list[Known]:
        """As `Store.list_known`."""
        async with self._turns.reading():
            return await self._read(reading.list_known, tag, after, limit)

    @property
    def era(self) -> int:
        """As `Store.era`."""
        return self._turns.era

    async def newest(self) -> int:
        """As `Store.newest`."""
        return (await self._read(load)).last_arrival

    async def resume(self, arrivals: Sequence[int], era: int) -> list[int]:
        """As `Store.resume`."""
        async with self._turns.reading():
            return await self._read(mixing.resume, arrivals, era)

    async def note_given(self, desk_id: bytes, arrival: int, era: int) -> bool:
        """As `Store.note_given`."""
        async with self._turns.reading():
            counts = era == self._turns.era
            if counts:
                self._mixer.cursors.note(desk_id, arrival)
            return counts

    async def list_tombstones(
        self, tags: Sequence[bytes] | None, after: int, limit: int
    ) -> list[tuple[int, Opened | Purge]]:
        """As `Store.list_tombstones`."""
        async with self._turns.reading():
            return await self._read(reading.list_tombstones, tags, after, limit)

    async def list_replies(self, prefix: bytes, bits: int, limit: int) -> list[Entry]:
        """As `Store.list_replies`."""
        return await self._read(reading.list_replies, prefix, bits, limit)

    async def list_opened(
        self, prefixes: Sequence[bytes], bits: int, limit: int, since: int = 0
    ) -> list[Opened]:
        """As `Store.list_opened`."""
        return await self._read(reading.list_opened, prefixes, bits, limit, since)

    async def list_public(
        self, tag: bytes, class_: int, after_serial: int, up_to_serial: int = MAX_INT
    ) -> list[Entry]:
        """As `Store.list_public`."""
        return await self._read(reading.list_public, tag, class_, after_serial, up_to_serial)

    async def leaves(self, parcel_id: bytes, first: int, count: int) -> list[bytes]:
        """As `Store.leaves`."""
        return await self._read_body(reading.leaves, parcel_id, first, count)

    async def page_roots(self, parcel_id: bytes) -> list[bytes]:
        """As `Store.page_roots`."""
        return await self._read_body(reading.page_roots, parcel_id)

    async def blocks(self, parcel_id: bytes, indices: Sequence[int]) -> list[bytes]:
        """As `Store.blocks`."""
        return await self._read_body(reading.blocks, parcel_id, indices)

    async def bodies(self, parcel_ids: Sequence[bytes]) -> list[bytes | None]:
        """As `Store.bodies`."""
        return await self._read(reading.bodies, self._writer.recent, parcel_ids, self._damaged)

    async def count_replies(self) -> int:
        """As `Store.count_replies`."""
        return (await self._read(load)).replies

    async def count_opened(self) -> int:
        """As `Store.count_opened`."""
        return (await self._read(load)).opened

    async def sweep(self, today: int) -> Swept:
        """As `Store.sweep`."""
        days: sweeping.Days = await self._writer.step(partial(sweeping.settle_day, today=today))

        async def repeat(step: Callable[[Work, int], int]) -> int:
            total = 0
            while dropped := await self._writer.step(lambda work: step(work, days.due_day)):
                total += dropped
            return total

        lost = await self._forget_damaged()
        expired = await repeat(sweeping.drop_expired)
        purged_bodies = await repeat(sweeping.drop_purged_bodies)
        partials = await repeat(sweeping.drop_partials)
        tombstones = await repeat(sweeping.drop_tombstones)
        await repeat(sweeping.drop_memories)
        try:
            await self._mixer.mix(days.swept_day)
        except StoreFull:
            # It is begun anew by the next sweep; what went has made room for that, perhaps.
            tell(Event.TOO_FULL_TO_MIX)
        return Swept(days.due_day, days.doubted, expired, purged_bodies, partials, tombstones, lost)

    async def _forget_damaged(self) -> int:
        damaged, self._damaged = self._damaged, set()
        try:
            lost: int = await self._writer.step(lambda work: sweeping.drop_damaged(work, damaged))
        except StoreBroken:
            # Its pages are, too: what has expired goes all the same.
            tell(Event.DAMAGE_STAYS)
            return 0
        return lost

    async def try_commit(self) -> None:
        """As `Store.try_commit`."""
        await self._writer.step(_touch)

    async def takes_letters(self, *, today: int) -> bool:
        """As `Store.takes_letters`."""
        return await self._read(takes_letters, self._path, self._writer.limits, today)

    async def stats(self) -> Stats:
        """As `Store.stats`."""
        return await self._read(reading.stats, self._path)

    async def check(self) -> AsyncIterator[Problem]:
        """As `Store.check`."""
        self._refuse_if_closed()
        connection = connect(self._path, busy_timeout_s=BUSY_TIMEOUT_S, read_only=True)
        steps = inspect(connection)
        try:
            while (problems := await asyncio.to_thread(next, steps, None)) is not None:
                for problem in problems:
                    yield problem
        finally:
            connection.close()

    async def close(self) -> None:
        """As `Store.close`."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        for _ in range(READERS):
            self._connections.get().close()
        # The writer's connection is the last: only one that writes puts the log back into the file.
        await self._writer.close()
        self._lock.release()

    async def _read_body(self, question: Callable[..., T], parcel_id: bytes, *values: object) -> T:
        try:
            return await self._read(question, self._writer.recent, parcel_id, *values)
        except Damaged:
            self._damaged.add(parcel_id)
            raise

    async def _read(self, question: Callable[..., T], *values: object) -> T:
        self._refuse_if_closed()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, question, values)

    def _ask(self, question: Callable[..., T], values: tuple[object, ...]) -> T:
        with self._reader() as connection:
            return question(connection, *values)

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        connection = self._connections.get()
        try:
            with naming():
                connection.execute("BEGIN")
                try:
                    yield connection
                finally:
                    connection.execute("ROLLBACK")
        finally:
            self._connections.put(connection)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreClosed("the store is closed")


def _touch(work: Work) -> None:
    """Write a row as it is. SQLite writes its page to the disk for it, but none for nothing."""
    work.connection.execute("UPDATE store SET only = only")
