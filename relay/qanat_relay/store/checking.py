"""Reads a whole SQLite store and says what is wrong with it, a few rows at a time."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import BadLock, QanatError
from qanat_protocol.frames import Opened
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import TreeBuilder, block_count, block_length, leaf_hash, page_count
from qanat_protocol.parcel import Header, Kind, parse_header
from qanat_protocol.tombstone import check_opened, check_purge
from qanat_relay.store.interface import Problem
from qanat_relay.store.lists import PLACE_LISTS, ListsOf
from qanat_relay.store.offers import Recent
from qanat_relay.store.rows import (
    PARTIAL_COLUMNS,
    PLACE_BLOCKS,
    Row,
    RowState,
    block_numbers,
    find_parcel,
    tombstone_of,
)
from qanat_relay.store.tally import load

BATCH = 64
"""Rows in memory at once: a megabyte of blocks."""

_COUNTS = {
    "letters": ("parcel", f"state = {RowState.HELD:d} AND kind = {Kind.LETTER:d}"),
    "replies": ("parcel", f"state = {RowState.HELD:d} AND kind = {Kind.REPLY:d}"),
    "parts": ("parcel", f"state = {RowState.HELD:d} AND kind = {Kind.PART:d}"),
    "public": ("parcel", f"state = {RowState.HELD:d} AND kind = {Kind.PUBLIC:d}"),
    "purged": ("parcel", f"state = {RowState.PURGED:d}"),
    "evicted": ("parcel", f"state = {RowState.EVICTED:d}"),
    "partial": ("partial", "1"),
    "opened": ("tombstone", "signing_key IS NOT NULL"),
    "tombstones": ("tombstone", "1"),
}


_INDEXED = (
    "SELECT (SELECT count(*) FROM parcel WHERE arrival <= ?), (SELECT count(*) FROM offer),"
    " (SELECT count(*) FROM offer JOIN parcel USING (arrival)"
    " WHERE substr(parcel.id, 1, 16) = offer.offer)"
)
"""Parcels that the table of offers should have, its rows, and those of them that are right."""


_STRAY = (
    "SELECT 1 FROM leaf_list WHERE number = ?"
    " AND NOT EXISTS (SELECT 1 FROM partial WHERE place = ?)"
)


def inspect(connection: sqlite3.Connection) -> Iterator[list[Problem]]:
    """Yields what a few more rows showed, often nothing, until all is read."""
    stages: tuple[Callable[[sqlite3.Connection], Iterator[list[Problem]]], ...] = (
        _database,
        _numbers,
        _parcels,
        _partials,
        _orphans,
        _stray_lists,
        _tombstones,
    )
    for stage in stages:
        try:
            yield from stage(connection)
        except sqlite3.DatabaseError as error:
            yield [Problem(f"the database cannot be read: {error}")]


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """What is read inside is of one moment, also where a relay writes meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        # Whoever stops half-way may have closed the connection before.
        with suppress(sqlite3.ProgrammingError):
            connection.execute("ROLLBACK")


def _database(connection: sqlite3.Connection) -> Iterator[list[Problem]]:
    found = [text for (text,) in connection.execute("PRAGMA integrity_check(100)")]
    yield [Problem(f"the database is damaged: {text}") for text in found if text != "ok"]


def _numbers(connection: sqlite3.Connection) -> Iterator[list[Problem]]:
    with _snapshot(connection):
        tally = load(connection)
        problems = []
        for name, (table, condition) in _COUNTS.items():
            (count,) = connection.execute(
                f"SELECT count(*) FROM {table} WHERE {condition}"
            ).fetchone()
            if count != getattr(tally, name):
                problems.append(Problem(f"{name}: {count} rows, {getattr(tally, name)} counted"))
        (held,) = connection.execute(
            "SELECT total(held_bytes + list_bytes) FROM partial"
        ).fetchone()
        if int(held) != tally.partial_bytes:
            problems.append(Problem("the bytes of partial bodies are counted wrong"))
        (newest,) = connection.execute(
            "SELECT max(coalesce((SELECT max(arrival) FROM parcel), 0),"
            " coalesce((SELECT max(arrival) FROM tombstone), 0))"
        ).fetchone()
        if newest > tally.last_arrival:
            problems.append(Problem("an arrival number is above the last one given"))
        counts = connection.execute(_INDEXED, (tally.last_indexed,)).fetchone()
        if len(set(counts)) > 1:
            problems.append(Problem("parcels are not found by their ids"))
    yield problems


def _in_batches(connection: sqlite3.Connection, query: str) -> Iterator[list[Row]]:
    """Rows of a query that asks for a first column above ? in its order, at most ? of them."""
    after = 0
    while rows := connection.execute(query, (after, BATCH)).fetchall():
        yield rows
        after = rows[-1][0]


def _parcels(connection: sqlite3.Connection) -> Iterator[list[Problem]]:
    query = (
        "SELECT arrival, id, header, present, place, page_roots, body FROM parcel"
        " WHERE arrival > ? ORDER BY arrival LIMIT ?"
    )
    for rows in _in_batches(connection, query):
        for _, parcel_id, header_bytes, present, place, roots, body in rows:
            header, problems = _header(parcel_id, header_bytes)
            yield problems
            if header is None or not present:
                continue
            if place is None:
                whole = body is not None and len(body) == header.body_size
                if not whole or leaf_hash(body) != header.root:
                    yield [Problem("the body does not match the root", parcel_id)]
                continue
            with _snapshot(connection):
                now = connection.execute(
                    "SELECT place FROM parcel WHERE id = ? AND place = ?", (parcel_id, place)
                )
                if now.fetchone() is not None:
                    yield from _long_body(connection, parcel_id, header, place, roots)


def _header(parcel_id: bytes, data: bytes) -> tuple[Header | None, list[Problem]]:
    try:
        header = parse_header(data)
    except QanatError as error:
        return None, [Problem(f"the header is not valid: {error}", parcel_id)]
    if header.parcel_id != parcel_id:
        return header, [Problem("the header does not match the id", parcel_id)]
    return header, []


def _long_body(
    connection: sqlite3.Connection, parcel_id: bytes, header: Header, place: int, roots: bytes
) -> Iterator[list[Problem]]:
    tree, page, packed = TreeBuilder(), TreeBuilder(), b""
    total, expected = block_count(header.body_size), 0
    for index, leaf, problems in _blocks(connection, parcel_id, header, place):
        yield problems
        if index != expected:
            break
        expected += 1
        tree.add_leaf(leaf)
        page.add_leaf(leaf)
        if expected % PAGE_LEAVES == 0 or expected == total:
            packed += page.root()
            page = TreeBuilder()
    if expected != total:
        yield [Problem(f"block {expected} of {total} is missing", parcel_id)]
    elif tree.root() != header.root:
        yield [Problem("the leaves do not match the root", parcel_id)]
    elif page_count(header.body_size) > 1 and packed != roots:
        yield [Problem("the page roots do not match the leaves", parcel_id)]


def _blocks(
    connection: sqlite3.Connection, parcel_id: bytes, header: Header, place: int
) -> Iterator[tuple[int, bytes, list[Problem]]]:
    """(index, leaf, what is wrong with this block), ascending."""
    total = block_count(header.body_size)
    low, last = block_numbers(place)
    base, number = low, low - 1
    while rows := connection.execute(
        "SELECT number, leaf, data FROM block WHERE number > ? AND number <= ?"
        " ORDER BY number LIMIT ?",
        (number, last, BATCH),
    ).fetchall():
        for number, leaf, data in rows:
            index = number - base
            right = (
                index < total
                and len(data) == block_length(header.body_size, index)
                and leaf_hash(data) == leaf
            )
            yield (
                index,
                leaf,
                [] if right else [Problem(f"block {index} does not match its leaf", parcel_id)],
            )


def _partials(connection: sqlite3.Connection) -> Iterator[list[Problem]]:
    query = "SELECT place FROM partial WHERE place > ? ORDER BY place LIMIT ?"
    for rows in _in_batches(connection, query):
        for (place,) in rows:
            with _snapshot(connection):
                row = connection.execute(
                    f"SELECT {PARTIAL_COLUMNS} FROM partial WHERE place = ?", (place,)
                ).fetchone()
                if row is not None:
                    yield from _partial_body(connection, row)


def _partial_body(connection: sqlite3.Connection, row: Row) -> Iterator[list[Problem]]:
    place, parcel_id, header_bytes, held, held_bytes, list_bytes, provable, *_ = row
    header, problems = _header(parcel_id, header_bytes)
    yield problems
    if header is None:
        return
    lists = ListsOf(connection, header, place)
    yield [Problem(what, parcel_id) for what in lists.check()]
    count = size_bytes = 0
    known: list[int] = []
    for index, leaf, problems in _blocks(connection, parcel_id, header, place):
        yield problems
        count += 1
        if index < block_count(header.body_size):
            size_bytes += block_length(header.body_size, index)
            if (listed := lists.leaf(index)) is not None:
                known.append(index)
                if listed != leaf:
                    yield [Problem(f"block {index} is not the one in its list", parcel_id)]
    if (count, size_bytes, lists.size_bytes) != (held, held_bytes, list_bytes):
        yield [Problem(f"{count} blocks are there, {held} are counted", parcel_id)]
    if Bitmap.from_indices(known).to_bytes() != provable:
        yield [Problem("what can be given of a body in part is noted wrong", parcel_id)]


def _orphans(connection: sqlite3.Connection) -> Iterator[list[Problem]]:
    place = 0
    while True:
        with _snapshot(connection):
            (number,) = connection.execute(
                "SELECT min(number) FROM block WHERE number >= ?", (place * PLACE_BLOCKS,)
            ).fetchone()
            if number is None:
                return
            place = number // PLACE_BLOCKS
            owner = connection.execute(
                "SELECT 1 FROM partial WHERE place = ?1 UNION ALL"
                " SELECT 1 FROM parcel WHERE place = ?1 LIMIT 1",
                (place,),
            ).fetchone()
        yield [] if owner else [Problem("blocks that belong to no parcel")]
        place += 1


def _stray_lists(connection: sqlite3.Connection) -> Iterator[list[Problem]]:
    query = "SELECT number FROM leaf_list WHERE number > ? ORDER BY number LIMIT ?"
    for rows in _in_batches(connection, query):
        with _snapshot(connection):
            yield [
                Problem("a list of leaves that belongs to no parcel")
                for (number,) in rows
                if connection.execute(_STRAY, (number, number // PLACE_LISTS)).fetchone()
            ]


def _tombstones(connection: sqlite3.Connection) -> Iterator[list[Problem]]:
    query = (
        "SELECT arrival, frame, parcel_id, value, signing_key, signature FROM tombstone"
        " WHERE arrival > ? ORDER BY arrival LIMIT ?"
    )
    with _snapshot(connection):
        recent = Recent(connection).arrivals
    for rows in _in_batches(connection, query):
        problems = []
        for _, *fields in rows:
            frame = tombstone_of(*fields)
            parcel = find_parcel(connection, recent, frame.parcel_id)
            if parcel is None or parcel.parcel_id != frame.parcel_id:
                continue
            try:
                lock = parcel.header.lock
                if isinstance(frame, Opened):
                    check_opened(lock, frame.opened)
                else:
                    check_purge(lock, frame.purge_key)
            except BadLock:
                problems.append(Problem("a tombstone does not fit the lock", frame.parcel_id))
            except QanatError:
                continue  # _parcels has told of the header
        yield problems
