"""What a desk is told and given of bodies that are here in part (SPEC section 17).

Told anew in each session, by bitmap, so that no cursor stands behind a body that grows; of many,
some. What is whole goes first. In a session that stays it is told again as more comes.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import Partial
from qanat_protocol.limits import MAX_PARTIALS_BYTES, PARTIAL_BYTES
from qanat_protocol.parcel import Kind, Rank
from qanat_relay.giving import Giving
from qanat_relay.store.interface import Half, Store

MAX_HALVES = 64
"""Bodies in part of each rank that a session is told of at a time. Anybody can leave halves under a
desk's tag: those of films cost a line of 400 kbit/s a second, and letters in part hide no film."""

MAX_HALVES_BYTES = 128 * 2**10
"""What telling of each rank may cost: one with a longer bitmap is left for another session. All of
them together are half of what the other side remembers of a session; a desk that stays begins
another one when it has been told of so much."""

MAX_LISTED = 512
"""Bodies that are looked at: there may be many of which the desk has everything that is here."""

DESK_KINDS = (Kind.LETTER, Kind.PART)
_NOTHING = Bitmap()
_RANDOM = secrets.SystemRandom()


class Halves:
    """One session's share of them, whatever it asks for."""

    def __init__(self, store: Store, giving: Giving) -> None:
        self._store = store
        self._giving = giving
        self._told_bytes = 0
        self._given: dict[bytes, Bitmap] = {}
        self.begin_again()

    def begin_again(self) -> None:
        """Something may have come since: as many may be told once more."""
        self._left = dict.fromkeys(Rank, MAX_HALVES)
        self._left_bytes = dict.fromkeys(Rank, MAX_HALVES_BYTES)

    async def give(self, tags: Sequence[bytes], ranks: Sequence[Rank]) -> None:
        """Offer what is here in part under these tags, and give those blocks of it that the other
        side lacks."""
        for rank in ranks:
            halves = self._choose(rank, await self._store.list_halves(tags, rank, MAX_LISTED))
            frames = [Partial(half.header.parcel_id, half.held.to_bytes()) for half in halves]
            offers = [half.header.offer for half in halves]
            answers = await (await self._giving.offer(offers, frames))
            if answers is None:
                return
            self._given.update((half.header.parcel_id, half.held) for half in halves)
            given = [
                self._giving.give(half.header, holds=half.held)
                for half, answer in zip(halves, answers, strict=True)
                if answer.is_wanted
            ]
            for each in given:
                await each

    def _choose(self, rank: Rank, halves: Sequence[Half]) -> list[Half]:
        """Those with something new for the other side; the fullest of them if they are too many,
        and of the others some by lot, so that a flood of halves hides none for ever."""
        new = [half for half in halves if half.header.kind in DESK_KINDS and self._is_new(half)]
        left = self._left[rank]
        sure = new[: left // 2] if len(new) > left else new
        drawn = _RANDOM.sample(new[len(sure) :], min(left, len(new)) - len(sure))
        return [half for half in [*sure, *drawn] if self._spend(rank, half)]

    def _is_new(self, half: Half) -> bool:
        parcel_id = half.header.parcel_id
        new = half.held - self._giving.held_there(parcel_id)
        return bool((new - self._given.get(parcel_id, _NOTHING)).count())

    def _spend(self, rank: Rank, half: Half) -> bool:
        cost_bytes = PARTIAL_BYTES + len(half.held.to_bytes())
        if cost_bytes > min(self._left_bytes[rank], MAX_PARTIALS_BYTES - self._told_bytes):
            return False
        self._told_bytes += cost_bytes
        self._left[rank] -= 1
        self._left_bytes[rank] -= cost_bytes
        return True
