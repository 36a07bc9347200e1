"""What each interest of a session is given, and to whom (SPEC section 17).

A desk's letters go to whoever proves on this channel to be the desk, and to nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from qanat_protocol.errors import ProtocolError, RefusedDesk
from qanat_protocol.frames import (
    Card,
    DeskInterest,
    OpenedInterest,
    PublicInterest,
    RepliesInterest,
    Welcome,
)
from qanat_protocol.parcel import Header, Kind
from qanat_protocol.public import DocumentClass
from qanat_protocol.session import verify_desk_interest
from qanat_protocol.statement import Statement
from qanat_protocol.tags import desk_tag, prefix_matches, public_tag
from qanat_relay.card import OwnCard
from qanat_relay.desk_giving import DeskGiving, Page, give_all
from qanat_relay.giving import Giving
from qanat_relay.halves import Halves
from qanat_relay.node import Node
from qanat_relay.public_documents import card_serials
from qanat_relay.reconciling import Reconciling
from qanat_relay.store.interface import Holding, State
from qanat_relay.voice import Voice

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
    keys: set[bytes] = field(default_factory=set)
    """By which desks have proven who they are: the other side holds them."""

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
        self.is_carried = False
        """Whether the session has proven to be a desk that the operator added."""
        self.reconciling = Reconciling(node, voice, giving)
        self._replies_left = MAX_REPLIES_TOLD
        self._listing = asyncio.Lock()
        self._telling = asyncio.Lock()

    def begin_desk(self, frame: DeskInterest, session_hash: bytes) -> None:
        """Give a desk what is its own. Raises RefusedDesk unless it proves to be the desk."""
        try:
            statement = verify_desk_interest(frame, session_hash, self._node.today())
            self._check_not_revoked(statement, frame.signing_key)
        except ProtocolError as error:
            raise RefusedDesk(error.verdict.name.lower()) from None
        epochs = range(frame.first_epoch, frame.last_epoch + 1)
        tags = [desk_tag(statement.desk_id, epoch) for epoch in epochs]
        self._rights.tags.update(tags)
        self._rights.keys.add(frame.signing_key)
        desk = DeskGiving(
            self._node,
            self._voice,
            self._giving,
            self._halves,
            self.reconciling,
            frame=frame,
            desk_id=statement.desk_id,
            tags=tags,
        )
        tag = public_tag(statement.desk_id)
        self.is_carried = self.is_carried or self._node.desks.find(tag) is not None
        # First: what comes while the rest is looked for is to be heard of.
        self._giving.attend(desk.watch())
        self._giving.begin(desk.run())

    @property
    def own_tags(self) -> frozenset[bytes]:
        """The tags of the desks that the session has proven to be."""
        return frozenset(self._rights.tags)

    @property
    def own_keys(self) -> frozenset[bytes]:
        """The signing keys of desks that the other side has proven to hold."""
        return frozenset(self._rights.keys)

    def begin_replies(self, frame: RepliesInterest) -> None:
        """Offer the replies of a prefix, and give those that are wanted."""
        bits = min(frame.bits, self._welcome.reply_bits)
        self._rights.prefixes.append((frame.prefix, bits))
        self._giving.begin(self._give_replies(frame.prefix, bits))

    def begin_opened(self, frame: OpenedInterest) -> None:
        """Tell what was opened among the ids of some prefixes."""
        bits = min(frame.bits, self._welcome.opened_bits)
        self._giving.begin(self._give_opened(frame.prefixes, bits, frame.since))

    def begin_public(self, frame: PublicInterest) -> None:
        """Give newer public documents."""
        self._giving.begin(self._give_public(frame))

    def begin_card(self) -> None:
        """Give this relay's own card."""
        if self._node.card is not None:
            self._giving.begin(self._give_card(self._node.card))
        else:
            self._giving.begin_nothing()

    async def give_wanted(self, offers: Sequence[bytes]) -> None:
        """Give parcels by id in any case, also purged ones that are still there.

        Returns when they are looked up, so that a session never asks faster than it is answered.
        """
        await self._giving.room()
        for holding in await self._store.look_up(tuple(dict.fromkeys(offers))):
            if self._may_give(holding):
                self._giving.give(holding.header, wanted=True)
        self._giving.begin_nothing()

    def _check_not_revoked(self, statement: Statement, signing_key: bytes) -> None:
        known = self._node.desks.find(public_tag(statement.desk_id))
        if known is not None and known.statement.serial > statement.serial:
            known.statement.check_certified(signing_key, self._node.today())

    async def _give_replies(self, prefix: bytes, bits: int) -> None:
        async with self._listing:
            limit = min(MAX_REPLIES, self._replies_left)
            found = await self._store.list_replies(prefix, bits, limit) if limit else []
            self._replies_left -= len(found)
        entries = [entry for entry in found if entry.header.kind is Kind.REPLY]
        offered = await self._giving.offer([entry.header.offer for entry in entries])
        page = Page(entries, offered, self._store.era)
        if (answers := await page.answers) is not None:
            await give_all(self._giving, page.wanted(answers))

    async def _give_opened(self, prefixes: Sequence[bytes], bits: int, since: int) -> None:
        # One list at a time: a slow reader makes us hold no more than that.
        async with self._telling:
            found = await self._store.list_opened(prefixes, bits, MAX_OPENED, since)
            for start in range(0, len(found), OPENED_PAGE):
                await self._voice.say(*found[start : start + OPENED_PAGE])

    async def _give_public(self, frame: PublicInterest) -> None:
        for want in frame.wants:
            cards = card_serials(self._node.desks.find(want.tag), want.card_serial)
            newer = await self._store.list_public(want.tag, DocumentClass.CARD, *cards)
            await give_all(self._giving, newer)
            newer = await self._store.list_public(
                want.tag, DocumentClass.BULLETIN, want.bulletin_serial
            )
            await give_all(self._giving, newer)

    async def _give_card(self, card: OwnCard) -> None:
        await self._voice.say(Card(card.read().envelope))

    def _may_give(self, holding: Holding | None) -> TypeGuard[Holding]:
        return (
            holding is not None
            and holding.state in (State.HELD, State.PURGED)
            and self._rights.allow(holding.header)
        )
