"""A desk made for one run: its keys, its card of 26 weeks, and a report as people write them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from secrets import token_bytes

from qanat_protocol.card import NO_CARD_BEFORE, RelayEntry, parse_card, sign_card
from qanat_protocol.days import day_of, epoch_of
from qanat_protocol.report import Basis, Figure, ReplyBox, Report
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import (
    Certified,
    parse_statement,
    sign_statement,
    successor_commitment,
)

__all__ = ["TEXT", "MadeDesk", "make_report", "today"]

TEXT = (
    "Кеше кешке қарай алаңда екі мыңға жуық адам жиналды. Сағат жетіде әскер келді, алдымен дыбысты"
    " гранаталар лақтырылды, содан кейін атыс басталды. "
    "Интернета нет с утра, мобильная связь пропала около полудня. В больницу на улице Толе би"
    " привезли раненых, врачи говорят о шестнадцати, в том числе двое подростков. "
    "I saw the shooting from the roof of the house across the street; the two trucks had no number"
    " plates. My neighbour filmed it and will hand the film over as soon as there is a network. "
)


def today() -> int:
    """The day by this machine's clock."""
    return day_of(time.time())


def make_report(author: SigningKey, reply_key: bytes) -> Report:
    """What a reporter with a code writes: text, place, two figures, a reply box."""
    return Report(
        author=author.public,
        nonce=token_bytes(16),
        written_s=int(time.time()),
        language="kk",
        text=TEXT,
        what="Shooting on the square",
        where="Almaty, Republic Square",
        when="yesterday, seven in the evening",
        basis=Basis.SEEN,
        figures=(Figure("injured", 16, 20), Figure("dead", 2, 2)),
        reply_box=ReplyBox(reply_key, token_bytes(32)),
        checkpoint=(today(), token_bytes(32)),
    )


@dataclass(frozen=True)
class MadeDesk:
    """A desk that signs with one key and has a sealing key for each of 26 weeks."""

    root: SigningKey = field(default_factory=SigningKey.generate)
    signing: SigningKey = field(default_factory=SigningKey.generate)
    secrets: tuple[SealingSecret, ...] = field(
        default_factory=lambda: tuple(SealingSecret.generate() for _ in range(26))
    )

    def statement(self) -> bytes:
        """The root's word for the signing key."""
        return sign_statement(
            self.root,
            serial=1,
            issued_day=today(),
            certified=[Certified(self.signing.public, today() - 1, today() + 300)],
            revoked=[],
            successor=successor_commitment(SigningKey.generate().public),
            predecessor=None,
        )

    @property
    def desk_id(self) -> bytes:
        """32 bytes."""
        return parse_statement(self.statement()).desk_id

    def card(self) -> bytes:
        """The signed card, with one relay that is never asked."""
        relay = RelayEntry(
            ("http://127.0.0.1:9",), SigningKey.generate().public, self.secrets[0].public, "DE"
        )
        envelope = sign_card(
            self.signing,
            statement=self.statement(),
            serial=1,
            previous=NO_CARD_BEFORE,
            issued_day=today(),
            name="Desk of a measurement",
            languages=["kk", "ru", "en"],
            note="",
            grace_days=90,
            first_epoch=epoch_of(today()),
            sealing_keys=[secret.public for secret in self.secrets],
            relays=[relay],
        )
        return parse_card(envelope).envelope
