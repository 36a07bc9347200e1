"""What can still be read of a damaged store, row by row, and whether a row says what is true.
Changes nothing."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from qanat_protocol.errors import QanatError
from qanat_protocol.limits import BLOCK_BYTES, MAX_INT, PAGE_LEAVES
from qanat_protocol.merkle import TreeBuilder, block_count, block_length, leaf_hash, page_count
from qanat_protocol.parcel import Header, parse_header, rank_of
from qanat_relay.store.rows import Row, RowState, block_numbers

BATCH = 64
"""Rows in memory at once: a megabyte of blocks."""

_BODY = ("place", "page_roots", "body")


def readable_rows(
    connection: sqlite3.Connection, table: str, key: str, columns: Sequence[str]
) -> Iterator[Row]:
    """Every row that can be read, by ascending key, which is the first of the columns. Over what
    cannot be read it looks for the next key that can."""
    query = f"SELECT {', '.join(columns)} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?"
    after: int | None = -1
    while after is not None:
        try:
            rows = _ascending(connection.execute(query, (after, BATCH)).fetchall(), after)
        except sqlite3.DatabaseError:
            yield from (one := list(_up_to_the_gap(connection, query, after)))
            after = _behind_gap(connection, query, one[-1][0] if one else after)
            continue
        yield from rows
        after = rows[-1][0] if rows else None


def _ascending(rows: list[Row], after: int) -> list[Row]:
    for row in rows:
        if type(row[0]) is not int or row[0] <= after:
            raise sqlite3.DatabaseError("the keys of a table are in disorder")
        after = row[0]
    return rows


def _up_to_the_gap(connection: sqlite3.Connection, query: str, after: int) -> Iterator[Row]:
    """The rows before the first that cannot be read."""
    with suppress(sqlite3.DatabaseError):
        while rows := _ascending(connection.execute(query, (after, 1)).fetchall(), after):
            after = rows[0][0]
            yield rows[0]


def _behind_gap(connection: sqlite3.Connection, query: str, failing: int) -> int | None:
    """A key behind which can be read again, near the end of what can't; None for the end. The
    least such key, where it is one gap."""
    step = 1
    while not _can_read(connection, query, failing + step):
        step *= 2
        if failing + step > MAX_INT:
            return None
    low, high = failing, failing + step
    while high - low > 1:
        middle = (low + high) // 2
        if _can_read(connection, query, middle):
            high = middle
        else:
            low = middle
    return high


def _can_read(connection: sqlite3.Connection, query: str, after: int) -> bool:
    try:
        _ascending(connection.execute(query, (after, 1)).fetchall(), after)
    except sqlite3.DatabaseError:
        return False
    return True


def true_parcel(connection: sqlite3.Connection, values: dict[str, Any]) -> dict[str, Any] | None:
    """The row of a parcel as it must be: what follows from its header set right, a purged body that
    is damaged let go; None if there is no saying what it was.

    values: by the names of the columns. The blocks of a longer body are read from the database.
    """
    header = header_of(values["id"], values["header"])
    if header is None or values["state"] not in list(RowState):
        return None
    numbers = [values[name] for name in ("taken_day", "opened", "effort")]
    if not all(type(each) is int and each >= 0 for each in numbers):
        return None
    state = RowState(values["state"])
    found = values | derived(header)
    if state is RowState.PURGED and type(values["purged_day"]) is not int:
        found["purged_day"] = values["taken_day"]
    body = _true_body(connection, header, values)
    if body is not None:
        # What is whole is held, unless the desk has purged it.
        return found | body | ({} if state is RowState.PURGED else {"state": int(RowState.HELD)})
    return None if state is RowState.HELD else found | dict.fromkeys(_BODY) | {"present": 0}


def _true_body(
    connection: sqlite3.Connection, header: Header, values: dict[str, Any]
) -> dict[str, Any] | None:
    if is_body(header, values["body"]):
        return {"present": 1, "place": None, "page_roots": None}
    if type(values["place"]) is not int:
        return None
    roots = page_roots_of(connection, header, values["place"])
    return None if roots is None else {"present": 1, "page_roots": roots or None, "body": None}


def derived(header: Header) -> dict[str, Any]:
    """What a row says beside the header, and has from it."""
    return {
        "tag": header.tag,
        "rank": int(rank_of(header)),
        "kind": int(header.kind),
        "expiry": header.expiry_day,
    }


def header_of(parcel_id: object, data: object) -> Header | None:
    """The header, if these bytes are one and of this parcel."""
    if not isinstance(data, bytes):
        return None
    try:
        header = parse_header(data)
    except QanatError:
        return None
    return header if header.parcel_id == parcel_id else None


def is_body(header: Header, body: object) -> bool:
    """Whether it is the body of one block that the header's root is of."""
    if not isinstance(body, bytes) or header.body_size > BLOCK_BYTES:
        return False
    return len(body) == header.body_size and leaf_hash(body) == header.root


def is_block(header: Header, index: int, leaf: bytes, data: bytes) -> bool:
    """Whether the body can have such a block, and the leaf is that of the data."""
    if index >= block_count(header.body_size):
        return False
    return len(data) == block_length(header.body_size, index) and leaf_hash(data) == leaf


def page_roots_of(connection: sqlite3.Connection, header: Header, place: int) -> bytes | None:
    """The page roots of a body whose blocks are all there and match the root, empty for one page;
    None if they are not, or cannot be read."""
    tree = BodyTree(header.body_size)
    try:
        for index, leaf, data in blocks_at(connection, place):
            if index != tree.leaves or not is_block(header, index, leaf, data):
                return None
            tree.add(leaf)
    except (sqlite3.DatabaseError, TypeError):
        return None
    return tree.page_roots if tree.is_of(header) else None


class BodyTree:
    """The root of a body and those of its pages, leaf by leaf. leaves: how many came so far;
    page_roots: packed, empty for one page."""

    def __init__(self, body_size: int) -> None:
        self.leaves = 0
        self.page_roots = b""
        self._total = block_count(body_size)
        self._is_paged = page_count(body_size) > 1
        self._tree, self._page = TreeBuilder(), TreeBuilder()

    def add(self, leaf: bytes) -> None:
        """The next leaf."""
        self.leaves += 1
        self._tree.add_leaf(leaf)
        self._page.add_leaf(leaf)
        if self._is_paged and (self.leaves % PAGE_LEAVES == 0 or self.leaves == self._total):
            self.page_roots += self._page.root()
            self._page = TreeBuilder()

    def is_of(self, header: Header) -> bool:
        """Whether all leaves came, and they are those of the header's root."""
        return self.leaves == self._total and self._tree.root() == header.root


def blocks_at(connection: sqlite3.Connection, place: int) -> Iterator[tuple[int, bytes, bytes]]:
    """(index, leaf, data) of every block of a place, ascending."""
    low, last = block_numbers(place)
    number = low - 1
    while rows := connection.execute(
        "SELECT number, leaf, data FROM block WHERE number > ? AND number <= ?"
        " ORDER BY number LIMIT ?",
        (number, last, BATCH),
    ).fetchall():
        for number, leaf, data in rows:
            yield number - low, leaf, data
