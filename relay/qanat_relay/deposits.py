"""What a session hands in: every header and block is checked, then goes into custody.

Judges and refuses; commits and acknowledges nothing itself.
"""

from __future__ import annotations

import asyncio
from functools import partial

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import (
    Busy,
    ProtocolError,
    RefusedSize,
    RemoteError,
    TooLarge,
    UnexpectedFrame,
    error_for,
)
from qanat_protocol.frames import (
    Block,
    Error,
    HeaderFrame,
    Leaves,
    Opened,
    Purge,
    Stamp,
)
from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import Header, Kind
from qanat_protocol.runs import Run
from qanat_protocol.stamp import check_stamp
from qanat_protocol.tombstone import verify_opened
from qanat_protocol.transfer import Intake
from qanat_protocol.verdicts import Verdict
from qanat_relay.admission.ticket import Holder, Lane, Ticket
from qanat_relay.arrivals import Arrival, Charge
from qanat_relay.custody import Custody
from qanat_relay.node import Node
from qanat_relay.public_documents import check_carried, check_document
from qanat_relay.store.costs import ROW_BYTES
from qanat_relay.store.interface import AddStamp, MarkOpened, MarkPurged, PutRun, StoredBlock, Write
from qanat_relay.voice import Voice

MAX_WHOLE_BYTES = 4 * 2**20
"""Public documents that a session holds in memory until they are whole: four of the largest."""

MAX_WHOLE_TOGETHER_BYTES = 32 * 2**20
"""The same of all strangers, who may be neither desk nor peer: else whoever opens as many sessions
as there are, and leaves a block of each document out, has a gibibyte of a relay's memory."""

MAX_STAMPS = 256
"""Stamps that a session may show before the parcels that they are for."""

PATIENT_REFUSALS = 16
"""Parcels of a session that are refused for want of a stamp before it is read more slowly."""

IMPATIENT_TICKETS = 4
"""Of what it brings then without a stamp, so much waits for the free lane. The rest is refused by
its header."""

REFUSED_PER_S = 200
"""How many parcels of all sessions beyond that are read and refused in a second: a fraction of a
processor, however many there are."""

PAUSE_REFUSALS = 8
"""Refusals of a session before it waits for them together: to stop costs as much as a refusal."""

REFUSED_PAUSE_S = 10.0
"""How long one session waits at most for that. A client gives up a line that was silent for 15 s,
and the last refusals before the pause are told up to a second after it began."""

DRY_PAUSE_S = 1.0
"""What a peer or desk waits at most for the next of its frames where its lane has no room: a block
a second goes on in any case."""


class Deposits:
    """One session's incoming parcels and tombstones. What it lets in is in `custody`."""

    def __init__(self, node: Node, voice: Voice) -> None:
        self._node = node
        self._voice = voice
        self.custody = Custody(node, voice, self._close)
        self._intake = Intake()
        self._open: dict[int, Arrival] = {}
        self._told: dict[bytes, Bitmap] = {}
        self._whole_bytes = 0
        self._own_tags: frozenset[bytes] = frozenset()
        self._own_keys: frozenset[bytes] = frozenset()
        self._is_carried = False
        self._holder = Holder()
        self._slowed = node.keeper.slowed
        self._stamps: dict[bytes, Stamp] = {}
        self._lane: Lane | None = None
        self._refused = self._paused = 0
        self._calm = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be let in, committed or acknowledged."""
        return bool(self._holder.tickets) or self.custody.is_busy

    async def room(self) -> None:
        """Return when the session may hand in more."""
        await self.custody.room()
        if (refused := self._refused - max(self._paused, PATIENT_REFUSALS)) >= PAUSE_REFUSALS:
            self._paused = self._refused
            # Of those alone that wait now: who was refused and does nothing more slows nobody down.
            self._slowed.add(self._holder)
            try:
                pause_s = refused * len(self._slowed) / REFUSED_PER_S
                await asyncio.sleep(min(pause_s, REFUSED_PAUSE_S))
            finally:
                self._slowed.discard(self._holder)
        lane, self._lane = self._lane, None
        if lane is not None and not lane.asks:
            await asyncio.sleep(self._node.gate.dry_s(lane, DRY_PAUSE_S))

    async def let_in(self) -> None:
        """Return when nothing waits to be let in."""
        while self._holder.tickets:
            self._calm.clear()
            await self._calm.wait()

    def leave(self) -> None:
        """The session is over: what was not let in is forgotten."""
        self._node.gate.withdraw(self._holder)
        for arrival in self._open.values():
            self._forget_whole(arrival)

    def own(self, tags: frozenset[bytes], keys: frozenset[bytes], *, is_carried: bool) -> None:
        """Note the tags that the session has proven to be its own: its OPENED are always kept. By
        which signing keys it did: what it says by these the channel proves, as a signature would.
        `is_carried`: it is a desk that the operator added, and not one that anybody made up."""
        self._own_tags, self._own_keys, self._is_carried = tags, keys, is_carried

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
        arrival = Arrival(frame.handle, header, self._lane_of(header.kind))
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
            arrival.goes_on = told.count() > 0
        if not arrival.complete and not self._lets_in(arrival):
            self._let_wait(arrival)
        elif arrival.complete or block_count(header.body_size) > 1:
            # Asked before its blocks: what is here already need not be sent on.
            self.custody.put(arrival, 0)

    def take_run(self, run: Run) -> bool:
        """Check parcels of one block together; False, and nothing is done, where they have to be
        taken frame by frame."""
        # What was told to be held is left out of a transfer, which a run knows nothing of.
        if self._told or run.front.body_size > self._node.config.largest_body_bytes:
            return False
        lane = self._lane_of(run.front.kind)
        if self._stamps:
            return False
        lets_in = self._node.gate.lets_in(lane)
        if not lets_in and not self._is_impatient:
            return False
        ids = self._intake.run(run)
        if ids is None:
            return False
        if not lets_in:
            self._refused += len(ids)
            for handle in range(run.first, run.first + len(ids)):
                self.custody.refuse(handle, self._node.gate.refusal(lane), is_urgent=False)
            return True
        charge = Charge(lane, len(ids) * (run.front.body_size + ROW_BYTES))
        self.custody.put_run(run.first, PutRun(run.front, ids, run.headers, run.bodies), charge)
        self._take(charge)
        return True

    def take_leaves(self, frame: Leaves) -> None:
        """Check a list of leaves."""
        try:
            self._intake.leaves(frame)
        except (UnexpectedFrame, TooLarge):
            raise
        except RemoteError as error:
            self._refuse(frame.handle, error)
            return
        arrival = self._open.get(frame.handle)
        if arrival is not None and not arrival.settled and not arrival.is_kept_whole:
            arrival.note_list(frame.page, frame.hashes)

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
        size_bytes = arrival.add(StoredBlock(verified.index, verified.leaf, verified.data))
        arrival.complete = verified.complete
        if arrival.is_kept_whole:
            if not self._keeps_whole(arrival, size_bytes):
                self._refuse(arrival.handle, Busy("too many public documents at once"))
            elif arrival.complete:
                await self._judge_document(arrival)
            return
        if arrival.ticket is None and not self._lets_in(arrival):
            # Others have taken the room since its header came.
            self._let_wait(arrival)
        if arrival.ticket is not None:
            self._node.gate.hold(arrival.ticket, size_bytes, is_all=arrival.complete)
        elif not arrival.settled:
            self._put(arrival)

    async def take_opened(self, frame: Opened) -> None:
        """Check the signature of an OPENED, unless who signed it says it; the store checks the
        lock, and the signature where the parcel is not the session's own."""
        is_verified = frame.signing_key not in self._own_keys
        await self._mark(frame, MarkOpened(frame, self._own_tags, is_verified))

    async def take_purge(self, frame: Purge) -> None:
        """Hand a PURGE to the store, which checks the lock."""
        await self._mark(frame, MarkPurged(frame))

    async def take_stamp(self, frame: Stamp) -> None:
        """Check a stamp and hand it to the store."""
        if not await self._mark(frame, AddStamp(frame)):
            return
        # Of what is not here yet the store keeps none.
        self._stamps[frame.parcel_id] = frame
        if len(self._stamps) > MAX_STAMPS:
            del self._stamps[next(iter(self._stamps))]
        shown = [
            arrival.ticket
            for arrival in self._open.values()
            if arrival.ticket is not None and arrival.ticket.parcel_id == frame.parcel_id
        ]
        for ticket in shown:
            ticket.show(frame)
            self._node.gate.note_stamp(ticket)

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
        arrival.unasked.sort(key=lambda block: block.index)
        body = b"".join(block.data for block in arrival.unasked)
        try:
            arrival.document = check_document(self._node, arrival.header, body)
        except ProtocolError as error:
            self._refuse(arrival.handle, error)
        else:
            self._put(arrival)

    # Being let in

    def _lane_of(self, kind: Kind) -> Lane:
        if self.custody.source is not None:
            return Lane.PEERS
        if self._is_carried or kind is Kind.PUBLIC:
            return Lane.DESKS
        return Lane.PARTS if kind is Kind.PART else Lane.LETTERS

    def _lets_in(self, arrival: Arrival) -> bool:
        if arrival.is_paid:
            return True
        return self._node.gate.lets_in(arrival.lane, goes_on=arrival.goes_on)

    @property
    def _is_impatient(self) -> bool:
        """Whether what the session brings without a stamp waits no more, but for a few that wait
        already: the free lane draws sessions, so that these have the chance of sixty."""
        return self._refused >= PATIENT_REFUSALS and len(self._holder.tickets) >= IMPATIENT_TICKETS

    def _take(self, charge: Charge) -> None:
        self._lane = charge.lane
        self._node.gate.take(charge.lane, charge.size_bytes)

    def _put(self, arrival: Arrival) -> None:
        """Commit what came of a transfer that is let in, and the stamp that was shown for it."""
        size_bytes = arrival.let_in()
        charge = Charge(arrival.lane, size_bytes + ROW_BYTES)
        arrival.charged_bytes += charge.size_bytes
        arrival.goes_on = True
        self.custody.put(arrival, size_bytes)
        self._take(charge)
        if self._stamps and (stamp := self._stamps.pop(arrival.header.parcel_id, None)):
            arrival.stamp = stamp
            self.custody.mark(AddStamp(stamp))

    def _let_wait(self, arrival: Arrival) -> None:
        header = arrival.header
        ticket = Ticket(
            arrival.lane,
            self._holder,
            header.parcel_id,
            header.body_size,
            partial(self._settle, arrival),
        )
        if stamp := arrival.stamp or self._stamps.get(header.parcel_id):
            ticket.show(stamp)
        arrival.ticket = ticket
        if (self._is_impatient and not ticket.effort) or not self._node.gate.wait(ticket):
            self._settle(arrival, self._node.gate.refusal(arrival.lane))

    def _settle(self, arrival: Arrival, verdict: Verdict | None) -> None:
        """A transfer is let in, or refused for this verdict."""
        arrival.is_paid = arrival.ticket is not None and arrival.ticket.is_paid
        arrival.ticket = None
        if verdict is not None:
            arrival.forget()
            self._refused += 1
            self._refuse(arrival.handle, error_for(verdict), is_urgent=self._is_patient)
        elif arrival.unasked:
            self._put(arrival)
        elif block_count(arrival.header.body_size) > 1:
            self.custody.put(arrival, 0)
        if not self._holder.tickets:
            self._calm.set()

    async def _mark(self, frame: Opened | Purge | Stamp, write: Write) -> bool:
        try:
            if isinstance(write, MarkOpened) and write.is_verified:
                verify_opened(write.frame)
            elif isinstance(frame, Stamp):
                check_stamp(frame, self._node.today())
        except RemoteError as error:
            await self._voice.say(Error(error.verdict, type(frame).__name__.upper()))
            return False
        self.custody.mark(write)
        return True

    @property
    def _is_patient(self) -> bool:
        return self._refused <= PATIENT_REFUSALS

    def _refuse(self, handle: int, error: ProtocolError, *, is_urgent: bool = True) -> None:
        arrival = self._open.get(handle)
        if arrival is not None:
            if arrival.settled:
                return
            self._forget_whole(arrival)
            arrival.settled = True
            self._close(arrival)
        self.custody.refuse(handle, error.verdict, is_urgent=is_urgent)

    def _keeps_whole(self, arrival: Arrival, size_bytes: int) -> bool:
        """Whether there is memory for so much more of a document. What was only claimed takes none:
        headers alone would keep everybody's documents out."""
        if self.custody.source is not None or self._is_carried:
            return True
        waiting = self._node.waiting
        arrival.strange_bytes += size_bytes
        waiting.documents_bytes += size_bytes
        return waiting.documents_bytes <= MAX_WHOLE_TOGETHER_BYTES

    def _forget_whole(self, arrival: Arrival) -> None:
        self._whole_bytes -= arrival.whole_bytes
        self._node.waiting.documents_bytes -= arrival.strange_bytes
        arrival.whole_bytes = arrival.strange_bytes = 0

    def _close(self, arrival: Arrival) -> None:
        self._intake.close(arrival.handle)
        self._open.pop(arrival.handle, None)
