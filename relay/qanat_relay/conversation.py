"""One session from its first byte to its last, over any link (SPEC section 17).

Reads frames and hands each to who does what it asks. Reading, committing and sending go on at the
same time; what came is committed however the session ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from qanat_protocol.bitmap import Bitmap
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
    Answer,
    Answers,
    Bisect,
    Block,
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
from qanat_relay.deposits import Deposits
from qanat_relay.errors import LinkLost
from qanat_relay.giving import Giving
from qanat_relay.interests import Interests, matching_bits
from qanat_relay.link import Link
from qanat_relay.logs import log
from qanat_relay.node import Node
from qanat_relay.peering.peers import Peer
from qanat_relay.peering.talk import PeerTalk
from qanat_relay.store.interface import Holding, State, StoreError
from qanat_relay.voice import Voice

MAX_TOLD_BYTES = 4 * 2**20
"""What a session may be told of half bodies: each has to be remembered until it is sent on."""

LEAST_BYTES = 1024
"""What has to come within two times `idle_s` of a session to which nothing is owed: less is nobody
but who drips to hold a place."""

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
        self._offers = 0
        self._told_bytes = 0
        self._paced_at_s = asyncio.get_running_loop().time()
        self._paced_bytes = 0
        self._talk: PeerTalk | None = None

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
            if self._talk is not None and self.is_over:
                custody = self._deposits.custody
                await self._talk.settle(custody.stored, lost=custody.lost)
        except* LinkLost:
            log.debug("a session lost its connection")
        except* StoreError as errors:
            log.error("a session met a store error: %s", type(errors.exceptions[0]).__name__)
            await self._say_last(Error(Verdict.BUSY, "the store does not answer"))
        finally:
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
        for number, frame in enumerate(received):
            if isinstance(frame, Run):
                if not self._deposits.take_run(frame):
                    await self._take_all(tuple(frame.frames()))
            else:
                await self._take(frame)
            await self._deposits.custody.room()
            if number % TURN_FRAMES == 0:
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
        return self._giving.is_busy or self._deposits.custody.is_busy

    def _check_pace(self, size_bytes: int) -> None:
        now_s = asyncio.get_running_loop().time()
        self._paced_bytes += size_bytes
        if self._paced_bytes >= LEAST_BYTES or self._is_owed:
            self._paced_at_s, self._paced_bytes = now_s, 0
        elif size_bytes and now_s - self._paced_at_s > 2 * self._node.config.idle_s:
            raise Cut("what came was too little for too long")

    async def _tell_of(self, fault: RemoteError) -> None:
        log.debug("a session ended: %s", fault.verdict.name.lower())
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
                await self._answer(frame)
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
            case Idle() | Error() | End():
                pass
            case (
                DeskInterest()
                | RepliesInterest()
                | OpenedInterest()
                | PublicInterest()
                | AllInterest()
            ):
                await self._begin(frame)
            case _:
                raise UnexpectedFrame(f"a relay is not sent {type(frame).__name__}")

    async def _welcome(self) -> None:
        welcome = await self._make_welcome()
        self._interests = Interests(self._node, self._voice, self._giving, welcome)
        await self._voice.say(welcome)

    async def _make_welcome(self) -> Welcome:
        config = self._node.config
        return Welcome(
            version=VERSION,
            day=self._node.today(),
            incarnation=self._node.store.incarnation,
            largest_body=config.largest_body_bytes,
            reply_bits=matching_bits(await self._node.store.count_replies()),
            opened_bits=matching_bits(await self._node.store.count_opened()),
            effort=config.stamp_effort,
        )

    async def _begin(self, frame: Interest) -> None:
        if frame.number in self._numbers or frame.number >= MAX_INTERESTS:
            raise UnexpectedFrame(f"interest {frame.number} a second time")
        self._numbers.add(frame.number)
        try:
            match frame:
                case DeskInterest():
                    self._interests.begin_desk(frame, self._session.channel_hash)
                    self._deposits.own(self._interests.own_tags)
                case RepliesInterest():
                    self._interests.begin_replies(frame)
                case OpenedInterest():
                    self._interests.begin_opened(frame)
                case PublicInterest():
                    self._interests.begin_public(frame)
                case AllInterest():
                    await self._give_peer(frame)
        except RefusedDesk as refusal:
            await self._voice.say(Error(refusal.verdict, f"interest {frame.number}: {refusal}"))
            self._giving.begin_nothing()

    async def _give_peer(self, frame: AllInterest) -> None:
        """A peer asks: it is asked in return, and given what it has not seen."""
        try:
            verify_peer_interest(frame, self._session.channel_hash)
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
        await self._talk.ask(self._session.channel_hash)

    async def _answer(self, frame: Offers) -> None:
        # Told once in a session: what half a body holds costs a look at each of its blocks.
        asked = [
            offer for offer in dict.fromkeys(frame.offers) if not self._deposits.was_told(offer)
        ]
        found = dict(zip(asked, await self._node.store.look_up(asked), strict=True))
        partials = [
            Partial(holding.parcel_id, self._tell_held(holding).to_bytes())
            for holding in found.values()
            if holding is not None and holding.state is State.PARTIAL and self._may_tell()
        ]
        codes = tuple(self._code_of(offer, found.get(offer)) for offer in frame.offers)
        await self._voice.say(*partials, Answers(frame.first, codes))
        # Its first ACK may have been lost, and no body has to come again for the receipt alone.
        held = (found.get(offer) for offer in frame.offers)
        await self._deposits.custody.sign_for(
            one.parcel_id for one in held if one is not None and one.state is State.HELD
        )

    def _code_of(self, offer: bytes, holding: Holding | None) -> Answer:
        code = Answer.WANT_REST if self._deposits.was_told(offer) else self._code(holding)
        if self._talk is None:
            return code
        return self._talk.judge(offer, code, holding)

    def _tell_held(self, holding: Holding) -> Bitmap:
        assert holding.held is not None, "a partial body has a bitmap"
        self._deposits.tell_held(holding.header.offer, holding.held)
        self._told_bytes += 64 + len(holding.held.to_bytes())
        return holding.held

    def _may_tell(self) -> bool:
        return self._told_bytes < MAX_TOLD_BYTES

    def _code(self, holding: Holding | None) -> Answer:
        if holding is None or holding.state in (State.EVICTED, State.PARTIAL):
            return Answer.WANT
        return Answer.TOMBSTONED if holding.state is State.PURGED else Answer.HAVE
