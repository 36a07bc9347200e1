"""What one desk is given: what came behind its cursor, and then what comes while it stays.

That it is the desk was proven before. Letters wait for no film: they have a lane of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from qanat_protocol.frames import Answer, Cursor, DeskInterest, Opened, Purge
from qanat_protocol.parcel import Rank
from qanat_relay.giving import Giving
from qanat_relay.halves import DESK_KINDS, Halves
from qanat_relay.lately import Lately
from qanat_relay.news import Ears
from qanat_relay.node import Node
from qanat_relay.position import Position, position_of
from qanat_relay.reconciling import Reconciling
from qanat_relay.store.interface import Entry
from qanat_relay.tombstones import Tombstones
from qanat_relay.voice import Voice

AT_ONCE = (Rank.URGENT, Rank.LETTER, Rank.THUMBNAIL)
"""What a desk is sent without being asked."""

AFTER_AN_ANSWER = (Rank.PREVIEW, Rank.ORIGINAL)
"""What a desk is offered first, since another relay may have given it."""

PAGE = 64
"""Parcels between two cursors: a cut repeats no more than these."""

OFFERS_PAGE = 1024

HALVES_S = 2.0
"""How often a desk that stays is told of what came in part: its lists go with each time."""


@dataclass(frozen=True, slots=True)
class Page:
    """Parcels that were offered together."""

    entries: list[Entry]
    answers: Awaitable[list[Answer] | None]
    era: int
    """In which the entries' numbers were read."""

    def wanted(self, answers: list[Answer]) -> list[Entry]:
        """Those that the other side wants, or wants the rest of."""
        return [
            entry for entry, answer in zip(self.entries, answers, strict=True) if answer.is_wanted
        ]


async def give_all(giving: Giving, entries: Sequence[Entry]) -> None:
    """Send these; returns when all are sent."""
    for future in [giving.give(entry.header, entry.taken_day) for entry in entries]:
        await future


class DeskGiving:
    """One interest's. `run` gives what there is, `watch` what comes from then on."""

    def __init__(
        self,
        node: Node,
        voice: Voice,
        giving: Giving,
        halves: Halves,
        reconciling: Reconciling,
        *,
        frame: DeskInterest,
        desk_id: bytes,
        tags: Sequence[bytes],
    ) -> None:
        self._store = node.store
        self._news = node.news
        self._voice = voice
        self._giving = giving
        self._halves = halves
        self._reconciling = reconciling
        self._frame = frame
        self._desk_id = desk_id
        self._tags = tags
        self._at = position_of(frame.cursor, node.store.incarnation)
        self._lately = Lately()
        self._turn = asyncio.Lock()
        self._letters_given = asyncio.Event()
        self._all_given = asyncio.Event()

    async def run(self) -> None:
        """Give what lies behind the cursor, or what a sketch shows to lack."""
        estimate = self._frame.estimate
        # One that knows of tombstones alone was told in a session that was cut.
        from_nothing = not any(self._at.arrivals.values())
        await self._resume()
        era, newest = self._at.era, await self._store.newest()
        if from_nothing and estimate is not None:
            self._move_tombstones(await self._tombstones().rest(self._at))
            complete = await self._reconcile(estimate)
            await self._halves.give(self._tags, AT_ONCE)
        else:
            complete = await self._give_behind()
            if complete and estimate:
                complete = await self._reconcile(estimate)
        await self._tell_all(complete=complete, era=era, newest=newest)
        await self._halves.give(self._tags, AFTER_AN_ANSWER)
        if complete:
            self._letters_given.set()
            self._all_given.set()

    async def watch(self) -> None:
        """Give what comes later, for as long as the session goes on."""
        listening = self._news.listening
        with listening(self._tags) as letters, listening(self._tags) as anything:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_letters(letters))
                group.create_task(self._watch_all(anything))

    async def _watch_letters(self, ears: Ears) -> None:
        await self._letters_given.wait()
        while True:
            await ears.whole()
            await self._do(self._giving.begin(self._give_at_once(self._tombstones())))

    async def _watch_all(self, ears: Ears) -> None:
        await self._all_given.wait()
        halves_from_s = 0.0
        while True:
            await ears.anything(halves_from_s)
            await self._do(self._giving.begin(self._give_more()))
            halves_from_s = asyncio.get_running_loop().time() + HALVES_S

    async def _do(self, job: asyncio.Task[None]) -> None:
        # Not cut with the watch: what was begun is brought to its end behind an END too.
        await asyncio.wait({job})

    async def _give_more(self) -> None:
        await self._resume()
        era, newest = self._at.era, await self._store.newest()
        complete = await self._give_behind()
        await self._tell_all(complete=complete, era=era, newest=newest)
        self._halves.begin_again()
        await self._halves.give(self._tags, AFTER_AN_ANSWER)

    async def _reconcile(self, estimate: bytes) -> bool:
        return await self._reconciling.run(self._frame.number, self._tags, estimate)

    async def _tell_all(self, *, complete: bool, era: int, newest: int) -> None:
        # One number for all of it: what lies between two of them can be mixed (`Store.sweep`).
        is_all = complete and era == self._at.era
        counts = is_all and await self._store.note_given(self._desk_id, newest, era)
        if counts and self._at.after_all(newest) != self._at:
            self._at = self._at.after_all(newest)
            await self._tell_cursor()

    async def _give_behind(self) -> bool:
        """Give what came behind the position; whether that is all."""
        first = {rank: await self._offer_page(rank, self._at) for rank in AFTER_AN_ANSWER}
        await self._give_at_once(self._tombstones())
        self._letters_given.set()
        complete = True
        for rank, page in first.items():
            complete = await self._give_offered(rank, page) and complete
        return complete

    async def _give_at_once(self, tombstones: Tombstones) -> None:
        async with self._turn:
            self._move_tombstones(await tombstones.some(self._at))
            for rank in AT_ONCE:
                await self._give_rank(rank, tombstones)
            self._move_tombstones(await tombstones.rest(self._at))
            self._halves.begin_again()
            await self._halves.give(self._tags, AT_ONCE)

    def _tombstones(self) -> Tombstones:
        async def say(frames: Sequence[Opened | Purge], at: Position) -> None:
            self._move_tombstones(at)
            await self._voice.say(*frames, self._cursor())

        return Tombstones(self._store, self._tags, say)

    async def _give_rank(self, rank: Rank, tombstones: Tombstones) -> None:
        while True:
            await self._resume()
            at, entries = await self._list(rank, self._at, PAGE)
            fresh = self._lately.fresh(rank, entries, at.era)
            if not entries:
                return
            given = [entry for entry in fresh if entry.header.kind in DESK_KINDS]
            await self._give(given)
            self._lately.note(rank, given)
            self._at = self._at.after_arrival(rank, entries[-1].arrival, at.era)
            await self._tell_cursor()
            given_bytes = sum(entry.header.body_size for entry in entries)
            self._move_tombstones(await tombstones.some(self._at, given_bytes))

    async def _give_offered(self, rank: Rank, page: Page) -> bool:
        """Whether nothing of the rank is left."""
        while page.entries:
            answers = await page.answers
            if answers is None:
                return False
            arrival = page.entries[-1].arrival
            following = await self._offer_page(
                rank, self._at.after_arrival(rank, arrival, page.era)
            )
            await self._give(page.wanted(answers))
            self._at = self._at.after_arrival(rank, arrival, page.era)
            await self._tell_cursor()
            page = following
        return True

    async def _offer_page(self, rank: Rank, at: Position) -> Page:
        at, entries = await self._list(rank, at, OFFERS_PAGE)
        offered = await self._giving.offer([entry.header.offer for entry in entries])
        return Page(entries, offered, at.era)

    async def _list(self, rank: Rank, at: Position, limit: int) -> tuple[Position, list[Entry]]:
        """What comes behind a position, and the position in the era of these numbers."""
        while True:
            at = await at.resumed(self._store)
            entries = await self._store.list_tags(self._tags, rank, at.arrivals[rank], limit)
            if at.era == self._store.era:
                return at, entries

    async def _give(self, entries: Sequence[Entry]) -> None:
        await give_all(self._giving, entries)
        self._reconciling.note_given(entries)

    async def _resume(self) -> None:
        """Put the position into the era of the store; the other lane may move it meanwhile."""
        while (at := self._at).era != self._store.era:
            resumed = await at.resumed(self._store)
            if self._at is at:
                self._at = resumed

    def _move_tombstones(self, at: Position) -> None:
        # Of another era they are told once more.
        if at.era == self._at.era:
            self._at = self._at.after_tombstone(max(at.tombstones, self._at.tombstones))

    def _cursor(self) -> Cursor:
        return Cursor(self._frame.number, self._at.to_cursor(self._store.incarnation))

    async def _tell_cursor(self) -> None:
        await self._voice.say(self._cursor())
