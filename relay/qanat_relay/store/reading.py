"""What the SQLite store answers, each function in one snapshot of its own. Changes nothing."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import QanatError
from qanat_protocol.frames import FrameType, Opened, Purge
from qanat_protocol.limits import HASH_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import block_count, leaf_hash, page_count, root_of
from qanat_protocol.parcel import Kind, Rank
from qanat_relay.store import halves
from qanat_relay.store.errors import Damaged, NotHeld
from qanat_relay.store.files import size_of_log
from qanat_relay.store.interface import Entry, Holding, Known, State, Stats
from qanat_relay.store.lists import hashes_of
from qanat_relay.store.offers import arrivals_of
from qanat_relay.store.room import most_on_disk
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
from qanat_relay.store.salvage import is_body
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

_BODY = "SELECT header, body FROM parcel WHERE arrival = ? AND id = ?"
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
    connection: sqlite3.Connection, prefixes: Sequence[bytes], bits: int, limit: int, since: int
) -> list[Opened]:
    """As `Store.list_opened`."""
    ranges = {_prefix_range(prefix, bits, 32) for prefix in prefixes}
    per_range = [
        connection.execute(
            f"SELECT arrival, {_TOMBSTONE_COLUMNS} FROM tombstone"
            f" WHERE parcel_id BETWEEN ? AND ? AND frame = {FrameType.OPENED:d}"
            " AND (came_day IS NULL OR came_day >= ?) ORDER BY arrival DESC LIMIT ?",
            (low, high, since, limit),
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
    roots = _roots(connection, row)
    found: list[bytes] = []
    start = first // PAGE_LEAVES * PAGE_LEAVES
    for at in range(start, first + count, PAGE_LEAVES):
        page = _page(connection, row.place, at)
        if not page:
            break
        number = at // PAGE_LEAVES
        if roots is not None and (number >= len(roots) or root_of(page) != roots[number]):
            raise Damaged("a leaf is not what it was")
        found += page
    if roots is None and root_of(_page(connection, row.place, 0)) != row.header.root:
        raise Damaged("a leaf is not what it was")
    return found[first - start :][:count]


def _page(connection: sqlite3.Connection, place: int, first: int) -> list[bytes]:
    found = connection.execute(
        "SELECT leaf FROM block WHERE number BETWEEN ? AND ? ORDER BY number",
        block_numbers(place, first, first + PAGE_LEAVES - 1),
    )
    return [leaf for (leaf,) in found]


def _roots(connection: sqlite3.Connection, row: ParcelRow) -> list[bytes] | None:
    """The page roots of a complete body, None for one page: its root is that of the body."""
    if page_count(row.header.body_size) == 1:
        return None
    (packed,) = connection.execute(
        "SELECT page_roots FROM parcel WHERE arrival = ?", (row.arrival,)
    ).fetchone()
    roots = hashes_of(packed or b"")
    if not roots or root_of(roots) != row.header.root:
        raise Damaged("the page roots are not what they were")
    return roots


def page_roots(connection: sqlite3.Connection, recent: Recent, parcel_id: bytes) -> list[bytes]:
    """As `Store.page_roots`."""
    row = _body_of(connection, recent, parcel_id)
    if isinstance(row, PartialRow):
        return halves.page_roots(connection, row)
    roots = _roots(connection, row)
    return [row.header.root] if roots is None else roots


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
        if not is_body(row.header, body):
            raise Damaged("the body does not match its root")
        return [body for _ in indices]
    found = []
    for index in indices:
        number, _ = block_numbers(row.place, index, index)
        query = "SELECT leaf, data FROM block WHERE number = ?"
        block = connection.execute(query, (number,)).fetchone()
        if block is None:
            kind = NotHeld if isinstance(row, PartialRow) else Damaged
            raise kind(f"block {index} is not there")
        if leaf_hash(block[1]) != block[0]:
            raise Damaged(f"block {index} is not what it was")
        found.append(block[1])
    return found


def bodies(
    connection: sqlite3.Connection,
    recent: Recent,
    parcel_ids: Sequence[bytes],
    damaged: set[bytes],
) -> list[bytes | None]:
    """As `Store.bodies`; adds to `damaged` what does not match its root."""
    found: list[bytes | None] = []
    for parcel_id in parcel_ids:
        header, body = b"", None
        for arrival in arrivals_of(connection, recent, parcel_id[:16]):
            # What cannot be read is not there: the rest is given all the same.
            with suppress(sqlite3.DatabaseError):
                row = connection.execute(_BODY, (arrival, parcel_id)).fetchone()
                header, body = row or (b"", None)
            if body is not None:
                break
        if body is not None and leaf_hash(body) != header[-HASH_BYTES:]:
            damaged.add(parcel_id)
            body = None
        found.append(body)
    return found


def stats(connection: sqlite3.Connection, database: Path) -> Stats:
    """As `Store.stats`."""
    tally = load(connection)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (unused,) = connection.execute("PRAGMA freelist_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    (swept_day,) = connection.execute("SELECT swept_day FROM store").fetchone()
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
        letter_bytes=tally.letter_bytes,
        reply_bytes=tally.reply_bytes,
        part_bytes=tally.part_bytes,
        public_bytes=tally.public_bytes,
        kept_bytes=tally.kept_bytes,
        yielding_bytes=tally.yielding_bytes,
        used_bytes=(pages - unused) * page_bytes,
        file_bytes=database.stat().st_size + size_of_log(database),
        most_bytes=most_on_disk(database),
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
        by_arrival = {row[0]: row for row in _rows(connection, some)}
        for arrival in some:
            # What is damaged is not there: the rest is given all the same.
            with suppress(KeyError, QanatError):
                found.append(entry_of(by_arrival[arrival]))
    return found


def _rows(connection: sqlite3.Connection, arrivals: Sequence[int]) -> list[Row]:
    nothing = [None] * _AT_ONCE
    try:
        return connection.execute(_ENTRIES, [*arrivals, *nothing[len(arrivals) :]]).fetchall()
    except sqlite3.DatabaseError:
        found: list[Row] = []
        for arrival in arrivals:
            with suppress(sqlite3.DatabaseError):
                found += connection.execute(_ENTRIES, [arrival, *nothing[1:]]).fetchall()
        return found


def _prefix_range(prefix: bytes, bits: int, length: int) -> tuple[bytes, bytes]:
    """The lowest and highest value of `length` bytes that begins with the first bits of prefix."""
    free = (1 << (32 - bits)) - 1
    low = int.from_bytes(prefix, "big") & ~free
    return low.to_bytes(4, "big").ljust(length, b"\x00"), (low | free).to_bytes(4, "big").ljust(
        length, b"\xff"
    )
