"""What the writer knows by heart: numbers given, parcels by kind, bytes by use. Loaded and saved
inside the transaction that changes it, so it is never ahead of the rows that it counts."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import sqlite3
from dataclasses import astuple, dataclass, fields

from qanat_protocol.parcel import Kind

_COUNTERS: dict[int, str] = {
    Kind.LETTER: "letters",
    Kind.REPLY: "replies",
    Kind.PART: "parts",
    Kind.PUBLIC: "public",
}


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

    def next_arrival(self) -> int:
        """A number that no parcel and no tombstone of this store ever had."""
        return self.next_arrivals(1).start

    def next_arrivals(self, count: int) -> range:
        """So many of them, one after the other."""
        first = self.last_arrival + 1
        self.last_arrival += count
        return range(first, first + count)

    def count(self, kind: int, difference: int) -> None:
        """One more (1) or one less (-1) complete parcel of a kind."""
        name = _COUNTERS[kind]
        setattr(self, name, getattr(self, name) + difference)


_NAMES = [field.name for field in fields(Tally)]
_LOAD = f"SELECT {', '.join(_NAMES)} FROM tally"
_SAVE = f"UPDATE tally SET {', '.join(f'{name} = ?' for name in _NAMES)}"


def load(connection: sqlite3.Connection) -> Tally:
    """The row as it is on disk."""
    return Tally(*connection.execute(_LOAD).fetchone())


def save(connection: sqlite3.Connection, tally: Tally) -> None:
    """Make the row what the writer counted."""
    connection.execute(_SAVE, astuple(tally))
