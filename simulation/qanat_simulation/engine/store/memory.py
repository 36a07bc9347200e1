"""The store of a simulated relay: `qanat_relay.store.interface.Store` without a disk.

Passes the conformance suite of all stores. Arrival numbers are never dealt anew: there is no disk
that could tell who came with whom.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from qanat_protocol.frames import Opened, Purge
from qanat_protocol.limits import MAX_INT, TOMBSTONE_DAYS
from qanat_protocol.merkle import page_count
from qanat_protocol.parcel import Header, Kind, Rank, parse_header
from qanat_relay.store.commits import Commits
from qanat_relay.store.costs import LEAST_BODY_BYTES, cost_of
from qanat_relay.store.errors import NotHeld, StoreClosed, StoreError
from qanat_relay.store.interface import (
    PURGED_BODY_DAYS,
    AddStamp,
    Entry,
    Half,
    Holding,
    Known,
    MarkOpened,
    MarkPurged,
    Outcome,
    Problem,
    PutBlocks,
    PutRun,
    State,
    Stats,
    StoredBlock,
    Swept,
    Write,
)
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.putting import check_put
from qanat_relay.store.sweeping import Days, judge
from qanat_simulation.engine.store.room import Room
from qanat_simulation.engine.store.rows import HalfRow, ParcelRow
from qanat_simulation.engine.store.shelves import Shelves
from qanat_simulation.engine.store.together import Together
from qanat_simulation.engine.store.writing import Writing

__all__ = ["MemoryStore"]

_Single: TypeAlias = PutBlocks | MarkOpened | MarkPurged | AddStamp
_Changed: TypeAlias = Callable[[], None]


class MemoryStore:
    """See `Store` for what each method is to do. changes: how often something in it changed."""

    def __init__(
        self, limits: StoreLimits, *, commit_s: float = 0.0, together: Together | None = None
    ) -> None:
        """commit_s: how long a commit takes to be safe on the disk that there would be. together:
        what this and others hold, where that is of use."""
        self._together = together or Together()
        self._shelves = Shelves()
        self._commit_s = commit_s
        self._days = Days(0, None, 0, 0)
        self._incarnation = secrets.token_bytes(16)
        self._closed = False
        self.room = Room(self._shelves, limits)
        self.changes = 0
        self.commits = Commits()

    def again(self, limits: StoreLimits) -> MemoryStore:
        """The same store, opened again with these limits."""
        self._closed = False
        self.limit(limits)
        return self

    def limit(self, limits: StoreLimits) -> None:
        """As `Store.limit`."""
        self.room.limits = limits

    # What the simulation looks at

    @property
    def fingerprint(self) -> int:
        """Equal for stores that know the same parcels and tombstones."""
        return self._shelves.fingerprint

    @property
    def letters(self) -> int:
        """Equal for stores that know the same letters."""
        return self._shelves.letters

    # The store

    @property
    def incarnation(self) -> bytes:
        return self._incarnation

    @property
    def era(self) -> int:
        return 0

    async def write(self, writes: Sequence[Write], *, today: int) -> list[Outcome]:
        self._refuse_if_closed()
        for write in writes:
            check_put(write)
        singles = [single for write in writes for single in _singles(write)]
        writing = Writing(self._shelves, self.room, today, self._days.swept_day)
        outcomes: list[Outcome | None] = [None] * len(singles)
        for number, (parcel_id, single) in sorted(enumerate(singles), key=lambda each: each[1][0]):
            outcomes[number] = writing.do(parcel_id, single)
        self.changes += 1
        made_whole = {
            write.header.tag
            for _, write in singles
            if isinstance(write, PutBlocks) and write.blocks and self._makes_whole(write.header)
        }
        await self.try_commit()
        if made_whole:
            self._together.tell(made_whole)
        return [outcome for outcome in outcomes if outcome is not None]

    async def try_commit(self) -> None:
        self._refuse_if_closed()
        began_s = time.monotonic()
        await asyncio.sleep(self._commit_s)
        self.commits.note(began_s, 0, 0)

    async def look_up(self, offers: Sequence[bytes]) -> list[Holding | None]:
        self._refuse_if_closed()
        return [self._holding(offer) for offer in offers]

    async def list_tags(
        self, tags: Sequence[bytes], rank: Rank, after: int, limit: int
    ) -> list[Entry]:
        return self._shelves.list_tags(tags, rank, after, limit)

    async def list_all(self, rank: Rank, above: int, below: int, limit: int) -> list[Entry]:
        return self._shelves.list_all(rank, above, below, limit)

    async def list_halves(self, tags: Sequence[bytes], rank: Rank, limit: int) -> list[Half]:
        under = set(tags)
        found = [
            (row.opened, -row.body.held_bytes, row.number, row, provable)
            for row in self._shelves.halves.values()
            if row.rank is rank and row.header.tag in under and (provable := row.provable).count()
        ]
        found.sort(key=itemgetter(0, 1, 2))
        if len(found) >= limit:
            sure, rest = found[: limit - limit // 2], found[limit - limit // 2 :]
            drawn = secrets.SystemRandom().sample(rest, min(limit // 2, len(rest)))
            found = sure + drawn
        return [Half(row.header, provable) for *_, row, provable in found]

    async def list_known(self, tag: bytes, after: int, limit: int) -> list[Known]:
        return self._shelves.list_known(tag, after, limit)

    async def newest(self) -> int:
        return self._shelves.last_arrival

    async def resume(self, arrivals: Sequence[int], era: int) -> list[int]:
        return list(arrivals)

    async def note_given(self, desk_id: bytes, arrival: int, era: int) -> bool:
        return era == self.era

    async def list_tombstones(
        self, tags: Sequence[bytes] | None, after: int, limit: int
    ) -> list[tuple[int, Opened | Purge]]:
        return self._shelves.list_marks(tags, after, limit)

    async def list_replies(self, prefix: bytes, bits: int, limit: int) -> list[Entry]:
        return self._shelves.list_replies(prefix, bits, limit)

    async def list_opened(
        self, prefixes: Sequence[bytes], bits: int, limit: int, since: int = 0
    ) -> list[Opened]:
        return self._shelves.list_opened(prefixes, bits, limit, since)

    async def list_public(
        self, tag: bytes, class_: int, after_serial: int, up_to_serial: int = MAX_INT
    ) -> list[Entry]:
        return self._shelves.list_public(tag, class_, after_serial, up_to_serial)

    async def leaves(self, parcel_id: bytes, first: int, count: int) -> list[bytes]:
        row = self._body_of(parcel_id)
        if isinstance(row, HalfRow):
            return row.leaves(first, count)
        assert row.body is not None, "it is there"
        return row.body.leaves(first, count)

    async def page_roots(self, parcel_id: bytes) -> list[bytes]:
        row = self._body_of(parcel_id)
        if isinstance(row, HalfRow):
            return row.page_roots()
        assert row.body is not None, "it is there"
        if page_count(row.header.body_size) == 1:
            return [row.header.root]
        return row.body.page_roots()

    async def blocks(self, parcel_id: bytes, indices: Sequence[int]) -> list[bytes]:
        body = self._body_of(parcel_id).body
        assert body is not None, "it is there"
        return [body.data(index) for index in indices]

    async def bodies(self, parcel_ids: Sequence[bytes]) -> list[bytes | None]:
        found: list[bytes | None] = []
        for parcel_id in parcel_ids:
            row = self._shelves.parcels.get(parcel_id[:16])
            body = None if row is None or row.parcel_id != parcel_id else row.body
            found.append(None if body is None or body.blocks > 1 else body.data(0))
        return found

    async def count_replies(self) -> int:
        return self._shelves.replies

    async def count_opened(self) -> int:
        return self._shelves.opened

    async def sweep(self, today: int) -> Swept:
        self._refuse_if_closed()
        before = self._days
        days = judge(before.swept_day or None, before.noted_day, before.agreed_days, today)
        self._days = days
        due_day = days.due_day
        swept = Swept(
            due_day,
            days.doubted,
            expired=self._drop_expired(due_day),
            purged_bodies=self._drop_purged(due_day),
            partials=self._drop_halves(due_day),
            tombstones=self._drop_marks(due_day),
        )
        for row in self._rows(lambda row: row.body is None):
            if row.header.expiry_day < due_day - TOMBSTONE_DAYS:
                self._forget(row)
        self.changes += bool(swept.expired or swept.partials or swept.tombstones)
        return swept

    async def takes_letters(self, *, today: int) -> bool:
        due_day = min(today, self._days.swept_day)
        return self.room.could_make(cost_of(LEAST_BODY_BYTES), Rank.LETTER, due_day)

    async def stats(self) -> Stats:
        rows, halves = self._shelves.parcels.values(), self._shelves.halves.values()
        return Stats(
            letters=self._count(Kind.LETTER),
            replies=self._shelves.replies,
            parts=self._count(Kind.PART),
            public=self._count(Kind.PUBLIC),
            partial=len(halves),
            partial_bytes=self.room.partial_bytes,
            purged=sum(row.state is State.PURGED for row in rows),
            evicted=sum(row.state is State.EVICTED for row in rows),
            opened=self._shelves.opened,
            tombstones=len(self._shelves.all_marks),
            letter_bytes=self._weight(Kind.LETTER),
            reply_bytes=self._weight(Kind.REPLY),
            part_bytes=self._weight(Kind.PART),
            public_bytes=self._weight(Kind.PUBLIC),
            kept_bytes=self.room.kept_bytes(),
            yielding_bytes=self.room.yielding_bytes(),
            used_bytes=self.room.used_bytes,
            file_bytes=self.room.used_bytes,
            most_bytes=self.room.limits.max_store_bytes,
            swept_day=self._days.swept_day or None,
        )

    async def check(self) -> AsyncIterator[Problem]:
        self._refuse_if_closed()
        used_bytes = 0
        for row in list(self._shelves.parcels.values()):
            used_bytes += row.cost_bytes
            if row.body is not None and not row.body.is_whole:
                yield Problem("a complete body lacks a block", row.parcel_id)
        used_bytes += sum(half.cost_bytes for half in self._shelves.halves.values())
        if used_bytes != self.room.used_bytes:
            yield Problem("the bytes in use are not those that were counted")
        await asyncio.sleep(0)

    async def backup(self, target: Path) -> None:
        raise StoreError("a store in memory ends with the simulation; there is nothing to keep")

    async def close(self) -> None:
        self._closed = True

    # What is behind them

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreClosed("the store is closed")

    def _makes_whole(self, header: Header) -> bool:
        half = self._shelves.halves.get(header.offer)
        return half is not None and self._together.is_made_whole(header, half.body.bits)

    def _holding(self, offer: bytes) -> Holding | None:
        half = self._shelves.halves.get(offer)
        if half is not None:
            return Holding(
                half.parcel_id, half.header, State.PARTIAL, half.held, opened=half.opened
            )
        row = self._shelves.parcels.get(offer)
        if row is None:
            return None
        return Holding(
            row.parcel_id, row.header, row.state, taken_day=row.taken_day, opened=row.opened
        )

    def _body_of(self, parcel_id: bytes) -> ParcelRow | HalfRow:
        offer = parcel_id[:16]
        row = self._shelves.parcels.get(offer)
        if row is not None and row.parcel_id == parcel_id and row.body is not None:
            return row
        half = self._shelves.halves.get(offer)
        if half is None or half.parcel_id != parcel_id:
            raise NotHeld("the store does not hold this body")
        return half

    def _count(self, kind: Kind) -> int:
        return sum(
            row.state is State.HELD and row.header.kind is kind
            for row in self._shelves.parcels.values()
        )

    def _weight(self, kind: Kind) -> int:
        return sum(
            row.header.body_size
            for row in self._shelves.parcels.values()
            if row.state is State.HELD and row.header.kind is kind
        )

    def _rows(self, which: Callable[[ParcelRow], bool]) -> list[ParcelRow]:
        return [row for row in self._shelves.parcels.values() if which(row)]

    def _forget(self, row: ParcelRow) -> None:
        self.room.free(row)
        self._shelves.forget(row)

    def _drop_expired(self, day: int) -> int:
        due = self._rows(lambda row: row.header.expiry_day < day and row.body is not None)
        for row in due:
            self.room.drop_body(row)
            if row.parcel_id not in self._shelves.marks:
                self._forget(row)
        return len(due)

    def _drop_purged(self, day: int) -> int:
        due = self._rows(
            lambda row: (
                row.state is State.PURGED
                and row.body is not None
                and row.purged_day is not None
                and row.purged_day <= day - PURGED_BODY_DAYS
            )
        )
        for row in due:
            self.room.drop_body(row)
        return len(due)

    def _drop_halves(self, day: int) -> int:
        oldest_day = day - self.room.limits.partial_ttl_days
        due = [
            row
            for row in self._shelves.halves.values()
            if row.touched_day < oldest_day or row.header.expiry_day < day
        ]
        for row in due:
            self.room.drop_half(row)
        return len(due)

    def _drop_marks(self, day: int) -> int:
        due = [
            mark
            for mark in self._shelves.all_marks
            if mark.header.expiry_day < day - TOMBSTONE_DAYS
        ]
        for mark in due:
            self._shelves.drop_mark(mark)
        return len(due)


def _singles(write: Write) -> Iterator[tuple[bytes, _Single]]:
    """A write as those of single parcels, each with its parcel's id."""
    if isinstance(write, PutRun):
        for parcel_id, data, body in zip(write.ids, write.headers, write.bodies, strict=True):
            header = parse_header(data)
            yield parcel_id, PutBlocks(header, (StoredBlock(0, header.root, body),))
    elif isinstance(write, PutBlocks):
        yield write.header.parcel_id, write
    else:
        yield write.frame.parcel_id, write
