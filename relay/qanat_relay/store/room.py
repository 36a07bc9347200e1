"""Makes room, and says when there is none. An acknowledged letter, reply or public document is
never dropped for room: purged bodies go first, then expired ones, then parts."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import sqlite3

from qanat_protocol.parcel import Kind, Rank
from qanat_relay.store.interface import StoreLimits
from qanat_relay.store.lists import drop_lists
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

ROW_BYTES = 1024
"""What a parcel costs beside its body: header, indexes, the rest of a page. At most."""

BLOCK_ROW_BYTES = 512
"""What a block costs beside its data."""


class Room:
    """The space of one store, inside the writer's transaction."""

    def __init__(self, connection: sqlite3.Connection, limits: StoreLimits) -> None:
        self._connection = connection
        self._limits = limits
        self._used_bytes = 0

    def measure(self) -> int:
        """Bytes in use now. Called at the start of each transaction, and when it matters."""
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (unused,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        (page_bytes,) = self._connection.execute("PRAGMA page_size").fetchone()
        self._used_bytes = (pages - unused) * page_bytes
        return self._used_bytes

    def take(self, size_bytes: int) -> None:
        """Count what is about to be written, until `measure` sees it."""
        self._used_bytes += size_bytes

    def fits(self, size_bytes: int) -> bool:
        """Whether there is room without dropping anything."""
        limit = self._limits.max_store_bytes
        return self._used_bytes + size_bytes <= limit or self.measure() + size_bytes <= limit

    def make(self, tally: Tally, size_bytes: int, rank: Rank, due_day: int) -> bool:
        """Drop what may go for a newcomer of this rank until it fits; False if it does not.

        A letter or public document displaces any part; a part only parts that the desk has opened,
        or that have no stamp and a lower rank: a flood of parts does not push out those before it.
        """
        while not self.fits(size_bytes):
            row = self._first_to_go(rank, due_day)
            if row is None:
                return False
            drop_body(self._connection, tally, row)
        return True

    def could_make(self, size_bytes: int, rank: Rank, due_day: int) -> bool:
        """Whether `make` could start; says nothing for sure about a body of many blocks."""
        return self.fits(size_bytes) or self._first_to_go(rank, due_day) is not None

    def make_partial(self, tally: Tally, size_bytes: int, rank: Rank, keep: bytes) -> bool:
        """Keep within the quota of bodies that are not complete; False if it is used up.

        A letter displaces parts, least effort and longest without progress first.
        """
        while tally.partial_bytes + size_bytes > self._limits.partial_quota_bytes:
            if rank > Rank.LETTER:
                return False
            row = self._connection.execute(
                f"SELECT {PARTIAL_COLUMNS} FROM partial WHERE rank > ? AND id != ?"
                " ORDER BY effort, touched_day, rank DESC, place LIMIT 1",
                (Rank.LETTER, keep),
            ).fetchone()
            if row is None:
                return False
            drop_partial(self._connection, tally, partial_of(row))
        return True

    def has_quota(self, partial_bytes: int, rank: Rank) -> bool:
        """Whether a first block of a body of this rank would be kept, given the bytes so far."""
        if partial_bytes <= self._limits.partial_quota_bytes:
            return True
        displaced = self._connection.execute(
            "SELECT 1 FROM partial WHERE rank > ? LIMIT 1", (Rank.LETTER,)
        )
        return rank <= Rank.LETTER and displaced.fetchone() is not None

    def _first_to_go(self, rank: Rank, due_day: int) -> ParcelRow | None:
        held, purged, part = RowState.HELD, RowState.PURGED, Kind.PART
        choices = (
            (f"state = {purged:d} AND present = 1 ORDER BY purged_day, arrival", ()),
            ("expiry < ? AND present = 1 ORDER BY expiry, arrival", (due_day,)),
            (
                f"state = {held:d} AND kind = {part:d}"
                " AND (? OR opened = 1 OR effort = 0 AND rank > ?)"
                " ORDER BY opened DESC, effort, rank DESC, arrival",
                (rank <= Rank.LETTER, rank),
            ),
        )
        for condition, values in choices:
            row: Row | None = self._connection.execute(
                f"SELECT {PARCEL_COLUMNS} FROM parcel WHERE {condition} LIMIT 1", values
            ).fetchone()
            if row is not None:
                return parcel_of(row)
        return None


def drop_body(connection: sqlite3.Connection, tally: Tally, row: ParcelRow) -> None:
    """Let go of a body; what is left is the memory that it was here."""
    state = row.state
    if state is RowState.HELD:
        tally.count(row.header.kind, -1)
        tally.evicted += 1
        state = RowState.EVICTED
    connection.execute(
        "UPDATE parcel SET state = ?, present = 0, body = NULL, page_roots = NULL, place = NULL"
        " WHERE arrival = ?",
        (state, row.arrival),
    )
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
    tally.partial_bytes -= row.size_bytes


def _drop_blocks(connection: sqlite3.Connection, place: int) -> None:
    connection.execute("DELETE FROM block WHERE number BETWEEN ? AND ?", block_numbers(place))
