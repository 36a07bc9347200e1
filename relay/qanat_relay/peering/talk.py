"""A session's part in peering, whichever side dialled: what is asked of the peer and given to it,
and what is remembered when it has ended in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from qanat_protocol.frames import AllInterest, Answer, Cursor, Opened, Purge
from qanat_protocol.session import sign_peer_interest
from qanat_relay.giving import Giving
from qanat_relay.node import Node
from qanat_relay.peering.giving import PeerGiving, mark_of
from qanat_relay.peering.peers import Peer
from qanat_relay.store.interface import Holding, State
from qanat_relay.voice import Voice

SILENT_S = 5.0
MAX_SESSIONS = 4
"""With one peer at once; the oldest make way."""

ROOM_AGAIN_S = 900.0
"""How soon a peer is asked again for what there was no room for."""


class PeerTalk:
    """Of one session. `close` comes last, however it ended."""

    def __init__(
        self, node: Node, voice: Voice, giving: Giving, peer: Peer, abort: Callable[[], None]
    ) -> None:
        self._node = node
        self._voice = voice
        self._giving = giving
        self.peer = peer
        self._given = PeerGiving(node, voice, giving, peer)
        self._deferred = False
        self._cursor: bytes | None = None
        self._is_whole = False
        self._desks = b""
        self._news = 0
        self._losses = node.peers.losses
        self._asked = b""
        self._asks_missed = False
        self.was_asked = False
        """Whether the peer wants to be given something, and is."""
        self._heard_s = time.monotonic()
        self.abort = abort
        # Those on lines that were lost, mostly, and nobody needs more.
        for session in peer.sessions[: max(0, len(peer.sessions) - MAX_SESSIONS + 1)]:
            session.abort()
        peer.sessions.append(self)

    @property
    def is_moving(self) -> bool:
        """As `Session.is_moving`."""
        return time.monotonic() - self._heard_s < SILENT_S

    def heard(self) -> None:
        """Something came."""
        self._heard_s = time.monotonic()

    async def ask(self, session_hash: bytes) -> None:
        """Ask the peer for what came behind the cursor, once a day for all that it has."""
        record, node = self.peer.record, self._node
        # A store that was restored lacks what its cursors say that it has.
        is_ours = record.incarnation == node.store.incarnation
        self._losses = node.peers.losses
        # What was refused of a desk that was added since is offered to who asks for all alone.
        self._desks = node.desks.digest()
        is_ours = is_ours and record.desks == self._desks
        self._is_whole = not is_ours or record.whole_day != node.today()
        cursor = None if self._is_whole else record.cursor or None
        missed = self.peer.missed
        self._asks_missed = missed is not None and time.monotonic() >= self.peer.missed_again_s
        if self._asks_missed and not self._is_whole:
            cursor = missed or None
        self._asked = cursor or b""
        signing = node.keys.signing
        await self._voice.say(sign_peer_interest(signing, session_hash, number=0, cursor=cursor))

    def give(self, frame: AllInterest) -> None:
        """Begin to give what the peer asks for; it has proven to be the peer."""
        self.was_asked = self._giving.hears_refusals = True
        self._news = self._node.news.from_others(self.peer.key)
        self._giving.begin(self._given.run(frame))

    def judge(self, offer: bytes, code: Answer, holding: Holding | None) -> Answer:
        """What to answer to an offer of the peer, of which the store knows this."""
        self._given.note([offer])
        if code.is_wanted:
            if holding is not None and holding.state is State.EVICTED:
                # It would go again, and make others go.
                return Answer.HAVE
            if self._node.peers.claim(offer, self):
                return code
            # Another is bringing it. If that comes to nothing this one offers it again.
            self._deferred = True
            return Answer.REFUSED
        if code is Answer.HAVE and holding is not None and holding.opened:
            return Answer.REFUSED
        return code

    def hear_mark(self, frame: Opened | Purge) -> None:
        """The peer has a tombstone."""
        self._given.note([mark_of(frame)])

    def take_cursor(self, frame: Cursor) -> None:
        """All that there was has been sent."""
        self._cursor = frame.cursor

    async def settle(self, stored: int, *, lost: bool, lacked_room: bool = False) -> None:
        """The session ended in order, and what came is on the disk, unless some was lost or there
        was no room for it."""
        peer, node = self.peer, self._node
        if lacked_room:
            if peer.missed is None:
                peer.missed = self._asked
            peer.missed_again_s = time.monotonic() + ROOM_AGAIN_S
        elif self._asks_missed or self._is_whole:
            peer.missed = None
        now_s = node.peers.now_s()
        peer.note_there(self._given.there - self._giving.refused)
        record = replace(
            peer.record.reached(now_s),
            given=peer.record.given + self._given.given,
            taken=peer.record.taken + stored,
        )
        if self._given.is_complete:
            peer.told = self._news
            record = replace(record, given_s=now_s)
        peer.deferred = self._deferred
        lost = lost or self._losses != node.peers.losses
        if self._cursor is not None and not (self._deferred or lost):
            incarnation = node.store.incarnation
            record = replace(
                record,
                cursor=self._cursor,
                incarnation=incarnation,
                desks=self._desks,
                taken_s=now_s,
            )
            if self._is_whole:
                record = replace(record, whole_day=node.today())
        peer.keep(record)

    def close(self) -> None:
        """Let others bring what this session did not."""
        self._node.peers.release(self)
        self.peer.sessions.remove(self)
