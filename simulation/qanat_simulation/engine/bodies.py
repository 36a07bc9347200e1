"""What a plan's items are on the wire: headers with true roots, locks and tags over bodies of
zeros, which need not be held by anybody who knows how long they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from qanat_protocol.hashing import sha256, u32
from qanat_protocol.kinds import Kind, Rank
from qanat_protocol.limits import BLOCK_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import block_count, leaf_hash, page_roots, root_of
from qanat_protocol.parcel import Header
from qanat_protocol.tombstone import lock_of
from qanat_simulation.plan import Item

__all__ = ["Parcel", "block_of", "is_blank", "leaves_of", "make_parcel", "page_roots_of"]

_FULL_BLOCK = bytes(BLOCK_BYTES)


@lru_cache(maxsize=4096)
def _blank(size_bytes: int) -> bytes:
    return _FULL_BLOCK if size_bytes == BLOCK_BYTES else bytes(size_bytes)


@lru_cache(maxsize=4096)
def blank_leaf(size_bytes: int) -> bytes:
    """The leaf of a block of so many zeros."""
    return leaf_hash(_blank(size_bytes))


def block_of(body_size: int, index: int) -> bytes:
    """A block of a body of zeros."""
    return _blank(min(BLOCK_BYTES, body_size - index * BLOCK_BYTES))


def is_blank(block: bytes) -> bool:
    """Whether there are only zeros in it."""
    return block == _blank(len(block))


def leaf_of(body_size: int, index: int) -> bytes:
    """The leaf of a block of a body of zeros."""
    return blank_leaf(min(BLOCK_BYTES, body_size - index * BLOCK_BYTES))


def leaves_of(body_size: int, first: int, count: int) -> list[bytes]:
    """Leaves of a body of zeros, up to its last one."""
    last = min(block_count(body_size), first + count)
    return [leaf_of(body_size, index) for index in range(first, last)]


@lru_cache(maxsize=4096)
def page_roots_of(body_size: int) -> tuple[bytes, ...]:
    """The page roots of a body of zeros."""
    full = root_of([blank_leaf(BLOCK_BYTES)] * PAGE_LEAVES)
    blocks = block_count(body_size)
    last_page = (blocks - 1) // PAGE_LEAVES
    last = page_roots(leaves_of(body_size, last_page * PAGE_LEAVES, PAGE_LEAVES))
    return (*[full] * last_page, *last)


@lru_cache(maxsize=4096)
def root_of_blank(body_size: int) -> bytes:
    """The root over a body of zeros."""
    return root_of(page_roots_of(body_size))


@dataclass(frozen=True, slots=True)
class Parcel:
    """An item as a parcel. content_key: what its recipient would find in it, or in its letter."""

    item: Item
    header: Header
    parcel_id: bytes
    content_key: bytes


def make_parcel(item: Item, *, seed: int, tag: bytes, expiry_day: int) -> Parcel:
    """The parcel of an item of the plan with this seed."""
    content_key = sha256(b"an item's content key", str(seed).encode(), u32(item.number))
    header = Header(
        kind=Kind.LETTER if item.rank <= Rank.LETTER else Kind.PART,
        urgent=item.rank is Rank.URGENT,
        expiry_day=expiry_day,
        body_size=item.body_bytes,
        tag=tag,
        lock=lock_of(content_key),
        root=root_of_blank(item.body_bytes),
    )
    return Parcel(item, header, header.parcel_id, content_key)


def by_id(parcels: Sequence[Parcel]) -> Mapping[bytes, Parcel]:
    """Parcels by their ids."""
    return {parcel.parcel_id: parcel for parcel in parcels}
