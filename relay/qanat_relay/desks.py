"""The desks whose public documents this relay carries: their cards, as files the operator adds.

Letters need none of this: they are carried for every desk and given to whoever proves to be it.
"""

from __future__ import annotations

from pathlib import Path

from qanat_protocol.card import DeskCard, ReplacementKind, check_replaces, parse_card
from qanat_protocol.errors import ProtocolError
from qanat_protocol.hashing import sha256
from qanat_protocol.tags import public_tag
from qanat_relay.errors import DataError
from qanat_relay.events import Event
from qanat_relay.folders import make_folder
from qanat_relay.keys import write_whole
from qanat_relay.logs import tell
from qanat_relay.rights import words_of

FOLDER = "desks"


class Desks:
    """The cards in a folder, read anew when the folder has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed_ns: int | None = None
        self._spoilt = False
        self._by_tag: dict[bytes, DeskCard] = {}

    def list_cards(self) -> list[DeskCard]:
        """Every desk's card, by name. Raises DataError naming a file that is not a card."""
        self._refresh(strict=True)
        return sorted(self._by_tag.values(), key=lambda card: (card.name, card.desk_id))

    def carried(self) -> list[DeskCard]:
        """As `list_cards`, while the relay runs: as `find` it goes on past a file that is none."""
        self.find(b"")
        return sorted(self._by_tag.values(), key=lambda card: (card.name, card.desk_id))

    def find(self, tag: bytes) -> DeskCard | None:
        """The card of the desk with this public tag (16 bytes), None if it is not carried.

        A file that spoils the folder while the relay runs leaves what was read before.
        """
        try:
            self._refresh()
        except DataError:
            tell(Event.DESK_CARD_BROKEN)
        return self._by_tag.get(tag)

    def digest(self) -> bytes:
        """Another 16 bytes as soon as another desk is carried, or one no more."""
        self.find(b"")
        return sha256(*sorted(self._by_tag))[:16]

    def add(self, content: bytes) -> DeskCard:
        """Carry the desk whose card this is. Raises what parse_card and `take` raise."""
        card = parse_card(content)
        self.take(card)
        return card

    def take(self, card: DeskCard) -> None:
        """Carry a desk, or keep its card in place of an older one.

        Raises what check_replaces raises if the card that is here is newer or contradicts it.
        """
        known = self.find(public_tag(card.desk_id))
        if known is not None and check_replaces(known, card).kind is ReplacementKind.SAME:
            return
        make_folder(self._folder)
        write_whole(self._folder / f"{card.desk_id.hex()}.card", card.envelope)
        self._changed_ns = None

    def _refresh(self, *, strict: bool = False) -> None:
        try:
            changed_ns = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            self._by_tag = {}
            return
        if changed_ns == self._changed_ns and not (strict and self._spoilt):
            return
        self._changed_ns = changed_ns
        try:
            cards = [_read(path) for path in sorted(self._folder.glob("*.card"))]
        except DataError:
            # Read anew by the next who asks for all; a session goes on with what is known.
            self._spoilt = True
            raise
        self._spoilt = False
        self._by_tag = {public_tag(card.desk_id): card for card in cards}


def _read(path: Path) -> DeskCard:
    try:
        return parse_card(path.read_bytes())
    except OSError as error:
        raise DataError(words_of(error)) from None
    except ProtocolError as error:
        raise DataError(f"{path} is not a desk card: {error}; remove it or add it again") from None
