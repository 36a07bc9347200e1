"""What a reporter asks a relay for, so little that many others might ask the same (SPEC 17).

Replies are asked for by short prefixes as openings are (`openings`), bulletins by serial.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from qanat_client.reporter.library import Library
from qanat_client.reporter.openings import MOST_INTERESTS, cut
from qanat_protocol.card import DeskCard
from qanat_protocol.days import epoch_of
from qanat_protocol.frames import (
    CardInterest,
    Frame,
    PublicInterest,
    PublicWant,
    RepliesInterest,
    Welcome,
)
from qanat_protocol.limits import MAX_GIVEN_BITS, MAX_INTERESTS
from qanat_protocol.tags import mailbox_prefix, public_tag

__all__ = ["FIRST_OPENED", "Asked", "ask", "card_interest", "public_interest"]

_LAST = MAX_INTERESTS - 1
"""The number of the interest in the relay's own card."""

FIRST_OPENED = 1
_FIRST_REPLIES = FIRST_OPENED + MOST_INTERESTS
_REPLY_EPOCHS = 6
"""A reply is carried for 30 days after its week: this week and five before."""

_SURE_EPOCHS = 2
"""Weeks asked for in every session; of those before, one that is drawn. All six prefixes together
would tell one mailbox from all others, and two sessions of it from two of different people."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The frames to send, and what the person should know about them."""

    frames: tuple[Frame, ...]
    advice: str


def public_interest(number: int, cards: Sequence[DeskCard], library: Library) -> list[Frame]:
    """The interest in newer documents of these desks; empty for no desk."""
    wants = tuple(
        PublicWant(public_tag(card.desk_id), *library.newest_serials(card)) for card in cards[:32]
    )
    return [PublicInterest(number, wants)] if wants else []


def card_interest() -> CardInterest:
    """The interest in the relay's own card, which never tells whether one is here."""
    return CardInterest(_LAST)


def _replies(bits: int, day: int, mailboxes: Sequence[bytes]) -> list[Frame]:
    if bits == 0:
        return [RepliesInterest(_FIRST_REPLIES, 0, bytes(4))]
    newest = epoch_of(day)
    epochs = list(range(newest, max(-1, newest - _REPLY_EPOCHS), -1))
    asked, older = epochs[:_SURE_EPOCHS], epochs[_SURE_EPOCHS:]
    if older:
        asked.append(secrets.choice(older))
    prefixes = dict.fromkeys(
        cut(mailbox_prefix(secret, epoch), bits) for epoch in asked for secret in mailboxes
    )
    return [
        RepliesInterest(number, bits, prefix)
        for number, prefix in zip(range(_FIRST_REPLIES, _LAST), prefixes, strict=False)
    ]


def ask(welcome: Welcome, mailboxes: Sequence[bytes]) -> Asked:
    """What to ask about replies once a relay has told how short prefixes must be.

    `mailboxes` are the mailbox secrets (32 bytes) of the person's code towards each desk, if the
    code was given.
    """
    reply_bits = min(welcome.reply_bits, MAX_GIVEN_BITS)
    if reply_bits == 0 or mailboxes:
        return Asked(tuple(_replies(reply_bits, welcome.day, mailboxes)), "")
    return Asked(
        (),
        "it says that it holds too many replies to take them all: give --code-file (or"
        " `qanat inbox --sync`) to ask for a few among which yours would be",
    )
