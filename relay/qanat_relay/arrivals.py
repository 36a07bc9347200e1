"""One transfer on its way in: which of its blocks wait for the next commit.

Remembers; never judges a block and never stores one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qanat_protocol.parcel import Header, Kind
from qanat_relay.store.interface import PutBlocks, StoredBlock


@dataclass(slots=True)
class Arrival:
    """A transfer that is open, or complete and not yet acknowledged."""

    handle: int
    header: Header
    waiting: list[StoredBlock] = field(default_factory=list)
    document: tuple[int, int] | None = None
    whole_bytes: int = 0
    """What of the memory for documents that are kept whole it takes."""
    complete: bool = False
    """Whether no block is to come any more."""
    durable: int = 0
    """How many of its blocks, in the order in which they came, are on the disk."""
    settled: bool = False
    """Whether it has its final status, or will have with the entries that wait to be sent."""

    @property
    def is_kept_whole(self) -> bool:
        """Whether nothing of it is stored before all of it is there and judged."""
        return self.header.kind is Kind.PUBLIC

    def take(self) -> PutBlocks:
        """What waits, for the store; afterwards nothing waits."""
        put = PutBlocks(self.header, tuple(self.waiting), self.document)
        self.waiting = []
        return put
