"""How much is held under each tag, inside the writer's transaction: what one of them may have
follows from what is free. Counts; drops and refuses nothing."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from qanat_protocol.parcel import Kind
from qanat_relay.store.costs import BLOCK_ROW_BYTES, ROW_BYTES
from qanat_relay.store.rows import PLACE_BLOCKS, RowState

REPLIES = b""
"""All replies count as of one tag: each has one of its own."""

_TRUE = f"""
    SELECT whose AS tag, sum(kept) AS kept, sum(parts) AS parts, sum(half) AS partial FROM (
        SELECT CASE WHEN kind = {Kind.REPLY:d} THEN x'' ELSE tag END AS whose,
            CASE WHEN kind != {Kind.PART:d} THEN cost ELSE 0 END AS kept,
            CASE WHEN kind = {Kind.PART:d} THEN cost ELSE 0 END AS parts,
            0 AS half
        FROM (
            SELECT kind, tag, {ROW_BYTES} + coalesce(
                length(body),
                (SELECT sum(length(data) + {BLOCK_ROW_BYTES}) FROM block
                    WHERE number BETWEEN place * {PLACE_BLOCKS}
                        AND place * {PLACE_BLOCKS} + {PLACE_BLOCKS - 1}),
                0
            ) AS cost
            FROM parcel WHERE state = {RowState.HELD:d}
        )
        UNION ALL
        SELECT CASE WHEN substr(header, 3, 1) = x'{Kind.REPLY:02x}' THEN x''
                ELSE substr(header, 17, 16) END,
            0, 0, held_bytes + list_bytes
        FROM partial
    )
    GROUP BY whose HAVING sum(kept + parts + half) > 0"""
"""What the rows themselves say, as migration 6 counted it."""

_COLUMNS = "tag, kept, parts, partial"
_COUNTED = f"SELECT {_COLUMNS} FROM tag_room WHERE kept != 0 OR parts != 0 OR partial != 0"
_WRONG = (
    f"WITH so ({_COLUMNS}) AS ({_TRUE}) SELECT count(DISTINCT tag) FROM ("
    f"SELECT tag FROM (SELECT {_COLUMNS} FROM so EXCEPT {_COUNTED}) UNION ALL"
    f" SELECT tag FROM ({_COUNTED} EXCEPT SELECT {_COLUMNS} FROM so))"
)

_FIND = "SELECT kept, parts, partial FROM tag_room WHERE tag = ?"
_SAVE = (
    "INSERT INTO tag_room (tag, kept, parts, partial) VALUES (?, ?, ?, ?) ON CONFLICT (tag)"
    " DO UPDATE SET kept = kept + excluded.kept, parts = parts + excluded.parts,"
    " partial = partial + excluded.partial"
)
_CLEAR = "DELETE FROM tag_room WHERE tag = ? AND kept = 0 AND parts = 0 AND partial = 0"


def whose(tag: bytes, kind: int) -> bytes:
    """The tag that a parcel counts for."""
    return REPLIES if kind == Kind.REPLY else tag


@dataclass(slots=True)
class Held:
    """What is held under a tag, in bytes: never dropped, parts, in part."""

    kept: int = 0
    parts: int = 0
    partial: int = 0


@dataclass(slots=True)
class TagRooms:
    """What the transaction changes, until `save`."""

    changes: dict[bytes, Held] = field(default_factory=dict)
    _known: dict[bytes, Held] = field(default_factory=dict)

    def count(self, tag: bytes, kind: int, size_bytes: int) -> None:
        """So much more is held; less, if it is below 0."""
        change = self.changes.setdefault(whose(tag, kind), Held())
        if kind == Kind.PART:
            change.parts += size_bytes
        else:
            change.kept += size_bytes

    def count_partial(self, tag: bytes, kind: int, size_bytes: int) -> None:
        """The same of what is not whole."""
        self.changes.setdefault(whose(tag, kind), Held()).partial += size_bytes

    def held(self, connection: sqlite3.Connection, tag: bytes, kind: int) -> Held:
        """What is held by now."""
        name = whose(tag, kind)
        known = self._known.get(name)
        if known is None:
            row = connection.execute(_FIND, (name,)).fetchone()
            known = self._known[name] = Held(*row) if row else Held()
        change = self.changes.get(name, Held())
        return Held(
            known.kept + change.kept,
            known.parts + change.parts,
            known.partial + change.partial,
        )

    def save(self, connection: sqlite3.Connection) -> None:
        """Write down what has changed."""
        changed = [
            (name, each.kept, each.parts, each.partial)
            for name, each in self.changes.items()
            if each != Held()
        ]
        connection.executemany(_SAVE, changed)
        connection.executemany(_CLEAR, [(row[0],) for row in changed if min(row[1:]) < 0])


def count_anew(connection: sqlite3.Connection) -> None:
    """Set right by the rows what is held under each tag."""
    connection.execute("DELETE FROM tag_room")
    connection.execute(f"INSERT INTO tag_room ({_COLUMNS}) {_TRUE}")


def count_wrong(connection: sqlite3.Connection) -> int:
    """Of how many tags something else is noted than what their rows say."""
    return int(connection.execute(_WRONG).fetchone()[0])


def kept_bytes(connection: sqlite3.Connection) -> int:
    """What all of them keep together, as `Tally.kept_bytes`."""
    return int(connection.execute("SELECT total(kept) FROM tag_room").fetchone()[0])
