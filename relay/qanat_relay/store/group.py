"""One group of writes, applied in order of parcel id: so neither arrival numbers nor the order of
rows say what came together. Parcels of one block, which most are, go in many at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import compress, repeat
from operator import itemgetter
from typing import Any, TypeAlias

from qanat_protocol.errors import Expired, ExpiryTooFar
from qanat_protocol.frames import AckStatus
from qanat_protocol.limits import (
    BLOCK_BYTES,
    HASH_BYTES,
    HEADER_BYTES,
    OFFER_BYTES,
    TAG_BYTES,
)
from qanat_protocol.parcel import Front, Header, parse_header, rank_of
from qanat_relay.store.costs import ROW_BYTES
from qanat_relay.store.interface import (
    AddStamp,
    MarkOpened,
    MarkPurged,
    Outcome,
    PutBlocks,
    PutRun,
    StoredBlock,
    Write,
    parcels_in,
)
from qanat_relay.store.marking import add_stamp, mark_opened, mark_purged
from qanat_relay.store.offers import Recent
from qanat_relay.store.putting import put
from qanat_relay.store.work import Work

_ROWS = 32
"""Rows in one statement: SQLite works on all of them without asking the interpreter in between."""

_HEAD_BYTES = HASH_BYTES + HEADER_BYTES
_TAG_AT = 16
"""In a header (SPEC 3)."""

_TAG = slice(_TAG_AT, _TAG_AT + TAG_BYTES)

_VALUES = 5
"""Bound for each row: rank, kind, expiry, taken_day, body."""

_KIND_AT = 1
_BODY_AT = 4


def _row(number: int) -> str:
    """The values of one row. Ids, headers and tags are cut out of one value, ?2: what is bound
    takes longer, and holds the interpreter up."""
    at = 1 + number * _HEAD_BYTES
    header_at = at + HASH_BYTES
    first = 3 + number * _VALUES
    values = ", ".join(f"?{place}" for place in range(first, first + _VALUES))
    return (
        f"(?1 + {number}, substr(?2, {at}, {HASH_BYTES}), substr(?2, {header_at}, {HEADER_BYTES}),"
        f" substr(?2, {header_at + _TAG_AT}, {TAG_BYTES}), {values})"
    )


_INSERT_ROWS = [
    "INSERT INTO parcel (arrival, id, header, tag, rank, kind, expiry, taken_day, body)"  # noqa: S608 - numbers alone
    " VALUES " + ", ".join(map(_row, range(rows)))
    for rows in range(1, _ROWS + 1)
]
"""For so many rows and one more."""

_STORED = Outcome(AckStatus.STORED)
_UNDONE = Outcome(AckStatus.REFUSED)

_Shared: TypeAlias = tuple[int, int, int, int]
"""What the rows of a run have in common: rank, kind, expiry, taken_day."""

_Item: TypeAlias = tuple[bytes, list[Outcome], int, Write, int, "_Shared | None", bytes, bytes]
"""Parcel id, where its outcome goes, write, today; then, where it is a parcel of one block that may
go in with others, what it shares with them, its header and its body."""


class Group:
    """The writes of some calls, each call with its day."""

    def __init__(self, calls: Sequence[tuple[Sequence[Write], int]]) -> None:
        self._calls = calls
        self.outcomes = [
            [_UNDONE] * sum(parcels_in(write) for write in writes) for writes, _ in calls
        ]
        self._offers: list[bytes] = []
        self._heads: list[bytes] = []
        self._values: list[Any] = []

    def apply(self, work: Work, recent: Recent) -> None:
        """Do all of it; `outcomes` are true once the transaction is on disk."""
        items = sorted(self._items(work), key=itemgetter(0))
        offers = [item[0][:OFFER_BYTES] for item in items]
        known = work.known
        known.update(recent.known(work.connection, offers))
        for offer, item in zip(offers, items, strict=True):
            parcel_id, outcomes, number, write, today, shared, header, body = item
            if shared is None or offer in known:
                self._insert(work)
                single = _single(write, header, body) if isinstance(write, PutRun) else write
                outcomes[number] = _apply(work, parcel_id, single, today)
                continue
            known.add(offer)
            self._offers.append(offer)
            self._heads += parcel_id, header
            self._values += *shared, body
            outcomes[number] = _STORED
            if len(self._offers) == _ROWS:
                self._insert(work)
        self._insert(work)

    def _insert(self, work: Work) -> None:
        """Write the rows that wait, which nobody knew."""
        if not (rows := len(self._offers)):
            return
        arrivals = work.tally.next_arrivals(rows)
        work.recent.update(zip(self._offers, arrivals, strict=True))
        kinds, bodies = self._values[_KIND_AT::_VALUES], self._values[_BODY_AT::_VALUES]
        for kind, count in Counter(kinds).items():
            # As a rule all are of one kind.
            of_kind = bodies if count == rows else compress(bodies, map(kind.__eq__, kinds))
            work.tally.count(kind, count, sum(map(len, of_kind)))
        for header, kind, body in zip(self._heads[1::2], kinds, bodies, strict=True):
            work.tally.hold(header[_TAG], kind, len(body))
        values = (arrivals.start, b"".join(self._heads), *self._values)
        work.connection.execute(_INSERT_ROWS[rows - 1], values)
        self._offers, self._heads, self._values = [], [], []

    def _items(self, work: Work) -> Iterator[_Item]:
        roomy = self._take_room(work)
        for (writes, today), outcomes in zip(self._calls, self.outcomes, strict=True):
            number = 0
            for write in writes:
                count = parcels_in(write)
                if isinstance(write, PutRun):
                    yield from zip(
                        write.ids,
                        repeat(outcomes),
                        range(number, number + count),
                        repeat(write),
                        repeat(today),
                        repeat(_shared(work, write.front, today) if roomy else None),
                        write.headers,
                        write.bodies,
                        strict=False,
                    )
                elif isinstance(write, PutBlocks) and roomy and _is_whole(write):
                    header = write.header
                    encoded = header.encode()
                    shared = _shared(work, header, today)
                    body = write.blocks[0].data
                    yield (header.parcel_id, outcomes, number, write, today, shared, encoded, body)
                else:
                    yield _parcel_id(write), outcomes, number, write, today, None, b"", b""
                number += count

    def _take_room(self, work: Work) -> bool:
        """Whether all that may go in together has room without anything going for it."""
        cost_bytes = 0
        for writes, _ in self._calls:
            for write in writes:
                if isinstance(write, PutRun):
                    cost_bytes += len(write.ids) * (ROW_BYTES + write.front.body_size)
                elif isinstance(write, PutBlocks) and _is_whole(write):
                    cost_bytes += ROW_BYTES + write.header.body_size
        if not work.room.fits(cost_bytes) or not work.room.is_ample(cost_bytes):
            return False
        work.room.take(cost_bytes)
        return True


def _is_whole(write: PutBlocks) -> bool:
    return write.header.body_size <= BLOCK_BYTES and bool(write.blocks) and write.document is None


def _shared(work: Work, front: Front | Header, today: int) -> _Shared | None:
    """What rows have in common; None where parcels like these are refused."""
    try:
        work.check_expiry(front, today)
    except (Expired, ExpiryTooFar):
        return None
    if front.body_size > work.limits.max_body_bytes:
        return None
    # Plain numbers: an enum's take SQLite's module longer to bind.
    return int(rank_of(front)), int(front.kind), front.expiry_day, work.day(today)


def _single(run: PutRun, header: bytes, body: bytes) -> PutBlocks:
    parsed = parse_header(header)
    return PutBlocks(parsed, (StoredBlock(0, parsed.root, body),))


def _parcel_id(write: Write) -> bytes:
    if isinstance(write, PutBlocks):
        return write.header.parcel_id
    assert not isinstance(write, PutRun), "a run has many"
    return write.frame.parcel_id


def _apply(work: Work, parcel_id: bytes, write: Write, today: int) -> Outcome:
    match write:
        case PutBlocks():
            return put(work, parcel_id, write, today)
        case MarkOpened():
            return mark_opened(work, write, today)
        case MarkPurged(frame):
            return mark_purged(work, frame, today)
        case AddStamp(frame):
            return add_stamp(work, frame)
        case PutRun():
            raise AssertionError("a run is taken apart before")
