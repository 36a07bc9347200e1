"""The rows of a store in memory, and by what each is found. Decides nothing."""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from qanat_protocol.frames import Opened, Purge
from qanat_protocol.hashing import sha256
from qanat_protocol.limits import OFFER_BYTES
from qanat_protocol.parcel import Header, Kind, Rank
from qanat_relay.store.interface import Entry, Known, State
from qanat_simulation.engine.store.rows import HalfRow, ParcelRow

__all__ = ["Mark", "Shelves"]

_arrival = attrgetter("arrival")


@dataclass(frozen=True, slots=True)
class Mark:
    """A tombstone, and the day on which it came."""

    arrival: int
    header: Header
    frame: Opened | Purge
    came_day: int


class Shelves:
    """Parcels, halves and tombstones. Lists go by arrival; what has left a list is skipped."""

    def __init__(self) -> None:
        self.parcels: dict[bytes, ParcelRow] = {}
        self.halves: dict[bytes, HalfRow] = {}
        self.marks: dict[bytes, list[Mark]] = {}
        self.last_arrival = 0
        self.fingerprint = 0
        """Equal for stores that know the same parcels and tombstones."""
        self.letters = 0
        """Equal for stores that know the same letters."""
        self.halves_begun = 0
        self._by_tag: dict[tuple[bytes, Rank], list[ParcelRow]] = {}
        self._by_rank: dict[Rank, list[ParcelRow]] = {}
        self._known: dict[bytes, list[ParcelRow]] = {}
        self._replies: list[tuple[int, int, ParcelRow]] = []
        self._public: dict[bytes, list[ParcelRow]] = {}
        self._all_marks: list[Mark] = []
        self._marks_by_tag: dict[bytes, list[Mark]] = {}
        self._opened: list[tuple[int, int, Mark]] = []

    def next_arrival(self) -> int:
        """A number that nothing here ever had."""
        self.last_arrival += 1
        return self.last_arrival

    # Parcels

    def add(self, row: ParcelRow) -> None:
        """A parcel that is complete, or was purged before."""
        tag, rank = row.header.tag, row.rank
        self.parcels[row.parcel_id[:OFFER_BYTES]] = row
        self._note(row)
        self._by_tag.setdefault((tag, rank), []).append(row)
        self._by_rank.setdefault(rank, []).append(row)
        if row.header.kind in (Kind.LETTER, Kind.PART):
            self._known.setdefault(tag, []).append(row)
        elif row.header.kind is Kind.REPLY:
            insort(self._replies, (_prefix(tag), row.arrival, row), key=lambda each: each[:2])
        elif row.document is not None:
            self._public.setdefault(tag, []).append(row)

    def forget(self, row: ParcelRow) -> None:
        """Nothing of it needs to be known any more."""
        self._note(row)
        offer = row.parcel_id[:OFFER_BYTES]
        if self.parcels.get(offer) is row:
            del self.parcels[offer]
        for rows in (
            self._by_tag.get((row.header.tag, row.rank)),
            self._by_rank.get(row.rank),
            self._known.get(row.header.tag),
            self._public.get(row.header.tag),
        ):
            if rows and row in rows:
                rows.remove(row)
        self._replies = [each for each in self._replies if each[2] is not row]

    def _note(self, row: ParcelRow) -> None:
        """It came, or goes."""
        number = _number(row.parcel_id)
        self.fingerprint ^= number
        if row.rank <= Rank.LETTER:
            self.letters ^= number

    def list_tags(self, tags: Sequence[bytes], rank: Rank, after: int, limit: int) -> list[Entry]:
        """As `Store.list_tags`."""
        per_tag = [
            _held(rows, after)
            for tag in dict.fromkeys(tags)
            if (rows := self._by_tag.get((tag, rank))) and rows[-1].arrival > after
        ]
        merged = heapq.merge(*per_tag, key=_arrival)
        return [_entry(row) for row in islice(merged, limit)]

    def list_all(self, rank: Rank, above: int, below: int, limit: int) -> list[Entry]:
        """As `Store.list_all`."""
        rows = self._by_rank.get(rank, [])
        found: list[Entry] = []
        at = bisect_right(rows, below - 1, key=_arrival)
        while at and len(found) < limit and rows[at - 1].arrival > above:
            at -= 1
            if rows[at].state is State.HELD:
                found.append(_entry(rows[at]))
        return found

    def list_known(self, tag: bytes, after: int, limit: int) -> list[Known]:
        """As `Store.list_known`."""
        rows = self._known.get(tag, [])
        start = bisect_right(rows, after, key=_arrival)
        return [
            Known(row.arrival, row.parcel_id, row.header.expiry_day)
            for row in rows[start : start + limit]
        ]

    def list_replies(self, prefix: bytes, bits: int, limit: int) -> list[Entry]:
        """As `Store.list_replies`."""
        low, high = _range(prefix, bits)
        found = [
            row
            for value, _, row in self._replies
            if low <= value <= high and row.state is State.HELD
        ]
        return [_entry(row) for row in sorted(found, key=_arrival, reverse=True)[:limit]]

    @property
    def replies(self) -> int:
        """How many replies are held."""
        return sum(row.state is State.HELD for *_, row in self._replies)

    def list_public(self, tag: bytes, class_: int, after: int, up_to: int) -> list[Entry]:
        """As `Store.list_public`."""
        found = [
            (row.document[1], row.arrival, row)
            for row in self._public.get(tag, [])
            if row.document is not None
            and row.document[0] == class_
            and after < row.document[1] <= up_to
            and row.state is State.HELD
        ]
        return [_entry(row) for *_, row in sorted(found, key=lambda each: each[:2])]

    # Tombstones

    def add_mark(self, header: Header, frame: Opened | Purge, came_day: int) -> None:
        """One more tombstone."""
        mark = Mark(self.next_arrival(), header, frame, came_day)
        self.fingerprint ^= _number(_value(frame))
        self.marks.setdefault(frame.parcel_id, []).append(mark)
        self._all_marks.append(mark)
        self._marks_by_tag.setdefault(header.tag, []).append(mark)
        if isinstance(frame, Opened):
            insort(
                self._opened, (_prefix(frame.parcel_id), mark.arrival, mark), key=lambda e: e[:2]
            )

    def drop_mark(self, mark: Mark) -> None:
        """One less."""
        self.fingerprint ^= _number(_value(mark.frame))
        kept = self.marks[mark.frame.parcel_id]
        kept.remove(mark)
        if not kept:
            del self.marks[mark.frame.parcel_id]
        self._all_marks.remove(mark)
        self._marks_by_tag[mark.header.tag].remove(mark)
        self._opened = [each for each in self._opened if each[2] is not mark]

    def opened_of(self, parcel_id: bytes) -> list[Mark]:
        """The OPENED of a parcel."""
        return [mark for mark in self.marks.get(parcel_id, []) if isinstance(mark.frame, Opened)]

    @property
    def all_marks(self) -> list[Mark]:
        """Every tombstone, by arrival."""
        return self._all_marks

    @property
    def opened(self) -> int:
        """How many OPENED there are."""
        return len(self._opened)

    def list_marks(
        self, tags: Sequence[bytes] | None, after: int, limit: int
    ) -> list[tuple[int, Opened | Purge]]:
        """As `Store.list_tombstones`."""
        if tags is None:
            found: Iterable[Mark] = _behind(self._all_marks, after, limit)
        else:
            lists = (self._marks_by_tag.get(tag) for tag in dict.fromkeys(tags))
            new = [each for each in lists if each and each[-1].arrival > after]
            found = heapq.merge(*(_behind(each, after, limit) for each in new), key=_arrival)
        return [(mark.arrival, mark.frame) for mark in islice(found, limit)]

    def list_opened(
        self, prefixes: Sequence[bytes], bits: int, limit: int, since: int
    ) -> list[Opened]:
        """As `Store.list_opened`."""
        found: list[Mark] = []
        for low, high in dict.fromkeys(_range(prefix, bits) for prefix in prefixes):
            start = bisect_right(self._opened, low - 1, key=lambda each: each[0])
            end = bisect_right(self._opened, high, key=lambda each: each[0])
            found += [mark for *_, mark in self._opened[start:end] if mark.came_day >= since]
        found.sort(key=_arrival, reverse=True)
        return [mark.frame for mark in found[:limit] if isinstance(mark.frame, Opened)]


def _number(value: bytes) -> int:
    return int.from_bytes(value[:16], "big")


def _value(frame: Opened | Purge) -> bytes:
    """What no other tombstone has."""
    if isinstance(frame, Opened):
        return sha256(frame.opened, frame.signing_key)
    return frame.purge_key


def _held(rows: list[ParcelRow], after: int) -> Iterator[ParcelRow]:
    for at in range(bisect_right(rows, after, key=_arrival), len(rows)):
        if rows[at].state is State.HELD:
            yield rows[at]


def _behind(marks: list[Mark], after: int, limit: int) -> list[Mark]:
    start = bisect_right(marks, after, key=_arrival)
    return marks[start : start + limit]


def _entry(row: ParcelRow) -> Entry:
    return Entry(row.arrival, row.header, row.taken_day, row.opened, row.stamp)


def _prefix(value: bytes) -> int:
    return int.from_bytes(value[:4], "big")


def _range(prefix: bytes, bits: int) -> tuple[int, int]:
    """The lowest and highest first 4 bytes that begin with the first bits of a prefix."""
    free = (1 << (32 - bits)) - 1
    low = int.from_bytes(prefix, "big") & ~free
    return low, low | free
