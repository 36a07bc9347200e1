"""Lays very many letters straight into the tables of a relay's store, as they lie there after
weeks: mixed, counted and found by their ids. The relay's own check finds nothing wrong with it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from secrets import token_bytes

from benchmarks.desk import today
from qanat_protocol.kinds import Kind, Rank
from qanat_protocol.merkle import leaf_hash
from qanat_protocol.parcel import Header, parcel_id_of
from qanat_relay.store import mixing, tally
from qanat_relay.store.files import connect
from qanat_relay.store.offers import Recent

__all__ = ["Letter", "lay", "letters"]

_TOGETHER = 4 * mixing.RANGE_MAX
"""Letters in a transaction: some ranges of those that are mixed together."""

_INDEXED_TOGETHER = 32 * _TOGETHER
"""Letters that go into the index of ids at once. The store takes fewer, and needs longer."""

_CACHE_KIB = 512 * 1024
_POOL_BYTES = 4 * 2**20
_NOISE_BYTES = 16
"""Of a body that are its own."""

_FRESH_BYTES = _NOISE_BYTES + 32
"""The same with its lock."""

_INSERT = (
    "INSERT INTO parcel (arrival, id, header, tag, rank, kind, expiry, taken_day, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a row is made of; header: its 96 bytes."""

    header: bytes
    tag: bytes
    expiry_day: int
    body: bytes


def letters(tags: Sequence[bytes], size_bytes: int, days: Callable[[int], int]) -> Iterator[Letter]:
    """Letters without end, under tags drawn by chance. days: until the first, second, ... expires.

    Their bodies differ in their first bytes and are cut out of the same noise: fresh noise for each
    takes longer than all the rest.
    """
    pool, source, day = token_bytes(_POOL_BYTES), random.Random(1), today()
    last, length = _POOL_BYTES - size_bytes, size_bytes - _NOISE_BYTES
    fronts: dict[int, bytes] = {}
    for start in count(0, _TOGETHER):
        places = source.choices(range(last), k=_TOGETHER)
        fresh = token_bytes(_TOGETHER * _FRESH_BYTES)
        for number, tag in enumerate(source.choices(tags, k=_TOGETHER)):
            expiry_day = day + days(start + number)
            if (front := fronts.get(expiry_day)) is None:
                some = Header(Kind.LETTER, False, expiry_day, size_bytes, tag, bytes(32), bytes(32))
                front = fronts[expiry_day] = some.encode()[: -(len(tag) + 64)]
            at = number * _FRESH_BYTES
            body = fresh[at : at + _NOISE_BYTES] + pool[places[number] : places[number] + length]
            lock = fresh[at + _NOISE_BYTES : at + _FRESH_BYTES]
            yield Letter(b"".join((front, tag, lock, leaf_hash(body))), tag, expiry_day, body)


def lay(database: Path, made: Iterator[Letter], letters: int, note: Callable[[int], None]) -> None:
    """Put so many letters behind those that a store has, which nobody has open. What is cut short
    within a transaction leaves a database that is good for nothing."""
    with closing(connect(database, busy_timeout_s=0)) as connection:
        # Nothing is undone here, and it is synced by whoever needs that, at the end.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        index, unindexed = Recent(connection), 0
        for start in range(0, letters, _TOGETHER):
            some = list(islice(made, min(_TOGETHER, letters - start)))
            connection.execute("BEGIN IMMEDIATE")
            _lay(connection, some)
            connection.execute("COMMIT")
            unindexed += len(some)
            if unindexed >= _INDEXED_TOGETHER or start + len(some) == letters:
                index.settle(connection)
                unindexed = 0
            note(start + len(some))
        connection.execute("PRAGMA journal_mode = WAL")


def _lay(connection: sqlite3.Connection, some: Sequence[Letter]) -> None:
    counts, day = tally.load(connection), today()
    arrivals = counts.next_arrivals(len(some))
    counts.count(Kind.LETTER, len(some), sum(len(letter.body) for letter in some))
    sort = int(Rank.LETTER), int(Kind.LETTER)
    rows = []
    for arrival, letter in zip(arrivals, some, strict=True):
        counts.hold(letter.tag, Kind.LETTER, len(letter.body))
        known = parcel_id_of(letter.header), letter.header, letter.tag
        rows.append((arrival, *known, *sort, letter.expiry_day, day, letter.body))
    connection.executemany(_INSERT, rows)
    era = mixing.newest_era(connection) + 1
    ends = [*arrivals[mixing.RANGE_MAX - 1 :: mixing.RANGE_MAX], arrivals[-1]]
    connection.executemany(
        "INSERT OR REPLACE INTO mixed (last, era, whole) VALUES (?, ?, 1)",
        [(last, era + number) for number, last in enumerate(ends)],
    )
    tally.save(connection, counts)
