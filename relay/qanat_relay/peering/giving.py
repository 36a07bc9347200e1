"""What a peer is given: all that came behind its cursor, under whatever tag (SPEC section 17).

Tombstones first, then letters, the newest first, then pictures and films. No parcel is sent that
the peer has not said to want.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from qanat_protocol.frames import AllInterest, Answer, Cursor, Opened, Purge
from qanat_protocol.limits import OFFER_BYTES
from qanat_protocol.parcel import Header, Rank
from qanat_relay.giving import Giving
from qanat_relay.node import Node
from qanat_relay.peering.peers import MAX_KNOWN_THERE, Peer
from qanat_relay.position import Position, position_of
from qanat_relay.store.interface import Entry
from qanat_relay.tombstones import Tombstones
from qanat_relay.voice import Voice

PAGE = 1024
"""Parcels that are offered at once."""

MAX_OPENED = 4 * PAGE
_BEHIND_ALL = 2**63 - 1


class PeerGiving:
    """One session's. `run` gives; `there` are offers of what the peer has, or will have once the
    session has ended in order."""

    def __init__(self, node: Node, voice: Voice, giving: Giving, peer: Peer) -> None:
        self._store = node.store
        self._voice = voice
        self._giving = giving
        self._peer = peer
        self.there: set[bytes] = set()
        self.given = 0
        self.is_complete = False

    async def run(self, frame: AllInterest) -> None:
        """Give it, and a cursor when that was all."""
        at = await position_of(frame.cursor, self._store.incarnation).resumed(self._store)
        # Who begins anew may lack even what we know it to have had.
        spares = any(at.arrivals.values())
        at = await self._tombstones(at)
        is_complete = True
        for rank in sorted(Rank):
            at, is_all = await self._give_rank(rank, at, spares=spares)
            is_complete = is_complete and is_all
        if is_complete:
            self.is_complete = True
            await self._voice.say(Cursor(frame.number, at.to_cursor(self._store.incarnation)))

    async def _tombstones(self, at: Position) -> Position:
        async def say(frames: Sequence[Opened | Purge], _: Position) -> None:
            fresh = [frame for frame in frames if not self._peer.has(mark_of(frame))]
            self._note(map(mark_of, fresh))
            if fresh:
                await self._voice.say(*fresh)

        return await Tombstones(self._store, None, say).rest(at)

    async def _give_rank(self, rank: Rank, at: Position, *, spares: bool) -> tuple[Position, bool]:
        """The position behind the newest of a rank, and whether all before it was given."""
        at = await at.resumed(self._store)
        below, newest = _BEHIND_ALL, at.arrivals[rank]
        while True:
            entries = await self._store.list_all(rank, at.arrivals[rank], below, PAGE)
            if self._store.era != at.era:
                # What was given since is known to be there, and is not offered again.
                at, spares = await at.resumed(self._store), True
                below, newest = _BEHIND_ALL, at.arrivals[rank]
                continue
            if not entries:
                return at.after_arrival(rank, newest, at.era), True
            newest, below = max(newest, entries[0].arrival), entries[-1].arrival
            if not await self._offer([e for e in entries if not (spares and self._has(e))]):
                return at, False

    def _has(self, entry: Entry) -> bool:
        offer = entry.header.offer
        return offer in self.there or self._peer.has(offer)

    async def _offer(self, entries: Sequence[Entry]) -> bool:
        answers = await (await self._giving.offer([entry.header for entry in entries]))
        if answers is None:
            return False
        wanted = [
            entry
            for entry, answer in zip(entries, answers, strict=True)
            if answer in (Answer.WANT, Answer.WANT_REST)
        ]
        sending = [(entry.header.offer, self._giving.give(entry.header)) for entry in wanted]
        for offer, sent in sending:
            if await sent:
                self._note([offer])
                self.given += 1
        await self._tell_opened([entry.header for entry in wanted if entry.opened])
        self._note(
            entry.header.offer
            for entry, answer in zip(entries, answers, strict=True)
            if answer in (Answer.HAVE, Answer.TOMBSTONED)
        )
        return True

    def _note(self, offers: Iterable[bytes]) -> None:
        self.there.update(islice(offers, MAX_KNOWN_THERE - len(self.there)))

    async def _tell_opened(self, headers: Sequence[Header]) -> None:
        """The tombstones of these went before them, when they could not be kept."""
        ids = {header.parcel_id for header in headers}
        if ids:
            found = await self._store.list_opened([each[:4] for each in ids], 32, MAX_OPENED)
            frames = [frame for frame in found if frame.parcel_id in ids]
            self._note(map(mark_of, frames))
            await self._voice.say(*frames)


def mark_of(frame: Opened | Purge) -> bytes:
    """By what a tombstone is remembered among offers: no two frames have the same."""
    return (frame.opened if isinstance(frame, Opened) else frame.purge_key)[:OFFER_BYTES]
