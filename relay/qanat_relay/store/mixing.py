"""Takes from a store the memory of who came with whom: deals the arrival numbers of a range anew
and lays its rows in another order, so that neither numbers nor pages tell more than the range."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from qanat_protocol.limits import OFFER_BYTES
from qanat_relay.store.rows import Row
from qanat_relay.store.work import Work

GROWING_MAX = 1024
"""A day's range is mixed again as a whole, with what is new, while it has no more rows than these:
where few come in an hour, each would be known by its company. Beyond, only what is new."""

RANGE_MAX = 4096
"""New rows in a range: company enough, and whoever lists waits for no more than that."""

AT_ONCE = 1024
"""Rows in one transaction, 4 to 16 MiB. Fewer would rewrite each page of rows more often."""

_TABLES = ("parcel", "tombstone")
_RANDOM = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Range:
    """What is to be mixed: the arrivals of rows above `start` and up to `end`, in random order;
    what was read in an era before this one is to be translated by `resume`."""

    start: int
    end: int
    era: int
    parcels: list[int]
    tombstones: list[int]

    @property
    def is_full(self) -> bool:
        """Whether more may be left behind it."""
        return max(len(self.parcels), len(self.tombstones)) >= RANGE_MAX


def begin(work: Work, bound: int | None, day_start: int | None) -> Range | None:
    """Settle what is mixed next, and that no cursor into it counts any more; None for nothing. It
    counts as mixed from `finish` on: a range whose mixing was cut is the next one again.

    day_start: where the ranges of this day began, None where that is not known.
    """
    connection = work.connection
    # What the table of offers lacks is found by numbers that must not change.
    end = min(work.tally.last_arrival, work.tally.last_indexed)
    if bound is not None:
        end = min(end, bound)
    (start,) = connection.execute("SELECT coalesce(max(last), 0) FROM mixed WHERE whole").fetchone()
    (begun,) = connection.execute("SELECT coalesce(max(last), 0) FROM mixed").fetchone()
    # Where some were dealt anew all of them are: no cursor into the rest is good any more.
    end = max(end, begun)
    new = [_arrivals(connection, table, start, end, RANGE_MAX) for table in _TABLES]
    if not any(new):
        return None
    end = max(begun, min([end, *(some[-1] for some in new if len(some) == RANGE_MAX)]))
    if day_start is not None and day_start < start and _is_small(connection, day_start, end):
        start = day_start
    era = newest_era(connection) + 1
    connection.execute("DELETE FROM mixed WHERE last > ?", (start,))
    connection.execute("INSERT INTO mixed (last, era) VALUES (?, ?)", (end, era))
    parcels = _arrivals(connection, "parcel", start, end)
    tombstones = _arrivals(connection, "tombstone", start, end)
    _RANDOM.shuffle(parcels)
    _RANDOM.shuffle(tombstones)
    return Range(start, end, era, parcels, tombstones)


def finish(work: Work, end: int) -> None:
    """All rows of the range that ends here are mixed."""
    work.connection.execute("UPDATE mixed SET whole = 1 WHERE last = ?", (end,))


def mix_parcels(work: Work, arrivals: Sequence[int]) -> None:
    """Deal these numbers anew among the parcels that have them, and lay the rows in this order.

    All rows go before the first comes again, so that each takes a place that was another's.
    """
    rows = _take_out(work, "parcel", arrivals)
    offers = [(row[1][:OFFER_BYTES],) for row in rows]
    work.connection.executemany("DELETE FROM offer WHERE offer = ?", offers)
    dealt = _deal(rows)
    _put_back(work, "parcel", dealt)
    work.connection.executemany(
        "INSERT INTO offer (offer, arrival) VALUES (?, ?)",
        [(row[1][:OFFER_BYTES], row[0]) for row in dealt],
    )


def mix_tombstones(work: Work, arrivals: Sequence[int]) -> None:
    """As `mix_parcels`, of tombstones."""
    _put_back(work, "tombstone", _deal(_take_out(work, "tombstone", arrivals)))


def newest_era(connection: sqlite3.Connection) -> int:
    """How often something was mixed."""
    (era,) = connection.execute("SELECT coalesce(max(era), 0) FROM mixed").fetchone()
    assert isinstance(era, int)
    return era


def resume(connection: sqlite3.Connection, arrivals: Sequence[int], era: int) -> list[int]:
    """As `Store.resume`."""
    return [_resume(connection, arrival, era) for arrival in arrivals]


def empty_log(connection: sqlite3.Connection) -> bool:
    """Write the log back into the file and cut it to nothing; False where a reader stands in the
    way, so that it has to be tried again."""
    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return bool(busy == 0)


def _resume(connection: sqlite3.Connection, arrival: int, era: int) -> int:
    found = connection.execute(
        "SELECT last, era FROM mixed WHERE last >= ? ORDER BY last LIMIT 1", (arrival,)
    ).fetchone()
    # At the end of a range, as behind all of them, what came before is what it was.
    if found is None or found[0] == arrival or found[1] <= era:
        return arrival
    (start,) = connection.execute(
        "SELECT coalesce(max(last), 0) FROM mixed WHERE last < ?", (arrival,)
    ).fetchone()
    assert isinstance(start, int)
    return start


def _arrivals(
    connection: sqlite3.Connection, table: str, after: int, last: int, limit: int = -1
) -> list[int]:
    found = connection.execute(
        f"SELECT arrival FROM {table} WHERE arrival > ? AND arrival <= ? ORDER BY arrival LIMIT ?",
        (after, last, limit),
    )
    return [arrival for (arrival,) in found]


def _is_small(connection: sqlite3.Connection, after: int, last: int) -> bool:
    return all(
        len(_arrivals(connection, table, after, last, GROWING_MAX + 1)) <= GROWING_MAX
        for table in _TABLES
    )


def _take_out(work: Work, table: str, arrivals: Sequence[int]) -> list[Row]:
    connection = work.connection
    # Else the pages that are not taken again at once would keep what stood there.
    connection.execute("PRAGMA secure_delete = ON")
    try:
        query = f"SELECT * FROM {table} WHERE arrival = ?"
        found = [connection.execute(query, (arrival,)).fetchone() for arrival in arrivals]
        rows = [row for row in found if row is not None]
        numbers = [(row[0],) for row in rows]
        connection.executemany(f"DELETE FROM {table} WHERE arrival = ?", numbers)
    finally:
        connection.execute("PRAGMA secure_delete = FAST")
    return rows


def _deal(rows: Sequence[Row]) -> list[Row]:
    others = _RANDOM.sample(rows, len(rows))
    return [(row[0], *other[1:]) for row, other in zip(rows, others, strict=True)]


def _put_back(work: Work, table: str, rows: Sequence[Row]) -> None:
    if rows:
        values = ", ".join("?" * len(rows[0]))
        work.connection.executemany(f"INSERT INTO {table} VALUES ({values})", rows)
