"""What the writer knows by heart: numbers given, parcels by kind, bytes by use. Loaded and saved
inside the transaction that changes it, so it is never ahead of the rows that it counts."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, fields

from qanat_protocol.parcel import Header, Kind
from qanat_relay.store.costs import cost_of
from qanat_relay.store.rows import RowState
from qanat_relay.store.tags import TagRooms

_COUNTERS: dict[int, tuple[str, str]] = {
    Kind.LETTER: ("letters", "letter_bytes"),
    Kind.REPLY: ("replies", "reply_bytes"),
    Kind.PART: ("parts", "part_bytes"),
    Kind.PUBLIC: ("public", "public_bytes"),
}
"""For each kind where its parcels are counted, and where their bodies are weighed."""


@dataclass(slots=True)
class Tally:
    """One row. Changes as the writer works; `save` before COMMIT, `load` after ROLLBACK."""

    last_arrival: int
    last_indexed: int
    letters: int
    replies: int
    parts: int
    public: int
    partial: int
    partial_bytes: int
    purged: int
    evicted: int
    opened: int
    tombstones: int
    letter_bytes: int
    reply_bytes: int
    part_bytes: int
    public_bytes: int
    kept_bytes: int
    """What is never dropped for room takes, about."""
    yielding_bytes: int
    """Bodies that make way for anybody: purged ones, and parts that a desk has opened."""
    tags: TagRooms = field(default_factory=TagRooms, compare=False, init=False)
    """What of them, and of parts, each tag has; in a table of its own."""

    def next_arrival(self) -> int:
        """A number that no parcel and no tombstone of this store ever had."""
        return self.next_arrivals(1).start

    def next_arrivals(self, count: int) -> range:
        """So many of them, one after the other."""
        first = self.last_arrival + 1
        self.last_arrival += count
        return range(first, first + count)

    def count(self, kind: int, difference: int, body_bytes: int) -> None:
        """So many more complete parcels of a kind, with bodies of so many bytes together; below 0:
        less of both."""
        for name, more in zip(_COUNTERS[kind], (difference, body_bytes), strict=True):
            setattr(self, name, getattr(self, name) + more)

    def hold(self, tag: bytes, kind: int, body_size: int) -> None:
        """A complete parcel more under a tag."""
        self._hold(tag, kind, cost_of(body_size))

    def let_go(self, header: Header) -> None:
        """A complete parcel is held no more."""
        self.count(header.kind, -1, -header.body_size)
        self._hold(header.tag, header.kind, -cost_of(header.body_size))

    def _hold(self, tag: bytes, kind: int, cost_bytes: int) -> None:
        if kind != Kind.PART:
            self.kept_bytes += cost_bytes
        self.tags.count(tag, kind, cost_bytes)

    def hold_partial(self, header: Header, size_bytes: int) -> None:
        """So many bytes of a body in part more under its tag."""
        self.partial_bytes += size_bytes
        self.tags.count_partial(header.tag, header.kind, size_bytes)


_NAMES = [each.name for each in fields(Tally) if each.name != "tags"]
_LOAD = f"SELECT {', '.join(_NAMES)} FROM tally"
_SAVE = f"UPDATE tally SET {', '.join(f'{name} = ?' for name in _NAMES)}"


def load(connection: sqlite3.Connection) -> Tally:
    """The row as it is on disk."""
    return Tally(*connection.execute(_LOAD).fetchone())


def save(connection: sqlite3.Connection, tally: Tally) -> None:
    """Make the row what the writer counted."""
    connection.execute(_SAVE, [getattr(tally, name) for name in _NAMES])
    tally.tags.save(connection)


_YIELDS = (
    f"present = 1 AND (state = {RowState.PURGED:d}"
    f" OR state = {RowState.HELD:d} AND kind = {Kind.PART:d} AND opened = 1)"
)
"""As `ParcelRow.yielding_bytes`."""

_COUNTED = {
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


def counted(connection: sqlite3.Connection) -> dict[str, int]:
    """What the rows themselves say of each number but the arrivals and the bytes."""
    return {
        name: connection.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()[0]
        for name, (table, condition) in _COUNTED.items()
    }


def weighed(connection: sqlite3.Connection) -> dict[str, int]:
    """What the headers say of the bytes of complete bodies, by the names in `Tally`."""
    weights = dict.fromkeys((weight for _, weight in _COUNTERS.values()), 0)
    for kind, size in connection.execute(
        f"SELECT kind, substr(header, 9, 8) FROM parcel WHERE state = {RowState.HELD:d}"
    ):
        if kind in _COUNTERS:
            weights[_COUNTERS[kind][1]] += int.from_bytes(size)
    return weights


def yielding_bytes(connection: sqlite3.Connection) -> int:
    """What the headers say of the bytes of bodies that make way for anybody."""
    headers = connection.execute(f"SELECT substr(header, 9, 8) FROM parcel WHERE {_YIELDS}")
    return sum(int.from_bytes(size) for (size,) in headers)


def partial_bytes(connection: sqlite3.Connection) -> int:
    """What the rows say of the bytes of bodies that are not complete."""
    query = "SELECT total(held_bytes + list_bytes) FROM partial"
    return int(connection.execute(query).fetchone()[0])


def newest_arrival(connection: sqlite3.Connection) -> int:
    """The highest number that a row has, 0 for none."""
    (newest,) = connection.execute(
        "SELECT max(coalesce((SELECT max(arrival) FROM parcel), 0),"
        " coalesce((SELECT max(arrival) FROM tombstone), 0))"
    ).fetchone()
    return int(newest)
