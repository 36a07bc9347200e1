"""Parcels as a store sees them: true headers, roots and locks over bodies that nobody can open."""

from dataclasses import dataclass, replace
from random import Random

from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.frames import Opened, Purge, Stamp
from qanat_protocol.limits import BLOCK_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import leaf_hash, page_roots, root_of
from qanat_protocol.parcel import Header, Kind
from qanat_protocol.signing import SigningKey
from qanat_protocol.tombstone import lock_of, opened_value, purge_key, sign_opened
from qanat_relay.store.interface import (
    AddStamp,
    MarkOpened,
    MarkPurged,
    PutBlocks,
    StoredBlock,
    StoredList,
)

TODAY = 19_000
EXPIRY = TODAY + 90
TAG = b"a desk's tag ..."
EDITOR = SigningKey(bytes(range(32)))

LETTER_BYTES = 4096
THUMBNAIL_BYTES = 16_384
PREVIEW_BYTES = 131_072
ORIGINAL_BYTES = 180_224
"""Eleven blocks."""

LONG_LETTER_BYTES = 40_960
"""Three blocks, the last one half."""

PAGED_BLOCKS = PAGE_LEAVES + PAGE_LEAVES // 4
PAGED_BYTES = PAGED_BLOCKS * BLOCK_BYTES
"""Two pages of leaves, the second one a quarter full."""


@dataclass(frozen=True)
class Made:
    """A parcel with what it takes to store, open and purge it."""

    header: Header
    body: bytes
    content_key: bytes

    @property
    def parcel_id(self) -> bytes:
        return self.header.parcel_id

    @property
    def blocks(self) -> tuple[StoredBlock, ...]:
        cut = [self.body[at : at + BLOCK_BYTES] for at in range(0, len(self.body), BLOCK_BYTES)]
        return tuple(StoredBlock(index, leaf_hash(data), data) for index, data in enumerate(cut))

    @property
    def leaves(self) -> list[bytes]:
        return [block.leaf for block in self.blocks]

    @property
    def lists(self) -> tuple[StoredList, ...]:
        """Every list that proves its blocks; none for a body of one."""
        leaves = self.leaves
        if len(leaves) == 1:
            return ()
        pages = [leaves[at : at + PAGE_LEAVES] for at in range(0, len(leaves), PAGE_LEAVES)]
        lists = [StoredList(page, b"".join(each)) for page, each in enumerate(pages)]
        if len(pages) > 1:
            lists.append(StoredList(PAGE_ROOTS, b"".join(page_roots(leaves))))
        return tuple(lists)

    def put(self, *indices: int, document: tuple[int, int] | None = None) -> PutBlocks:
        """Its blocks with these indices; all of them for none named."""
        blocks = self.blocks
        chosen = tuple(blocks[index] for index in indices) if indices else blocks
        return PutBlocks(self.header, chosen, document, self.lists)

    def put_bare(self, *indices: int) -> PutBlocks:
        """The same without the lists of their leaves."""
        return replace(self.put(*indices), lists=())

    def ask(self) -> PutBlocks:
        return PutBlocks(self.header)

    def opened(self, key: SigningKey = EDITOR) -> MarkOpened:
        return MarkOpened(self.opened_frame(key))

    def opened_frame(self, key: SigningKey = EDITOR) -> Opened:
        return sign_opened(key, self.parcel_id, opened_value(self.content_key))

    def purged(self) -> MarkPurged:
        return MarkPurged(self.purge_frame())

    def purge_frame(self) -> Purge:
        return Purge(self.parcel_id, purge_key(self.content_key))

    def stamped(self, effort: int) -> AddStamp:
        return AddStamp(Stamp(self.parcel_id, 2714, effort, bytes(16)))


def make(
    number: int,
    kind: Kind = Kind.LETTER,
    size_bytes: int = LETTER_BYTES,
    *,
    tag: bytes = TAG,
    expiry_day: int = EXPIRY,
    urgent: bool = False,
) -> Made:
    """A parcel of a kind and body size; another number, another parcel."""
    source = Random(f"{number} {kind} {size_bytes} {tag.hex()}")
    body, content_key = source.randbytes(size_bytes), source.randbytes(32)
    leaves = [leaf_hash(body[at : at + BLOCK_BYTES]) for at in range(0, len(body), BLOCK_BYTES)]
    header = Header(
        kind, urgent, expiry_day, size_bytes, tag, lock_of(content_key), root_of(leaves)
    )
    return Made(header, body, content_key)


def part(number: int, size_bytes: int = ORIGINAL_BYTES, **settings: int) -> Made:
    """A part; by its size an original, a preview or a thumbnail."""
    return make(number, Kind.PART, size_bytes, **settings)  # type: ignore[arg-type]
