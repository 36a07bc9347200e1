"""Takes out of a store what is damaged, so that its peers can give it again, and sets right what
follows from the rest. Works on a store that nobody serves; never invents a row."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from qanat_protocol.errors import QanatError
from qanat_protocol.frames import FrameType, Opened
from qanat_protocol.limits import OFFER_BYTES
from qanat_protocol.parcel import Header
from qanat_protocol.tombstone import check_opened, check_purge, verify_opened
from qanat_relay.store import tags
from qanat_relay.store import tally as tallies
from qanat_relay.store.checking import partial_problems
from qanat_relay.store.lists import PLACE_LISTS, drop_lists
from qanat_relay.store.rows import (
    PARTIAL_COLUMNS,
    PLACE_BLOCKS,
    Row,
    RowState,
    find_parcel,
    find_partial,
    tombstone_of,
)
from qanat_relay.store.salvage import derived, header_of, readable_rows, true_parcel

TOMBSTONE_FIELDS = ("frame", "parcel_id", "value", "signing_key", "signature")
_PARTIAL_FIELDS = tuple(PARTIAL_COLUMNS.split(", "))

_PURGE_OF = (
    f"EXISTS (SELECT 1 FROM tombstone WHERE parcel_id = parcel.id AND frame = {FrameType.PURGE:d})"
)
_OPENED_OF = _PURGE_OF.replace(f"{FrameType.PURGE:d})", f"{FrameType.OPENED:d})")
_STATES = (
    f"UPDATE parcel SET state = {RowState.PURGED:d}, purged_day = taken_day"
    f" WHERE state != {RowState.PURGED:d} AND {_PURGE_OF}",
    # A purge that nothing proves any more is none: the desk tells it again.
    f"UPDATE parcel SET state = {RowState.HELD:d}, purged_day = NULL"
    f" WHERE state = {RowState.PURGED:d} AND present = 1 AND NOT {_PURGE_OF}",
    f"DELETE FROM parcel WHERE state = {RowState.PURGED:d} AND present = 0 AND NOT {_PURGE_OF}",
    f"UPDATE parcel SET opened = {_OPENED_OF} WHERE opened != {_OPENED_OF}",
    "DELETE FROM offer WHERE arrival NOT IN (SELECT arrival FROM parcel)",
)


@dataclass(slots=True)
class Healed:
    """What was taken out. parcels: complete ones, as far as they could be counted; halves: bodies
    in part; rebuilt: a new database has taken the place of one that could not be read everywhere;
    anew: of that nothing at all could be read."""

    parcels: int = 0
    halves: int = 0
    tombstones: int = 0
    rebuilt: bool = False
    anew: bool = False

    @property
    def lost(self) -> int:
        """All of it together."""
        return self.parcels + self.halves + self.tombstones


def heal_in_place(connection: sqlite3.Connection) -> Healed:
    """Heal a database that can be read everywhere, in one transaction. Raises sqlite3.Error."""
    healed = Healed()
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        _heal_parcels(connection, healed)
        _heal_partials(connection, healed)
        _drop_strays(connection)
        settle_offers(connection)
        for arrival, *values in readable_rows(
            connection, "tombstone", "arrival", ("arrival", *TOMBSTONE_FIELDS)
        ):
            if true_tombstone(connection, values) is None:
                connection.execute("DELETE FROM tombstone WHERE arrival = ?", (arrival,))
                healed.tombstones += 1
        settle(connection)
    return healed


def _heal_parcels(connection: sqlite3.Connection, healed: Healed) -> None:
    columns = columns_of(connection, "parcel")
    update = f"UPDATE parcel SET {', '.join(f'{name} = ?' for name in columns)} WHERE arrival = ?"
    for row in readable_rows(connection, "parcel", "arrival", columns):
        values = dict(zip(columns, row, strict=True))
        true = true_parcel(connection, values)
        if true == values:
            continue
        if true is None:
            healed.parcels += 1
            connection.execute("DELETE FROM parcel WHERE arrival = ?", (row[0],))
        else:
            connection.execute(update, (*true.values(), row[0]))


def _heal_partials(connection: sqlite3.Connection, healed: Healed) -> None:
    for row in readable_rows(connection, "partial", "place", _PARTIAL_FIELDS):
        header = true_partial(connection, row)
        if header is None:
            healed.halves += 1
            drop_lists(connection, row[0])
            connection.execute("DELETE FROM partial WHERE place = ?", (row[0],))
        else:
            connection.execute(
                "UPDATE partial SET rank = ?, expiry = ?, opened = 0 WHERE place = ?",
                (derived(header)["rank"], header.expiry_day, row[0]),
            )


def _drop_strays(connection: sqlite3.Connection) -> None:
    """Blocks and lists that belong to no row."""
    for places, table in ((PLACE_BLOCKS, "block"), (PLACE_LISTS, "leaf_list")):
        for place in list(_places(connection, table, places)):
            owned = "SELECT 1 FROM partial WHERE place = ?"
            if table == "block":
                owned += " UNION ALL SELECT 1 FROM parcel WHERE place = ?"
            values = (place,) * owned.count("?")
            if connection.execute(owned, values).fetchone() is None:
                first, last = place * places, (place + 1) * places - 1
                connection.execute(
                    f"DELETE FROM {table} WHERE number BETWEEN ? AND ?", (first, last)
                )


def _places(connection: sqlite3.Connection, table: str, numbers: int) -> Iterator[int]:
    place = 0
    while True:
        query = f"SELECT min(number) FROM {table} WHERE number >= ?"
        (number,) = connection.execute(query, (place * numbers,)).fetchone()
        if number is None:
            return
        yield number // numbers
        place = number // numbers + 1


def true_partial(connection: sqlite3.Connection, row: Row) -> Header | None:
    """The header of a body in part that is as its row, its blocks and its lists say; else None.
    row: of PARTIAL_COLUMNS."""
    header = header_of(row[1], row[2])
    with suppress(sqlite3.DatabaseError, TypeError, QanatError):
        if header is not None and not any(partial_problems(connection, row)):
            return header
    return None


def true_tombstone(connection: sqlite3.Connection, values: list[Any]) -> Header | None:
    """The header that a tombstone is of, if it is here and the tombstone proves what it says.
    values: of TOMBSTONE_FIELDS."""
    try:
        frame = tombstone_of(*values)
        row = find_parcel(connection, {}, frame.parcel_id)
        found = row or find_partial(connection, frame.parcel_id)
        if found is None or found.parcel_id != frame.parcel_id:
            return None
        if isinstance(frame, Opened):
            verify_opened(frame)
            check_opened(found.header.lock, frame.opened)
        else:
            check_purge(found.header.lock, frame.purge_key)
    except (QanatError, TypeError, ValueError):
        return None
    return found.header


def settle_offers(connection: sqlite3.Connection) -> None:
    """Make the way to each parcel by its id anew."""
    connection.execute("DELETE FROM offer")
    # One of two that share the beginning of an id was never taken.
    connection.execute(
        f"INSERT OR IGNORE INTO offer SELECT substr(id, 1, {OFFER_BYTES}), arrival FROM parcel"
        " ORDER BY 1"
    )


def settle(connection: sqlite3.Connection, last_arrival: int = 0) -> None:
    """Set right what follows from the rows: their states by the tombstones, all numbers. The store
    is another incarnation then, so that every cursor into what it was, and its own into what peers
    have, counts for nothing.

    last_arrival: a number that was given, as far as is known.
    """
    for statement in _STATES:
        connection.execute(statement)
    connection.execute(
        f"UPDATE partial SET opened = 1 WHERE {_OPENED_OF.replace('parcel.id', 'partial.id')}"
    )
    known = tallies.load(connection)
    last = max(last_arrival, known.last_arrival, tallies.newest_arrival(connection))
    numbers: Mapping[str, int] = tallies.counted(connection)
    tags.count_anew(connection)
    tallies.save(
        connection,
        tallies.Tally(
            last_arrival=last,
            last_indexed=last,
            partial_bytes=tallies.partial_bytes(connection),
            **numbers,
            **tallies.weighed(connection),
            kept_bytes=tags.kept_bytes(connection),
            yielding_bytes=tallies.yielding_bytes(connection),
        ),
    )
    connection.execute("UPDATE store SET incarnation = ?", (secrets.token_bytes(16),))


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """The names of a table's columns, in order."""
    return [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
