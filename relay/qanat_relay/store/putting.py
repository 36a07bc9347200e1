"""Blocks into the store, inside the writer's transaction: whether they are taken, and where they
go. Trusts that they match the header's root; Intake has seen to that."""

# ruff: noqa: S608 - queries are put together from constants alone; values are always bound

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from qanat_protocol.errors import Expired, ExpiryTooFar
from qanat_protocol.frames import AckStatus
from qanat_protocol.limits import BLOCK_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import block_count, page_count, root_of
from qanat_protocol.parcel import Header, Kind, Rank, rank_of
from qanat_protocol.verdicts import Verdict
from qanat_relay.store.costs import BLOCK_ROW_BYTES, ROW_BYTES
from qanat_relay.store.interface import Outcome, PutBlocks, PutRun, StoredBlock, StoredList, Write
from qanat_relay.store.lists import check_lists, keep_lists, new_lists, provable_with, size_of
from qanat_relay.store.offers import forget
from qanat_relay.store.room import end_partial
from qanat_relay.store.rows import (
    NO_STANDING,
    PLACE_BLOCKS,
    PLACES,
    ParcelRow,
    PartialRow,
    RowState,
    Standing,
    block_numbers,
    find_parcel,
    find_partial,
    held_indices,
)
from qanat_relay.store.work import Work

_INSERT_PARCEL = (
    "INSERT INTO parcel (arrival, id, header, tag, rank, kind, expiry, state, present, taken_day,"
    " opened, effort, stamp_epoch, stamp_nonce, class, serial, place, page_roots, body)"
    f" VALUES (?, ?, ?, ?, ?, ?, ?, {RowState.HELD:d}, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_PARTIAL = (
    "INSERT OR REPLACE INTO partial (place, id, header, rank, expiry, touched_day, held,"
    " held_bytes, list_bytes, provable, opened, effort, stamp_epoch, stamp_nonce)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_STORED = Outcome(AckStatus.STORED)

_INSERT_BLOCK = "INSERT INTO block (number, leaf, data) VALUES (?, ?, ?)"


def check_put(write: Write) -> int:
    """How many bytes of blocks there are; ValueError for blocks that the body cannot have, which
    Intake never hands on."""
    if isinstance(write, PutRun):
        return _check_run(write)
    if not isinstance(write, PutBlocks):
        return 0
    size, size_bytes = write.header.body_size, 0
    for block in write.blocks:
        if not 0 <= block.index < block_count(size):
            raise ValueError(f"block {block.index} of a body of {size} bytes")
        length = len(block.data)
        if length != min(BLOCK_BYTES, size - block.index * BLOCK_BYTES) or len(block.leaf) != 32:
            raise ValueError(f"block {block.index} has the wrong length")
        size_bytes += length
    check_lists(write.header.body_size, write.lists)
    return size_bytes + size_of(write.lists)


def _check_run(write: PutRun) -> int:
    size = write.front.body_size
    if size > BLOCK_BYTES or any(len(body) != size for body in write.bodies):
        raise ValueError("a body of a run has the wrong length")
    if not len(write.ids) == len(write.headers) == len(write.bodies):
        raise ValueError("a run lacks an id, a header or a body")
    return size * len(write.bodies)


def put(work: Work, parcel_id: bytes, write: PutBlocks, today: int) -> Outcome:
    """Take what is new of a parcel; the outcome is true once the transaction is on disk."""
    offer = parcel_id[:16]
    known = find_parcel(work.connection, work.recent, offer) if offer in work.known else None
    if known is not None:
        if known.parcel_id != parcel_id:
            # Another parcel has the same first 16 bytes: 2^64 tries of somebody's.
            return _refused(Verdict.REFUSED_FULL)
        if known.state is RowState.HELD:
            return Outcome(AckStatus.HAVE)
        if known.state is RowState.PURGED:
            return Outcome(AckStatus.TOMBSTONED)
    try:
        work.check_expiry(write.header, today)
    except (Expired, ExpiryTooFar) as error:
        return _refused(error.verdict)
    if write.header.body_size > work.limits.max_body_bytes:
        return _refused(Verdict.REFUSED_SIZE)
    if write.header.body_size <= BLOCK_BYTES:
        return _put_small(work, parcel_id, write, today, known)
    partial = find_partial(work.connection, parcel_id)
    if partial is not None and partial.parcel_id != parcel_id:
        return _refused(Verdict.REFUSED_FULL)
    if partial is None and known is None and (refusal := _beyond_share(work, write.header, today)):
        return _refused(refusal)
    return _PuttingLong(work, parcel_id, write, today, known, partial).outcome()


def _put_small(
    work: Work, parcel_id: bytes, write: PutBlocks, today: int, evicted: ParcelRow | None
) -> Outcome:
    """A body of one block: most letters are, and they come by the thousand."""
    header = write.header
    rank = rank_of(header)
    if evicted is None and (refusal := _beyond_share(work, header, today)):
        return _refused(refusal)
    cost_bytes = ROW_BYTES + header.body_size
    if not write.blocks:
        could = _could_have_room(work, cost_bytes, rank, today, evicted)
        return Outcome(AckStatus.PARTIAL) if could else _refused(Verdict.REFUSED_FULL)
    if not _has_room(work, cost_bytes, rank, today, evicted):
        return _refused(Verdict.REFUSED_FULL)
    work.room.take(cost_bytes)
    standing = NO_STANDING
    if evicted is not None:
        _forget_eviction(work, evicted)
        standing = evicted.standing
    _insert_parcel(work, parcel_id, write, today, standing, body=write.blocks[0].data)
    return _STORED


@dataclass(frozen=True, slots=True)
class _PuttingLong:
    """One PutBlocks of a body of several blocks that is not complete. evicted: it once was."""

    work: Work
    parcel_id: bytes
    write: PutBlocks
    today: int
    evicted: ParcelRow | None
    partial: PartialRow | None

    def outcome(self) -> Outcome:
        work, header, partial = self.work, self.write.header, self.partial
        rank = rank_of(header)
        held = 0 if partial is None else partial.held
        new = self._new_blocks()
        if not new:
            return self._asked(held)
        known_blocks = len({block.index for block in self.write.blocks}) - len(new)
        complete = held + len(new) == block_count(header.body_size)
        lists = [] if complete else new_lists(work.connection, self.write, new, partial)
        size_bytes = sum(len(block.data) for block in new) + size_of(lists)
        if not complete and not self._has_quota(size_bytes):
            return _refused(Verdict.REFUSED_QUOTA)
        cost_bytes = ROW_BYTES + size_bytes + (len(new) + len(lists)) * BLOCK_ROW_BYTES
        if not _has_room(work, cost_bytes, rank, self.today, self.evicted):
            return _refused(Verdict.REFUSED_FULL)
        work.room.take(cost_bytes)
        standing = NO_STANDING
        if partial is not None:
            standing = partial.standing
        elif self.evicted is not None:
            _forget_eviction(work, self.evicted)
            standing = self.evicted.standing
        place = _draw_place(work) if partial is None else partial.place
        work.connection.executemany(
            _INSERT_BLOCK,
            [(place * PLACE_BLOCKS + block.index, block.leaf, block.data) for block in new],
        )
        if not complete:
            keep_lists(work.connection, place, lists)
            self._keep_partial(place, new, lists, standing)
            return Outcome(AckStatus.PARTIAL, held + len(new), known_blocks=known_blocks)
        if partial is not None:
            end_partial(work.connection, work.tally, partial)
        _insert_parcel(work, self.parcel_id, self.write, self.today, standing, place=place)
        return Outcome(AckStatus.STORED, known_blocks=known_blocks)

    def _new_blocks(self) -> list[StoredBlock]:
        blocks = {block.index: block for block in self.write.blocks}
        if self.partial is not None and blocks:
            for index in held_indices(
                self.work.connection, self.partial.place, min(blocks), max(blocks)
            ):
                blocks.pop(index, None)
        return [blocks[index] for index in sorted(blocks)]

    def _has_quota(self, size_bytes: int) -> bool:
        """Whether so much more of a body in part is kept; a letter makes parts go for it."""
        work, header = self.work, self.write.header
        rank = rank_of(header)
        if rank > Rank.LETTER and not work.room.lets_tag_partial(work.tally, header, size_bytes):
            return False
        return work.room.make_partial(work.tally, size_bytes, rank, self.parcel_id)

    def _asked(self, held: int) -> Outcome:
        """Nothing new came: say whether more would be taken."""
        if self.partial is None:
            work, size_bytes = self.work, self.write.header.body_size
            rank = rank_of(self.write.header)
            if not work.room.has_quota(work.tally.partial_bytes + BLOCK_BYTES, rank):
                return _refused(Verdict.REFUSED_QUOTA)
            if not _could_have_room(work, size_bytes, rank, self.today, self.evicted):
                return _refused(Verdict.REFUSED_FULL)
        return Outcome(AckStatus.PARTIAL, held, known_blocks=len(self.write.blocks))

    def _keep_partial(
        self,
        place: int,
        new: Sequence[StoredBlock],
        lists: Sequence[StoredList],
        standing: Standing,
    ) -> None:
        header, tally, before = self.write.header, self.work.tally, self.partial
        provable = provable_with(self.work.connection, place, new, lists, before)
        held, held_bytes = len(new), sum(len(block.data) for block in new)
        list_bytes = size_of(lists)
        tally.hold_partial(header, held_bytes + list_bytes)
        if before is None:
            tally.partial += 1
        else:
            held += before.held
            held_bytes += before.held_bytes
            list_bytes += before.list_bytes
        self.work.connection.execute(
            _INSERT_PARTIAL,
            (
                place,
                self.parcel_id,
                header.encode(),
                rank_of(header),
                header.expiry_day,
                self.work.day(self.today),
                held,
                held_bytes,
                list_bytes,
                provable.to_bytes(),
                *_columns(standing),
            ),
        )


def _beyond_share(work: Work, header: Header, today: int) -> Verdict | None:
    """Why a body that nobody knows may not have more under its tag; None where it may. Where
    nobody finds room it is no matter of tags."""
    if work.room.lets_tag(work.tally, header):
        return None
    cost_bytes = ROW_BYTES + min(header.body_size, BLOCK_BYTES)
    has_room = _could_have_room(work, cost_bytes, rank_of(header), today, None)
    return Verdict.REFUSED_QUOTA if has_room else Verdict.REFUSED_FULL


def _draw_place(work: Work) -> int:
    """A number for the blocks of one body, that none has."""
    while True:
        place = secrets.randbelow(PLACES)
        taken = work.connection.execute(
            "SELECT 1 FROM block WHERE number BETWEEN ? AND ? LIMIT 1", block_numbers(place)
        )
        if taken.fetchone() is None:
            return place


def _could_have_room(
    work: Work, size_bytes: int, rank: Rank, today: int, evicted: ParcelRow | None
) -> bool:
    if evicted is not None:
        return work.room.could_fit(size_bytes)
    return work.room.could_make(size_bytes, rank, work.due_day(today))


def _has_room(
    work: Work, size_bytes: int, rank: Rank, today: int, evicted: ParcelRow | None
) -> bool:
    """Whether there is room, or some was made; what was evicted makes nobody else go."""
    if evicted is not None:
        return work.room.fits(size_bytes)
    return work.room.make(work.tally, size_bytes, rank, work.due_day(today))


def _forget_eviction(work: Work, row: ParcelRow) -> None:
    forget(work.connection, row.parcel_id[:16], row.arrival)
    work.tally.evicted -= 1


def _insert_parcel(
    work: Work,
    parcel_id: bytes,
    write: PutBlocks,
    today: int,
    standing: Standing,
    *,
    place: int | None = None,
    body: bytes | None = None,
) -> None:
    header, tally = write.header, work.tally
    tally.count(header.kind, 1, header.body_size)
    tally.hold(header.tag, header.kind, header.body_size)
    if standing.opened and header.kind is Kind.PART:
        tally.yielding_bytes += header.body_size
    arrival = tally.next_arrival()
    work.add_offer(parcel_id, arrival)
    work.connection.execute(
        _INSERT_PARCEL,
        (
            arrival,
            parcel_id,
            header.encode(),
            header.tag,
            rank_of(header),
            header.kind,
            header.expiry_day,
            work.day(today),
            *_columns(standing),
            *(write.document or (None, None)),
            place,
            None if place is None else _page_roots(work, header.body_size, place),
            body,
        ),
    )


def _page_roots(work: Work, body_size: int, place: int) -> bytes | None:
    if page_count(body_size) == 1:
        return None
    roots = []
    for page in range(page_count(body_size)):
        first = page * PAGE_LEAVES
        leaves = work.connection.execute(
            "SELECT leaf FROM block WHERE number BETWEEN ? AND ? ORDER BY number",
            block_numbers(place, first, first + PAGE_LEAVES - 1),
        )
        roots.append(root_of([leaf for (leaf,) in leaves]))
    return b"".join(roots)


def _columns(standing: Standing) -> tuple[bool, int, int | None, bytes | None]:
    return standing.opened, standing.effort, standing.stamp_epoch, standing.stamp_nonce


def _refused(verdict: Verdict) -> Outcome:
    return Outcome(AckStatus.REFUSED, verdict)
