"""Reads a whole SQLite store and says what is wrong with it, a few rows at a time."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import BadLock, QanatError
from qanat_protocol.frames import Opened
from qanat_protocol.merkle import block_count, block_length, leaf_hash
from qanat_protocol.parcel import Header, parse_header
from qanat_protocol.tombstone import check_opened, check_purge
from qanat_relay.store import tags
from qanat_relay.store.interface import Problem
from qanat_relay.store.lists import PLACE_LISTS, ListsOf
from qanat_relay.store.offers import Recent
from qanat_relay.store.rows import (
    PARTIAL_COLUMNS,
    PLACE_BLOCKS,
    Row,
    find_parcel,
    tombstone_of,
)
from qanat_relay.store.salvage import BATCH, BodyTree, blocks_at, derived, is_block
from qanat_relay.store.tally import (
    counted,
    load,
    newest_arrival,
    partial_bytes,
    weighed,
    yielding_bytes,
)

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
        for name, count in counted(connection).items():
            if count != getattr(tally, name):
                problems.append(Problem(f"{name}: {count} rows, {getattr(tally, name)} counted"))
        if any(size != getattr(tally, name) for name, size in weighed(connection).items()):
            problems.append(Problem("the bytes of complete bodies are counted wrong"))
        if partial_bytes(connection) != tally.partial_bytes:
            problems.append(Problem("the bytes of partial bodies are counted wrong"))
        if wrong := tags.count_wrong(connection):
            problems.append(Problem(f"the bytes under {wrong:,} tags are counted wrong"))
        if tags.kept_bytes(connection) != tally.kept_bytes:
            problems.append(Problem("the bytes that are kept in any case are counted wrong"))
        if yielding_bytes(connection) != tally.yielding_bytes:
            problems.append(Problem("the bytes that make way for others are counted wrong"))
        if newest_arrival(connection) > tally.last_arrival:
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
        "SELECT arrival, id, header, present, place, page_roots, body, tag, rank, kind, expiry"
        " FROM parcel"
        " WHERE arrival > ? ORDER BY arrival LIMIT ?"
    )
    for rows in _in_batches(connection, query):
        for _, parcel_id, header_bytes, present, place, roots, body, *noted in rows:
            header, problems = _header(parcel_id, header_bytes)
            yield problems
            if header is not None and noted != list(derived(header).values()):
                yield [Problem("what is noted of it is not what its header says", parcel_id)]
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
    tree = BodyTree(header.body_size)
    total = block_count(header.body_size)
    for index, leaf, problems in _blocks(connection, parcel_id, header, place):
        yield problems
        if index != tree.leaves or index >= total:
            break
        tree.add(leaf)
    if tree.leaves != total:
        yield [Problem(f"block {tree.leaves} of {total} is missing", parcel_id)]
    elif not tree.is_of(header):
        yield [Problem("the leaves do not match the root", parcel_id)]
    elif tree.page_roots != (roots or b""):
        yield [Problem("the page roots do not match the leaves", parcel_id)]


def _blocks(
    connection: sqlite3.Connection, parcel_id: bytes, header: Header, place: int
) -> Iterator[tuple[int, bytes, list[Problem]]]:
    """(index, leaf, what is wrong with this block), ascending."""
    for index, leaf, data in blocks_at(connection, place):
        right = is_block(header, index, leaf, data)
        wrong = [] if right else [Problem(f"block {index} does not match its leaf", parcel_id)]
        yield index, leaf, wrong


def _partials(connection: sqlite3.Connection) -> Iterator[list[Problem]]:
    query = "SELECT place FROM partial WHERE place > ? ORDER BY place LIMIT ?"
    for rows in _in_batches(connection, query):
        for (place,) in rows:
            with _snapshot(connection):
                row = connection.execute(
                    f"SELECT {PARTIAL_COLUMNS} FROM partial WHERE place = ?", (place,)
                ).fetchone()
                if row is not None:
                    yield from partial_problems(connection, row)


def partial_problems(connection: sqlite3.Connection, row: Row) -> Iterator[list[Problem]]:
    """What is wrong with a body that is not complete, and all that belongs to it. row: of
    PARTIAL_COLUMNS."""
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
