"""What goes by itself with time. Believes a clock only when it moves as clocks do: one that jumps,
and is set right within four weeks, loses nothing."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qanat_protocol.frames import FrameType
from qanat_protocol.limits import OFFER_BYTES, TOMBSTONE_DAYS
from qanat_relay.store.healing import true_partial
from qanat_relay.store.interface import PURGED_BODY_DAYS
from qanat_relay.store.offers import forget
from qanat_relay.store.room import drop_body, drop_parcel, drop_partial
from qanat_relay.store.rows import (
    PARCEL_COLUMNS,
    PARTIAL_COLUMNS,
    ParcelRow,
    RowState,
    find_parcel,
    find_partial,
    parcel_of,
    partial_of,
)
from qanat_relay.store.salvage import is_body, page_roots_of
from qanat_relay.store.work import EARLIEST_DAY, Work

STEP_DAYS = 3
"""How far a clock may have moved since the last sweep and be believed: a long weekend switched off.
A clock that is wrong by no more takes a letter away that much too early."""

AGREEING_DAYS = 28
"""How long a clock that jumped must have gone on from there before it is believed. Until then a
relay that was off for long only keeps more than it need."""

AGREED_AT_ONCE_DAYS = 7
"""What two looks at a doubted clock count for at most: a relay may be on once a week, and a second
jump must not pass for weeks in which the clock went on."""

NOTE_DAYS = 90
"""After that two looks at a clock say nothing about what it did between them."""

BATCH = 128
"""Parcels dropped in one transaction, so that senders wait for no sweep."""


@dataclass(frozen=True, slots=True)
class Days:
    """What the store remembers of the clock, and due_day: what is removed had its time before it.

    noted_day is the last day of a clock that is doubted, agreed_days how long it has gone on.
    due_day is never past the clock nor past the newest day that was believed, so that nothing goes
    unless both say so.
    """

    swept_day: int
    noted_day: int | None
    agreed_days: int
    due_day: int

    @property
    def doubted(self) -> bool:
        """Whether the clock has jumped, and was not believed yet."""
        return self.noted_day is not None


def judge(swept_day: int | None, noted_day: int | None, agreed_days: int, today: int) -> Days:
    """The day to sweep by. Rules in `Store.sweep`."""
    if swept_day is None or swept_day <= today <= swept_day + STEP_DAYS:
        return Days(today, None, 0, today)
    due_day = min(swept_day, today)
    if swept_day - STEP_DAYS <= today < swept_day:
        return Days(swept_day, None, 0, due_day)
    went_on = noted_day is not None and noted_day <= today <= noted_day + NOTE_DAYS
    agreed_days += min(today - (noted_day or 0), AGREED_AT_ONCE_DAYS)
    if went_on and agreed_days >= AGREEING_DAYS and today >= EARLIEST_DAY:
        return Days(today, None, 0, today)
    return Days(swept_day, today, agreed_days if went_on else 0, due_day)


def settle_day(work: Work, today: int) -> Days:
    """Judge the clock and remember it."""
    known = work.connection.execute(
        "SELECT swept_day, noted_day, agreed_days FROM store"
    ).fetchone()
    swept_day, noted_day, agreed_days = known
    days = judge(swept_day, noted_day, agreed_days, today)
    found = days.swept_day, days.noted_day, days.agreed_days
    if found != known:
        work.connection.execute(
            "UPDATE store SET swept_day = ?, noted_day = ?, agreed_days = ?", found
        )
    return days


def drop_damaged(work: Work, parcel_ids: Iterable[bytes]) -> int:
    """Forget bodies that are not what they were, with what was said of them: whoever has one may
    bring it. A purged one only lets go of what is left of it."""
    return sum(_drop_damaged(work, parcel_id) for parcel_id in parcel_ids)


def _drop_damaged(work: Work, parcel_id: bytes) -> bool:
    partial = find_partial(work.connection, parcel_id)
    if partial is not None and partial.parcel_id == parcel_id:
        columns = work.connection.execute(
            f"SELECT {PARTIAL_COLUMNS} FROM partial WHERE place = ?", (partial.place,)
        ).fetchone()
        if true_partial(work.connection, columns) is not None:
            return False
        drop_partial(work.connection, work.tally, partial)
        _drop_tombstones(work, parcel_id)
        return True
    row = find_parcel(work.connection, work.recent, parcel_id)
    if row is None or row.parcel_id != parcel_id or not row.present or _is_true(work, row):
        return False
    if row.state is RowState.HELD:
        drop_parcel(work.connection, work.tally, row)
        _drop_tombstones(work, parcel_id)
    else:
        drop_body(work.connection, work.tally, row)
    return True


def _is_true(work: Work, row: ParcelRow) -> bool:
    """Whether a body is what its header says, after all."""
    body, roots = work.connection.execute(
        "SELECT body, page_roots FROM parcel WHERE arrival = ?", (row.arrival,)
    ).fetchone()
    if row.place is None:
        return is_body(row.header, body)
    found = page_roots_of(work.connection, row.header, row.place)
    return found is not None and (found or None) == roots


def _drop_tombstones(work: Work, parcel_id: bytes) -> None:
    """None may stand for a parcel whose header is not here; they come again with it."""
    rows = work.connection.execute(
        "DELETE FROM tombstone WHERE parcel_id = ? RETURNING frame", (parcel_id,)
    ).fetchall()
    work.tally.tombstones -= len(rows)
    work.tally.opened -= sum(frame == FrameType.OPENED for (frame,) in rows)


def drop_expired(work: Work, day: int) -> int:
    """Some of the parcels whose last day has passed; 0 when there are no more.

    One that has a tombstone stays known until the tombstone goes.
    """
    rows = _parcels(work, "expiry < ? AND present = 1", day)
    for row in rows:
        marked = work.connection.execute(
            "SELECT 1 FROM tombstone WHERE parcel_id = ? LIMIT 1", (row.parcel_id,)
        ).fetchone()
        if marked is None and row.state is RowState.HELD:
            drop_parcel(work.connection, work.tally, row)
        else:
            drop_body(work.connection, work.tally, row)
    return len(rows)


def drop_purged_bodies(work: Work, day: int) -> int:
    """Some of the bodies that were purged 7 days ago."""
    rows = _parcels(
        work,
        f"state = {RowState.PURGED:d} AND present = 1 AND purged_day <= ?",
        day - PURGED_BODY_DAYS,
    )
    for row in rows:
        drop_body(work.connection, work.tally, row)
    return len(rows)


def drop_partials(work: Work, day: int) -> int:
    """Some of the bodies that are not complete and have expired or make no progress."""
    rows = work.connection.execute(
        f"SELECT {PARTIAL_COLUMNS} FROM partial WHERE touched_day < ? OR expiry < ? LIMIT ?",
        (day - work.limits.partial_ttl_days, day, BATCH),
    ).fetchall()
    for row in rows:
        drop_partial(work.connection, work.tally, partial_of(row))
    return len(rows)


def drop_tombstones(work: Work, day: int) -> int:
    """Some of the tombstones 7 days past their parcel's expiry."""
    rows = work.connection.execute(
        "SELECT arrival, frame FROM tombstone WHERE expiry < ? LIMIT ?",
        (day - TOMBSTONE_DAYS, BATCH),
    ).fetchall()
    for arrival, frame in rows:
        work.connection.execute("DELETE FROM tombstone WHERE arrival = ?", (arrival,))
        work.tally.tombstones -= 1
        work.tally.opened -= frame == FrameType.OPENED
    return len(rows)


def drop_memories(work: Work, day: int) -> int:
    """Some of the parcels without a body that nothing needs to be known of any more."""
    rows = _parcels(work, "expiry < ? AND present = 0", day - TOMBSTONE_DAYS)
    for row in rows:
        forget(work.connection, row.parcel_id[:OFFER_BYTES], row.arrival)
        if row.state is RowState.PURGED:
            work.tally.purged -= 1
        else:
            work.tally.evicted -= 1
    return len(rows)


def _parcels(work: Work, condition: str, value: int) -> list[ParcelRow]:
    rows = work.connection.execute(
        f"SELECT {PARCEL_COLUMNS} FROM parcel WHERE {condition} LIMIT ?", (value, BATCH)
    )
    return [parcel_of(row) for row in rows.fetchall()]
