"""Rows of the SQLite store as values: how a parcel is found by its id, and what its row says.
Changes nothing."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import FrameType, Opened, Purge, Stamp
from qanat_protocol.parcel import Header, Kind, parse_header
from qanat_relay.store.interface import Entry
from qanat_relay.store.offers import arrivals_of

Row: TypeAlias = tuple[Any, ...]
"""What SQLite returns; the columns are named beside each query."""


PLACE_BLOCKS = 2**18
"""Numbers of blocks for each place: more than any body has, and a power of two."""

PLACES = 2**44
"""A place and the number of a block in it have 62 bits."""


_BODY_SIZE = slice(8, 16)
"""Where a header has it (SPEC 3): also one that is damaged."""


class RowState(IntEnum):
    """parcel.state. Never 0 or 1: all values take one byte, so a change rewrites no body."""

    HELD = 2
    PURGED = 3
    EVICTED = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """What others have said of a parcel, whatever has become of its body."""

    opened: bool = False
    effort: int = 0
    stamp_epoch: int | None = None
    stamp_nonce: bytes | None = None


NO_STANDING = Standing()


@dataclass(frozen=True, slots=True)
class ParcelRow:
    """A parcel that is or was complete, without its body. place: None if the body has one block."""

    arrival: int
    parcel_id: bytes
    header_bytes: bytes
    state: RowState
    present: bool
    taken_day: int
    place: int | None
    standing: Standing

    @property
    def header(self) -> Header:
        """The header, parsed."""
        return parse_header(self.header_bytes)

    @property
    def yielding_bytes(self) -> int:
        """Its body where that makes way for anybody: one that was purged, or a part that a desk has
        opened; else 0."""
        is_held = self.state is RowState.HELD
        if not self.present or (
            is_held and not (self.standing.opened and self.header.kind is Kind.PART)
        ):
            return 0
        return int.from_bytes(self.header_bytes[_BODY_SIZE])


@dataclass(frozen=True, slots=True)
class PartialRow:
    """A body that is not complete. held: blocks; provable: those whose list is here, too."""

    place: int
    parcel_id: bytes
    header_bytes: bytes
    held: int
    held_bytes: int
    list_bytes: int
    provable: Bitmap
    standing: Standing

    @property
    def header(self) -> Header:
        """The header, parsed."""
        return parse_header(self.header_bytes)

    @property
    def size_bytes(self) -> int:
        """What it takes of the quota: its blocks and lists."""
        return self.held_bytes + self.list_bytes


PARCEL_COLUMNS = (
    "arrival, id, header, state, present, taken_day, place,"
    " opened, effort, stamp_epoch, stamp_nonce"
)
PARTIAL_COLUMNS = (
    "place, id, header, held, held_bytes, list_bytes, provable,"
    " opened, effort, stamp_epoch, stamp_nonce"
)
ENTRY_COLUMNS = "arrival, header, taken_day, opened, effort, stamp_epoch, stamp_nonce, id"

_PARCEL = f"SELECT {PARCEL_COLUMNS} FROM parcel WHERE arrival = ?"
_PARTIAL = f"SELECT {PARTIAL_COLUMNS} FROM partial WHERE substr(id, 1, 16) = ?"


def parcel_of(row: Row) -> ParcelRow:
    """From PARCEL_COLUMNS."""
    arrival, parcel_id, header, state, present, taken_day, place, opened, *stamp = row
    return ParcelRow(
        arrival,
        parcel_id,
        header,
        RowState(state),
        bool(present),
        taken_day,
        place,
        Standing(bool(opened), *stamp),
    )


def partial_of(row: Row) -> PartialRow:
    """From PARTIAL_COLUMNS."""
    place, parcel_id, header, held, held_bytes, list_bytes, provable, opened, *stamp = row
    return PartialRow(
        place,
        parcel_id,
        header,
        held,
        held_bytes,
        list_bytes,
        Bitmap.from_bytes(provable),
        Standing(bool(opened), *stamp),
    )


def entry_of(row: Row) -> Entry:
    """From ENTRY_COLUMNS."""
    arrival, header, taken_day, opened, effort, epoch, nonce, parcel_id = row
    stamp = Stamp(parcel_id, epoch, effort, nonce) if effort else None
    return Entry(arrival, parse_header(header), taken_day, bool(opened), stamp)


def tombstone_of(frame: int, parcel_id: bytes, value: bytes, *signed: bytes) -> Opened | Purge:
    """The frame that a row of `tombstone` was made from."""
    if frame == FrameType.PURGE:
        return Purge(parcel_id, value)
    return Opened(parcel_id, value, *signed)


def find_parcel(
    connection: sqlite3.Connection, recent: Mapping[bytes, int], offer: bytes
) -> ParcelRow | None:
    """By the first 16 bytes of an id. Whoever has the whole id compares it: two may share these.

    `recent` as in `arrivals_of`.
    """
    offer = offer[:16]
    for arrival in arrivals_of(connection, recent, offer):
        row = connection.execute(_PARCEL, (arrival,)).fetchone()
        if row is not None and row[1][:16] == offer:
            return parcel_of(row)
    return None


def find_partial(connection: sqlite3.Connection, offer: bytes) -> PartialRow | None:
    """As `find_parcel`, among bodies that are not complete."""
    row = connection.execute(_PARTIAL, (offer[:16],)).fetchone()
    return None if row is None else partial_of(row)


def block_numbers(place: int, first: int = 0, last: int = PLACE_BLOCKS - 1) -> tuple[int, int]:
    """The lowest and highest number of a body's blocks `first` to `last`, both included."""
    return place * PLACE_BLOCKS + first, place * PLACE_BLOCKS + last


def held_indices(
    connection: sqlite3.Connection, place: int, first: int = 0, last: int = PLACE_BLOCKS - 1
) -> Iterator[int]:
    """Which blocks are there, ascending."""
    low, high = block_numbers(place, first, last)
    base = place * PLACE_BLOCKS
    for (number,) in connection.execute(
        "SELECT number FROM block WHERE number BETWEEN ? AND ? ORDER BY number", (low, high)
    ):
        yield number - base
