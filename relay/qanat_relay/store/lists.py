"""Lists of leaves of bodies that are not complete: what proves a block to whoever is given it.
Trusts that they match the header's root; Intake has seen to that."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.limits import HASH_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import block_count, page_count, root_of
from qanat_protocol.parcel import Header
from qanat_relay.store.interface import PutBlocks, StoredBlock, StoredList
from qanat_relay.store.rows import PartialRow, held_indices

PLACE_LISTS = 2**11
"""Numbers of lists for each place: 1024 pages and the page roots, and a power of two."""


def check_lists(body_size: int, lists: Sequence[StoredList]) -> None:
    """ValueError for a list that the body cannot have, which Intake never hands on."""
    blocks, pages = block_count(body_size), page_count(body_size)
    for each in lists:
        rest = blocks - each.page * PAGE_LEAVES
        hashes = pages if each.page == PAGE_ROOTS else min(PAGE_LEAVES, rest)
        if len(each.hashes) != hashes * HASH_BYTES or not len(each.hashes):
            raise ValueError(f"list {each.page} of a body of {body_size} bytes")


def new_lists(
    connection: sqlite3.Connection,
    write: PutBlocks,
    new: Sequence[StoredBlock],
    before: PartialRow | None,
) -> list[StoredList]:
    """The lists of new blocks that are not here yet; without page roots none is any good."""
    pages = {block.index // PAGE_LEAVES for block in new}
    paged = page_count(write.header.body_size) > 1
    lists = {each.page: each for each in write.lists if each.page in pages}
    lists |= {each.page: each for each in write.lists if paged and each.page == PAGE_ROOTS}
    there = {page for page in (*pages, PAGE_ROOTS) if _is_listed(connection, before, page)}
    if paged and PAGE_ROOTS not in there and PAGE_ROOTS not in lists:
        return []
    return [lists[page] for page in sorted(lists) if page not in there]


def provable_with(
    connection: sqlite3.Connection,
    place: int,
    new: Sequence[StoredBlock],
    lists: Sequence[StoredList],
    before: PartialRow | None,
) -> Bitmap:
    """The blocks whose lists are here once the new blocks and lists are."""
    came = {each.page for each in lists}
    pages = {block.index // PAGE_LEAVES for block in new}
    listed = {page for page in pages if page in came or _is_listed(connection, before, page)}
    found = Bitmap.from_indices(
        block.index for block in new if block.index // PAGE_LEAVES in listed
    )
    if before is None:
        return found
    if before.provable.count() != before.held:
        # Some came without their list.
        for first in (page * PAGE_LEAVES for page in came if page != PAGE_ROOTS):
            there = held_indices(connection, place, first, first + PAGE_LEAVES - 1)
            found |= Bitmap.from_indices(there)
    return before.provable | found


def _is_listed(connection: sqlite3.Connection, row: PartialRow | None, page: int) -> bool:
    if row is None:
        return False
    number = row.place * PLACE_LISTS + page
    found = connection.execute("SELECT 1 FROM leaf_list WHERE number = ?", (number,))
    return found.fetchone() is not None


def keep_lists(connection: sqlite3.Connection, place: int, lists: Sequence[StoredList]) -> None:
    """Keep lists that are not here yet."""
    connection.executemany(
        "INSERT INTO leaf_list (number, hashes) VALUES (?, ?)",
        [(place * PLACE_LISTS + each.page, each.hashes) for each in lists],
    )


def drop_lists(connection: sqlite3.Connection, place: int) -> None:
    """Forget all lists of a body."""
    connection.execute("DELETE FROM leaf_list WHERE number BETWEEN ? AND ?", list_numbers(place))


def read_list(connection: sqlite3.Connection, place: int, page: int) -> list[bytes] | None:
    """The hashes of a page, or the page roots; None where they are not here."""
    number = place * PLACE_LISTS + page
    row = connection.execute("SELECT hashes FROM leaf_list WHERE number = ?", (number,)).fetchone()
    return None if row is None else hashes_of(row[0])


def hashes_of(packed: bytes) -> list[bytes]:
    """A list as its hashes."""
    return [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]


def list_numbers(place: int) -> tuple[int, int]:
    """The lowest and highest number of a body's lists, both included."""
    return place * PLACE_LISTS, place * PLACE_LISTS + PAGE_ROOTS


def size_of(lists: Iterable[StoredList]) -> int:
    """How many bytes of hashes there are."""
    return sum(len(each.hashes) for each in lists)


class ListsOf:
    """The lists of one body, read again: whether they are what its header says. Ascending, one page
    in memory at a time."""

    def __init__(self, connection: sqlite3.Connection, header: Header, place: int) -> None:
        self._connection = connection
        self._header = header
        self._place = place
        self._roots: list[bytes] = [header.root]
        self._page = -1
        self._leaves: list[bytes] | None = None
        self.size_bytes = 0

    def check(self) -> Iterator[str]:
        """What is wrong with them; counts their bytes."""
        size = self._header.body_size
        if page_count(size) > 1:
            self._roots = read_list(self._connection, self._place, PAGE_ROOTS) or []
            if self._roots and root_of(self._roots) != self._header.root:
                yield "the page roots do not match the root"
            self.size_bytes += len(self._roots) * HASH_BYTES
        numbers = self._connection.execute(
            "SELECT number, length(hashes) FROM leaf_list WHERE number BETWEEN ? AND ?",
            (self._place * PLACE_LISTS, self._place * PLACE_LISTS + PLACE_LISTS - 1),
        ).fetchall()
        for number, size_bytes in numbers:
            page = number % PLACE_LISTS
            if page == PAGE_ROOTS and page_count(size) > 1:
                continue
            self.size_bytes += size_bytes
            leaves = read_list(self._connection, self._place, page)
            if not leaves or page >= len(self._roots) or root_of(leaves) != self._roots[page]:
                yield f"the list of page {page} does not match its root"

    def leaf(self, index: int) -> bytes | None:
        """What its list says of a block; None where it is not here."""
        page, at = divmod(index, PAGE_LEAVES)
        if page != self._page:
            self._page, self._leaves = page, read_list(self._connection, self._place, page)
        return self._leaves[at] if self._leaves and at < len(self._leaves) else None
