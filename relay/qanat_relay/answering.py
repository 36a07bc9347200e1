"""Tells what this relay has of what is offered to it. Takes nothing in."""

from __future__ import annotations

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import Answer, Answers, Offers, Partial
from qanat_relay.deposits import Deposits
from qanat_relay.node import Node
from qanat_relay.peering.talk import PeerTalk
from qanat_relay.store.interface import Holding, State
from qanat_relay.voice import Voice

MAX_TOLD_BYTES = 4 * 2**20
"""What a session may be told of half bodies: each has to be remembered until it is sent on."""


class Answering:
    """One session's answers."""

    def __init__(self, node: Node, voice: Voice, deposits: Deposits) -> None:
        self._node = node
        self._voice = voice
        self._deposits = deposits
        self._told_bytes = 0

    async def answer(self, frame: Offers, talk: PeerTalk | None) -> None:
        """Answer these offers; `talk` where they are a peer's."""
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
        codes = tuple(self._code_of(offer, found.get(offer), talk) for offer in frame.offers)
        await self._voice.say(*partials, Answers(frame.first, codes))
        # Its first ACK may have been lost, and no body has to come again for the receipt alone.
        held = (found.get(offer) for offer in frame.offers)
        await self._deposits.custody.sign_for(
            one.parcel_id for one in held if one is not None and one.state is State.HELD
        )

    def _code_of(self, offer: bytes, holding: Holding | None, talk: PeerTalk | None) -> Answer:
        code = Answer.WANT_REST if self._deposits.was_told(offer) else _code(holding)
        return code if talk is None else talk.judge(offer, code, holding)

    def _tell_held(self, holding: Holding) -> Bitmap:
        assert holding.held is not None, "a partial body has a bitmap"
        self._deposits.tell_held(holding.header.offer, holding.held)
        self._told_bytes += 64 + len(holding.held.to_bytes())
        return holding.held

    def _may_tell(self) -> bool:
        return self._told_bytes < MAX_TOLD_BYTES


def _code(holding: Holding | None) -> Answer:
    if holding is None or holding.state in (State.EVICTED, State.PARTIAL):
        return Answer.WANT
    return Answer.TOMBSTONED if holding.state is State.PURGED else Answer.HAVE
