"""What each interest of a session is given, and to whom (SPEC section 17).

A desk's letters go to whoever proves on this channel to be the desk, and to nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from qanat_protocol.errors import ProtocolError, RefusedDesk
from qanat_protocol.frames import (
    Answer,
    Cursor,
    DeskInterest,
    Opened,
    OpenedInterest,
    PublicInterest,
    Purge,
    RepliesInterest,
    Welcome,
)
from qanat_protocol.parcel import Header, Kind, Rank
from qanat_protocol.public import DocumentClass
from qanat_protocol.session import verify_desk_interest
from qanat_protocol.statement import Statement
from qanat_protocol.tags import desk_tag, prefix_matches, public_tag
from qanat_relay.giving import Giving
from qanat_relay.halves import DESK_KINDS, Halves
from qanat_relay.node import Node
from qanat_relay.position import Position, position_of
from qanat_relay.public_documents import card_serials
from qanat_relay.reconciling import Reconciling
from qanat_relay.store.interface import Entry, Holding, State
from qanat_relay.tombstones import Tombstones
from qanat_relay.voice import Voice

AT_ONCE = (Rank.URGENT, Rank.LETTER, Rank.THUMBNAIL)
"""What a desk is sent without being asked."""

AFTER_AN_ANSWER = (Rank.PREVIEW, Rank.ORIGINAL)
"""What a desk is offered first, since another relay may have given it."""

PAGE = 64
"""Parcels between two cursors: a cut repeats no more than these."""

OFFERS_PAGE = 1024
OPENED_PAGE = 256
MAX_REPLIES = 2048
MAX_REPLIES_TOLD = 4096
"""To all interests of a session: each waits in memory for its answer."""

MAX_OPENED = 8192


def matching_bits(stored: int) -> int:
    """How long a prefix may be so that 32 of `stored` match on average (SPEC section 17)."""
    return min(32, max(0, (stored // 32).bit_length() - 1))


@dataclass(slots=True)
class Rights:
    """What this session may be given by id."""

    tags: set[bytes] = field(default_factory=set)
    prefixes: list[tuple[bytes, int]] = field(default_factory=list)

    def allow(self, header: Header) -> bool:
        """Whether the session has asked for, and was granted, what this parcel belongs to."""
        if header.kind is Kind.PUBLIC:
            return True
        if header.kind is Kind.REPLY:
            return any(prefix_matches(header.tag, *prefix) for prefix in self.prefixes)
        return header.tag in self.tags


class Interests:
    """One session's interests. Each method is one of them, to be run beside the others."""

    def __init__(self, node: Node, voice: Voice, giving: Giving, welcome: Welcome) -> None:
        self._node = node
        self._store = node.store
        self._voice = voice
        self._giving = giving
        self._welcome = welcome
        self._halves = Halves(node.store, giving)
        self._rights = Rights()
        self.reconciling = Reconciling(node, voice, giving)
        self._replies_left = MAX_REPLIES_TOLD
        self._listing = asyncio.Lock()
        self._telling = asyncio.Lock()

    def begin_desk(self, frame: DeskInterest, channel_hash: bytes) -> None:
        """Give a desk what is its own. Raises RefusedDesk unless it proves to be the desk."""
        try:
            statement = verify_desk_interest(frame, channel_hash, self._node.today())
            self._check_not_revoked(statement, frame.signing_key)
        except ProtocolError as error:
            raise RefusedDesk(error.verdict.name.lower()) from None
        epochs = range(frame.first_epoch, frame.last_epoch + 1)
        tags = [desk_tag(statement.desk_id, epoch) for epoch in epochs]
        self._rights.tags.update(tags)
        position = position_of(frame.cursor, self._store.incarnation)
        self._giving.begin(self._give_desk(frame, statement.desk_id, tags, position))

    @property
    def own_tags(self) -> frozenset[bytes]:
        """The tags of the desks that the session has proven to be."""
        return frozenset(self._rights.tags)

    def begin_replies(self, frame: RepliesInterest) -> None:
        """Offer the replies of a prefix, and give those that are wanted."""
        bits = min(frame.bits, self._welcome.reply_bits)
        self._rights.prefixes.append((frame.prefix, bits))
        self._giving.begin(self._give_replies(frame.prefix, bits))

    def begin_opened(self, frame: OpenedInterest) -> None:
        """Tell what was opened among the ids of some prefixes."""
        bits = min(frame.bits, self._welcome.opened_bits)
        self._giving.begin(self._give_opened(frame.prefixes, bits))

    def begin_public(self, frame: PublicInterest) -> None:
        """Give newer public documents."""
        self._giving.begin(self._give_public(frame))

    async def give_wanted(self, offers: Sequence[bytes]) -> None:
        """Give parcels by id in any case, also purged ones that are still there.

        Returns when they are looked up, so that a session never asks faster than it is answered.
        """
        await self._giving.room()
        for holding in await self._store.look_up(tuple(set(offers))):
            if self._may_give(holding):
                self._giving.give(holding.header, wanted=True)
        self._giving.begin_nothing()

    def _check_not_revoked(self, statement: Statement, signing_key: bytes) -> None:
        known = self._node.desks.find(public_tag(statement.desk_id))
        if known is not None and known.statement.serial > statement.serial:
            known.statement.check_certified(signing_key, self._node.today())

    async def _give_desk(
        self, frame: DeskInterest, desk_id: bytes, tags: list[bytes], position: Position
    ) -> None:
        # One that knows of tombstones alone was told in a session that was cut.
        number, from_nothing = frame.number, not any(position.arrivals.values())
        position = await position.resumed(self._store)
        era, newest = position.era, await self._store.newest()
        if from_nothing and frame.estimate is not None:
            position = await self._tombstones(number, tags).rest(position)
            complete = await self.reconciling.run(number, tags, frame.estimate)
            await self._halves.give(tags, AT_ONCE)
        else:
            position, complete = await self._give_behind(number, tags, position)
            if complete and frame.estimate:
                complete = await self.reconciling.run(number, tags, frame.estimate)
        # One number for all of it: what lies between two of them can be mixed (`Store.sweep`).
        is_all = complete and era == position.era
        counts = is_all and await self._store.note_given(desk_id, newest, era)
        if counts and position.after_all(newest) != position:
            await self._voice.say(self._cursor(number, position.after_all(newest)))
        await self._halves.give(tags, AFTER_AN_ANSWER)

    async def _give_behind(
        self, number: int, tags: list[bytes], position: Position
    ) -> tuple[Position, bool]:
        """Give what came behind a position: where it is then, and whether that is all."""
        first = {rank: await self._offer_page(tags, rank, position) for rank in AFTER_AN_ANSWER}
        tombstones = self._tombstones(number, tags)
        position = await tombstones.some(position)
        for rank in AT_ONCE:
            position = await self._give_rank(number, tags, rank, position, tombstones)
        position = await tombstones.rest(position)
        await self._halves.give(tags, AT_ONCE)
        complete = True
        for rank, page in first.items():
            position, given = await self._give_offered(number, tags, rank, position, page)
            complete = complete and given
        return position, complete

    def _tombstones(self, number: int, tags: list[bytes]) -> Tombstones:
        async def say(frames: Sequence[Opened | Purge], at: Position) -> None:
            await self._voice.say(*frames, self._cursor(number, at))

        return Tombstones(self._store, tags, say)

    async def _give_rank(
        self, number: int, tags: list[bytes], rank: Rank, at: Position, tombstones: Tombstones
    ) -> Position:
        while True:
            at, entries = await self._list(tags, rank, at, PAGE)
            if not entries:
                return at
            await self._give_to_desk(
                [entry for entry in entries if entry.header.kind in DESK_KINDS]
            )
            at = at.after_arrival(rank, entries[-1].arrival, at.era)
            await self._voice.say(self._cursor(number, at))
            at = await tombstones.some(at, sum(entry.header.body_size for entry in entries))

    async def _give_offered(
        self, number: int, tags: list[bytes], rank: Rank, at: Position, page: _Page
    ) -> tuple[Position, bool]:
        """The position, and whether nothing of the rank is left."""
        while page.entries:
            answers = await page.answers
            if answers is None:
                return at, False
            last = at.after_arrival(rank, page.entries[-1].arrival, page.era)
            following = await self._offer_page(tags, rank, last)
            await self._give_to_desk(page.wanted(answers))
            at = last
            await self._voice.say(self._cursor(number, at))
            page = following
        return at, True

    async def _offer_page(self, tags: list[bytes], rank: Rank, at: Position) -> _Page:
        at, entries = await self._list(tags, rank, at, OFFERS_PAGE)
        offered = await self._giving.offer([entry.header.offer for entry in entries])
        return _Page(entries, offered, at.era)

    async def _list(
        self, tags: list[bytes], rank: Rank, at: Position, limit: int
    ) -> tuple[Position, list[Entry]]:
        """What comes behind a position, and the position in the era of these numbers."""
        while True:
            at = await at.resumed(self._store)
            entries = await self._store.list_tags(tags, rank, at.arrivals[rank], limit)
            if at.era == self._store.era:
                return at, entries

    async def _give_replies(self, prefix: bytes, bits: int) -> None:
        async with self._listing:
            limit = min(MAX_REPLIES, self._replies_left)
            found = await self._store.list_replies(prefix, bits, limit) if limit else []
            self._replies_left -= len(found)
        entries = [entry for entry in found if entry.header.kind is Kind.REPLY]
        offered = await self._giving.offer([entry.header.offer for entry in entries])
        page = _Page(entries, offered, self._store.era)
        if (answers := await page.answers) is not None:
            await self._give_all(page.wanted(answers))

    async def _give_opened(self, prefixes: Sequence[bytes], bits: int) -> None:
        # One list at a time: a slow reader makes us hold no more than that.
        async with self._telling:
            found = await self._store.list_opened(prefixes, bits, MAX_OPENED)
            for start in range(0, len(found), OPENED_PAGE):
                await self._voice.say(*found[start : start + OPENED_PAGE])

    async def _give_public(self, frame: PublicInterest) -> None:
        for want in frame.wants:
            cards = card_serials(self._node.desks.find(want.tag), want.card_serial)
            await self._give_all(
                await self._store.list_public(want.tag, DocumentClass.CARD, *cards)
            )
            await self._give_all(
                await self._store.list_public(
                    want.tag, DocumentClass.BULLETIN, want.bulletin_serial
                )
            )

    def _may_give(self, holding: Holding | None) -> TypeGuard[Holding]:
        return (
            holding is not None
            and holding.state in (State.HELD, State.PURGED)
            and self._rights.allow(holding.header)
        )

    async def _give_to_desk(self, entries: Sequence[Entry]) -> None:
        await self._give_all(entries)
        self.reconciling.note_given(entries)

    async def _give_all(self, entries: Sequence[Entry]) -> None:
        for future in [self._giving.give(entry.header, entry.taken_day) for entry in entries]:
            await future

    def _cursor(self, number: int, at: Position) -> Cursor:
        return Cursor(number, at.to_cursor(self._store.incarnation))


@dataclass(frozen=True, slots=True)
class _Page:
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
