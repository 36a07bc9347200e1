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
        self._spares = False

    async def run(self, frame: AllInterest) -> None:
        """Give it, and a cursor when that was all."""
        at = await position_of(frame.cursor, self._store.incarnation).resumed(self._store)
        # Who begins anew may lack even what we know it to have had.
        self._spares = any(at.arrivals.values())
        era, newest = at.era, await self._store.newest()
        at, is_complete = await self._tombstones(at)
        for rank in sorted(Rank):
            at, is_all = await self._give_rank(rank, at)
            is_complete = is_complete and is_all
        if is_complete:
            if at.era == era:
                at = at.after_all(newest)
            self.is_complete = True
            await self._voice.say(Cursor(frame.number, at.to_cursor(self._store.incarnation)))

    async def _tombstones(self, at: Position) -> tuple[Position, bool]:
        """The position behind all tombstones, and whether all before it were told."""
        while True:
            at = await at.resumed(self._store)
            found = await self._store.list_tombstones(None, at.tombstones, PAGE)
            if at.era != self._store.era:
                continue
            if not found:
                return at, True
            if not await self._tell([frame for _, frame in found]):
                return at, False
            at = at.after_tombstone(found[-1][0])

    async def _tell(self, frames: Sequence[Opened | Purge]) -> bool:
        """Tell those that the peer lacks: it is asked by the parcels' ids, which are shorter."""
        fresh = [frame for frame in frames if not self._has(mark_of(frame))]
        offers = list(dict.fromkeys(frame.parcel_id[:OFFER_BYTES] for frame in fresh))
        answers = await (await self._giving.offer(offers))
        if answers is None:
            return False
        said = dict(zip(offers, answers, strict=True))
        lacking = [frame for frame in fresh if _lacks(frame, said[frame.parcel_id[:OFFER_BYTES]])]
        if lacking:
            await self._voice.say(*lacking)
        # Who said to want nothing of it may have meant that it is on its way to it.
        self.note(
            mark_of(frame)
            for frame in fresh
            if said[frame.parcel_id[:OFFER_BYTES]]
            in (Answer.HAVE, Answer.WANT_REST, Answer.TOMBSTONED)
        )
        return True

    async def _give_rank(self, rank: Rank, at: Position) -> tuple[Position, bool]:
        """The position behind the newest of a rank, and whether all before it was given."""
        at = await at.resumed(self._store)
        below, newest = _BEHIND_ALL, at.arrivals[rank]
        while True:
            entries = await self._store.list_all(rank, at.arrivals[rank], below, PAGE)
            if self._store.era != at.era:
                # What was given since is known to be there, and is not offered again.
                at = await at.resumed(self._store)
                below, newest = _BEHIND_ALL, at.arrivals[rank]
                continue
            if not entries:
                return at.after_arrival(rank, newest, at.era), True
            newest, below = max(newest, entries[0].arrival), entries[-1].arrival
            if not await self._offer([e for e in entries if not self._has(e.header.offer)]):
                return at, False

    def _has(self, offer: bytes) -> bool:
        return offer in self.there or (self._spares and self._peer.has(offer))

    async def _offer(self, entries: Sequence[Entry]) -> bool:
        answers = await (await self._giving.offer([entry.header.offer for entry in entries]))
        if answers is None:
            return False
        wanted = [entry for entry, answer in zip(entries, answers, strict=True) if answer.is_wanted]
        sending = [(entry.header.offer, self._giving.give(entry.header)) for entry in wanted]
        for offer, sent in sending:
            if await sent:
                self.note([offer])
                self.given += 1
        await self._tell_opened([entry.header for entry in wanted if entry.opened])
        self.note(
            entry.header.offer
            for entry, answer in zip(entries, answers, strict=True)
            if answer in (Answer.HAVE, Answer.TOMBSTONED)
        )
        return True

    def note(self, offers: Iterable[bytes]) -> None:
        """The peer has these, by its word or because it was given them."""
        self.there.update(islice(offers, MAX_KNOWN_THERE - len(self.there)))

    async def _tell_opened(self, headers: Sequence[Header]) -> None:
        """The tombstones of these went before them, when they could not be kept."""
        ids = {header.parcel_id for header in headers}
        if ids:
            found = await self._store.list_opened([each[:4] for each in ids], 32, MAX_OPENED)
            frames = [frame for frame in found if frame.parcel_id in ids]
            self.note(map(mark_of, frames))
            await self._voice.say(*frames)


def _lacks(frame: Opened | Purge, answer: Answer) -> bool:
    """Whether a peer that says so of a parcel has it without this tombstone. One that has it and
    knows it to be opened answers as one that wants nothing of it."""
    if isinstance(frame, Purge):
        return answer in (Answer.HAVE, Answer.REFUSED, Answer.WANT_REST)
    return answer in (Answer.HAVE, Answer.WANT_REST)


def mark_of(frame: Opened | Purge) -> bytes:
    """By what a tombstone is remembered among offers: no two frames have the same."""
    return (frame.opened if isinstance(frame, Opened) else frame.purge_key)[:OFFER_BYTES]
