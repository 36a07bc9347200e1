"""Relays that no desk's card names, learned from the signed cards of relays that one does name.

Keeps those cards and says what follows from them; never goes to a network.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from qanat_client.reporter.clock import today
from qanat_client.reporter.database import disk_errors, transaction
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.newest import newest_checkpoint
from qanat_client.reporter.relays import Target
from qanat_protocol.errors import OlderSerial, ProtocolError, WrongRecipient
from qanat_protocol.relay_card import RelayCard, parse_relay_card

__all__ = ["MOST_CALLED", "Learned", "RelayCards", "choose", "foreign"]

MOST_DAYS = 180
"""How old a card may be whose others are still used; a relay that runs makes it anew each month.
Counted to the newest day that a desk has signed, or to the clock's where that is earlier: by a
clock that is years ahead every card would be too old."""

MOST_CALLED = 3
"""How many are gone to in one round: each sees that somebody comes."""

_MOST_KNOWN = 2
"""Of these, how many that were reached before: another one each time may still be there when
they are not."""

_ASKED_ONE_IN = 8
"""Sessions with a relay whose card is here already: by lot, so that it learns nothing of what it
told before."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A relay and the desks that are reached by it; `by`: the relay whose card names it first."""

    target: Target
    by: Target


class RelayCards:
    """The cards in a home's database. For one thread at a time."""

    def __init__(self, home: Home, connection: sqlite3.Connection) -> None:
        self._home = home
        self._db = connection

    def asks(self, relay: bytes) -> bool:
        """Whether to ask a relay (its signing key) for its card in this session."""
        held = self._find(relay)
        return (
            held is None or self._is_old(held, self._day()) or secrets.randbelow(_ASKED_ONE_IN) == 0
        )

    def keep(self, relay: bytes, envelope: bytes) -> None:
        """Keep a relay's card. Raises a ProtocolError unless it is that relay's own, and not older
        than the one that is here."""
        card = parse_relay_card(envelope)
        if card.signing_key != relay:
            raise WrongRecipient("the card is another relay's")
        held = self._find(relay)
        if held is not None and held.serial > card.serial:
            raise OlderSerial("an older card of this relay came in")
        with disk_errors(self._home.database), transaction(self._db):
            self._db.execute("INSERT OR REPLACE INTO relay_card VALUES (?, ?)", (relay, envelope))

    def forget_others(self, relays: Iterable[bytes]) -> None:
        """Keep no card but those of these relays."""
        kept = set(relays)
        with disk_errors(self._home.database), transaction(self._db):
            for (key,) in self._db.execute("SELECT signing_key FROM relay_card").fetchall():
                if key not in kept:
                    self._db.execute("DELETE FROM relay_card WHERE signing_key = ?", (key,))

    def learned(self, known: Sequence[Target]) -> list[Learned]:
        """What the cards of these relays, all of desks' cards, name beside them."""
        day = self._day()
        keys = {target.entry.signing_key for target in known}
        addresses = {address for target in known for address in target.entry.addresses}
        found: dict[bytes, Learned] = {}
        for by in known:
            card = self._find(by.entry.signing_key)
            if card is None or self._is_old(card, day):
                continue
            for entry in card.others:
                if entry.signing_key in keys or not addresses.isdisjoint(entry.addresses):
                    continue
                before = found.get(entry.signing_key)
                if before is None:
                    named = Target(entry, by.cards, by.entry.signing_key)
                    found[entry.signing_key] = Learned(named, by)
                else:
                    # The first to name it says where it is; the others that it serves them too.
                    cards = {each.desk_id: each for each in (*before.target.cards, *by.cards)}
                    named = Target(
                        before.target.entry, tuple(cards.values()), before.target.named_by
                    )
                    found[entry.signing_key] = Learned(named, before.by)
        return list(found.values())

    def _day(self) -> int:
        desks = Desks(self._home)
        if not desks.all():
            return today()
        return min(today(), newest_checkpoint(self._home, self._db, desks)[0])

    @staticmethod
    def _is_old(card: RelayCard, day: int) -> bool:
        return day - card.issued_day > MOST_DAYS

    def _find(self, relay: bytes) -> RelayCard | None:
        with disk_errors(self._home.database):
            row = self._db.execute(
                "SELECT envelope FROM relay_card WHERE signing_key = ?", (relay,)
            ).fetchone()
        if row is not None:
            with suppress(ProtocolError):
                return parse_relay_card(row[0])
        return None


def choose(learned: Sequence[Learned], reached: Iterable[bytes]) -> list[Learned]:
    """Whom of them to go to in a round: some that were reached before (by their signing keys), then
    of those who name others each in turn, by lot."""
    before = set(reached)
    shuffled = secrets.SystemRandom().sample(learned, len(learned))
    known = [one for one in shuffled if one.target.entry.signing_key in before]
    chosen = known[:_MOST_KNOWN]
    rest = [one for one in shuffled if one not in chosen]
    turns: dict[bytes, int] = {}
    places = []
    for place, one in enumerate(rest):
        key = one.by.entry.signing_key
        turns[key] = turns.get(key, 0) + 1
        places.append((turns[key], place, one))
    chosen += [one for _, _, one in sorted(places, key=lambda each: each[:2])]
    return chosen[:MOST_CALLED]


def foreign(named_by: dict[bytes, bytes], known: Iterable[Target]) -> frozenset[bytes]:
    """Of relays and who names them, those that no desk's card names and nobody gave by hand."""
    vouched = {target.entry.signing_key for target in known if target.named_by is None}
    return frozenset(key for key, by in named_by.items() if by != key and key not in vouched)
