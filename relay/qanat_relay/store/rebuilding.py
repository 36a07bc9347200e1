"""Makes a whole store of what can be read of a damaged one, which is kept beside it.

Works on a store that nobody serves.
"""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from qanat_relay.store import copies
from qanat_relay.store.errors import StoreTooNew
from qanat_relay.store.failures import naming
from qanat_relay.store.files import (
    DATABASE,
    PAGE_BYTES,
    connect,
    shipped_migrations,
    take_steps,
)
from qanat_relay.store.healing import (
    TOMBSTONE_FIELDS,
    Healed,
    columns_of,
    heal_in_place,
    settle,
    settle_offers,
    true_partial,
    true_tombstone,
)
from qanat_relay.store.lists import list_numbers
from qanat_relay.store.rows import PARTIAL_COLUMNS, PLACE_BLOCKS
from qanat_relay.store.salvage import blocks_at, derived, readable_rows, true_parcel

_HEAD_BYTES = 100
"""Of the database's header (SQLite's file format, section 1.3)."""

_OF_THE_MOMENT = tuple(
    f"SQLITE_{name}"
    for name in ("FULL", "BUSY", "LOCKED", "CANTOPEN", "PERM", "READONLY", "AUTH", "NOMEM")
)
_PARTIAL_FIELDS = tuple(PARTIAL_COLUMNS.split(", "))
_CACHE_KIB = 65_536

Told = Callable[[int], None]
"""Told of every row that is done."""


def heal(folder: Path, told: Told) -> Healed:
    """Heal the store in a folder: in place where it can be read everywhere, else by a new one.

    Nobody may serve it: the caller holds its lock. Raises StoreError, after which all is as it was.
    """
    path = folder / DATABASE
    copies.put_in_place(path)
    with naming():
        try:
            with closing(connect(path, busy_timeout_s=1.0)) as connection:
                if _is_readable(connection):
                    return heal_in_place(connection)
        except sqlite3.DatabaseError as error:
            if _is_of_the_moment(error):
                raise
        return _rebuild(path, told)


def _is_of_the_moment(error: sqlite3.Error) -> bool:
    """Whether it says nothing of the database: a full disk, a lock, rights that lack."""
    name = getattr(error, "sqlite_errorname", None) or ""
    return name.startswith(_OF_THE_MOMENT)


def _is_readable(connection: sqlite3.Connection) -> bool:
    """Whether every page is what it should be, once indexes are made anew where one is not."""
    steps = len(shipped_migrations())
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == copies.STORE_ID and version > steps:
        raise StoreTooNew(f"the store is of version {version}; this qanat-relay knows {steps}")
    if (application, version) != (copies.STORE_ID, steps):
        return False
    if _is_whole(connection):
        return True
    connection.execute("REINDEX")
    return _is_whole(connection)


def _is_whole(connection: sqlite3.Connection) -> bool:
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return bool(found == ("ok",))


def _rebuild(path: Path, told: Told) -> Healed:
    """Read what can be read into a new database, which takes the place of this one."""
    with copies.unfinished(path.with_name(path.name + copies.REBUILT)) as unfinished:
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as new:
            new.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            # It is nothing until it is whole: then all of it is put on the disk together.
            new.execute("PRAGMA journal_mode = OFF")
            new.execute("PRAGMA synchronous = OFF")
            new.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            take_steps(new, shipped_migrations())
            _mend_head(path, unfinished)
            healed = Healed(rebuilt=True)
            try:
                with closing(connect(path, busy_timeout_s=1.0, read_only=True)) as old:
                    _Rebuilding(old, new, healed, told).run()
            except sqlite3.DatabaseError as error:
                if _is_of_the_moment(error):
                    raise
                healed.anew = True
            if not new.in_transaction:
                new.execute("BEGIN")
            settle(new)
            new.execute("COMMIT")
        copies.sync_file(unfinished)
        copies.put_at(unfinished, path.with_name(path.name + copies.REBUILT))
    copies.put_in_place(path)
    return healed


def _mend_head(path: Path, fresh: Path) -> None:
    """Where the database's header makes no sense any more, give it that of a fresh one: all that
    it says of this one is how long it is."""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        return
    head = bytearray(fresh.read_bytes()[:_HEAD_BYTES])
    size_bytes = path.stat().st_size
    # Written through the log; as long as it is; no unused pages; the change counter twice.
    head[18:20] = b"\x02\x02"
    head[28:32] = (size_bytes // PAGE_BYTES).to_bytes(4, "big")
    head[32:40] = bytes(8)
    head[92:96] = head[24:28]
    with path.open("r+b") as file:
        file.write(head)
        file.flush()
        os.fsync(file.fileno())


class _Rebuilding:
    """One run: table by table, in the order in which they need each other."""

    def __init__(
        self, old: sqlite3.Connection, new: sqlite3.Connection, healed: Healed, told: Told
    ) -> None:
        self._old = old
        self._new = new
        self._healed = healed
        self._told = told
        self._done = 0

    def run(self) -> None:
        """Raises sqlite3.DatabaseError where not even the schema can be read."""
        expected = self._expected()
        self._new.execute("BEGIN")
        self._days()
        parcels = self._parcels()
        halves = self._partials()
        settle_offers(self._new)
        tombstones = self._tombstones()
        self._healed.parcels += max(0, expected[0] - parcels)
        self._healed.halves += max(0, expected[1] - halves)
        self._healed.tombstones += max(0, expected[2] - tombstones)

    def _expected(self) -> tuple[int, int, int]:
        """How many parcels, halves and tombstones there should be, as far as that can be read."""
        if not columns_of(self._old, "parcel"):
            raise sqlite3.DatabaseError("there are no parcels in this database")
        with suppress(sqlite3.DatabaseError, TypeError):
            numbers = self._old.execute(
                "SELECT letters + replies + parts + public + purged + evicted, partial, tombstones,"
                " last_arrival FROM tally"
            ).fetchone()
            if numbers is not None and all(0 <= each < 2**42 for each in numbers):
                self._new.execute("UPDATE tally SET last_arrival = ?", (numbers[3],))
                return numbers[0], numbers[1], numbers[2]
        return 0, 0, 0

    def _days(self) -> None:
        """What was believed of the clock, and how far rows were mixed."""
        with suppress(sqlite3.DatabaseError):
            found = self._old.execute("SELECT swept_day, noted_day, agreed_days FROM store")
            days = found.fetchone()
            if days is not None and all(each is None or type(each) is int for each in days):
                self._new.execute(
                    "UPDATE store SET swept_day = ?, noted_day = ?, agreed_days = ?",
                    (*days[:2], days[2] or 0),
                )
        with suppress(sqlite3.DatabaseError):
            mixed = self._old.execute("SELECT last, era, whole FROM mixed").fetchall()
            if all(type(each) is int for row in mixed for each in row):
                self._new.executemany("INSERT INTO mixed VALUES (?, ?, ?)", mixed)

    def _parcels(self) -> int:
        columns = self._shared("parcel")
        insert = _insert("parcel", columns)
        kept = 0
        for row in readable_rows(self._old, "parcel", "arrival", columns):
            self._tell()
            true = true_parcel(self._old, dict(zip(columns, row, strict=True)))
            if true is None:
                continue
            if true["place"] is not None:
                self._copy_blocks(true["place"])
            with suppress(sqlite3.IntegrityError):  # a place that another row has
                self._new.execute(insert, tuple(true.values()))
                kept += 1
        return kept

    def _partials(self) -> int:
        columns = self._shared("partial")
        if not set(_PARTIAL_FIELDS) <= set(columns):
            return 0  # an older schema: what is in part comes again
        insert, kept = _insert("partial", columns), 0
        for row in readable_rows(self._old, "partial", "place", columns):
            self._tell()
            values = dict(zip(columns, row, strict=True))
            header = true_partial(self._old, tuple(values[name] for name in _PARTIAL_FIELDS))
            if header is None:
                continue
            values |= {"rank": derived(header)["rank"], "expiry": header.expiry_day, "opened": 0}
            with suppress(sqlite3.IntegrityError):
                self._new.execute(insert, tuple(values.values()))
                self._copy_blocks(row[0])
                lists = self._old.execute(
                    "SELECT number, hashes FROM leaf_list WHERE number BETWEEN ? AND ?",
                    list_numbers(row[0]),
                )
                self._new.executemany("INSERT INTO leaf_list VALUES (?, ?)", lists.fetchall())
                kept += 1
        return kept

    def _tombstones(self) -> int:
        columns = self._shared("tombstone")
        insert, kept = _insert("tombstone", columns), 0
        for row in readable_rows(self._old, "tombstone", "arrival", columns):
            self._tell()
            values = dict(zip(columns, row, strict=True))
            header = true_tombstone(self._new, [values[name] for name in TOMBSTONE_FIELDS])
            if header is not None:
                values |= {"tag": header.tag, "expiry": header.expiry_day}
                self._new.execute(insert, tuple(values.values()))
                kept += 1
        return kept

    def _copy_blocks(self, place: int) -> None:
        for index, leaf, data in blocks_at(self._old, place):
            self._tell()
            self._new.execute(
                "INSERT INTO block VALUES (?, ?, ?)", (place * PLACE_BLOCKS + index, leaf, data)
            )

    def _shared(self, table: str) -> list[str]:
        """Columns that both have; an older one lacks some, which have their defaults then."""
        there = columns_of(self._new, table)
        return [name for name in columns_of(self._old, table) if name in there]

    def _tell(self) -> None:
        self._done += 1
        self._told(self._done)


def _insert(table: str, columns: list[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
