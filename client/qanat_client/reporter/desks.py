"""The desks that the person knows: their cards, as they were received. Never trusts them blindly.

A card is public. What makes it the right one is a fingerprint that was compared by voice.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from qanat_client.errors import BadInput, HomeUnusable
from qanat_client.reporter.home import Home, named_os_error, write_durably
from qanat_protocol.card import DeskCard, ReplacementKind, check_replaces, parse_card
from qanat_protocol.envelope import DocumentType
from qanat_protocol.errors import ProtocolError, QanatError
from qanat_protocol.limits import MAX_CARD_BYTES, MAX_STATEMENT_BYTES
from qanat_protocol.record import unpack
from qanat_protocol.statement import (
    Statement,
    fingerprint,
    is_successor,
    newest_of,
    parse_statement,
)

__all__ = ["CardNews", "Desks", "News", "check_is_card"]

_LEAST_DIGITS = 5
"""One group of a fingerprint, as it is shown."""


def _listed(cards: Sequence[DeskCard]) -> str:
    return "; ".join(f"{card.name} ({fingerprint(card.desk_id)})" for card in cards)


@cache
def _parsed(envelope: bytes) -> DeskCard:
    """A command looks at a card several times, and each of its keys takes a check."""
    return parse_card(envelope)


def _look(name: str) -> str:
    """A name as it looks at a glance: without case, width, signs that are not seen."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in folded if unicodedata.category(sign)[0] in "LN")


def check_is_card(envelope: bytes, named: str) -> None:
    """Raises BadInput for bytes that are not a desk's card at all, such as a photo."""
    try:
        whole = unpack(envelope, max_bytes=MAX_CARD_BYTES)
        number = whole[0] if whole else None
    except ProtocolError:
        number = None
    if number == DocumentType.RELAY_CARD:
        raise BadInput(f"{named} is a relay's card; you need the newsroom's")
    if number != DocumentType.DESK_CARD:
        raise BadInput(f"{named} is not a desk's card, or was damaged on its way")


class News(Enum):
    """What a card that came in is, beside the one that is here."""

    NEW = "new"
    NEWER = "newer"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class CardNews:
    """A card, what it is, how many cards were missed between, and whose successor the desk is."""

    card: DeskCard
    news: News
    missing: int
    succeeds: DeskCard | None


class Desks:
    """The cards in a home."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def all(self) -> list[DeskCard]:
        """Every desk's card, by name."""
        if not self._home.desks.is_dir():
            return []
        cards = [self._read(path) for path in self._home.desks.glob("*.card")]
        return sorted(cards, key=lambda card: (card.name, card.desk_id))

    def _read(self, path: Path) -> DeskCard:
        try:
            return _parsed(path.read_bytes())
        except OSError as error:
            raise named_os_error(error, str(path)) from error
        except QanatError as error:
            raise HomeUnusable(f"{path} is damaged ({error}); add the card again") from error

    def _path(self, desk_id: bytes, ending: str) -> Path:
        return self._home.desks / f"{desk_id.hex()}.{ending}"

    def find(self, desk_id: bytes) -> DeskCard | None:
        """The card of a desk, if it is known."""
        path = self._path(desk_id, "card")
        return self._read(path) if path.exists() else None

    def namesakes(self, card: DeskCard) -> list[DeskCard]:
        """Other desks here whose name looks the same."""
        look = _look(card.name)
        return [
            other
            for other in self.all()
            if other.desk_id != card.desk_id and _look(other.name) == look
        ]

    def forget(self, desk_id: bytes) -> None:
        """Remove a desk's card and what was heard of its keys."""
        try:
            # The card first: a statement without a card means nothing.
            for ending in ("card", "statement"):
                self._path(desk_id, ending).unlink(missing_ok=True)
        except OSError as error:
            raise named_os_error(error, str(self._home.desks)) from error

    def weigh(self, envelope: bytes) -> CardNews:
        """Judge a card without keeping it.

        Raises a ProtocolError for one that does not parse, is older, or breaks the chain.
        """
        card = parse_card(envelope)
        known = self.find(card.desk_id)
        if known is None:
            succeeds = next(
                (old for old in self.all() if is_successor(self.statement(old), card.statement)),
                None,
            )
            return CardNews(card, News.NEW, 0, succeeds)
        newest = self.statement(known)
        if newest.serial > card.statement.serial:
            newest.check_certified(card.signer, card.issued_day)
        change = check_replaces(known, card)
        news = News.SAME if change.kind is ReplacementKind.SAME else News.NEWER
        return CardNews(card, news, change.missing, None)

    def keep(self, card: DeskCard) -> None:
        """Store a card that was weighed, as it was received."""
        assert len(card.envelope) <= MAX_CARD_BYTES
        write_durably(self._path(card.desk_id, "card"), card.envelope)

    def statement(self, card: DeskCard) -> Statement:
        """The newest statement of a desk that was seen: the card's, or a later one."""
        path = self._path(card.desk_id, "statement")
        if not path.exists():
            return card.statement
        try:
            return newest_of(card.statement, parse_statement(path.read_bytes()))
        except OSError as error:
            raise named_os_error(error, str(path)) from error

    def revoked(self, desk_id: bytes) -> frozenset[bytes]:
        """The signing keys that a desk has revoked, as far as is known here (SPEC 11)."""
        card = self.find(desk_id)
        return frozenset() if card is None else frozenset(self.statement(card).revoked)

    def hear_statement(self, card: DeskCard, envelope: bytes) -> Statement:
        """Take note of a statement that came inside a reply or document; the newest there is."""
        assert len(envelope) <= MAX_STATEMENT_BYTES
        known, heard = self.statement(card), parse_statement(envelope)
        newest = newest_of(known, heard)
        if newest.serial > known.serial:
            write_durably(self._path(card.desk_id, "statement"), envelope)
        return newest

    def successor_of(self, card: DeskCard) -> DeskCard | None:
        """The known desk that this one named as its successor."""
        statement = self.statement(card)
        return next(
            (new for new in self.all() if is_successor(statement, self.statement(new))), None
        )

    def choose(self, named: str | None) -> DeskCard:
        """The desk that is meant: by name, or the beginning of its fingerprint or id.

        With no name the only one there is, where those with a known successor do not count. Raises
        BadInput.
        """
        cards = self.all()
        if not cards:
            raise BadInput("no desk is known yet: add one with `qanat desk add CARD`")
        if named is None:
            current = [card for card in cards if self.successor_of(card) is None]
            if len(current) == 1:
                return current[0]
            raise BadInput(f"there are several desks: say which with --desk: {_listed(cards)}")
        digits = "".join(named.split()).lower()
        found = [
            card
            for card in cards
            if named.casefold() == card.name.casefold()
            or (
                len(digits) >= _LEAST_DIGITS
                and fingerprint(card.desk_id).replace(" ", "").startswith(digits)
            )
            or (len(digits) >= 8 and card.desk_id.hex().startswith(digits))
        ]
        if len(found) != 1:
            if not found:
                raise BadInput(f"no desk is known as {named!r}; there are: {_listed(cards)}")
            raise BadInput(
                f"more than one desk is known as {named!r}; name it by the beginning of its"
                f" fingerprint: {_listed(found)}"
            )
        return found[0]
