"""What a session hands in: every header and block is checked, then goes into custody.

Judges and refuses; commits and acknowledges nothing itself.
"""

from __future__ import annotations

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
from qanat_relay.arrivals import Arrival
from qanat_relay.custody import Custody
from qanat_relay.node import Node
from qanat_relay.public_documents import check_carried, check_document
from qanat_relay.store.interface import (
    AddStamp,
    MarkOpened,
    MarkPurged,
    PutRun,
    StoredBlock,
    Write,
)
from qanat_relay.voice import Voice

MAX_WHOLE_BYTES = 4 * 2**20
"""Public documents that a session holds in memory until they are whole: four of the largest."""


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

    def own(self, tags: frozenset[bytes]) -> None:
        """Note the tags that the session has proven to be its own: its OPENED are always kept."""
        self._own_tags = tags

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
            self.custody.put(arrival, 0)

    def take_run(self, run: Run) -> bool:
        """Check parcels of one block together; False, and nothing is done, where they have to be
        taken frame by frame."""
        # What was told to be held is left out of a transfer, which a run knows nothing of.
        if self._told or run.front.body_size > self._node.config.largest_body_bytes:
            return False
        ids = self._intake.run(run)
        if ids is None:
            return False
        self.custody.put_run(run.first, PutRun(run.front, ids, run.headers, run.bodies))
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
        if not arrival.is_kept_whole:
            self.custody.put(arrival, size_bytes)
        elif arrival.complete:
            await self._judge_document(arrival)

    async def take_opened(self, frame: Opened) -> None:
        """Check the signature of an OPENED; the store checks the lock."""
        await self._mark(frame, MarkOpened(frame, self._own_tags))

    async def take_purge(self, frame: Purge) -> None:
        """Hand a PURGE to the store, which checks the lock."""
        await self._mark(frame, MarkPurged(frame))

    async def take_stamp(self, frame: Stamp) -> None:
        """Check a stamp and hand it to the store."""
        await self._mark(frame, AddStamp(frame))

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
            self.custody.put(arrival, len(body))

    async def _mark(self, frame: Opened | Purge | Stamp, write: Write) -> None:
        try:
            if isinstance(frame, Opened):
                verify_opened(frame)
            elif isinstance(frame, Stamp):
                check_stamp(frame, self._node.today())
        except RemoteError as error:
            await self._voice.say(Error(error.verdict, type(frame).__name__.upper()))
            return
        self.custody.mark(write)

    def _refuse(self, handle: int, error: ProtocolError) -> None:
        arrival = self._open.get(handle)
        if arrival is not None:
            if arrival.settled:
                return
            self._forget_whole(arrival)
            arrival.settled = True
            self._close(arrival)
        self.custody.refuse(handle, error.verdict)

    def _forget_whole(self, arrival: Arrival) -> None:
        self._whole_bytes -= arrival.whole_bytes
        arrival.whole_bytes = 0

    def _close(self, arrival: Arrival) -> None:
        self._intake.close(arrival.handle)
        self._open.pop(arrival.handle, None)
