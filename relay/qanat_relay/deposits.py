"""What a session hands in: every header and block is checked, then stored, then acknowledged.

Nothing is acknowledged that is not durable. While one commit runs the next gathers, and whoever
sends faster than the disk takes waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import (
    Busy,
    ProtocolError,
    RefusedSize,
    RemoteError,
    TooLarge,
    UnexpectedFrame,
)
from qanat_protocol.frames import (
    Ack,
    AckEntry,
    AckStatus,
    Block,
    Error,
    HeaderFrame,
    Leaves,
    Opened,
    Purge,
    Receipt,
    Stamp,
)
from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import Header, Kind
from qanat_protocol.receipt import MAX_RECEIPT_IDS, sign_receipt
from qanat_protocol.stamp import check_stamp
from qanat_protocol.tombstone import verify_opened
from qanat_protocol.transfer import Intake
from qanat_protocol.verdicts import Verdict
from qanat_relay.arrivals import Arrival
from qanat_relay.logs import log
from qanat_relay.node import Node
from qanat_relay.public_documents import check_carried, check_document
from qanat_relay.store.interface import (
    AddStamp,
    MarkOpened,
    MarkPurged,
    Outcome,
    PutBlocks,
    StoredBlock,
    StoreError,
    StoreFull,
    Write,
)
from qanat_relay.voice import Voice

MAX_WAITING_BYTES = 4 * 2**20
"""Unacknowledged bytes of a session: a fast disk's commit, and little enough for many sessions."""

MAX_WAITING = 512
"""Unacknowledged transfers and tombstones of a session: one ACK holds as many."""

MAX_WHOLE_BYTES = 4 * 2**20
"""Public documents that a session holds in memory until they are whole: four of the largest."""

ENTRY_BYTES = 512
"""What a waiting header or tombstone is taken to weigh."""


@dataclass(slots=True)
class _Batch:
    """What the next commit will hold, and the refusals that are told with it."""

    arrivals: dict[int, Arrival] = field(default_factory=dict)
    marks: list[Write] = field(default_factory=list)
    refusals: list[AckEntry] = field(default_factory=list)
    size_bytes: int = 0

    def __len__(self) -> int:
        return len(self.arrivals) + len(self.marks) + len(self.refusals)


class Deposits:
    """One session's incoming parcels and tombstones. `run` commits; the rest feeds it."""

    def __init__(self, node: Node, voice: Voice) -> None:
        self._node = node
        self._voice = voice
        self._intake = Intake()
        self._open: dict[int, Arrival] = {}
        self._told: dict[bytes, Bitmap] = {}
        self._batch = _Batch()
        self._in_flight = _Batch()
        self._whole_bytes = 0
        self._commits = 0
        self._taken: dict[bytes, None] = {}
        self._lost_marks: Verdict | None = None
        self._finishing = False
        self.ended = asyncio.Event()
        self._wake = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be committed or acknowledged."""
        return bool(len(self._batch) or len(self._in_flight))

    def tell_held(self, offer: bytes, held: Bitmap) -> None:
        """Note what the sender was told by PARTIAL: it will leave these blocks out."""
        self._told[offer] = held

    def was_told(self, offer: bytes) -> bool:
        """Whether the sender knows which blocks of this parcel to leave out."""
        return offer in self._told

    def take_header(self, frame: HeaderFrame) -> None:
        """Open a transfer, or refuse it. Raises UnexpectedFrame and TooLarge for the session."""
        try:
            header = self._intake.open(frame)
        except (UnexpectedFrame, TooLarge):
            raise
        except RemoteError as error:
            self._refuse(frame.handle, error)
            return
        arrival = Arrival(frame.handle, header)
        self._open[frame.handle] = arrival
        try:
            self._check_header(header)
        except RemoteError as error:
            self._refuse(frame.handle, error)
            return
        if arrival.is_kept_whole:
            arrival.whole_bytes = header.body_size
            self._whole_bytes += header.body_size
            return
        if (told := self._told.get(header.offer)) is not None:
            self._intake.leave_out(frame.handle, told)
            arrival.complete = told.count() == block_count(header.body_size)
        if arrival.complete or block_count(header.body_size) > 1:
            # Asked before its blocks: what is here already need not be sent on.
            self._commit_soon(arrival, 0)

    def take_leaves(self, frame: Leaves) -> None:
        """Check a list of leaves."""
        try:
            self._intake.leaves(frame)
        except (UnexpectedFrame, TooLarge):
            raise
        except RemoteError as error:
            self._refuse(frame.handle, error)

    async def take_block(self, frame: Block) -> None:
        """Check a block and let it wait for the next commit."""
        try:
            verified = self._intake.block(frame)
        except (UnexpectedFrame, TooLarge):
            raise
        except RemoteError as error:
            self._refuse(frame.handle, error)
            return
        arrival = self._open.get(frame.handle)
        if verified is None or arrival is None or arrival.settled:
            return
        arrival.waiting.append(StoredBlock(verified.index, verified.leaf, verified.data))
        arrival.complete = verified.complete
        if not arrival.is_kept_whole:
            self._commit_soon(arrival, len(verified.data))
        elif arrival.complete:
            await self._judge_document(arrival)

    async def take_opened(self, frame: Opened) -> None:
        """Check the signature of an OPENED; the store checks the lock."""
        await self._mark(frame, MarkOpened(frame))

    async def take_purge(self, frame: Purge) -> None:
        """Hand a PURGE to the store, which checks the lock."""
        await self._mark(frame, MarkPurged(frame))

    async def take_stamp(self, frame: Stamp) -> None:
        """Check a stamp and hand it to the store."""
        await self._mark(frame, AddStamp(frame))

    async def room(self) -> None:
        """Return when the session may hand in more."""
        await self._space.wait()

    async def run(self) -> None:
        """Commit and acknowledge until `finish`. Raises LinkLost when nobody hears."""
        try:
            await self._commit_all()
        finally:
            self.ended.set()

    async def _commit_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if len(self._batch):
                await self._acknowledge(await self._commit())
                await self._tell_of_lost_marks()
                self._in_flight = _Batch()
                self._check_space()
            if len(self._batch):
                self._wake.set()
            elif self._finishing:
                return

    def finish(self) -> None:
        """Let `run` return when all that came is committed and acknowledged."""
        self._finishing = True
        self._wake.set()

    async def keep_rest(self) -> None:
        """Commit what still waits, with nobody left to tell."""
        if len(self._batch):
            await self._commit()

    def receipts(self) -> Iterator[Receipt]:
        """The custody receipts of what was taken since they were last asked for (SPEC 13)."""
        taken, self._taken = list(self._taken), {}
        yield from receipts_for(self._node, self._node.today(), taken)

    def _check_header(self, header: Header) -> None:
        if header.body_size > (largest := self._node.config.largest_body_bytes):
            raise RefusedSize(
                f"the body has {header.body_size:,} bytes; this relay takes {largest:,}"
            )
        if header.kind is Kind.PUBLIC:
            check_carried(self._node, header)
            if self._whole_bytes + header.body_size > MAX_WHOLE_BYTES:
                raise Busy("too many public documents at once")

    async def _judge_document(self, arrival: Arrival) -> None:
        self._forget_whole(arrival)
        arrival.waiting.sort(key=lambda block: block.index)
        body = b"".join(block.data for block in arrival.waiting)
        try:
            arrival.document = check_document(self._node, arrival.header, body)
        except ProtocolError as error:
            self._refuse(arrival.handle, error)
        else:
            self._commit_soon(arrival, len(body))

    async def _mark(self, frame: Opened | Purge | Stamp, write: Write) -> None:
        try:
            if isinstance(frame, Opened):
                verify_opened(frame)
            elif isinstance(frame, Stamp):
                check_stamp(frame, self._node.today())
        except RemoteError as error:
            await self._voice.say(Error(error.verdict, type(frame).__name__.upper()))
            return
        self._batch.marks.append(write)
        self._grow(ENTRY_BYTES)

    def _commit_soon(self, arrival: Arrival, size_bytes: int) -> None:
        self._batch.arrivals.setdefault(arrival.handle, arrival)
        self._grow(size_bytes or ENTRY_BYTES)

    def _refuse(self, handle: int, error: ProtocolError) -> None:
        arrival = self._open.get(handle)
        if arrival is not None:
            if arrival.settled:
                return
            self._forget_whole(arrival)
            self._settle(arrival)
        self._batch.refusals.append(AckEntry(handle, AckStatus.REFUSED, error.verdict))
        self._grow(ENTRY_BYTES)

    def _forget_whole(self, arrival: Arrival) -> None:
        self._whole_bytes -= arrival.whole_bytes
        arrival.whole_bytes = 0

    def _grow(self, size_bytes: int) -> None:
        self._batch.size_bytes += size_bytes
        self._check_space()
        self._wake.set()

    def _check_space(self) -> None:
        size_bytes = self._batch.size_bytes + self._in_flight.size_bytes
        if size_bytes < MAX_WAITING_BYTES and len(self._batch) + len(self._in_flight) < MAX_WAITING:
            self._space.set()
        else:
            self._space.clear()

    def _settle(self, arrival: Arrival) -> None:
        arrival.settled = True
        self._intake.close(arrival.handle)
        self._open.pop(arrival.handle, None)

    async def _commit(self) -> list[AckEntry]:
        batch, self._batch = self._batch, _Batch()
        self._in_flight = batch
        arrivals = list(batch.arrivals.values())
        puts = [arrival.take() for arrival in arrivals]
        outcomes = await self._write([*puts, *batch.marks])
        self._commits += 1
        entries = []
        for arrival, put, outcome in zip(arrivals, puts, outcomes, strict=False):
            if not arrival.settled:
                entries += self._entry(arrival, put, outcome)
        return entries + batch.refusals

    def _entry(self, arrival: Arrival, put: PutBlocks, outcome: Outcome) -> list[AckEntry]:
        if outcome.status is AckStatus.PARTIAL and not put.blocks:
            return []
        if outcome.status.is_final:
            self._settle(arrival)
        elif arrival.complete:
            self._open.pop(arrival.handle, None)
        if outcome.status in (AckStatus.STORED, AckStatus.HAVE):
            self._taken[arrival.header.parcel_id] = None
        return [AckEntry(arrival.handle, outcome.status, outcome.value)]

    async def _write(self, writes: Sequence[Write]) -> list[Outcome]:
        if not writes:
            return []
        # A session that is ended now must not take back what the disk is being given.
        task = asyncio.ensure_future(self._node.store.write(writes, today=self._node.today()))
        try:
            return await asyncio.shield(task)
        except StoreFull:
            verdict = Verdict.REFUSED_FULL
        except StoreError as error:
            log.error("the store refused a commit: %s", type(error).__name__)
            verdict = Verdict.BUSY
        if any(not isinstance(write, PutBlocks) for write in writes):
            # No ACK tells of these; without a word their sender would take them for kept.
            self._lost_marks = verdict
        return [Outcome(AckStatus.REFUSED, verdict)] * len(writes)

    async def _acknowledge(self, entries: list[AckEntry]) -> None:
        for first in range(0, len(entries), MAX_WAITING):
            await self._voice.say(Ack(self._commits, tuple(entries[first : first + MAX_WAITING])))
        if len(self._taken) >= MAX_RECEIPT_IDS:
            await self._voice.say(*self.receipts())

    async def _tell_of_lost_marks(self) -> None:
        if self._lost_marks is not None:
            verdict, self._lost_marks = self._lost_marks, None
            await self._voice.say(Error(verdict, "OPENED, PURGE and STAMP were not kept"))


def receipts_for(node: Node, day: int, ids: Sequence[bytes]) -> Iterator[Receipt]:
    """Receipts over any number of parcel ids, 512 in each."""
    for first in range(0, len(ids), MAX_RECEIPT_IDS):
        yield sign_receipt(node.keys.signing, day, ids[first : first + MAX_RECEIPT_IDS])
