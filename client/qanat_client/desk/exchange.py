"""One session with one relay: what is asked, what is taken, what is told.

Everything from the relay is checked before it is kept, and kept before the cursor is.
"""

from __future__ import annotations

import asyncio
import contextlib

from qanat_client.carriers.conversation import Conversation
from qanat_client.desk.arrivals import Incoming
from qanat_client.desk.epochs import epoch_of_tag
from qanat_client.desk.halves import Halves, Told
from qanat_client.desk.reconciling import Reconciling
from qanat_client.desk.saying import Saying
from qanat_client.desk.workbench import RelayResult, Workbench
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.card import RelayEntry
from qanat_protocol.errors import BadRoot, RemoteError, TooLarge, UnexpectedFrame, error_for
from qanat_protocol.frames import (
    Ack,
    AckEntry,
    AckStatus,
    Answer,
    Answers,
    Block,
    Cells,
    Cursor,
    Error,
    Frame,
    HeaderFrame,
    Idle,
    Leaves,
    Offers,
    Opened,
    Partial,
    Purge,
    Receipt,
    Sketch,
    Welcome,
)
from qanat_protocol.limits import MAX_LETTER_BODY_BYTES
from qanat_protocol.parcel import Kind
from qanat_protocol.receipt import single_receipts, verify_receipt
from qanat_protocol.transfer import Intake
from qanat_protocol.verdicts import Verdict

__all__ = ["Exchange"]

FLUSH_BYTES = 4 * 1024 * 1024
"""How much may come before it is made durable: what a cut can cost on a fast line."""

FEW = 32
"""Parcels that come in less than this at once are opened as they come; more show that many come."""

GATHER_S = 0.2
"""How long of many is gathered what is opened together, as long as more may come."""

MANY = 512
"""So many are opened without waiting for more."""

RECEIPTS_AT_ONCE = 16
"""So many RECEIPTs, each of up to 512 parcels, are kept together."""

MAX_OUTSTANDING = 16_384
"""Parcels that a relay has offered and that are not here: each is remembered, in memory and in the
vault. One more is left for a later session, and no cursor is kept that stands behind it."""


class Exchange:
    """The desk's side of one session. Made anew for each."""

    def __init__(self, bench: Workbench, entry: RelayEntry, result: RelayResult) -> None:
        self._bench = bench
        self._relay = entry.signing_key
        self._result = result
        self._reconciling = Reconciling(bench, self._relay)
        self._intake = Intake()
        self._transfers: dict[int, Incoming] = {}
        self._said_to_hold = Told()
        self._saying = Saying(bench, self._relay, self._said_to_hold)
        self._halves = Halves(bench.arrivals, self._relay, self._said_to_hold)
        self._outstanding: dict[bytes, None] = {}
        self._remembered = bench.arrivals.count_skipped(self._relay)
        self._keeps_cursors = True
        self._cursor: bytes | None = None
        self._unflushed_bytes = 0
        self._held_there: set[bytes] = set()
        self._our_tags: set[bytes] = set()
        self._receipts: list[Receipt] = []
        """Verified, and to be kept when something else comes."""
        self._ended = False
        self._group: asyncio.TaskGroup | None = None
        self._opening: asyncio.Task[None] | None = None
        self._is_last = asyncio.Event()
        self._opened_last = 0
        self._opened_parcels = result.parcels

    async def talk(self, conversation: Conversation) -> None:
        """Run the session to its end. Raises what the carrier and the session raise."""
        bench, today = self._bench, self._bench.desk.today
        bench.book.begin(self._relay)
        cursor, is_due = bench.book.cursor(self._relay, today)
        estimate = await self._reconciling.estimate(cursor, is_due=is_due)
        await conversation.open()
        try:
            async with asyncio.TaskGroup() as self._group:
                group = self._group
                speaking = group.create_task(self._speak(conversation, cursor, estimate))
                await self._listen(conversation, speaking)
        except BaseExceptionGroup as problems:
            # What one half met ended the other.
            raise problems.exceptions[0] from None
        finally:
            bench.arrivals.claims.release(self._relay)
            self._flush()
            self._keep_receipts()
        bench.book.finish(self._relay, today)
        self._saying.confirm_all()

    async def _listen(self, conversation: Conversation, speaking: asyncio.Task[None]) -> None:
        book, today = self._bench.book, self._bench.desk.today
        async for frame in conversation.frames():
            if isinstance(frame, Welcome):
                book.hear_day(self._relay, frame.day)
                book.hear_incarnation(self._relay, frame.incarnation, today)
                self._bench.tombstones.look_again(self._relay)
            await self._hear(conversation, frame)
            if isinstance(frame, Idle | Error) and not self._ended:
                await self._pause(conversation, frame, speaking)
        await speaking

    async def _speak(
        self, conversation: Conversation, cursor: bytes | None, estimate: bytes | None
    ) -> None:
        await self._saying.begin(conversation, cursor, estimate)

    async def _pause(
        self, conversation: Conversation, frame: Idle | Error, speaking: asyncio.Task[None]
    ) -> None:
        """Nothing more comes unasked, or something was refused."""
        await speaking
        await self._finish(conversation)

    async def _open_meanwhile(self, conversation: Conversation) -> None:
        """Letters are read while others, and the films, are still on their way."""
        came = self._result.parcels - self._opened_parcels
        if self._ended or not came or (self._opening is not None and not self._opening.done()):
            return
        if self._opened_last < FEW:
            await self._open(conversation)
        else:
            assert self._group is not None, "it talks"
            self._opening = self._group.create_task(self._open_what_comes(conversation))

    async def _open_what_comes(self, conversation: Conversation) -> None:
        """Where many come, they are opened together."""
        while came := self._result.parcels - self._opened_parcels:
            if came < MANY:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GATHER_S):
                        await self._is_last.wait()
            await self._open(conversation)

    async def _finish(self, conversation: Conversation) -> None:
        self._is_last.set()
        if self._opening is not None:
            await self._opening
        await self._open(conversation)
        self._ended = True
        await conversation.end()

    async def _open(self, conversation: Conversation) -> None:
        """Open what has come whole, and say so while the line is open."""
        self._opened_last = self._result.parcels - self._opened_parcels
        self._opened_parcels = self._result.parcels
        self._flush()
        if self._held_there:
            self._bench.tombstones.tell_again(self._relay, self._held_there)
            self._held_there.clear()
        async with contextlib.aclosing(self._bench.opener.opening(self._is_last.is_set)) as opening:
            async for _ in opening:
                await self._saying.tell(conversation)
        await self._saying.tell(conversation)

    async def _hear(self, conversation: Conversation, frame: Frame) -> None:
        if self._receipts and not isinstance(frame, Receipt):
            self._keep_receipts()
        match frame:
            case Offers():
                await self._answer(conversation, frame)
            case Partial():
                self._halves.hear(frame)
            case HeaderFrame():
                await self._begin(conversation, frame)
            case Leaves() | Block():
                await self._take(conversation, frame)
            case Cursor():
                if self._keeps_cursors:
                    self._cursor = frame.cursor
                await self._open_meanwhile(conversation)
            case Opened() | Purge():
                alarm = self._bench.tombstones.hear(frame, self._relay, self._bench.desk.today)
                if alarm is not None:
                    self._result.alarms.append(alarm)
            case Receipt():
                self._hear_receipt(frame)
            case Ack():
                self._saying.hear(frame, self._bench.desk.today)
            case Sketch():
                # What has come is to be among what is compared.
                self._flush()
                await self._say(conversation, *await self._reconciling.begin(frame))
            case Cells():
                await self._say(conversation, *await self._reconciling.hear(frame))
            case Error():
                self._result.complaint = str(error_for(frame.verdict, frame.detail))
                self._result.refused = True
            case _:
                pass

    async def _say(self, conversation: Conversation, *frames: Frame) -> None:
        if not self._ended:
            await conversation.send(*frames)

    async def _answer(self, conversation: Conversation, frame: Offers) -> None:
        codes: list[Answer] = []
        partials: list[Frame] = []
        halves = self._halves.take_offered()
        here = self._bench.arrivals.are_here(frame.offers)
        for offer in frame.offers:
            if offer in here:
                self._held_there.add(offer)
                codes.append(Answer.HAVE)
                continue
            half = halves.get(offer)
            code, partial = self._code(offer) if half is None else self._code_of_half(*half)
            codes.append(code)
            partials += [] if partial is None else [partial]
        await self._say(conversation, *partials, Answers(frame.first, tuple(codes)))

    def _code_of_half(self, parcel_id: bytes, holds: Bitmap) -> tuple[Answer, Partial | None]:
        """Not remembered: no cursor stands behind it, and it is told of again in each session."""
        partial = self._halves.ask(parcel_id, holds)
        return (Answer.HAVE if partial is None else Answer.WANT_REST), partial

    def _code(self, offer: bytes) -> tuple[Answer, Partial | None]:
        arrivals = self._bench.arrivals
        # Remembered before a cursor can stand behind it, whoever brings it.
        if not self._remember(offer):
            return Answer.HAVE, None
        half = arrivals.half_of(offer)
        # What was asked for by name comes in any case; what another brings need not.
        asked = self._saying.wants(offer) or (half is not None and half.missing == 0)
        if asked or not arrivals.claims.take_whole(offer, self._relay):
            return Answer.HAVE, None
        self._saying.asked(offer)
        parcel_id, held = arrivals.claims.of_others(offer, self._relay)
        if half is not None:
            parcel_id, held = half.header.parcel_id, half.bitmap | held
        if parcel_id is None:
            return Answer.WANT, None
        partial = self._said_to_hold.tell(parcel_id, held)
        return (Answer.HAVE if partial is None else Answer.WANT_REST), partial

    def _remember(self, offer: bytes) -> bool:
        """Note that a parcel is to come; False if there are so many that this one is left."""
        is_new = offer not in self._outstanding
        if is_new and len(self._outstanding) + self._remembered >= MAX_OUTSTANDING:
            self._keeps_cursors = False
            return False
        self._outstanding[offer] = None
        return True

    async def _begin(self, conversation: Conversation, frame: HeaderFrame) -> None:
        bench = self._bench
        try:
            header = self._intake.open(frame)
        except (UnexpectedFrame, TooLarge):
            raise
        except RemoteError as error:
            self._result.complaint = f"a header that is none: {error}"
            await self._refuse(conversation, frame.handle, error.verdict)
            return
        if header.kind not in (Kind.LETTER, Kind.PART) or not self._is_ours(header.tag):
            self._intake.close(frame.handle)
            self._result.complaint = "it gave a parcel that is not for this desk"
            await self._refuse(conversation, frame.handle, Verdict.WRONG_RECIPIENT)
            return
        half = self._halves.left_out(header)
        held = self._said_to_hold.held(header.parcel_id) if half is None else half
        if held is not None:
            self._intake.leave_out(frame.handle, held)
        incoming = bench.arrivals.begin(header, self._relay)
        if incoming is None:
            self._held_there.add(header.offer)
            self._intake.close(frame.handle)
            # Small ones may run on: what was given in whole gets this relay's receipt too.
            if header.body_size > MAX_LETTER_BODY_BYTES:
                entry = AckEntry(frame.handle, AckStatus.HAVE, 0)
                await self._say(conversation, Ack(1, (entry,)))
            return
        if frame.handle not in self._intake.open_handles:
            self._result.complaint = "it gave nothing of a parcel but its header"
            return
        self._transfers[frame.handle] = incoming
        if half is None:
            self._remember(header.offer)

    def _is_ours(self, tag: bytes) -> bool:
        """Whether it is the tag of a week of this desk; what is one stays one."""
        desk = self._bench.desk
        if tag not in self._our_tags and epoch_of_tag(desk.vault, desk.card.desk_id, tag) is None:
            return False
        self._our_tags.add(tag)
        return True

    async def _refuse(self, conversation: Conversation, handle: int, verdict: Verdict) -> None:
        entry = AckEntry(handle, AckStatus.REFUSED, int(verdict))
        await self._say(conversation, Ack(1, (entry,)))

    async def _take(self, conversation: Conversation, frame: Leaves | Block) -> None:
        try:
            if isinstance(frame, Leaves):
                self._intake.leaves(frame)
                return
            verified = self._intake.block(frame)
        except BadRoot as error:
            # Its offer stays outstanding, so it is asked for again, here or elsewhere.
            self._result.complaint = str(error)
            self._transfers.pop(frame.handle, None)
            await self._refuse(conversation, frame.handle, error.verdict)
            return
        incoming = self._transfers.get(frame.handle)
        if verified is None or incoming is None:
            return
        self._bench.advance(len(verified.data))
        self._result.size_bytes += len(verified.data)
        self._unflushed_bytes += len(verified.data)
        if self._bench.arrivals.take(incoming, verified.index, verified.data):
            self._result.parcels += 1
        if verified.complete:
            del self._transfers[frame.handle]
        if self._unflushed_bytes >= FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        arrivals = self._bench.arrivals
        # Once remembered they stand in the vault until they come.
        arrivals.flush(self._relay, cursor=self._cursor, outstanding=self._outstanding)
        self._remembered = arrivals.count_skipped(self._relay)
        self._outstanding.clear()
        self._cursor = None
        self._unflushed_bytes = 0

    def _hear_receipt(self, frame: Receipt) -> None:
        try:
            verify_receipt(self._relay, frame)
        except RemoteError as error:
            self._result.complaint = f"a custody receipt does not verify: {error}"
            return
        self._receipts.append(frame)
        if len(self._receipts) >= RECEIPTS_AT_ONCE:
            self._keep_receipts()

    def _keep_receipts(self) -> None:
        frames, self._receipts = self._receipts, []
        # Of what never came a receipt is evidence of nothing, and may be made up without end.
        known = self._bench.arrivals.known({named for frame in frames for named in frame.ids})
        found: dict[int, list[tuple[bytes, bytes]]] = {}
        for frame in frames:
            singles = zip(frame.ids, single_receipts(self._relay, frame), strict=True)
            found.setdefault(frame.day, []).extend(one for one in singles if one[0] in known)
        for day, pairs in found.items():
            self._bench.book.keep_receipts(self._relay, day, pairs)
