"""What can be given of bodies that are not complete. Changes nothing."""

from __future__ import annotations

import heapq
import secrets
import sqlite3
from collections.abc import Sequence
from itertools import islice

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import page_count, root_of
from qanat_protocol.parcel import Rank, parse_header
from qanat_relay.store.errors import Damaged, NotHeld
from qanat_relay.store.interface import Half
from qanat_relay.store.lists import read_list
from qanat_relay.store.rows import PLACES, PartialRow

_UNDER_TAG = "FROM partial WHERE substr(header, 17, 16) = ? AND rank = ? AND provable != x''"
_FULLEST = (
    f"SELECT opened, -held_bytes, place {_UNDER_TAG} ORDER BY opened, held_bytes DESC LIMIT ?"
)
_FROM = f"SELECT place {_UNDER_TAG} AND place >= ? ORDER BY place LIMIT ?"
_RANDOM = secrets.SystemRandom()


def list_halves(
    connection: sqlite3.Connection, tags: Sequence[bytes], rank: Rank, limit: int
) -> list[Half]:
    """As `Store.list_halves`."""
    per_tag = [connection.execute(_FULLEST, (tag, rank, limit)).fetchall() for tag in set(tags)]
    fullest = [place for *_, place in islice(heapq.merge(*per_tag), limit)]
    if len(fullest) == limit:
        sure = fullest[: limit - limit // 2]
        drawn = set(_draw(connection, tags, rank, limit)).difference(sure)
        fullest = sure + _RANDOM.sample(list(drawn), min(limit // 2, len(drawn)))
    return [_half(connection, place) for place in fullest]


def _draw(
    connection: sqlite3.Connection, tags: Sequence[bytes], rank: Rank, limit: int
) -> list[int]:
    """Places from a random one on: they were drawn at random themselves."""
    found: dict[int, None] = {}
    for tag in set(tags):
        for first in (secrets.randbelow(PLACES), 0):
            rows = connection.execute(_FROM, (tag, rank, first, limit))
            found.update((place, None) for (place,) in rows)
    return list(found)


def _half(connection: sqlite3.Connection, place: int) -> Half:
    header, provable = connection.execute(
        "SELECT header, provable FROM partial WHERE place = ?", (place,)
    ).fetchone()
    return Half(parse_header(header), Bitmap.from_bytes(provable))


def leaves(connection: sqlite3.Connection, row: PartialRow, first: int, count: int) -> list[bytes]:
    """As `Store.leaves`, of a body that is not complete."""
    page, at = divmod(first, PAGE_LEAVES)
    hashes = read_list(connection, row.place, page)
    if hashes is None or at + count > len(hashes):
        raise NotHeld("these leaves are not here together")
    roots = page_roots(connection, row)
    if page >= len(roots) or root_of(hashes) != roots[page]:
        raise Damaged("a list of leaves is not what it was")
    return hashes[at : at + count]


def page_roots(connection: sqlite3.Connection, row: PartialRow) -> list[bytes]:
    """As `Store.page_roots`, of a body that is not complete."""
    if page_count(row.header.body_size) == 1:
        return [row.header.root]
    roots = read_list(connection, row.place, PAGE_ROOTS)
    if roots is None:
        raise NotHeld("the page roots are not here")
    if root_of(roots) != row.header.root:
        raise Damaged("the page roots are not what they were")
    return roots
