"""Makes room, and says when there is none. An acknowledged letter, reply or public document is
never dropped for room: purged bodies go first, then expired ones, then parts."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from qanat_protocol.limits import BLOCK_BYTES, OFFER_BYTES
from qanat_protocol.parcel import Header, Kind, Rank
from qanat_relay.store.costs import LEAST_BODY_BYTES, ROW_BYTES, cost_of
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.lists import drop_lists
from qanat_relay.store.offers import forget
from qanat_relay.store.rows import (
    PARCEL_COLUMNS,
    PARTIAL_COLUMNS,
    ParcelRow,
    PartialRow,
    Row,
    RowState,
    block_numbers,
    parcel_of,
    partial_of,
)
from qanat_relay.store.tally import Tally

RESERVE_BYTES = 64 * 2**20
"""Of the disk that no newcomer gets, or an eighth of a small disk: what is removed goes through the
log first, so that a sweep on a disk without any room could not make some."""

KEPT_SHARE = 4
"""Of the reserve, one part in so many is left alone by what is written at once, too."""


def reserve_on(disk: os.statvfs_result) -> int:
    """How many bytes of a disk are left alone."""
    return min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // 8)


def room_on(disk: os.statvfs_result) -> int:
    """How many bytes a disk has for newcomers; below 0 where others have taken of the reserve."""
    return disk.f_bavail * disk.f_frsize - reserve_on(disk)


def most_on_disk(database: Path) -> int:
    """What a database may grow to on its disk: as far as it is written, and what the disk has for
    newcomers. What still stands in the log alone will take as much again."""
    return database.stat().st_size + room_on(os.statvfs(database.parent))


class Room:
    """The space of one store, inside the writer's transaction."""

    def __init__(self, connection: sqlite3.Connection, limits: StoreLimits, path: Path) -> None:
        """path: the database's file."""
        self._connection = connection
        self._limits = limits
        self._path = path
        self._used_bytes = 0
        self._limit_bytes = limits.max_store_bytes
        self._taken_bytes = 0
        self._once_bytes: int | None = None
        self.evicted = 0
        self.displaced = 0
        """Parcels, and bodies in part, that went for others."""

    def measure(self) -> int:
        """Bytes in use now. Called at the start of each transaction, and when it matters."""
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (unused,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        (page_bytes,) = self._connection.execute("PRAGMA page_size").fetchone()
        self._used_bytes = (pages - unused) * page_bytes
        disk = os.statvfs(self._path.parent)
        file_bytes = self._path.stat().st_size
        self._limit_bytes = min(self._limits.max_store_bytes, file_bytes + room_on(disk))
        if self._once_bytes is None:
            free_bytes = disk.f_bavail * disk.f_frsize - reserve_on(disk) // KEPT_SHARE
            # What stands in the log alone makes the file grow, but for pages that are free in it.
            growing_bytes = max(0, pages * page_bytes - file_bytes)
            self._once_bytes = (free_bytes - growing_bytes + unused * page_bytes) // 2
        return self._used_bytes

    def take(self, size_bytes: int) -> None:
        """Count what is about to be written, until `measure` sees it."""
        self._used_bytes += size_bytes
        self._taken_bytes += size_bytes

    def fits_at_once(self, size_bytes: int) -> bool:
        """Whether the disk bears so much more in one transaction. It stands in the log and then in
        the file as well: what was committed and could not be put back would leave no room ever."""
        assert self._once_bytes is not None, "it is measured first"
        return self._taken_bytes + size_bytes <= self._once_bytes

    def fits(self, size_bytes: int) -> bool:
        """Whether there is room without dropping anything."""
        return self.fits_at_once(size_bytes) and self._has_room(size_bytes)

    def _has_room(self, size_bytes: int) -> bool:
        if self._used_bytes + size_bytes <= self._limit_bytes:
            return True
        return self.measure() + size_bytes <= self._limit_bytes

    def is_ample(self, size_bytes: int) -> bool:
        """Whether so much more can bring no tag to its share."""
        share, limit_bytes = self._limits.tag_share, self._limit_bytes
        return share is None or (self._used_bytes + size_bytes) * (share + 1) <= limit_bytes * share

    def lets_tag(self, tally: Tally, header: Header) -> bool:
        """Whether a body as a whole is within the share of its tag: so many times what is free. So
        a tag alone has most of the room, several that want more have as much each, and there is
        always something for one that has little. For a part what makes way for it is free."""
        share, size_bytes = self._limits.tag_share, cost_of(header.body_size)
        if share is None or self.is_ample(size_bytes):
            return True
        held = tally.tags.held(self._connection, header.tag, header.kind)
        limit_bytes = self._limit_bytes
        if header.kind is Kind.PART:
            free_bytes = limit_bytes - self._used_bytes + tally.yielding_bytes
            return held.parts + size_bytes <= share * max(0, free_bytes)
        return held.kept + size_bytes <= share * (limit_bytes - tally.kept_bytes)

    def lets_tag_partial(self, tally: Tally, header: Header, size_bytes: int) -> bool:
        """The same for so much more of bodies that are not complete, and their quota."""
        share = self._limits.tag_share
        if share is None:
            return True
        left_bytes = max(0, self._limits.partial_quota_bytes - tally.partial_bytes)
        held = tally.tags.held(self._connection, header.tag, header.kind)
        return held.partial + size_bytes <= share * left_bytes

    def make(self, tally: Tally, size_bytes: int, rank: Rank, due_day: int) -> bool:
        """Drop what may go for a newcomer of this rank until it fits; False if it does not.

        A letter or public document displaces any part, what is here of one in part before those
        that somebody was promised; a part only parts that the desk has opened,
        or that have no stamp and a lower rank: a flood of parts does not push out those before it.
        """
        if not self.fits_at_once(size_bytes):
            return False
        while not self.fits(size_bytes):
            row = self._first_to_go(rank, due_day)
            if row is None:
                return False
            if isinstance(row, PartialRow):
                self.displaced += 1
                drop_partial(self._connection, tally, row)
            else:
                self.evicted += row.state is RowState.HELD
                drop_body(self._connection, tally, row)
        return True

    def could_fit(self, size_bytes: int) -> bool:
        """Whether `fits` would hold for a body that comes a block at a time."""
        return self._could_begin(size_bytes) and self._has_room(size_bytes)

    def could_make(self, size_bytes: int, rank: Rank, due_day: int) -> bool:
        """Whether `make` could start; says nothing for sure about a body of many blocks."""
        if not self._could_begin(size_bytes):
            return False
        return self._has_room(size_bytes) or self._first_to_go(rank, due_day) is not None

    def _could_begin(self, size_bytes: int) -> bool:
        return self.fits_at_once(min(size_bytes, ROW_BYTES + BLOCK_BYTES))

    def make_partial(self, tally: Tally, size_bytes: int, rank: Rank, keep: bytes) -> bool:
        """Keep within the quota of bodies that are not complete; False if it is used up.

        A letter displaces parts, least effort and longest without progress first.
        """
        while tally.partial_bytes + size_bytes > self._limits.partial_quota_bytes:
            if rank > Rank.LETTER:
                return False
            partial = self._first_partial(keep)
            if partial is None:
                return False
            self.displaced += 1
            drop_partial(self._connection, tally, partial)
        return True

    def has_quota(self, partial_bytes: int, rank: Rank) -> bool:
        """Whether a first block of a body of this rank would be kept, given the bytes so far."""
        if partial_bytes <= self._limits.partial_quota_bytes:
            return True
        displaced = self._connection.execute(
            "SELECT 1 FROM partial WHERE rank > ? LIMIT 1", (Rank.LETTER,)
        )
        return rank <= Rank.LETTER and displaced.fetchone() is not None

    def _first_partial(self, keep: bytes = b"") -> PartialRow | None:
        row = self._connection.execute(
            f"SELECT {PARTIAL_COLUMNS} FROM partial WHERE rank > ? AND id != ?"
            " ORDER BY effort, touched_day, rank DESC, place LIMIT 1",
            (Rank.LETTER, keep),
        ).fetchone()
        return None if row is None else partial_of(row)

    def _first_to_go(self, rank: Rank, due_day: int) -> ParcelRow | PartialRow | None:
        held, purged, part = RowState.HELD, RowState.PURGED, Kind.PART
        is_letter = rank <= Rank.LETTER
        return (
            self._first_parcel(f"state = {purged:d} AND present = 1 ORDER BY purged_day, arrival")
            or self._first_parcel("expiry < ? AND present = 1 ORDER BY expiry, arrival", due_day)
            or (self._first_partial() if is_letter else None)
            or self._first_parcel(
                f"state = {held:d} AND kind = {part:d}"
                " AND (? OR opened = 1 OR effort = 0 AND rank > ?)"
                " ORDER BY opened DESC, effort, rank DESC, arrival",
                is_letter,
                rank,
            )
        )

    def _first_parcel(self, condition: str, *values: int) -> ParcelRow | None:
        row: Row | None = self._connection.execute(
            f"SELECT {PARCEL_COLUMNS} FROM parcel WHERE {condition} LIMIT 1", values
        ).fetchone()
        return None if row is None else parcel_of(row)


def takes_letters(
    connection: sqlite3.Connection, database: Path, limits: StoreLimits, today: int
) -> bool:
    """As `Store.takes_letters`."""
    room = Room(connection, limits, database)
    room.measure()
    (swept_day,) = connection.execute("SELECT swept_day FROM store").fetchone()
    due_day = min(today, swept_day or 0)
    return room.could_make(cost_of(LEAST_BODY_BYTES), Rank.LETTER, due_day)


def drop_body(connection: sqlite3.Connection, tally: Tally, row: ParcelRow) -> None:
    """Let go of a body; what is left is the memory that it was here."""
    state = row.state
    tally.yielding_bytes -= row.yielding_bytes
    if state is RowState.HELD:
        tally.let_go(row.header)
        tally.evicted += 1
        state = RowState.EVICTED
    connection.execute(
        "UPDATE parcel SET state = ?, present = 0, body = NULL, page_roots = NULL, place = NULL"
        " WHERE arrival = ?",
        (state, row.arrival),
    )
    if row.place is not None:
        _drop_blocks(connection, row.place)


def drop_parcel(connection: sqlite3.Connection, tally: Tally, row: ParcelRow) -> None:
    """Let go of a body that is held, and of the memory of it."""
    tally.let_go(row.header)
    tally.yielding_bytes -= row.yielding_bytes
    forget(connection, row.parcel_id[:OFFER_BYTES], row.arrival)
    if row.place is not None:
        _drop_blocks(connection, row.place)


def drop_partial(connection: sqlite3.Connection, tally: Tally, row: PartialRow) -> None:
    """Forget a body that is not complete."""
    _drop_blocks(connection, row.place)
    end_partial(connection, tally, row)


def end_partial(connection: sqlite3.Connection, tally: Tally, row: PartialRow) -> None:
    """A body is complete or goes: its blocks are seen to elsewhere."""
    drop_lists(connection, row.place)
    connection.execute("DELETE FROM partial WHERE place = ?", (row.place,))
    tally.partial -= 1
    tally.hold_partial(row.header, -row.size_bytes)


def _drop_blocks(connection: sqlite3.Connection, place: int) -> None:
    connection.execute("DELETE FROM block WHERE number BETWEEN ? AND ?", block_numbers(place))
