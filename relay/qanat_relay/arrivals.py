"""One transfer on its way in: which of its blocks wait for the next commit.

Remembers; never judges a block and never stores one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.parcel import Header, Kind
from qanat_relay.store.interface import PutBlocks, StoredBlock, StoredList


@dataclass(slots=True)
class Arrival:
    """A transfer that is open, or complete and not yet acknowledged."""

    handle: int
    header: Header
    waiting: list[StoredBlock] = field(default_factory=list)
    lists: list[StoredList] = field(default_factory=list)
    """What proves them and was not handed over yet."""
    document: tuple[int, int] | None = None
    whole_bytes: int = 0
    """What of the memory for documents that are kept whole it takes."""
    complete: bool = False
    """Whether no block is to come any more."""
    durable: int = 0
    """How many of its blocks, in the order in which they came, are on the disk."""
    settled: bool = False
    """Whether it has its final status, or will have with the entries that wait to be sent."""
    _page: StoredList | None = None

    @property
    def is_kept_whole(self) -> bool:
        """Whether nothing of it is stored before all of it is there and judged."""
        return self.header.kind is Kind.PUBLIC

    def note_list(self, page: int, hashes: Sequence[bytes]) -> None:
        """A list has been checked. Only with a block that it proves does it wait for the disk: a
        sender of lists alone makes us hold the newest page and the page roots, no more."""
        if page == PAGE_ROOTS:
            self.lists.append(StoredList(page, b"".join(hashes)))
        else:
            self._page = StoredList(page, b"".join(hashes))

    def add(self, block: StoredBlock) -> int:
        """Let a block wait, with its list; how many bytes wait more."""
        self.waiting.append(block)
        if self._page is None:
            return len(block.data)
        page, self._page = self._page, None
        self.lists.append(page)
        return len(block.data) + len(page.hashes)

    def take(self) -> PutBlocks:
        """What waits, for the store; afterwards nothing waits."""
        lists, self.lists = (self.lists, []) if self.waiting else ([], self.lists)
        put = PutBlocks(self.header, tuple(self.waiting), self.document, tuple(lists))
        self.waiting = []
        return put
