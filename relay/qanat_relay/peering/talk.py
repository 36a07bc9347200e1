"""A session's part in peering, whichever side dialled: what is asked of the peer and given to it,
and what is remembered when it has ended in order."""

from __future__ import annotations

from dataclasses import replace

from qanat_protocol.frames import AllInterest, Answer, Cursor, Frame, Want
from qanat_protocol.limits import MAX_OFFERS
from qanat_protocol.session import sign_peer_interest
from qanat_relay.giving import Giving
from qanat_relay.node import Node
from qanat_relay.peering.giving import PeerGiving
from qanat_relay.peering.peers import MAX_KNOWN_THERE, Peer
from qanat_relay.store.interface import State
from qanat_relay.voice import Voice


class PeerTalk:
    """Of one session. `close` comes last, however it ended."""

    def __init__(self, node: Node, voice: Voice, giving: Giving, peer: Peer) -> None:
        self._node = node
        self._voice = voice
        self._giving = giving
        self.peer = peer
        self._given = PeerGiving(node, voice, giving, peer)
        self._there: set[bytes] = set()
        self._asked: list[bytes] = []
        self._cursor: bytes | None = None
        self._is_whole = False
        self.was_asked = False
        """Whether the peer wants to be given something, and is."""
        peer.sessions += 1

    async def ask(self, channel_hash: bytes) -> None:
        """Ask the peer for what came behind the cursor, once a day for all, and for what it offered
        before and nobody brought."""
        record = self.peer.record
        # A store that was restored lacks what its cursors say that it has.
        is_ours = record.incarnation == self._node.store.incarnation
        self._is_whole = not is_ours or record.whole_day != self._node.today()
        cursor = None if self._is_whole else record.cursor or None
        signing = self._node.keys.signing
        frames: list[Frame] = [sign_peer_interest(signing, channel_hash, number=0, cursor=cursor)]
        claim = self._node.peers.claim
        self._asked = [offer for offer in await self._lacking() if claim(offer, self)]
        for at in range(0, len(self._asked), MAX_OFFERS):
            frames.append(Want(tuple(self._asked[at : at + MAX_OFFERS])))
        await self._voice.say(*frames)

    def give(self, frame: AllInterest) -> None:
        """Begin to give what the peer asks for; it has proven to be the peer."""
        self.was_asked = True
        self._giving.begin(self._given.run(frame))

    def judge(self, offer: bytes, code: Answer, state: State | None) -> Answer:
        """What to answer to an offer of the peer, of which the store knows this state."""
        if len(self._there) < MAX_KNOWN_THERE:
            self._there.add(offer)
        if state is State.EVICTED:
            # It would go again, and make others go.
            return Answer.HAVE
        if code not in (Answer.WANT, Answer.WANT_REST) or self._node.peers.claim(offer, self):
            return code
        return Answer.REFUSED if self.peer.owe(offer) else code

    def take_cursor(self, frame: Cursor) -> None:
        """All that there was has been sent."""
        self._cursor = frame.cursor

    async def settle(self, stored: int) -> None:
        """The session ended in order, and what came is on the disk."""
        peer, now_s = self.peer, self._node.peers.now_s()
        peer.note_there(self._there | self._given.there)
        record = replace(
            peer.record.reached(now_s),
            given=peer.record.given + self._given.given,
            taken=peer.record.taken + stored,
        )
        if self._given.is_complete:
            record = replace(record, given_s=now_s)
        if self._cursor is not None:
            # Asked for by name in a whole session: what did not come the peer does not have.
            peer.owed.difference_update(self._asked)
            peer.waiting_cursor = self._cursor
            record = replace(record, taken_s=now_s)
            if self._is_whole:
                record = replace(record, whole_day=self._node.today())
        peer.owed.intersection_update(await self._lacking())
        if not peer.owed and peer.waiting_cursor is not None:
            incarnation = self._node.store.incarnation
            record = replace(record, cursor=peer.waiting_cursor, incarnation=incarnation)
            peer.waiting_cursor = None
        peer.keep(record)

    def close(self) -> None:
        """Let others bring what this session did not."""
        self._node.peers.release(self)
        self.peer.sessions -= 1

    async def _lacking(self) -> list[bytes]:
        owed = list(self.peer.owed)
        found = await self._node.store.look_up(owed)
        return [
            offer
            for offer, holding in zip(owed, found, strict=True)
            if holding is None or holding.state is State.PARTIAL
        ]
