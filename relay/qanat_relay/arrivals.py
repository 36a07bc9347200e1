"""One transfer on its way in: which of its blocks wait for the next commit.

Remembers; never judges a block and never stores one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.frames import Stamp
from qanat_protocol.parcel import Header, Kind
from qanat_relay.admission.ticket import Lane, Ticket
from qanat_relay.store.interface import PutBlocks, StoredBlock, StoredList


@dataclass(frozen=True, slots=True)
class Charge:
    """What was taken of a lane for what is handed to the store."""

    lane: Lane
    size_bytes: int


@dataclass(slots=True)
class Arrival:
    """A transfer that is open, or complete and not yet acknowledged."""

    handle: int
    header: Header
    lane: Lane
    unasked: list[StoredBlock] = field(default_factory=list)
    """What came and is not let in yet."""
    waiting: list[StoredBlock] = field(default_factory=list)
    unasked_bytes: int = 0
    """The same, with the lists that came with it."""
    lists: list[StoredList] = field(default_factory=list)
    """What proves them and was not handed over yet."""
    document: tuple[int, int] | None = None
    whole_bytes: int = 0
    """What of the memory for documents that are kept whole it takes."""
    strange_bytes: int = 0
    """And of what all strangers' documents have together: what is here of it."""
    complete: bool = False
    """Whether no block is to come any more."""
    durable: int = 0
    """How many of its blocks, in the order in which they came, are on the disk."""
    settled: bool = False
    """Whether it has its final status, or will have with the entries that wait to be sent."""
    ticket: Ticket | None = None
    """While it waits to be let in: until then nothing of it goes to the disk."""
    stamp: Stamp | None = None
    """What was shown for it."""
    is_paid: bool = False
    """Whether it was let in for its stamp, as a whole: else each time for what has come of it."""
    goes_on: bool = False
    """Whether some of it was here before, or has been let in."""
    charged_bytes: int = 0
    """What was taken of its lane for what waits for the disk."""
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
        """Take note of a block, with its list; how many bytes there are more."""
        self.unasked.append(block)
        size_bytes = len(block.data)
        if self._page is not None:
            size_bytes += len(self._page.hashes)
            self.lists.append(self._page)
            self._page = None
        self.unasked_bytes += size_bytes
        return size_bytes

    def let_in(self) -> int:
        """What came waits for the disk now; how many bytes."""
        self.waiting += self.unasked
        size_bytes = self.unasked_bytes
        self.forget()
        return size_bytes

    def forget(self) -> None:
        """What came is not let in."""
        self.unasked, self.unasked_bytes = [], 0

    def take(self) -> tuple[PutBlocks, Charge]:
        """What waits, for the store, and what it was charged; afterwards nothing waits."""
        lists, self.lists = (self.lists, []) if self.waiting else ([], self.lists)
        put = PutBlocks(self.header, tuple(self.waiting), self.document, tuple(lists))
        charge = Charge(self.lane, self.charged_bytes)
        self.waiting, self.charged_bytes = [], 0
        return put, charge
