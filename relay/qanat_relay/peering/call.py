"""A session that this relay begins, with a peer: the other side of a conversation."""

from __future__ import annotations

import asyncio

from qanat_protocol.errors import Cut, RefusedDesk, RemoteError, UnexpectedFrame, UnknownVersion
from qanat_protocol.frames import AllInterest, End, Error, Frame, Idle, Interest, Welcome
from qanat_protocol.session import HELLO, ClientSession
from qanat_protocol.verdicts import Verdict
from qanat_relay.conversation import Conversation
from qanat_relay.interests import Interests
from qanat_relay.link import Link
from qanat_relay.node import Node
from qanat_relay.peering.peers import Peer


class Call(Conversation):
    """Ended by this side, when each has given the other all that it has."""

    def __init__(self, node: Node, link: Link, peer: Peer) -> None:
        self._client = ClientSession(peer.card.sealing_key)
        super().__init__(node, link, self._client)
        self._peer = peer
        self._heard_idle = asyncio.Event()
        self._said_end = False
        self.fault: RemoteError | None = None
        """Why it did not come to its end, as far as the peer said so."""

    @property
    def is_over(self) -> bool:
        """Whether both sides have said END."""
        return self._client.ended and self.fault is None

    async def _listen(self) -> None:
        ending = asyncio.create_task(self._end_in_time())
        try:
            await self._voice.say_plainly(self._client.start())
            await self._voice.say(HELLO)
            self._interests = Interests(
                self._node, self._voice, self._giving, await self._make_welcome()
            )
            await self._read()
            if not self._said_end:
                raise Cut("the peer ended before it was told to")
            await ending
        except RemoteError as fault:
            self.fault = self.fault or fault
            self._giving.stop()
            self._deposits.custody.finish()
            await self._deposits.custody.ended.wait()
            await self._tell_of(fault)
        finally:
            ending.cancel()
            await asyncio.wait({ending})

    async def _end_in_time(self) -> None:
        """Say END when the peer has nothing more for us, and we have nothing more for it."""
        await self._heard_idle.wait()
        if self._talk is not None and self._talk.was_asked:
            await self._giving.idle_told.wait()
        await self._finish()
        self._said_end = True
        await self._voice.say(End())

    async def _take(self, frame: Frame) -> None:
        match frame:
            case Welcome():
                await self._join(self._peer)
            case Idle():
                self._heard_idle.set()
            case Error(verdict, detail):
                self._note_error(verdict, detail)
            case _:
                await super()._take(frame)

    def _note_error(self, verdict: int, detail: str) -> None:
        if verdict == Verdict.REFUSED_DESK:
            self.fault = RefusedDesk(detail)
        elif verdict == Verdict.UNKNOWN_VERSION:
            self.fault = UnknownVersion(detail)

    async def _begin(self, frame: Interest) -> None:
        if not isinstance(frame, AllInterest) or frame.signing_key != self._peer.key:
            raise UnexpectedFrame("a peer that was called asks for something else than all")
        await super()._begin(frame)
