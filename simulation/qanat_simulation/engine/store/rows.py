"""What a store in memory knows of each parcel. Blocks of zeros are counted, not held."""

from __future__ import annotations

from dataclasses import dataclass, field

from qanat_client.reporter.spread import bitmap_of
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.frames import Stamp
from qanat_protocol.limits import BLOCK_BYTES, HASH_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import block_count, block_length, page_count, page_roots
from qanat_protocol.parcel import Header, Rank, rank_of
from qanat_relay.store.errors import NotHeld
from qanat_relay.store.interface import State, StoredBlock, StoredList
from qanat_simulation.engine.bodies import block_of, is_blank, leaf_of, leaves_of, page_roots_of

__all__ = ["Body", "HalfRow", "ParcelRow", "list_bytes"]


class Body:
    """Blocks of one body, all or some of them."""

    __slots__ = ("_blank", "_others", "bits", "blocks", "size_bytes")

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.blocks = block_count(size_bytes)
        self.bits = 0
        self._blank = 0
        self._others: dict[int, tuple[bytes, bytes]] = {}

    def put(self, block: StoredBlock) -> None:
        """Keep a block that was not here."""
        self.bits |= 1 << block.index
        if is_blank(block.data):
            self._blank |= 1 << block.index
        else:
            self._others[block.index] = block.leaf, block.data

    def has(self, index: int) -> bool:
        """Whether a block is here."""
        return bool(self.bits >> index & 1)

    @property
    def count(self) -> int:
        """How many blocks are here."""
        return self.bits.bit_count()

    @property
    def held_bytes(self) -> int:
        """How many bytes they are."""
        if not self.bits:
            return 0
        last = self.blocks - 1
        short = BLOCK_BYTES - block_length(self.size_bytes, last)
        return self.count * BLOCK_BYTES - (short if self.has(last) else 0)

    @property
    def is_whole(self) -> bool:
        """Whether all blocks are here."""
        return self.count == self.blocks

    def data(self, index: int) -> bytes:
        """A block. Raises NotHeld."""
        if not 0 <= index < self.blocks or not self.has(index):
            raise NotHeld(f"block {index} is not there")
        other = self._others.get(index)
        return block_of(self.size_bytes, index) if other is None else other[1]

    def leaves(self, first: int, count: int) -> list[bytes]:
        """Leaves of blocks that are here."""
        if not self._others:
            return leaves_of(self.size_bytes, first, count)
        return [
            self._others[index][0] if index in self._others else leaf_of(self.size_bytes, index)
            for index in range(first, min(self.blocks, first + count))
        ]

    def page_roots(self) -> list[bytes]:
        """The page roots of a whole body."""
        if not self._others:
            return list(page_roots_of(self.size_bytes))
        return page_roots(self.leaves(0, self.blocks))


def list_bytes(lists: list[StoredList]) -> int:
    """How many bytes of hashes there are."""
    return sum(len(each.hashes) for each in lists)


@dataclass(slots=True, eq=False)
class ParcelRow:
    """A parcel that is or was complete, or was purged. body: None when it has gone."""

    arrival: int
    parcel_id: bytes
    header: Header
    rank: Rank
    state: State
    taken_day: int
    body: Body | None
    purged_day: int | None = None
    opened: bool = False
    stamp: Stamp | None = None
    document: tuple[int, int] | None = None
    cost_bytes: int = 0

    @property
    def effort(self) -> int:
        """Of its best stamp."""
        return 0 if self.stamp is None else self.stamp.effort


@dataclass(slots=True, eq=False)
class HalfRow:
    """A body that is not complete, with the lists that prove its blocks."""

    number: int
    parcel_id: bytes
    header: Header
    rank: Rank
    touched_day: int
    body: Body
    lists: dict[int, bytes] = field(default_factory=dict)
    opened: bool = False
    stamp: Stamp | None = None
    cost_bytes: int = 0

    @classmethod
    def begin(cls, number: int, parcel_id: bytes, header: Header, day: int) -> HalfRow:
        """One without a block."""
        return cls(number, parcel_id, header, rank_of(header), day, Body(header.body_size))

    @property
    def effort(self) -> int:
        """Of its best stamp."""
        return 0 if self.stamp is None else self.stamp.effort

    @property
    def size_bytes(self) -> int:
        """What it takes of the quota: its blocks and lists."""
        return self.body.held_bytes + sum(map(len, self.lists.values()))

    def new_lists(self, new: list[StoredBlock], lists: tuple[StoredList, ...]) -> list[StoredList]:
        """The lists of new blocks that are not here; without page roots none is any good."""
        pages = {block.index // PAGE_LEAVES for block in new}
        paged = page_count(self.header.body_size) > 1
        found = {
            each.page: each
            for each in lists
            if each.page not in self.lists
            and (each.page in pages or (paged and each.page == PAGE_ROOTS))
        }
        if paged and PAGE_ROOTS not in self.lists and PAGE_ROOTS not in found:
            return []
        return [found[page] for page in sorted(found)]

    @property
    def provable(self) -> Bitmap:
        """The blocks that can be given: those whose lists are here."""
        bits = 0
        for page in self.lists:
            if page != PAGE_ROOTS:
                bits |= ((1 << PAGE_LEAVES) - 1) << page * PAGE_LEAVES
        return bitmap_of(self.body.bits & bits)

    @property
    def held(self) -> Bitmap:
        """The blocks that are here."""
        return bitmap_of(self.body.bits)

    def leaves(self, first: int, count: int) -> list[bytes]:
        """As `Store.leaves`."""
        page, at = divmod(first, PAGE_LEAVES)
        hashes = _hashes(self.lists.get(page, b""))
        if not hashes or at + count > len(hashes):
            raise NotHeld("these leaves are not here together")
        return hashes[at : at + count]

    def page_roots(self) -> list[bytes]:
        """As `Store.page_roots`."""
        if page_count(self.header.body_size) == 1:
            return [self.header.root]
        if PAGE_ROOTS not in self.lists:
            raise NotHeld("the page roots are not here")
        return _hashes(self.lists[PAGE_ROOTS])


def _hashes(packed: bytes) -> list[bytes]:
    return [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]
