"""What the SQLite store answers, each function in one snapshot of its own. Changes nothing."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import FrameType, Opened, Purge
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import block_count, page_count, root_of
from qanat_protocol.parcel import Kind, Rank
from qanat_relay.store import halves
from qanat_relay.store.interface import Entry, Holding, Known, NotHeld, State, Stats
from qanat_relay.store.offers import arrivals_of
from qanat_relay.store.rows import (
    ENTRY_COLUMNS,
    ParcelRow,
    PartialRow,
    Row,
    RowState,
    block_numbers,
    entry_of,
    find_parcel,
    find_partial,
    held_indices,
    tombstone_of,
)
from qanat_relay.store.tally import load

_STATES = {
    RowState.HELD: State.HELD,
    RowState.PURGED: State.PURGED,
    RowState.EVICTED: State.EVICTED,
}
_AT_ONCE = 64
_ENTRIES = f"SELECT {ENTRY_COLUMNS} FROM parcel WHERE arrival IN ({', '.join('?' * _AT_ONCE)})"

Recent: TypeAlias = Mapping[bytes, int]
"""Parcels that the table `offer` lacks, as they were before the snapshot began."""

_KNOWN = (
    *(f"state = {RowState.HELD:d} AND rank = {rank:d}" for rank in Rank),
    f"state != {RowState.HELD:d}",
)
"""What each index of `list_known` gives in the order of arrival."""

_TOMBSTONE_COLUMNS = "frame, parcel_id, value, signing_key, signature"


def look_up(
    connection: sqlite3.Connection, recent: Recent, offers: Sequence[bytes]
) -> list[Holding | None]:
    """As `Store.look_up`."""
    return [_holding(connection, recent, offer) for offer in offers]


def list_tags(
    connection: sqlite3.Connection, tags: Sequence[bytes], rank: Rank, after: int, limit: int
) -> list[Entry]:
    """As `Store.list_tags`."""
    # Each tag by its index, merged: one query over all of them would sort all that is waiting.
    per_tag = [
        _numbers(
            connection,
            f"SELECT arrival FROM parcel WHERE state = {RowState.HELD:d} AND tag = ? AND rank = ?"
            " AND arrival > ? ORDER BY arrival LIMIT ?",
            (tag, rank, after, limit),
        )
        for tag in set(tags)
    ]
    return _entries(connection, islice(heapq.merge(*per_tag), limit))


def list_all(
    connection: sqlite3.Connection, rank: Rank, above: int, below: int, limit: int
) -> list[Entry]:
    """As `Store.list_all`."""
    # Most of all are letters, for which no index is worth its bytes: they are read as they lie.
    index = "" if rank is Rank.LETTER else f" AND rank != {Rank.LETTER:d}"
    arrivals = _numbers(
        connection,
        f"SELECT arrival FROM parcel WHERE state = {RowState.HELD:d} AND rank = {rank:d}{index}"
        " AND arrival > ? AND arrival < ? ORDER BY arrival DESC LIMIT ?",
        (above, below, limit),
    )
    return _entries(connection, arrivals)


def list_known(connection: sqlite3.Connection, tag: bytes, after: int, limit: int) -> list[Known]:
    """As `Store.list_known`."""
    per_index = [
        connection.execute(
            f"SELECT arrival, id, expiry FROM parcel WHERE tag = ? AND {condition}"
            f" AND kind IN ({Kind.LETTER:d}, {Kind.PART:d}) AND arrival > ?"
            " ORDER BY arrival LIMIT ?",
            (tag, after, limit),
        ).fetchall()
        for condition in _KNOWN
    ]
    return [Known(*row) for row in islice(heapq.merge(*per_index), limit)]


def list_tombstones(
    connection: sqlite3.Connection, tags: Sequence[bytes] | None, after: int, limit: int
) -> list[tuple[int, Opened | Purge]]:
    """As `Store.list_tombstones`."""
    query = f"SELECT arrival, {_TOMBSTONE_COLUMNS} FROM tombstone WHERE"
    order = "arrival > ? ORDER BY arrival LIMIT ?"
    if tags is None:
        found: list[Row] = connection.execute(f"{query} {order}", (after, limit)).fetchall()
    else:
        per_tag = [
            connection.execute(f"{query} tag = ? AND {order}", (tag, after, limit)).fetchall()
            for tag in set(tags)
        ]
        found = list(islice(heapq.merge(*per_tag), limit))
    return [(arrival, tombstone_of(*rest)) for arrival, *rest in found]


def list_replies(
    connection: sqlite3.Connection, prefix: bytes, bits: int, limit: int
) -> list[Entry]:
    """As `Store.list_replies`."""
    low, high = _prefix_range(prefix, bits, 16)
    arrivals = _numbers(
        connection,
        f"SELECT arrival FROM parcel WHERE state = {RowState.HELD:d} AND kind = {Kind.REPLY:d}"
        " AND tag BETWEEN ? AND ? ORDER BY arrival DESC LIMIT ?",
        (low, high, limit),
    )
    return _entries(connection, arrivals)


def list_opened(
    connection: sqlite3.Connection, prefixes: Sequence[bytes], bits: int, limit: int
) -> list[Opened]:
    """As `Store.list_opened`."""
    ranges = {_prefix_range(prefix, bits, 32) for prefix in prefixes}
    per_range = [
        connection.execute(
            f"SELECT arrival, {_TOMBSTONE_COLUMNS} FROM tombstone"
            f" WHERE parcel_id BETWEEN ? AND ? AND frame = {FrameType.OPENED:d}"
            " ORDER BY arrival DESC LIMIT ?",
            (low, high, limit),
        ).fetchall()
        for low, high in ranges
    ]
    newest_first = heapq.merge(*per_range, key=lambda row: -row[0])
    found = [tombstone_of(*rest) for _, *rest in islice(newest_first, limit)]
    return [frame for frame in found if isinstance(frame, Opened)]


def list_public(
    connection: sqlite3.Connection, tag: bytes, class_: int, after_serial: int, up_to_serial: int
) -> list[Entry]:
    """As `Store.list_public`."""
    rows = connection.execute(
        f"SELECT {ENTRY_COLUMNS} FROM parcel WHERE state = {RowState.HELD:d} AND tag = ?"
        " AND class = ? AND serial > ? AND serial <= ? AND serial IS NOT NULL"
        " ORDER BY serial, arrival",
        (tag, class_, after_serial, up_to_serial),
    )
    return [entry_of(row) for row in rows]


def leaves(
    connection: sqlite3.Connection, recent: Recent, parcel_id: bytes, first: int, count: int
) -> list[bytes]:
    """As `Store.leaves`."""
    row = _body_of(connection, recent, parcel_id)
    if isinstance(row, PartialRow):
        return halves.leaves(connection, row, first, count)
    if row.place is None:
        return [row.header.root][first : first + count]
    found = connection.execute(
        "SELECT leaf FROM block WHERE number BETWEEN ? AND ? ORDER BY number",
        block_numbers(row.place, first, first + count - 1),
    )
    return [leaf for (leaf,) in found]


def page_roots(connection: sqlite3.Connection, recent: Recent, parcel_id: bytes) -> list[bytes]:
    """As `Store.page_roots`."""
    row = _body_of(connection, recent, parcel_id)
    if isinstance(row, PartialRow):
        return halves.page_roots(connection, row)
    size = row.header.body_size
    if page_count(size) == 1:
        return [
            root_of(leaves(connection, recent, parcel_id, 0, min(PAGE_LEAVES, block_count(size))))
        ]
    (packed,) = connection.execute(
        "SELECT page_roots FROM parcel WHERE arrival = ?", (row.arrival,)
    ).fetchone()
    return [packed[at : at + 32] for at in range(0, len(packed), 32)]


def blocks(
    connection: sqlite3.Connection, recent: Recent, parcel_id: bytes, indices: Sequence[int]
) -> list[bytes]:
    """As `Store.blocks`."""
    row = _body_of(connection, recent, parcel_id)
    total = block_count(row.header.body_size)
    if not all(0 <= index < total for index in indices):
        raise NotHeld(f"the body has {total} blocks")
    if row.place is None:
        (body,) = connection.execute(
            "SELECT body FROM parcel WHERE arrival = ?", (row.arrival,)
        ).fetchone()
        return [body for _ in indices]
    found = []
    for index in indices:
        number, _ = block_numbers(row.place, index, index)
        block = connection.execute("SELECT data FROM block WHERE number = ?", (number,)).fetchone()
        if block is None:
            raise NotHeld(f"block {index} is not there")
        found.append(block[0])
    return found


def bodies(
    connection: sqlite3.Connection, recent: Recent, parcel_ids: Sequence[bytes]
) -> list[bytes | None]:
    """As `Store.bodies`."""
    found: list[bytes | None] = []
    for parcel_id in parcel_ids:
        rows = (
            connection.execute("SELECT id, body FROM parcel WHERE arrival = ?", (arrival,))
            for arrival in arrivals_of(connection, recent, parcel_id[:16])
        )
        ours = (body for row in rows for held_id, body in row if held_id == parcel_id)
        found.append(next(ours, None))
    return found


def stats(connection: sqlite3.Connection, database: Path) -> Stats:
    """As `Store.stats`."""
    tally = load(connection)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (unused,) = connection.execute("PRAGMA freelist_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    (swept_day,) = connection.execute("SELECT swept_day FROM store").fetchone()
    files = (database, database.with_name(f"{database.name}-wal"))
    return Stats(
        letters=tally.letters,
        replies=tally.replies,
        parts=tally.parts,
        public=tally.public,
        partial=tally.partial,
        partial_bytes=tally.partial_bytes,
        purged=tally.purged,
        evicted=tally.evicted,
        opened=tally.opened,
        tombstones=tally.tombstones,
        used_bytes=(pages - unused) * page_bytes,
        file_bytes=sum(file.stat().st_size for file in files if file.exists()),
        swept_day=swept_day,
    )


def _holding(connection: sqlite3.Connection, recent: Recent, offer: bytes) -> Holding | None:
    partial = find_partial(connection, offer)
    if partial is not None:
        held = partial.provable
        if held.count() != partial.held:
            held = Bitmap.from_indices(held_indices(connection, partial.place))
        opened = partial.standing.opened
        return Holding(partial.parcel_id, partial.header, State.PARTIAL, held, opened=opened)
    row = find_parcel(connection, recent, offer)
    if row is None:
        return None
    state, day, opened = _STATES[row.state], row.taken_day, row.standing.opened
    return Holding(row.parcel_id, row.header, state, taken_day=day, opened=opened)


def _body_of(
    connection: sqlite3.Connection, recent: Recent, parcel_id: bytes
) -> ParcelRow | PartialRow:
    row = find_parcel(connection, recent, parcel_id)
    if row is not None and row.parcel_id == parcel_id and row.present:
        return row
    partial = find_partial(connection, parcel_id)
    if partial is None or partial.parcel_id != parcel_id:
        raise NotHeld("the store does not hold this body")
    return partial


def _numbers(connection: sqlite3.Connection, query: str, values: tuple[object, ...]) -> list[int]:
    return [number for (number,) in connection.execute(query, values)]


def _entries(connection: sqlite3.Connection, arrivals: Iterable[int]) -> list[Entry]:
    found: list[Entry] = []
    asked = list(arrivals)
    for at in range(0, len(asked), _AT_ONCE):
        some = asked[at : at + _AT_ONCE]
        rows = connection.execute(_ENTRIES, [*some, *[None] * (_AT_ONCE - len(some))])
        by_arrival = {row[0]: row for row in rows}
        found += [entry_of(by_arrival[arrival]) for arrival in some]
    return found


def _prefix_range(prefix: bytes, bits: int, length: int) -> tuple[bytes, bytes]:
    """The lowest and highest value of `length` bytes that begins with the first bits of prefix."""
    free = (1 << (32 - bits)) - 1
    low = int.from_bytes(prefix, "big") & ~free
    return low.to_bytes(4, "big").ljust(length, b"\x00"), (low | free).to_bytes(4, "big").ljust(
        length, b"\xff"
    )
