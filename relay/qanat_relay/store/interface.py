"""What a relay asks of its store. Whatever `write` returns is on disk; nothing here names a person,
an address, or a time finer than a day."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import AckStatus, Opened, Purge, Stamp
from qanat_protocol.limits import MAX_INT
from qanat_protocol.parcel import Front, Header, Rank
from qanat_protocol.tombstone import check_opened, verify_opened
from qanat_relay.store.commits import Commits
from qanat_relay.store.limits import StoreLimits

PURGED_BODY_DAYS = 7
"""How long a purged body is still given by id while there is room (SPEC 12)."""

OPENED_PER_PARCEL = 4
"""How many OPENED by different keys one parcel may have. Whoever saw one can sign another with a
key of their own; a reader looks for the one that the desk's statement certifies."""


class State(Enum):
    """What has become of a parcel whose header the store knows.

    A refusal is not a state: it follows from the header, the day and the room, and is decided anew.
    """

    HELD = "held"
    PARTIAL = "partial"
    PURGED = "purged"
    EVICTED = "evicted"


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """One block (SPEC 4): index from 0, its leaf hash (32 bytes), 1 to 16,384 bytes of data."""

    index: int
    leaf: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class StoredList:
    """The leaves of a page, or (page 1024) the page roots of a body that has several (SPEC 4):
    hashes of 32 bytes each, one after the other."""

    page: int
    hashes: bytes


@dataclass(frozen=True, slots=True)
class PutBlocks:
    """Blocks that Intake has verified against the header's root; none of them: only ask.

    lists: those by which it did, as far as they were not handed over before; without them the
    blocks of a body that stays in part are kept and not given. document: (class, serial) of a
    public document, which the caller has parsed and verified before it hands over the block that
    completes it.
    """

    header: Header
    blocks: tuple[StoredBlock, ...] = ()
    document: tuple[int, int] | None = None
    lists: tuple[StoredList, ...] = ()


@dataclass(frozen=True, slots=True)
class PutRun:
    """Parcels of one block, whole and verified against their roots, none a public document.

    front: what all their headers begin with. One of each list for each parcel: its id (32 bytes),
    header (96 bytes) and body (as long as the front says).
    """

    front: Front
    ids: Sequence[bytes]
    headers: Sequence[bytes]
    bodies: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class MarkOpened:
    """An OPENED; the store checks the lock.

    own_tags: those that whoever sent it has proven to be theirs. For a parcel with such a tag it is
    kept in any case, in the place of another where there is no room.
    is_verified: whether the caller has verified the signature. If not, the sender has proven to
    hold the key that it names, and the store verifies it for parcels without such a tag alone.
    """

    frame: Opened
    own_tags: frozenset[bytes] = frozenset()
    is_verified: bool = True

    def check(self, header: Header) -> None:
        """Raise a RemoteError unless it is true of the parcel with this header."""
        check_opened(header.lock, self.frame.opened)
        if not self.is_verified and header.tag not in self.own_tags:
            verify_opened(self.frame)


@dataclass(frozen=True, slots=True)
class MarkPurged:
    """A PURGE; the store checks the lock."""

    frame: Purge


@dataclass(frozen=True, slots=True)
class AddStamp:
    """A stamp that the caller has checked; the greatest effort counts."""

    frame: Stamp


Write = PutBlocks | PutRun | MarkOpened | MarkPurged | AddStamp


def parcels_in(write: Write) -> int:
    """How many outcomes a write has."""
    return len(write.ids) if isinstance(write, PutRun) else 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write: status and value as in ACK (SPEC 17).

    For PutBlocks: STORED (complete with this write, value 0), PARTIAL (value: blocks held; 0 for an
    unknown parcel that was only asked about and would be taken), HAVE, TOMBSTONED, REFUSED (value:
    verdict); known_blocks: how many of its blocks were here before, where it is STORED or PARTIAL.
    For the others: STORED, HAVE (known already), or `ignored`: the header is not held
    (REFUSED, value BUSY), the lock does not match (REFUSED, value BAD_LOCK) or a signature that
    nobody verified before is none (REFUSED, value BAD_SIGNATURE).
    """

    status: AckStatus
    value: int = 0
    ignored: bool = False
    known_blocks: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Holding:
    """A parcel that the store knows. held: its blocks if it is PARTIAL, else None; taken_day: when
    it was complete, None if it is PARTIAL; opened: an OPENED of it is here."""

    parcel_id: bytes
    header: Header
    state: State
    held: Bitmap | None = None
    taken_day: int | None = None
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A complete parcel. arrival: from 1, that of no other, until a sweep deals them anew;
    taken_day: when it was complete."""

    arrival: int
    header: Header
    taken_day: int
    opened: bool = False
    stamp: Stamp | None = None


class Known(NamedTuple):
    """A letter or part that is or was complete, or was purged, whatever has become of it. It stays
    known until it expires."""

    arrival: int
    parcel_id: bytes
    expiry_day: int


@dataclass(frozen=True, slots=True)
class Half:
    """A body that is not complete. held: those of its blocks that can be given."""

    header: Header
    held: Bitmap


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep dropped. day: the day it went by; clock_doubted: the clock had jumped and
    nothing was dropped on its word (see `sweep`); damaged: bodies that were found not to match
    their roots, which peers may have."""

    day: int
    clock_doubted: bool
    expired: int
    purged_bodies: int
    partials: int
    tombstones: int
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of parcels by what they are, and bytes: of bodies that are held by their kind, of
    bodies in part with their lists, of what is never dropped for room (about), of what makes way
    for anybody (purged bodies, parts that a desk has opened), of the database in use and on disk.
    most_bytes: what may be in use, as far as its disk goes."""

    letters: int
    replies: int
    parts: int
    public: int
    partial: int
    partial_bytes: int
    purged: int
    evicted: int
    opened: int
    tombstones: int
    letter_bytes: int
    reply_bytes: int
    part_bytes: int
    public_bytes: int
    kept_bytes: int
    yielding_bytes: int
    used_bytes: int
    file_bytes: int
    most_bytes: int = field(compare=False)
    swept_day: int | None

    def free_bytes(self, capacity_bytes: int) -> int:
        """What may still come, by the disk and by a capacity."""
        return max(0, min(self.most_bytes, capacity_bytes) - self.used_bytes)

    def part_free_bytes(self, capacity_bytes: int) -> int:
        """The same for a part, with what makes way for it."""
        limit_bytes = min(self.most_bytes, capacity_bytes)
        return max(0, limit_bytes - self.used_bytes + self.yielding_bytes)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that `check` found wrong. parcel_id: which parcel, where it is about one."""

    what: str
    parcel_id: bytes | None = None


class Store(Protocol):
    """A relay's store. Every method may raise StoreFull, StoreBusy or StoreBroken.

    commits: what was committed since it was opened, and what that took.
    """

    commits: Commits

    @property
    def incarnation(self) -> bytes:
        """16 random bytes, new for each store and each restore (SPEC 17)."""
        ...

    def limit(self, limits: StoreLimits) -> None:
        """Take as much as these limits say from the next commit on. What is held stays: it goes, as
        always, where room is needed."""
        ...

    async def write(self, writes: Sequence[Write], *, today: int) -> list[Outcome]:
        """Do all of it in one commit, which calls of other sessions share; one outcome for each,
        of a PutRun one for each of its parcels.

        It returns when the commit is on disk. If it raises, nothing of the call was done. Within a
        commit, arrival numbers are given in order of parcel id.

        A parcel that was EVICTED is taken again only where there is room without evicting another.
        """
        ...

    async def look_up(self, offers: Sequence[bytes]) -> list[Holding | None]:
        """What is known of each offer (16 bytes, SPEC 3); None: nothing."""
        ...

    async def list_tags(
        self, tags: Sequence[bytes], rank: Rank, after: int, limit: int
    ) -> list[Entry]:
        """Complete parcels of one rank under these tags that are neither purged nor evicted, with
        an arrival above `after`, ascending, at most `limit`."""
        ...

    async def list_all(self, rank: Rank, above: int, below: int, limit: int) -> list[Entry]:
        """Complete parcels of one rank, under whatever tag, that are neither purged nor evicted,
        with an arrival between these two: the newest first, at most `limit`."""
        ...

    async def list_halves(self, tags: Sequence[bytes], rank: Rank, limit: int) -> list[Half]:
        """Bodies of one rank under these tags that are not complete and of which something can be
        given, at most `limit`: of half the places those of which most is here, what was opened
        last; the other places go by lot among the rest, so that none stays hidden behind others."""
        ...

    async def list_known(self, tag: bytes, after: int, limit: int) -> list[Known]:
        """Letters and parts under a tag with an arrival above `after`, ascending, at most `limit`,
        whatever their state."""
        ...

    @property
    def era(self) -> int:
        """How often arrival numbers were dealt anew. It changes while nothing is listed; whoever
        finds it changed after a list has to `resume` and to list again."""
        ...

    async def newest(self) -> int:
        """The last arrival number given, 0 for none."""
        ...

    async def resume(self, arrivals: Sequence[int], era: int) -> list[int]:
        """Arrival numbers that were read in this era, as numbers of the one that it is on return:
        what was behind them is behind them again, and some of what was not."""
        ...

    async def note_given(self, desk_id: bytes, arrival: int, era: int) -> bool:
        """A desk holds a cursor by which it was given everything up to here: as far as can be, its
        place is spared when numbers are dealt anew. False where that was done since this era."""
        ...

    async def list_tombstones(
        self, tags: Sequence[bytes] | None, after: int, limit: int
    ) -> list[tuple[int, Opened | Purge]]:
        """(arrival, tombstone) of parcels under these tags (None: under all), ascending."""
        ...

    async def list_replies(self, prefix: bytes, bits: int, limit: int) -> list[Entry]:
        """Replies whose tag begins with the first `bits` (0..32) of `prefix` (4 bytes), newest
        first."""
        ...

    async def list_opened(
        self, prefixes: Sequence[bytes], bits: int, limit: int, since: int = 0
    ) -> list[Opened]:
        """OPENED of parcels whose id begins with the first `bits` (0..32) of one of the prefixes
        (4 bytes each), newest first; those that came on day `since` or later, as far as that is
        known. One that comes when a day was believed came no earlier than on that day."""
        ...

    async def list_public(
        self, tag: bytes, class_: int, after_serial: int, up_to_serial: int = MAX_INT
    ) -> list[Entry]:
        """Public documents of a tag and class with a serial above `after_serial` and not above
        `up_to_serial`, ascending."""
        ...

    async def leaves(self, parcel_id: bytes, first: int, count: int) -> list[bytes]:
        """Leaf hashes `first` to `first + count - 1`, of one page (SPEC 4) if the body is not
        complete; raises NotHeld. Neither they nor anything below is given if it is Damaged."""
        ...

    async def page_roots(self, parcel_id: bytes) -> list[bytes]:
        """The roots of a body's pages (SPEC 4); raises NotHeld."""
        ...

    async def blocks(self, parcel_id: bytes, indices: Sequence[int]) -> list[bytes]:
        """Blocks of a body, of one in part or purged too while they are there; raises NotHeld if
        one lacks."""
        ...

    async def bodies(self, parcel_ids: Sequence[bytes]) -> list[bytes | None]:
        """Bodies of parcels of one block, of purged ones too while they are there; None where one
        is not there, or has more blocks."""
        ...

    async def count_replies(self) -> int:
        """How many replies `list_replies` chooses from."""
        ...

    async def count_opened(self) -> int:
        """How many OPENED `list_opened` chooses from."""
        ...

    async def sweep(self, today: int) -> Swept:
        """Forget what was asked for and found to be damaged. Drop what is due by day `today`:
        expired parcels, bodies purged 7 days ago, partial bodies without progress, tombstones 7
        days past expiry. Then deal the arrival numbers of
        what came anew and lay it in another order, so that the disk does not tell who came with
        whom.

        The newest day that was believed is remembered. Nothing goes unless it had its time by that
        day and by the clock. A clock that is more than 3 days away from it, ahead or behind, is
        doubted, and believed when it has gone on for 28 days by later sweeps, two of which count
        for 7 at most and for none when they are more than 90 days apart; one from before 2022
        never. What comes in meanwhile is taken if either day lets it.
        """
        ...

    async def try_commit(self) -> None:
        """Commit something that changes nothing; it is on disk when this returns."""
        ...

    async def takes_letters(self, *, today: int) -> bool:
        """Whether the smallest letter would find room now, also in the place of others."""
        ...

    async def stats(self) -> Stats:
        """Counts and sizes, as of the last commit."""
        ...

    def check(self) -> AsyncIterator[Problem]:
        """Read everything and yield what is wrong, never holding more than a little in memory."""
        ...

    async def close(self) -> None:
        """Finish what was handed over and let go of the files. Calls after it raise StoreClosed."""
        ...
