"""A relay's disk as one reads it who has seized it: every page and every cell of the database, what
stands in freed pages, and every frame of the log. Knows SQLite's format and nothing of the store.

Names of sections are those of SQLite's "Database File Format".
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

Value = int | bytes | None

_INTERIOR_INDEX, _INTERIOR_TABLE, _LEAF_INDEX, _LEAF_TABLE = 2, 5, 10, 13
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a b-tree: where it lies, and what of its record lies in the cell itself.

    overflow: the first page of the rest, 0 for none; cut: whether the last value goes on there.
    """

    tree: str
    page: int
    offset: int
    rowid: int | None
    values: tuple[Value, ...]
    overflow: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One page as it was written to the log: the how manieth commit of the log wrote it."""

    page: int
    commit: int
    data: bytes


@dataclass(slots=True)
class Disk:
    """All of a database file and its log. pages: as they are now, from number 1."""

    pages: list[bytes]
    frames: list[Frame]
    cells: list[Cell] = field(default_factory=list)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By tree: the names of the values; of an index, of its columns."""
    tables: dict[str, str] = field(default_factory=dict)
    """By tree: the table that it is, or is an index of."""
    freed: dict[int, bytes] = field(default_factory=dict)
    """By number: the pages that hold nothing any more (the freelist's leaves)."""


def read_disk(database: Path) -> Disk:
    """Read a database and the log beside it, as they were found."""
    data = database.read_bytes()
    size = struct.unpack(">H", data[16:18])[0] or 65_536
    pages = [data[at : at + size] for at in range(0, len(data), size)]
    log = database.with_name(f"{database.name}-wal")
    frames, current = _read_log(log.read_bytes() if log.exists() else b"", size)
    for number, page in current.items():
        pages += [bytes(size)] * (number - len(pages))
        pages[number - 1] = page
    disk = Disk(pages, frames)
    with closing(sqlite3.connect(":memory:")) as memory:
        for cell in list(_cells(pages, "sqlite_schema", 1)):
            _, name, table, root, sql = cell.values
            if isinstance(name, bytes) and isinstance(table, bytes) and isinstance(root, int):
                if isinstance(sql, bytes):
                    memory.execute(sql.decode())
                _name_columns(disk, memory, name.decode(), table.decode())
                disk.cells += _cells(pages, name.decode(), root)
    disk.freed = dict(_freed(pages))
    return disk


def _freed(pages: list[bytes]) -> Iterator[tuple[int, bytes]]:
    (trunk,) = struct.unpack(">I", pages[0][32:36])
    while trunk:
        page = pages[trunk - 1]
        following, count = struct.unpack(">II", page[:8])
        for number in struct.unpack(f">{count}I", page[8 : 8 + 4 * count]):
            yield number, pages[number - 1]
        trunk = following


def _name_columns(disk: Disk, memory: sqlite3.Connection, name: str, table: str) -> None:
    """As SQLite itself names them, which was given the schema alone."""
    pragma = "table_info" if name == table else "index_xinfo"
    rows = memory.execute(f"PRAGMA {pragma}({name})").fetchall()
    disk.tables[name] = table
    disk.columns[name] = tuple(
        str(row[1] if name == table else row[2] or f"at {row[0]}") for row in rows
    )


def _read_log(data: bytes, size: int) -> tuple[list[Frame], dict[int, bytes]]:
    """Every frame, also those of an earlier round behind the newest; and the newest pages that are
    committed."""
    if len(data) < 32:
        return [], {}
    salt = data[16:24]
    frames: list[Frame] = []
    current: dict[int, bytes] = {}
    waiting: dict[int, bytes] = {}
    commit, live = 0, True
    for at in range(32, len(data) - size - 23, 24 + size):
        number, after = struct.unpack(">II", data[at : at + 8])
        page = data[at + 24 : at + 24 + size]
        live = live and data[at + 8 : at + 16] == salt
        frames.append(Frame(number, commit, page))
        if live:
            waiting[number] = page
        if after:
            commit += 1
            current.update(waiting)
            waiting = {}
    return frames, current


def _cells(pages: list[bytes], tree: str, root: int) -> Iterator[Cell]:
    waiting = [root]
    while waiting:
        number = waiting.pop()
        page = pages[number - 1]
        start = 100 if number == 1 else 0
        kind = page[start]
        (count,) = struct.unpack(">H", page[start + 3 : start + 5])
        interior = kind in (_INTERIOR_INDEX, _INTERIOR_TABLE)
        first = start + (12 if interior else 8)
        if interior:
            waiting.append(struct.unpack(">I", page[start + 8 : start + 12])[0])
        for place in range(count):
            (offset,) = struct.unpack(">H", page[first + 2 * place : first + 2 * place + 2])
            at = offset
            if interior:
                waiting.append(struct.unpack(">I", page[at : at + 4])[0])
                at += 4
            if kind != _INTERIOR_TABLE:
                yield _cell(page, tree, number, at, kind)


def _cell(page: bytes, tree: str, number: int, at: int, kind: int) -> Cell:
    offset = at
    length, at = _varint(page, at)
    rowid = None
    if kind == _LEAF_TABLE:
        rowid, at = _varint(page, at)
    usable = len(page)
    most = usable - 35 if kind == _LEAF_TABLE else (usable - 12) * 64 // 255 - 23
    local, overflow = length, 0
    if length > most:
        least = (usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (usable - 4)
        local = local if local <= most else least
        (overflow,) = struct.unpack(">I", page[at + local : at + local + 4])
    return Cell(tree, number, offset, rowid, _values(page[at : at + local]), overflow)


def _values(record: bytes) -> tuple[Value, ...]:
    """The values of a record, as far as they lie in it; of texts the bytes."""
    length, at = _varint(record, 0)
    types = []
    while at < length:
        kind, at = _varint(record, at)
        types.append(kind)
    values: list[Value] = []
    for kind in types:
        size = _INT_BYTES.get(kind, 0) if kind < 12 else (kind - 12) // 2
        piece = record[at : at + size]
        at += size
        if kind >= 12:
            values.append(piece)
        elif kind in _INT_BYTES:
            values.append(int.from_bytes(piece, "big", signed=True))
        else:
            values.append({8: 0, 9: 1}.get(kind))
    return tuple(values)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(9):
        byte = data[at + place]
        if place == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    raise AssertionError("nine bytes were read")
