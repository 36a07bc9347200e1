"""Tombstones and stamps, inside the writer's transaction. Each counts only for a parcel whose
header is held, and a tombstone only if it fits the header's lock."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

from dataclasses import replace

from qanat_protocol.errors import BadLock, RemoteError
from qanat_protocol.frames import AckStatus, FrameType, Opened, Purge, Stamp
from qanat_protocol.parcel import Header, rank_of
from qanat_protocol.tombstone import check_purge
from qanat_protocol.verdicts import Verdict
from qanat_relay.store.interface import OPENED_PER_PARCEL, MarkOpened, Outcome
from qanat_relay.store.room import drop_partial
from qanat_relay.store.rows import (
    ParcelRow,
    PartialRow,
    RowState,
    find_parcel,
    find_partial,
)
from qanat_relay.store.work import Work

_NOT_HELD = Outcome(AckStatus.REFUSED, Verdict.BUSY, ignored=True)
_BAD_LOCK = Outcome(AckStatus.REFUSED, Verdict.BAD_LOCK, ignored=True)
_STORED = Outcome(AckStatus.STORED)
_KNOWN = Outcome(AckStatus.HAVE)

_INSERT = (
    "INSERT INTO tombstone (arrival, parcel_id, tag, expiry, came_day, frame, value, signing_key,"
    " signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def mark_opened(work: Work, write: MarkOpened, today: int) -> Outcome:
    """Remember that the desk opened a parcel; where it is a part, it makes room sooner."""
    frame = write.frame
    row = _find(work, frame.parcel_id)
    if row is None:
        return _NOT_HELD
    try:
        write.check(row.header)
    except RemoteError as error:
        return Outcome(AckStatus.REFUSED, error.verdict, ignored=True)
    kept = work.connection.execute(
        "SELECT signing_key, arrival FROM tombstone WHERE parcel_id = ? AND frame = ?"
        " ORDER BY arrival",
        (frame.parcel_id, FrameType.OPENED),
    ).fetchall()
    if any(key == frame.signing_key for key, _ in kept):
        return _KNOWN
    if len(kept) >= OPENED_PER_PARCEL:
        if row.header.tag not in write.own_tags:
            return _KNOWN
        # Others can fill every place with copies that they signed, but never empty one again.
        work.connection.execute("DELETE FROM tombstone WHERE arrival = ?", (kept[0][1],))
        work.tally.tombstones -= 1
        work.tally.opened -= 1
    # Whoever was told a day is told what comes later, also where the clock goes back.
    _insert(work, row.header, frame, max(today, work.swept_day))
    work.tally.opened += 1
    if isinstance(row, ParcelRow):
        after = replace(row, standing=replace(row.standing, opened=True))
        work.tally.yielding_bytes += after.yielding_bytes - row.yielding_bytes
        work.connection.execute("UPDATE parcel SET opened = 1 WHERE arrival = ?", (row.arrival,))
    else:
        work.connection.execute("UPDATE partial SET opened = 1 WHERE place = ?", (row.place,))
    return _STORED


def mark_purged(work: Work, frame: Purge, today: int) -> Outcome:
    """Hide a body at once; what was not complete is dropped at once."""
    row = _find(work, frame.parcel_id)
    if row is None:
        return _NOT_HELD
    try:
        check_purge(row.header.lock, frame.purge_key)
    except BadLock:
        return _BAD_LOCK
    if isinstance(row, ParcelRow) and row.state is RowState.PURGED:
        return _KNOWN
    day = work.day(today)
    _insert(work, row.header, frame, None)
    if isinstance(row, ParcelRow):
        if row.state is RowState.HELD:
            work.tally.let_go(row.header)
            after = replace(row, state=RowState.PURGED)
            work.tally.yielding_bytes += after.yielding_bytes - row.yielding_bytes
        else:
            work.tally.evicted -= 1
        work.connection.execute(
            "UPDATE parcel SET state = ?, purged_day = ? WHERE arrival = ?",
            (RowState.PURGED, day, row.arrival),
        )
    else:
        drop_partial(work.connection, work.tally, row)
        _remember_purged(work, row, day)
    work.tally.purged += 1
    return _STORED


def add_stamp(work: Work, frame: Stamp) -> Outcome:
    """Keep the stamp of the greatest effort."""
    row = _find(work, frame.parcel_id)
    if row is None:
        return _NOT_HELD
    if row.standing.effort >= frame.effort:
        return _KNOWN
    table, key, number = (
        ("parcel", "arrival", row.arrival)
        if isinstance(row, ParcelRow)
        else ("partial", "place", row.place)
    )
    work.connection.execute(
        f"UPDATE {table} SET effort = ?, stamp_epoch = ?, stamp_nonce = ? WHERE {key} = ?",
        (frame.effort, frame.epoch, frame.nonce, number),
    )
    return _STORED


def _find(work: Work, parcel_id: bytes) -> ParcelRow | PartialRow | None:
    for row in (
        find_partial(work.connection, parcel_id),
        find_parcel(work.connection, work.recent, parcel_id),
    ):
        if row is not None and row.parcel_id == parcel_id:
            return row
    return None


def _insert(work: Work, header: Header, frame: Opened | Purge, came_day: int | None) -> None:
    columns: tuple[FrameType, bytes, bytes | None, bytes | None]
    if isinstance(frame, Opened):
        columns = FrameType.OPENED, frame.opened, frame.signing_key, frame.signature
    else:
        columns = FrameType.PURGE, frame.purge_key, None, None
    arrival = work.tally.next_arrival()
    work.tally.tombstones += 1
    work.connection.execute(
        _INSERT,
        (arrival, frame.parcel_id, header.tag, header.expiry_day, came_day, *columns),
    )


def _remember_purged(work: Work, row: PartialRow, day: int) -> None:
    header, arrival = row.header, work.tally.next_arrival()
    work.add_offer(row.parcel_id, arrival)
    work.connection.execute(
        "INSERT INTO parcel (arrival, id, header, tag, rank, kind, expiry, state, present,"
        " taken_day, purged_day, opened, effort) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 0)",
        (
            arrival,
            row.parcel_id,
            row.header_bytes,
            header.tag,
            rank_of(header),
            header.kind,
            header.expiry_day,
            RowState.PURGED,
            day,
            day,
            row.standing.opened,
        ),
    )
