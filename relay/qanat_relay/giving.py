"""What a session is given, most valuable first and pre-empted at every slice (SPEC section 17).

Sends what it is told to; who may have what is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import TooLarge, UnexpectedFrame
from qanat_protocol.frames import (
    Ack,
    AckStatus,
    Answer,
    Answers,
    Frame,
    Idle,
    Offers,
    Partial,
    Receipt,
)
from qanat_protocol.limits import MAX_PARTIALS_BYTES, PARTIAL_BYTES
from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import Header
from qanat_protocol.receipt import MAX_RECEIPT_IDS
from qanat_protocol.runs import runs_of
from qanat_relay.gift import Gift
from qanat_relay.gifts import Gifts
from qanat_relay.node import Node
from qanat_relay.receipts import receipts_for
from qanat_relay.store.errors import NotHeld
from qanat_relay.voice import Voice

MAX_WAITING_GIFTS = 4096
"""Parcels that wait to be sent before the session may ask for more by id."""

MAX_UNHEARD = 65_536
"""Parcels of whose fate a peer has said nothing yet that are remembered."""

MAX_UNTOLD = 8 * MAX_RECEIPT_IDS
"""Parcels given without a receipt yet: few receipts where they came on few days."""


_NOTHING = Bitmap()


@dataclass(slots=True)
class _Question:
    """One OFFERS frame: how many it asked about, and what was answered so far."""

    count: int
    answers: list[Answer]
    future: asyncio.Future[list[Answer] | None]


class Giving:
    """One session's outgoing parcels. `run` sends; the rest feeds it."""

    def __init__(self, node: Node, voice: Voice, group: asyncio.TaskGroup) -> None:
        self._node = node
        self._voice = voice
        self._group = group
        self._gifts = Gifts()
        self._next_handle = 0
        self._held: dict[bytes, Bitmap] = {}
        self._held_bytes = 0
        self._unheard: dict[int, bytes] = {}
        self.hears_refusals = False
        """Whether the other side says what became of each parcel: a peer."""
        self.refused: set[bytes] = set()
        """Offers of what was sent to it and not taken."""
        self._offered = 0
        self._unanswered: deque[_Question] = deque()
        self._offering = asyncio.Lock()
        self._jobs: set[asyncio.Task[None]] = set()
        self._attending: set[asyncio.Task[None]] = set()
        self.answered_idles = 0
        """How many IDLE of the other side the next one of ours answers."""
        self._asked = False
        self._sending = False
        self._finishing = False
        self._stopped = False
        self.ended = asyncio.Event()
        self.idle_told = asyncio.Event()
        """Nothing more is on its way, and the other side was told so."""
        self._given: dict[int, list[bytes]] = {}
        self._wake = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """Whether something is being sent that waits for nobody's answer."""
        return self._sending or len(self._gifts) > 0

    @property
    def is_attending(self) -> bool:
        """Whether the other side is given more as it comes."""
        return bool(self._attending)

    def attend(self, watch: Coroutine[None, None, None]) -> None:
        """Let this begin jobs until the session has nothing more to ask for."""
        task = self._group.create_task(watch)
        self._attending.add(task)
        task.add_done_callback(self._attending.discard)

    def begin(self, job: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do what was asked for beside everything else; IDLE is told when all of it is done."""
        self._asked = True
        self.idle_told.clear()
        task = self._group.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._end_job)
        return task

    def held_there(self, parcel_id: bytes) -> Bitmap:
        """Which blocks the other side told that it need not be sent."""
        return self._held.get(parcel_id, _NOTHING)

    def give(
        self,
        header: Header,
        taken_day: int | None = None,
        *,
        wanted: bool = False,
        holds: Bitmap | None = None,
    ) -> asyncio.Future[bool]:
        """Send a parcel when it is its turn. The future tells whether all of it was sent.

        `taken_day`: when the relay took it, for the receipt and for how long it has waited.
        `wanted`: it was asked for by its id. `holds`: the blocks that are here, where those are not
        all.
        """
        held = self.held_there(header.parcel_id)
        if holds is not None:
            held = Bitmap.below(block_count(header.body_size)) - (holds - held)
        gift, is_new = self._gifts.add(
            header,
            held=held,
            taken_day=taken_day,
            today=self._node.today(),
            wanted=wanted,
        )
        if is_new:
            self._wake.set()
        return gift.done

    async def offer(
        self, offers: Sequence[bytes], halves: Sequence[Partial] = ()
    ) -> asyncio.Future[list[Answer] | None]:
        """Offer at most 2048 parcels (16 bytes each). The future gives the answers in their order.

        It gives None when the session ends without an answer. halves: what is here of those that
        are here in part.
        """
        future: asyncio.Future[list[Answer] | None] = asyncio.get_running_loop().create_future()
        async with self._offering:
            if self._finishing or not offers:
                future.set_result(None if offers else [])
                return future
            first, self._offered = self._offered, self._offered + len(offers)
            self._unanswered.append(_Question(len(offers), [], future))
            await self._voice.say(*halves, Offers(first, tuple(offers)))
        return future

    async def room(self) -> None:
        """Return when so few parcels wait that the session may ask for more."""
        while len(self._gifts) >= MAX_WAITING_GIFTS:
            await self._gifts.end_of_one()

    def take_answers(self, frame: Answers) -> None:
        """Answers to offers, in their order; the session has checked their numbers."""
        codes = list(frame.codes)
        while codes:
            question = self._unanswered[0]
            lacking = question.count - len(question.answers)
            question.answers.extend(codes[:lacking])
            del codes[:lacking]
            if len(question.answers) == question.count:
                self._unanswered.popleft()
                _resolve(question.future, question.answers)

    def take_partial(self, frame: Partial) -> None:
        """Note which blocks of a parcel need not be sent. Raises TooLarge for too many."""
        held = Bitmap.from_bytes(frame.bitmap)
        if (before := self._held.get(frame.parcel_id)) is not None:
            self._held_bytes -= PARTIAL_BYTES + len(before.to_bytes())
        self._held[frame.parcel_id] = held
        self._held_bytes += PARTIAL_BYTES + len(frame.bitmap)
        if self._held_bytes > MAX_PARTIALS_BYTES:
            raise TooLarge(f"PARTIAL frames of more than {MAX_PARTIALS_BYTES:,} bytes")

    def take_acks(self, frame: Ack) -> None:
        """Stop sending what the other side has or does not want. Raises UnexpectedFrame."""
        for entry in frame.entries:
            if entry.handle >= self._next_handle:
                raise UnexpectedFrame(f"a status for transfer {entry.handle}, which has no HEADER")
            if not entry.status.is_final:
                continue
            offer = self._unheard.pop(entry.handle, None)
            gift = self._gifts.by_handle(entry.handle)
            if gift is not None:
                gift.refused, offer = True, gift.header.offer
            if offer is not None and entry.status is AckStatus.REFUSED:
                self.refused.add(offer)

    def begin_nothing(self) -> None:
        """Something was asked for that is not given: IDLE is told as behind anything else."""
        self._asked = True
        self._wake.set()

    async def run(self) -> None:
        """Send what is to be sent until `finish`. Raises LinkLost and StoreError."""
        try:
            await self._send_all()
        finally:
            self.ended.set()

    async def _send_all(self) -> None:
        while not self._stopped:
            if self._gifts:
                await self._send_slice()
            elif self._jobs:
                await self._sleep()
            elif self._finishing:
                return
            elif self._asked:
                self._asked = False
                # Before the END of a session that stays there may be none.
                receipts = tuple(self.receipts()) if self._attending else ()
                await self._voice.say(*receipts, Idle(self.answered_idles))
                if not (self._asked or self._jobs or self._gifts):
                    self.idle_told.set()
            else:
                await self._sleep()

    def finish(self) -> None:
        """Let `run` return when all that needs no answer any more is sent."""
        self._finishing = True
        for watch in self._attending:
            watch.cancel()
        for question in self._unanswered:
            _resolve(question.future, None)
        self._unanswered.clear()
        self._wake.set()

    def stop(self) -> None:
        """Let `run` return now."""
        self._stopped = True
        for job in self._jobs:
            job.cancel()
        self.finish()

    def receipts(self) -> Iterator[Receipt]:
        """Custody receipts over what was given since they were last asked for, for each day on
        which it was taken."""
        given, self._given = self._given, {}
        for day, ids in sorted(given.items()):
            yield from receipts_for(self._node, day, ids)

    async def _send_slice(self) -> None:
        self._sending = True
        if small := self._gifts.take_small():
            await self._send_small(small)
        elif (gift := self._gifts.first()) is not None:
            await self._send_blocks(gift)
        self._sending = False
        await self._tell_receipts()

    async def _send_blocks(self, gift: Gift) -> None:
        try:
            frames, size_bytes = await self._next_slice(gift)
        except NotHeld:
            # Purged or expired since it was listed: there is nothing to give any more.
            self._end(gift, sent=False)
            return
        more = self._gifts.sent(gift, size_bytes)
        if frames:
            await self._voice.say(*frames)
        if gift.refused or not more:
            self._end(gift, sent=not gift.refused)

    async def _send_small(self, gifts: Sequence[Gift]) -> None:
        bodies = await self._node.store.bodies([gift.parcel_id for gift in gifts])
        # Purged or expired since it was listed: there is nothing to give any more.
        there = [(gift.header, body) for gift, body in zip(gifts, bodies, strict=True) if body]
        runs = list(runs_of(there, self._next_handle))
        for header, _ in there:
            self._await_word(self._next_handle, header.offer)
            self._next_handle += 1
        if runs:
            await self._voice.say(*runs)
        for gift, body in zip(gifts, bodies, strict=True):
            self._end(gift, sent=body is not None)

    async def _tell_receipts(self) -> None:
        if sum(map(len, self._given.values())) >= MAX_UNTOLD:
            await self._voice.say(*self.receipts())

    async def _next_slice(self, gift: Gift) -> tuple[list[Frame], int]:
        header = [] if gift.is_open else await gift.open(self._next_handle, self._node.store)
        blocks, size_bytes = await gift.slice(self._node.store)
        if header:
            # Only now, since what is not there has no HEADER, and handles leave no gap.
            self._gifts.opened(gift, self._next_handle)
            self._next_handle += 1
        return header + blocks, size_bytes

    def _end(self, gift: Gift, *, sent: bool) -> None:
        self._gifts.end(gift)
        if sent and gift.is_open:
            self._await_word(gift.handle, gift.header.offer)
        if sent and gift.taken_day is not None:
            self._given.setdefault(gift.taken_day, []).append(gift.parcel_id)
        _resolve(gift.done, sent)

    def _await_word(self, handle: int, offer: bytes) -> None:
        if self.hears_refusals and len(self._unheard) < MAX_UNHEARD:
            self._unheard[handle] = offer

    def _end_job(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        self._wake.set()

    async def _sleep(self) -> None:
        await self._wake.wait()
        self._wake.clear()


T = TypeVar("T")


def _resolve(future: asyncio.Future[T], result: T) -> None:
    # A job that was cancelled has cancelled what it waited for.
    if not future.done():
        future.set_result(result)
