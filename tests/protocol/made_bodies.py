"""Parcels of any legal size for the tests of transfers and bundles: their content is repeated, so
that a body of gigabytes costs nothing to hold."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from qanat_protocol.limits import BLOCK_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import block_count, block_length, leaf_hash, page_roots, root_of
from qanat_protocol.parcel import Header, Kind

LETTER = 4096
ONE_BLOCK = 16_384
TWO_BLOCKS = 17_408
PREVIEW = 131_072
ALMOST_A_PAGE = (PAGE_LEAVES - 1) * BLOCK_BYTES
A_PAGE = PAGE_LEAVES * BLOCK_BYTES
# The sizes of section 3 step over one block more: these are the next legal ones.
TWO_PAGES = (PAGE_LEAVES + 2) * BLOCK_BYTES
THREE_PAGES = (2 * PAGE_LEAVES + 4) * BLOCK_BYTES


def block_of(body_size: int, index: int) -> bytes:
    """Blocks of seven kinds, so that neighbours differ."""
    return bytes([index % 7 + 1]) * block_length(body_size, index)


@dataclass(frozen=True)
class Body:
    """A parcel and what a store would know of it."""

    header: Header
    leaves: list[bytes] = field(repr=False)
    page_roots: list[bytes] = field(repr=False)

    @property
    def size(self) -> int:
        return self.header.body_size

    @property
    def count(self) -> int:
        return len(self.leaves)

    def block(self, index: int) -> bytes:
        return block_of(self.size, index)

    def blocks(self) -> Iterator[bytes]:
        return (self.block(index) for index in range(self.count))

    def page(self, page: int) -> list[bytes]:
        return self.leaves[page * PAGE_LEAVES : (page + 1) * PAGE_LEAVES]


@cache
def body_of(size: int, tag: int = 0) -> Body:
    """A letter of 4096 bytes, or a part of another legal size."""
    count = block_count(size)
    by_kind = {kind: leaf_hash(block_of(size, kind)) for kind in range(min(7, count))}
    leaves = [by_kind[index % 7] for index in range(count - 1)]
    leaves.append(leaf_hash(block_of(size, count - 1)))
    kind = Kind.LETTER if size < ONE_BLOCK else Kind.PART
    root = root_of(leaves)
    header = Header(kind, False, 19_100, size, tag.to_bytes(16, "big"), bytes(32), root)
    return Body(header, leaves, page_roots(leaves))
