"""How much of a store in memory is used, and what goes to make room: in the order of the real one
(relay/qanat_relay/store/room.py), so that a relay that is full refuses the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qanat_protocol.parcel import Header, Kind, Rank
from qanat_relay.store.costs import ROW_BYTES, cost_of
from qanat_relay.store.interface import State
from qanat_relay.store.limits import StoreLimits
from qanat_simulation.engine.store.rows import HalfRow, ParcelRow
from qanat_simulation.engine.store.shelves import Shelves

__all__ = ["Room"]


class Room:
    """The space of one store. used_bytes: now; most_bytes: at any time so far."""

    def __init__(self, shelves: Shelves, limits: StoreLimits) -> None:
        self._shelves = shelves
        self.limits = limits
        self.used_bytes = 0
        self.most_bytes = 0
        self.partial_bytes = 0

    def take(self, row: ParcelRow | HalfRow, size_bytes: int) -> None:
        """A row takes so much more."""
        row.cost_bytes += size_bytes
        self.used_bytes += size_bytes
        self.most_bytes = max(self.most_bytes, self.used_bytes)

    def free(self, row: ParcelRow | HalfRow, left_bytes: int = 0) -> None:
        """A row takes no more than this."""
        self.used_bytes -= row.cost_bytes - left_bytes
        row.cost_bytes = left_bytes

    def fits(self, size_bytes: int) -> bool:
        """Whether there is room without dropping anything."""
        return self.used_bytes + size_bytes <= self.limits.max_store_bytes

    def kept_bytes(self) -> int:
        """What is never dropped for room."""
        return sum(
            cost_of(row.header.body_size)
            for row in self._shelves.parcels.values()
            if row.state is State.HELD and row.header.kind is not Kind.PART
        )

    def yielding_bytes(self) -> int:
        """What makes way for anybody."""
        return sum(
            row.header.body_size
            for row in self._shelves.parcels.values()
            if row.body is not None
            and (row.state is State.PURGED or (row.opened and row.header.kind is Kind.PART))
        )

    def lets_tag(self, header: Header) -> bool:
        """Whether a body as a whole is within the share of its tag."""
        share, size_bytes = self.limits.tag_share, cost_of(header.body_size)
        limit_bytes = self.limits.max_store_bytes
        if share is None or (self.used_bytes + size_bytes) * (share + 1) <= limit_bytes * share:
            return True
        is_part, is_reply = header.kind is Kind.PART, header.kind is Kind.REPLY
        for row in self._shelves.parcels.values():
            of = row.header
            same = of.kind is Kind.REPLY if is_reply else of.tag == header.tag
            if row.state is State.HELD and same and (of.kind is Kind.PART) is is_part:
                size_bytes += cost_of(of.body_size)
        used_bytes = self.used_bytes - self.yielding_bytes() if is_part else self.kept_bytes()
        return size_bytes <= share * max(0, limit_bytes - used_bytes)

    def lets_tag_partial(self, header: Header, size_bytes: int) -> bool:
        """The same for so much more of bodies that are not complete, and their quota."""
        share = self.limits.tag_share
        if share is None:
            return True
        left_bytes = max(0, self.limits.partial_quota_bytes - self.partial_bytes)
        if self.partial_bytes + size_bytes <= share * left_bytes:
            # As many as if all of them had this tag.
            return True
        for row in self._shelves.halves.values():
            if row.header.tag == header.tag:
                size_bytes += row.size_bytes
        return size_bytes <= share * left_bytes

    def make(self, size_bytes: int, rank: Rank, due_day: int) -> bool:
        """Drop what may go for a newcomer of this rank until it fits; False if it does not."""
        while not self.fits(size_bytes):
            row = self._first_to_go(rank, due_day)
            if row is None:
                return False
            self.drop_body(row)
        return True

    def could_make(self, size_bytes: int, rank: Rank, due_day: int) -> bool:
        """Whether `make` could start."""
        return self.fits(size_bytes) or self._first_to_go(rank, due_day) is not None

    def make_partial(self, size_bytes: int, rank: Rank, keep: bytes) -> bool:
        """Keep within the quota of bodies that are not complete; False if it is used up."""
        while self.partial_bytes + size_bytes > self.limits.partial_quota_bytes:
            row = None if rank > Rank.LETTER else self._first_half_to_go(keep)
            if row is None:
                return False
            self.drop_half(row)
        return True

    def has_quota(self, rank: Rank, size_bytes: int) -> bool:
        """Whether a first block of a body of this rank would be kept."""
        if self.partial_bytes + size_bytes <= self.limits.partial_quota_bytes:
            return True
        return rank <= Rank.LETTER and self._first_half_to_go(b"") is not None

    def drop_body(self, row: ParcelRow) -> None:
        """Let go of a body; what is left is the memory that it was here."""
        if row.state is State.HELD:
            row.state = State.EVICTED
        row.body = None
        self.free(row, ROW_BYTES)

    def drop_half(self, row: HalfRow) -> None:
        """Forget a body that is not complete."""
        self.partial_bytes -= row.size_bytes
        self.free(row)
        del self._shelves.halves[row.parcel_id[:16]]

    def _first_half_to_go(self, keep: bytes) -> HalfRow | None:
        halves = (
            row
            for row in self._shelves.halves.values()
            if row.rank > Rank.LETTER and row.parcel_id != keep
        )
        return min(
            halves,
            key=lambda row: (row.effort, row.touched_day, -row.rank, row.number),
            default=None,
        )

    def _first_to_go(self, rank: Rank, due_day: int) -> ParcelRow | None:
        present = [row for row in self._shelves.parcels.values() if row.body is not None]

        def may_go(row: ParcelRow) -> bool:
            if row.state is not State.HELD or row.header.kind is not Kind.PART:
                return False
            return rank <= Rank.LETTER or row.opened or (row.effort == 0 and row.rank > rank)

        return (
            _first(
                (row for row in present if row.state is State.PURGED),
                lambda row: (row.purged_day, row.arrival),
            )
            or _first(
                (row for row in present if row.header.expiry_day < due_day),
                lambda row: (row.header.expiry_day, row.arrival),
            )
            or _first(
                (row for row in present if may_go(row)),
                lambda row: (not row.opened, row.effort, -row.rank, row.arrival),
            )
        )


def _first(
    rows: Iterable[ParcelRow], order: Callable[[ParcelRow], tuple[object, ...]]
) -> ParcelRow | None:
    return min(rows, key=order, default=None)
