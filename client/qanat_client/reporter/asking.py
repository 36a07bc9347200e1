"""What a reporter asks a relay for, so little that many others might ask the same (SPEC 17).

Openings and replies are asked for by short prefixes, bulletins by serial.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qanat_client.reporter.library import Library
from qanat_protocol.card import DeskCard
from qanat_protocol.days import epoch_of
from qanat_protocol.frames import (
    CardInterest,
    Frame,
    OpenedInterest,
    PublicInterest,
    PublicWant,
    RepliesInterest,
    Welcome,
)
from qanat_protocol.limits import MAX_GIVEN_BITS, MAX_INTERESTS
from qanat_protocol.tags import mailbox_prefix, public_tag

__all__ = ["Asked", "ask", "card_interest", "public_interest"]

_LAST = MAX_INTERESTS - 1
"""The number of the interest in the relay's own card."""

_PREFIXES_AT_ONCE = 64
_OPENED_INTERESTS = 8
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


def _cut(prefix: bytes, bits: int) -> bytes:
    """The first bits of 4 bytes, the rest zero."""
    number = int.from_bytes(prefix[:4], "big") >> (32 - bits) << (32 - bits)
    return number.to_bytes(4, "big")


def public_interest(number: int, cards: Sequence[DeskCard], library: Library) -> list[Frame]:
    """The interest in newer documents of these desks; empty for no desk."""
    wants = tuple(
        PublicWant(public_tag(card.desk_id), *library.newest_serials(card)) for card in cards[:32]
    )
    return [PublicInterest(number, wants)] if wants else []


def card_interest() -> CardInterest:
    """The interest in the relay's own card, which never tells whether one is here."""
    return CardInterest(_LAST)


def _opened(number: int, bits: int, parcel_ids: Iterable[bytes]) -> list[Frame]:
    prefixes = list(dict.fromkeys(_cut(parcel_id, bits) for parcel_id in parcel_ids))
    frames: list[Frame] = []
    for start in range(0, len(prefixes), _PREFIXES_AT_ONCE):
        if len(frames) == _OPENED_INTERESTS:
            break
        some = tuple(sorted(prefixes[start : start + _PREFIXES_AT_ONCE]))
        frames.append(OpenedInterest(number + len(frames), bits, some))
    return frames


def _replies(number: int, bits: int, day: int, mailboxes: Sequence[bytes]) -> list[Frame]:
    if bits == 0:
        return [RepliesInterest(number, 0, bytes(4))]
    newest = epoch_of(day)
    epochs = list(range(newest, max(-1, newest - _REPLY_EPOCHS), -1))
    asked, older = epochs[:_SURE_EPOCHS], epochs[_SURE_EPOCHS:]
    if older:
        asked.append(secrets.choice(older))
    prefixes = dict.fromkeys(
        _cut(mailbox_prefix(secret, epoch), bits) for epoch in asked for secret in mailboxes
    )
    return [
        RepliesInterest(number + place, bits, prefix)
        for place, prefix in enumerate(list(prefixes)[: _LAST - number])
    ]


def ask(welcome: Welcome, opened_ids: Iterable[bytes], mailboxes: Sequence[bytes]) -> Asked:
    """What to ask once a relay has told how short prefixes must be; number 0 is the public one.

    `mailboxes` are the mailbox secrets (32 bytes) of the person's code towards each desk, if the
    code was given.
    """
    opened_bits, reply_bits = (
        min(allowed, MAX_GIVEN_BITS) for allowed in (welcome.opened_bits, welcome.reply_bits)
    )
    frames = _opened(1, opened_bits, opened_ids)
    advice = ""
    if reply_bits == 0 or mailboxes:
        frames += _replies(1 + len(frames), reply_bits, welcome.day, mailboxes)
    else:
        advice = (
            "it says that it holds too many replies to take them all: give --code-file (or"
            " `qanat inbox --sync`) to ask for a few among which yours would be"
        )
    return Asked(tuple(frames), advice)
