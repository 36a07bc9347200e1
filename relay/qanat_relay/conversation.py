"""One session from its first byte to its last, over any link (SPEC section 17).

Reads frames and hands each to who does what it asks. Reading, committing and sending go on at the
same time; what came is committed however the session ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from qanat_protocol.errors import (
    BadChannel,
    Cut,
    LocalError,
    RefusedDesk,
    RemoteError,
    UnexpectedFrame,
    UnknownVersion,
)
from qanat_protocol.frames import (
    Ack,
    AllInterest,
    Answers,
    Bisect,
    Block,
    CardInterest,
    Cursor,
    DeskInterest,
    End,
    Error,
    Frame,
    HeaderFrame,
    Hello,
    Idle,
    Interest,
    Lack,
    Leaves,
    Offers,
    Opened,
    OpenedInterest,
    Partial,
    PublicInterest,
    Purge,
    RepliesInterest,
    Stamp,
    Want,
    Welcome,
)
from qanat_protocol.limits import MAX_INTERESTS
from qanat_protocol.runs import Run
from qanat_protocol.session import VERSION, ClientSession, RelaySession, verify_peer_interest
from qanat_protocol.verdicts import Verdict
from qanat_relay.answering import Answering
from qanat_relay.counts import Ending
from qanat_relay.deposits import Deposits
from qanat_relay.errors import LinkLost
from qanat_relay.events import Event
from qanat_relay.giving import Giving
from qanat_relay.interests import Interests, matching_bits
from qanat_relay.link import Link
from qanat_relay.logs import tell
from qanat_relay.node import Node
from qanat_relay.peering.peers import Peer
from qanat_relay.peering.talk import PeerTalk
from qanat_relay.store.errors import StoreError
from qanat_relay.voice import Voice

LEAST_BYTES = 1024
"""What has to come within two times `idle_s` of a session to which nothing is owed: less is nobody
but who drips to hold a place, or a desk that stays, which is known by its proof."""

TURN_BYTES = 32 * 2**10
"""What is read at once before other sessions have their turn: some thousand of the least frames."""

TURN_FRAMES = 16
"""Frames that are taken before other sessions have their turn: each may bear a signature."""


class Conversation:
    """One session. `run` returns when it is over."""

    def __init__(
        self, node: Node, link: Link, session: ClientSession | RelaySession | None = None
    ) -> None:
        """`session`: which side of it this is, that of the relay which was called by default."""
        self._node = node
        self._link = link
        self._session = session or RelaySession(node.keys.sealing)
        self._voice = Voice(self._session, link, node.config.stall_s)
        self._deposits = Deposits(node, self._voice)
        self._numbers: set[int] = set()
        self._answering = Answering(node, self._voice, self._deposits)
        self._frames = 0
        self._paced_at_s = asyncio.get_running_loop().time()
        self._paced_bytes = 0
        self._talk: PeerTalk | None = None
        self._idles = 0
        self._is_settling = False
        self.ending = Ending.LOST
        """How it ended, once `run` has returned."""

    async def run(self) -> None:
        """Serve until END, a fault or the end of the bytes.

        Raises BadChannel where the bytes never were a session, so that the carrier can say so.
        """
        try:
            async with asyncio.TaskGroup() as group:
                self._giving = Giving(self._node, self._voice, group)
                group.create_task(self._deposits.custody.run())
                group.create_task(self._giving.run())
                group.create_task(self._listen())
            if self.is_over:
                self.ending = Ending.DONE
            if self._talk is not None and self.is_over:
                custody = self._deposits.custody
                await self._talk.settle(
                    custody.stored, lost=custody.lost, lacked_room=custody.lacked_room
                )
        except* LinkLost:
            tell(Event.SESSION_LOST)
            self.ending = Ending.LOST
        except* StoreError as errors:
            tell(Event.SESSION_MET_STORE_ERROR, error_kind=type(errors.exceptions[0]).__name__)
            self.ending = Ending.STORE
            await self._say_last(Error(Verdict.BUSY, "the store does not answer"))
        finally:
            self._deposits.leave()
            await self._deposits.custody.keep_rest()
            if self._talk is not None:
                self._talk.close()
        if isinstance(self._session.failure, BadChannel) and not self._voice.has_spoken:
            raise BadChannel("this is not a session with this relay")

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end, and not to a fault."""
        return self._session.ended and self._session.failure is None

    async def _listen(self) -> None:
        try:
            await self._read()
            self._interests.reconciling.finish()
            await self._finish()
            for receipt in (*self._deposits.custody.receipts(), *self._giving.receipts()):
                await self._voice.say(receipt)
            await self._voice.say(End())
        except RemoteError as fault:
            self._giving.stop()
            self._deposits.custody.finish()
            await self._deposits.custody.ended.wait()
            await self._tell_of(fault)

    async def _finish(self) -> None:
        """Send what needs no answer any more, and acknowledge all that came."""
        self._giving.finish()
        await self._giving.ended.wait()
        await self._deposits.let_in()
        self._deposits.custody.ask_again()
        self._deposits.custody.finish()
        await self._deposits.custody.ended.wait()

    async def _read(self) -> None:
        while not self._session.ended:
            data = await self._receive()
            if not data:
                self._session.finish()
            for start in range(0, len(data), TURN_BYTES):
                await self._take_all(self._session.receive_runs(data[start : start + TURN_BYTES]))
            if self._session.failure is not None:
                raise self._session.failure

    async def _take_all(self, received: Sequence[Frame | Run]) -> None:
        for frame in received:
            if isinstance(frame, Run):
                if not self._deposits.take_run(frame):
                    await self._take_all(tuple(frame.frames()))
            else:
                await self._take(frame)
            await self._deposits.room()
            self._frames += 1
            if self._frames % TURN_FRAMES == 0:
                await asyncio.sleep(0)

    async def _receive(self) -> bytes:
        while True:
            try:
                async with asyncio.timeout(self._node.config.idle_s):
                    data = await self._link.receive()
            except TimeoutError:
                if not self._is_owed:
                    raise Cut("nothing came for too long") from None
            else:
                self._check_pace(len(data))
                if self._talk is not None:
                    self._talk.heard()
                return data

    @property
    def _is_owed(self) -> bool:
        """Whether the other side waits for us."""
        return self._giving.is_busy or self._deposits.is_busy

    def _check_pace(self, size_bytes: int) -> None:
        now_s = asyncio.get_running_loop().time()
        self._paced_bytes += size_bytes
        if self._paced_bytes >= LEAST_BYTES or self._is_owed or self._giving.is_attending:
            self._paced_at_s, self._paced_bytes = now_s, 0
        elif size_bytes and now_s - self._paced_at_s > 2 * self._node.config.idle_s:
            raise Cut("what came was too little for too long")

    async def _tell_of(self, fault: RemoteError) -> None:
        tell(Event.SESSION_ENDED, verdict=fault.verdict.name.lower())
        self.ending = Ending.LOST if isinstance(fault, Cut) else Ending.FAULT
        if isinstance(fault, Cut):
            return
        if isinstance(self._session, RelaySession) and (refusal := self._session.refusal):
            await self._voice.say_plainly(refusal)
            return
        words = " ".join(str(fault).split()).encode("ascii", "replace")[:256].decode()
        await self._say_last(Error(fault.verdict, words))
        if isinstance(fault, UnknownVersion):
            await self._say_last(End())

    async def _say_last(self, frame: Frame) -> None:
        try:
            await self._voice.say(frame)
        except (LocalError, LinkLost):
            # The channel never opened, or is gone: there is nobody who could hear it.
            return

    async def _take(self, frame: Frame) -> None:
        if self._talk is not None and isinstance(frame, Opened | Purge):
            self._talk.hear_mark(frame)
        match frame:
            case Block():
                await self._deposits.take_block(frame)
            case HeaderFrame():
                self._deposits.take_header(frame)
            case Leaves():
                self._deposits.take_leaves(frame)
            case Offers():
                await self._answering.answer(frame, self._talk)
            case Answers():
                self._giving.take_answers(frame)
            case Ack():
                self._giving.take_acks(frame)
            case Partial():
                self._giving.take_partial(frame)
            case Want():
                await self._interests.give_wanted(frame.offers)
            case Opened():
                await self._deposits.take_opened(frame)
            case Purge():
                await self._deposits.take_purge(frame)
            case Stamp():
                await self._deposits.take_stamp(frame)
            case Hello():
                await self._welcome()
            case Cursor() if self._talk is not None:
                self._talk.take_cursor(frame)
            case Bisect() | Lack():
                self._interests.reconciling.hear(frame)
            case Idle() if self._giving.is_attending:
                self._answer_idle()
            case Idle() | Error() | End():
                pass
            case (
                DeskInterest()
                | RepliesInterest()
                | OpenedInterest()
                | PublicInterest()
                | AllInterest()
                | CardInterest()
            ):
                await self._begin(frame)
            case _:
                raise UnexpectedFrame(f"a relay is not sent {type(frame).__name__}")

    @property
    def is_quiet(self) -> bool:
        """Whether a desk stays to be given what comes, and nothing is on its way."""
        # Without an interest it may not have begun.
        has_asked = bool(self._numbers)
        return has_asked and self._giving.is_attending and self._giving.idle_told.is_set()

    def _answer_idle(self) -> None:
        """Say IDLE when all that came before is on the disk; one for all that come until then."""
        self._idles += 1
        if not self._is_settling:
            self._is_settling = True
            self._giving.begin(self._settle())

    async def _settle(self) -> None:
        await self._deposits.custody.settled()
        self._is_settling = False
        self._giving.answered_idles = self._idles

    async def _welcome(self) -> None:
        welcome = await self._make_welcome()
        if isinstance(self._session, RelaySession):
            welcome = replace(welcome, version=self._session.version)
        self._interests = Interests(self._node, self._voice, self._giving, welcome)
        await self._voice.say(welcome)

    async def _make_welcome(self) -> Welcome:
        return Welcome(
            version=VERSION,
            day=self._node.today(),
            incarnation=self._node.store.incarnation,
            largest_body=self._node.config.largest_body_bytes,
            reply_bits=matching_bits(await self._node.store.count_replies()),
            opened_bits=matching_bits(await self._node.store.count_opened()),
            effort=self._node.gate.effort,
        )

    async def _begin(self, frame: Interest) -> None:
        if frame.number in self._numbers or frame.number >= MAX_INTERESTS:
            raise UnexpectedFrame(f"interest {frame.number} a second time")
        self._numbers.add(frame.number)
        try:
            match frame:
                case DeskInterest():
                    self._interests.begin_desk(frame, self._session.session_hash)
                    self._deposits.own(
                        self._interests.own_tags,
                        self._interests.own_keys,
                        is_carried=self._interests.is_carried,
                    )
                case RepliesInterest():
                    self._interests.begin_replies(frame)
                case OpenedInterest():
                    self._interests.begin_opened(frame)
                case PublicInterest():
                    self._interests.begin_public(frame)
                case CardInterest():
                    self._interests.begin_card()
                case AllInterest():
                    await self._give_peer(frame)
        except RefusedDesk as refusal:
            await self._voice.say(Error(refusal.verdict, f"interest {frame.number}: {refusal}"))
            self._giving.begin_nothing()

    async def _give_peer(self, frame: AllInterest) -> None:
        """A peer asks: it is asked in return, and given what it has not seen."""
        try:
            verify_peer_interest(frame, self._session.session_hash)
        except RemoteError as error:
            raise RefusedDesk(error.verdict.name.lower()) from None
        peer = self._node.peers.find(frame.signing_key)
        if peer is None or (self._talk is not None and self._talk.peer is not peer):
            raise RefusedDesk("no peer of this relay")
        if self._talk is not None and self._talk.was_asked:
            raise UnexpectedFrame("a peer asks for everything once in a session")
        if self._talk is None:
            peer.called_s = time.monotonic()
            await self._join(peer)
        assert self._talk is not None, "it has joined"
        self._talk.give(frame)

    async def _join(self, peer: Peer) -> None:
        """From here on this is a session with that peer."""
        self._talk = PeerTalk(self._node, self._voice, self._giving, peer, self._link.abort)
        self._deposits.custody.source = peer.key
        await self._talk.ask(self._session.session_hash)
