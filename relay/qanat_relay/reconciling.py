"""One session's side of a sketch (SPEC section 18): tells cells, answers questions about them, and
gives what the other side lacks. Whether it may be told anything was decided before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from qanat_protocol.errors import TooLarge, UnexpectedFrame
from qanat_protocol.estimate import balance_of, estimate_difference, no_balance
from qanat_protocol.frames import Bisect, Cells, Lack, Sketch
from qanat_protocol.limits import CELL_BYTES, HEAD_BYTES, MAX_LACKS, OFFER_BYTES
from qanat_protocol.parcel import Header, Rank, rank_of
from qanat_protocol.reconciliation import MAX_EXPECTED, MAX_QUESTIONS, MAX_TAKEN_CELLS, cells_for
from qanat_protocol.sketch import pack_cells
from qanat_relay.giving import Giving
from qanat_relay.node import Node
from qanat_relay.sketching import View
from qanat_relay.store.interface import Entry, State
from qanat_relay.voice import Voice

FIRST_CELLS = 1100
"""Told unasked: with what else a first flight carries they fit the 14 kB that TCP sends at once."""

FEW_IDS = 32
"""Ids with a prefix that are listed in place of cells, which would hardly be shorter."""

LISTED_AT_ONCE = 1024
MAX_LISTED = 65_536
"""Ids with a prefix that are listed: some times what a million has with the shortest that an honest
side asks for so."""

MAX_LACKED = MAX_TAKEN_CELLS
"""Ids asked for behind one sketch: no more can come out of its cells."""

_Parcel: TypeAlias = tuple[Header, int | None]
"""A header, and the day on which it was taken."""

AT_ONCE = (Rank.URGENT, Rank.LETTER, Rank.THUMBNAIL)


class Reconciling:
    """What a session says and hears of sketches: one for all its interests, one at a time."""

    def __init__(self, node: Node, voice: Voice, giving: Giving) -> None:
        self._node = node
        self._voice = voice
        self._giving = giving
        self._heard: asyncio.Queue[Bisect | Lack | None] = asyncio.Queue()
        self._number: int | None = None
        self._asked = 0
        self._lacked = 0
        self._finished = False
        self._turn = asyncio.Lock()
        self._given = no_balance()

    def note_given(self, entries: Sequence[Entry]) -> None:
        """The session was given these, and its estimate does not know of them."""
        self._given += balance_of(b"".join(entry.header.parcel_id for entry in entries))

    def hear(self, frame: Bisect | Lack) -> None:
        """The other side asks. Raises UnexpectedFrame where no sketch was told, and TooLarge."""
        if frame.interest != self._number:
            raise UnexpectedFrame(f"no sketch is told for interest {frame.interest}")
        if isinstance(frame, Lack):
            self._lacked += len(frame.heads)
            if self._lacked > MAX_LACKED:
                raise TooLarge(f"more than {MAX_LACKED:,} parcels of one sketch")
            if len(frame.heads) < MAX_LACKS:
                self._number = None
        else:
            self._asked += 1
            if self._asked > MAX_QUESTIONS or frame.first + frame.count > MAX_TAKEN_CELLS:
                raise TooLarge("more cells or questions than a sketch has")
        self._heard.put_nowait(frame)

    def finish(self) -> None:
        """Nothing more is heard in this session."""
        self._finished = True
        self._heard.put_nowait(None)

    async def run(self, number: int, tags: Sequence[bytes], estimate: bytes) -> bool:
        """Find what the other side lacks under these tags, and give it; whether it has all now.

        `estimate`: what it has said of its set, empty for nothing.
        """
        async with self._turn:
            found = await self._node.sketches.view(tags)
            if found is None:
                return await self._list_all(tags)
            view, balance = found
            expected, count = 0, 0
            if estimate:
                expected = estimate_difference(balance - self._given, estimate)
            if expected:
                if not _is_worth(expected, len(view)):
                    return await self._list_all(tags)
                count = min(cells_for(expected), FIRST_CELLS)
            if self._finished:
                return False
            self._number, self._asked, self._lacked = number, 0, 0
            sketch = Sketch(number, view.day, view.key, view.fingerprint, expected, count)
            await self._voice.say(sketch)
            if count:
                await self._tell(number, view, Bisect(number, 0, bytes(4), 0, count))
            return await self._answer(number, view, tags)

    async def _answer(self, number: int, view: View, tags: Sequence[bytes]) -> bool:
        heads: list[bytes] = []
        while (frame := await self._heard.get()) is not None:
            if isinstance(frame, Lack):
                heads += frame.heads
                if len(frame.heads) < MAX_LACKS:
                    offers = await self._node.sketches.work(partial(view.with_heads, heads))
                    return await self._give(offers, by_asking=False)
            elif frame.bits or frame.count:
                await self._tell(number, view, frame)
            elif await self._list_all(tags):
                await self._voice.say(Cells(number, frame.first, b""))
            else:
                return False
        return False

    async def _tell(self, number: int, view: View, asked: Bisect) -> None:
        bits, prefix = asked.bits, int.from_bytes(asked.prefix)
        work = self._node.sketches.work
        if bits:
            most = FEW_IDS if asked.count else MAX_LISTED
            begin = await work(partial(view.begin_with, bits, prefix, most))
            if len(begin) < FEW_IDS or not asked.count:
                await self._give(begin, by_asking=True)
                await self._voice.say(Cells(number, asked.first, b""))
                return
        end = asked.first + asked.count
        sums, checks = await work(partial(view.cells, bits, prefix, end))
        cells = pack_cells((sums[asked.first :], checks[asked.first :]))
        await self._voice.say(Cells(number, asked.first, cells))

    async def _give(self, offers: Sequence[bytes], *, by_asking: bool) -> bool:
        """Give what is still there of these in the order of its value, larger ones after an answer;
        all of it `by_asking` first. Whether all was given that was wanted."""
        parcels: list[_Parcel] = []
        for at in range(0, len(offers), LISTED_AT_ONCE):
            parcels += [
                (holding.header, holding.taken_day)
                for holding in await self._node.store.look_up(offers[at : at + LISTED_AT_ONCE])
                if holding is not None and holding.state in (State.HELD, State.PURGED)
            ]
        parcels.sort(key=lambda parcel: rank_of(parcel[0]))
        unasked = [] if by_asking else [p for p in parcels if rank_of(p[0]) in AT_ONCE]
        for at in range(0, len(unasked), LISTED_AT_ONCE):
            await self._send(unasked[at : at + LISTED_AT_ONCE])
        for at in range(len(unasked), len(parcels), LISTED_AT_ONCE):
            if not await self._offer(parcels[at : at + LISTED_AT_ONCE]):
                return False
        return True

    async def _list_all(self, tags: Sequence[bytes]) -> bool:
        """Offer all that is held, in the order of its value; whether all was given."""
        store = self._node.store
        for rank in sorted(Rank):
            after, era = 0, store.era
            while True:
                if era != store.era:
                    (after,) = await store.resume([after], era)
                    era = store.era
                entries = await store.list_tags(tags, rank, after, LISTED_AT_ONCE)
                if era != store.era:
                    continue
                if not entries:
                    break
                if not await self._offer([(entry.header, entry.taken_day) for entry in entries]):
                    return False
                after = entries[-1].arrival
        return True

    async def _offer(self, parcels: Sequence[_Parcel]) -> bool:
        offered = await self._giving.offer([header.offer for header, _ in parcels])
        if (answers := await offered) is None:
            return False
        await self._send(
            [parcel for parcel, said in zip(parcels, answers, strict=True) if said.is_wanted]
        )
        return True

    async def _send(self, parcels: Sequence[_Parcel]) -> None:
        for future in [self._giving.give(header, day) for header, day in parcels]:
            await future


def _is_worth(expected: int, known: int) -> bool:
    """Whether cells are shorter than a list of all that is known, with its answers."""
    size_bytes = cells_for(expected) * CELL_BYTES + expected * HEAD_BYTES
    return expected <= MAX_EXPECTED and size_bytes <= known * (OFFER_BYTES + 1)
