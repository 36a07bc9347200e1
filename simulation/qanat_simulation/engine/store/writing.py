"""Writes to a store in memory: whether blocks and tombstones are taken, and what becomes of them,
as in the real one (relay/qanat_relay/store/putting.py, marking.py)."""

from __future__ import annotations

from dataclasses import dataclass

from qanat_protocol.errors import BadLock, Expired, ExpiryTooFar, RemoteError
from qanat_protocol.frames import AckStatus, Opened, Purge, Stamp
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.parcel import Header, Rank, check_expiry, rank_of
from qanat_protocol.tombstone import check_purge
from qanat_protocol.verdicts import Verdict
from qanat_relay.store.costs import BLOCK_ROW_BYTES, ROW_BYTES
from qanat_relay.store.interface import (
    OPENED_PER_PARCEL,
    AddStamp,
    MarkOpened,
    MarkPurged,
    Outcome,
    PutBlocks,
    State,
    StoredBlock,
    StoredList,
)
from qanat_relay.store.work import EARLIEST_DAY
from qanat_simulation.engine.store.room import Room
from qanat_simulation.engine.store.rows import HalfRow, ParcelRow, list_bytes
from qanat_simulation.engine.store.shelves import Shelves

__all__ = ["Writing"]

_STORED = Outcome(AckStatus.STORED)
_HAVE = Outcome(AckStatus.HAVE)
_TOMBSTONED = Outcome(AckStatus.TOMBSTONED)
_NOT_HELD = Outcome(AckStatus.REFUSED, Verdict.BUSY, ignored=True)
_BAD_LOCK = Outcome(AckStatus.REFUSED, Verdict.BAD_LOCK, ignored=True)


@dataclass(frozen=True, slots=True)
class Writing:
    """One commit. swept_day: the newest day that a sweep believed, 0 before the first."""

    shelves: Shelves
    room: Room
    today: int
    swept_day: int

    @property
    def _day(self) -> int:
        return self.today if self.today >= EARLIEST_DAY else max(self.today, self.swept_day)

    @property
    def _due_day(self) -> int:
        return min(self.today, self.swept_day)

    def do(
        self, parcel_id: bytes, write: PutBlocks | MarkOpened | MarkPurged | AddStamp
    ) -> Outcome:
        """Do it; what came of it."""
        match write:
            case PutBlocks():
                return self._put(parcel_id, write)
            case MarkOpened():
                return self._open(write)
            case MarkPurged(frame):
                return self._purge(frame)
            case AddStamp(frame):
                return self._stamp(frame)

    # Blocks

    def _put(self, parcel_id: bytes, write: PutBlocks) -> Outcome:
        header, offer = write.header, parcel_id[:16]
        known = self.shelves.parcels.get(offer)
        half = self.shelves.halves.get(offer)
        for row in (known, half):
            if row is not None and row.parcel_id != parcel_id:
                return _refused(Verdict.REFUSED_FULL)
        if known is not None and known.state is State.HELD:
            return _HAVE
        if known is not None and known.state is State.PURGED:
            return _TOMBSTONED
        try:
            self._check_expiry(header)
        except (Expired, ExpiryTooFar) as error:
            return _refused(error.verdict)
        if header.body_size > self.room.limits.max_body_bytes:
            return _refused(Verdict.REFUSED_SIZE)
        if known is None and half is None and not self.room.lets_tag(header):
            return _refused(Verdict.REFUSED_QUOTA)
        return self._put_new(parcel_id, write, known, half)

    def _check_expiry(self, header: Header) -> None:
        try:
            check_expiry(header, self.today)
        except (Expired, ExpiryTooFar):
            if not self.swept_day:
                raise
            check_expiry(header, self.swept_day)

    def _put_new(
        self, parcel_id: bytes, write: PutBlocks, evicted: ParcelRow | None, half: HalfRow | None
    ) -> Outcome:
        header, rank = write.header, rank_of(write.header)
        blocks = {block.index: block for block in write.blocks}
        new = [
            blocks[index] for index in sorted(blocks) if half is None or not half.body.has(index)
        ]
        if not new:
            return self._asked(header, evicted, half)
        row = half or HalfRow.begin(self.shelves.halves_begun, parcel_id, header, self._day)
        complete = row.body.count + len(new) == row.body.blocks
        lists: list[StoredList] = [] if complete else row.new_lists(new, write.lists)
        size_bytes = sum(len(block.data) for block in new) + list_bytes(lists)
        if not complete and not (
            (rank <= Rank.LETTER or self.room.lets_tag_partial(header, size_bytes))
            and self.room.make_partial(size_bytes, rank, parcel_id)
        ):
            return _refused(Verdict.REFUSED_QUOTA)
        is_small = header.body_size <= BLOCK_BYTES
        rows = 0 if is_small else (len(new) + len(lists)) * BLOCK_ROW_BYTES
        cost_bytes = (ROW_BYTES if half is None else 0) + size_bytes + rows
        if not self._has_room(cost_bytes, row, evicted):
            return _refused(Verdict.REFUSED_FULL)
        if half is None and evicted is not None:
            row.opened, row.stamp = evicted.opened, evicted.stamp
            self._forget(evicted)
        return self._keep(row, new, lists, cost_bytes, write, complete=complete)

    def _keep(
        self,
        row: HalfRow,
        new: list[StoredBlock],
        lists: list[StoredList],
        cost_bytes: int,
        write: PutBlocks,
        *,
        complete: bool,
    ) -> Outcome:
        room, shelves, offer = self.room, self.shelves, row.parcel_id[:16]
        if offer in shelves.halves:
            room.partial_bytes -= row.size_bytes
        for block in new:
            row.body.put(block)
        room.take(row, cost_bytes)
        if complete:
            shelves.halves.pop(offer, None)
            self._complete(row, write)
            return _STORED
        for each in lists:
            row.lists[each.page] = each.hashes
        row.touched_day = self._day
        if offer not in shelves.halves:
            shelves.halves[offer] = row
            shelves.halves_begun += 1
        room.partial_bytes += row.size_bytes
        return Outcome(AckStatus.PARTIAL, row.body.count)

    def _complete(self, half: HalfRow, write: PutBlocks) -> None:
        row = ParcelRow(
            self.shelves.next_arrival(),
            half.parcel_id,
            half.header,
            half.rank,
            State.HELD,
            self._day,
            half.body,
            opened=half.opened,
            stamp=half.stamp,
            document=write.document,
            # Without its lists: what is complete needs none.
            cost_bytes=half.cost_bytes,
        )
        self.shelves.add(row)

    def _asked(self, header: Header, evicted: ParcelRow | None, half: HalfRow | None) -> Outcome:
        """Nothing new came: say whether more would be taken."""
        if half is not None:
            return Outcome(AckStatus.PARTIAL, half.body.count)
        rank = rank_of(header)
        is_small = header.body_size <= BLOCK_BYTES
        if not is_small and not self.room.has_quota(rank, BLOCK_BYTES):
            return _refused(Verdict.REFUSED_QUOTA)
        cost_bytes = header.body_size + (ROW_BYTES if is_small else 0)
        if evicted is not None:
            could = self.room.fits(cost_bytes)
        else:
            could = self.room.could_make(cost_bytes, rank, self._due_day)
        return Outcome(AckStatus.PARTIAL) if could else _refused(Verdict.REFUSED_FULL)

    def _has_room(self, cost_bytes: int, row: HalfRow, evicted: ParcelRow | None) -> bool:
        if evicted is not None:
            return self.room.fits(cost_bytes)
        return self.room.make(cost_bytes, row.rank, self._due_day)

    def _forget(self, row: ParcelRow) -> None:
        self.room.free(row)
        self.shelves.forget(row)

    # Tombstones and stamps

    def _find(self, parcel_id: bytes) -> ParcelRow | HalfRow | None:
        for row in (
            self.shelves.halves.get(parcel_id[:16]),
            self.shelves.parcels.get(parcel_id[:16]),
        ):
            if row is not None and row.parcel_id == parcel_id:
                return row
        return None

    def _open(self, write: MarkOpened) -> Outcome:
        frame = write.frame
        row = self._find(frame.parcel_id)
        if row is None:
            return _NOT_HELD
        try:
            write.check(row.header)
        except RemoteError as error:
            return Outcome(AckStatus.REFUSED, error.verdict, ignored=True)
        kept = self.shelves.opened_of(frame.parcel_id)
        if any(
            isinstance(mark.frame, Opened) and mark.frame.signing_key == frame.signing_key
            for mark in kept
        ):
            return _HAVE
        if len(kept) >= OPENED_PER_PARCEL:
            if row.header.tag not in write.own_tags:
                return _HAVE
            self.shelves.drop_mark(kept[0])
        self.shelves.add_mark(row.header, frame, max(self.today, self.swept_day))
        row.opened = True
        return _STORED

    def _purge(self, frame: Purge) -> Outcome:
        row = self._find(frame.parcel_id)
        if row is None:
            return _NOT_HELD
        try:
            check_purge(row.header.lock, frame.purge_key)
        except BadLock:
            return _BAD_LOCK
        if isinstance(row, ParcelRow) and row.state is State.PURGED:
            return _HAVE
        self.shelves.add_mark(row.header, frame, max(self.today, self.swept_day))
        if isinstance(row, HalfRow):
            self.room.drop_half(row)
            purged = ParcelRow(
                self.shelves.next_arrival(),
                row.parcel_id,
                row.header,
                row.rank,
                State.PURGED,
                self._day,
                None,
                purged_day=self._day,
                opened=row.opened,
            )
            self.room.take(purged, ROW_BYTES)
            self.shelves.add(purged)
        else:
            row.state, row.purged_day = State.PURGED, self._day
        return _STORED

    def _stamp(self, frame: Stamp) -> Outcome:
        row = self._find(frame.parcel_id)
        if row is None:
            return _NOT_HELD
        if row.effort >= frame.effort:
            return _HAVE
        row.stamp = frame
        return _STORED


def _refused(verdict: Verdict) -> Outcome:
    return Outcome(AckStatus.REFUSED, verdict)
