"""A desk's keys in memory, so that tests can make cards, open what was sealed and answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qanat_protocol.card import NO_CARD_BEFORE, DeskCard, RelayEntry, parse_card, sign_card
from qanat_protocol.days import day_of, epoch_of, last_day
from qanat_protocol.kinds import Kind
from qanat_protocol.letter import LetterType, OpenLetter, Sealed, open_letter, seal_letter
from qanat_protocol.parcel import Header
from qanat_protocol.part import PartOpener
from qanat_protocol.public import DocumentClass, SealedPublic, seal_public
from qanat_protocol.reply import REPLY_GRACE_DAYS, Reply, encode_reply, reply_context
from qanat_protocol.report import PartRef, Report, verify_report
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import Certified, parse_statement, sign_statement
from qanat_protocol.tags import reply_tag

GRACE_DAYS = 90


def today() -> int:
    return day_of(time.time())


@dataclass
class MadeDesk:
    """A desk with keys for so many weeks from the one in which it is made."""

    name: str = "Desk of the test"
    weeks: int = 4
    issued_day: int = field(default_factory=today)
    root: SigningKey = field(default_factory=SigningKey.generate)
    signing: SigningKey = field(default_factory=SigningKey.generate)
    next_root: SigningKey = field(default_factory=SigningKey.generate)
    secrets: list[SealingSecret] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.secrets = self.secrets or [SealingSecret.generate() for _ in range(self.weeks)]

    def statement(
        self,
        serial: int = 1,
        *,
        revoked: Sequence[bytes] = (),
        predecessor: bytes | None = None,
        keys: Iterable[SigningKey] = (),
    ) -> bytes:
        from qanat_protocol.statement import successor_commitment

        return sign_statement(
            self.root,
            serial=serial,
            issued_day=self.issued_day,
            certified=[
                Certified(key.public, self.issued_day - 1, self.issued_day + 300)
                for key in (self.signing, *keys)
            ],
            revoked=revoked,
            successor=successor_commitment(self.next_root.public),
            predecessor=predecessor,
        )

    def card(
        self,
        serial: int = 1,
        *,
        previous: bytes = NO_CARD_BEFORE,
        relays: Sequence[RelayEntry] = (),
        statement: bytes | None = None,
        name: str | None = None,
        key: SigningKey | None = None,
    ) -> DeskCard:
        return parse_card(
            sign_card(
                key or self.signing,
                statement=statement or self.statement(),
                serial=serial,
                previous=previous,
                issued_day=self.issued_day,
                name=name or self.name,
                languages=["kk", "ru"],
                note="Compare by voice.",
                grace_days=GRACE_DAYS,
                first_epoch=epoch_of(self.issued_day),
                sealing_keys=[secret.public for secret in self.secrets],
                relays=relays,
            )
        )

    @property
    def desk_id(self) -> bytes:
        return parse_statement(self.statement()).desk_id

    def open(self, header: Header, body: bytes) -> tuple[OpenLetter, Report]:
        """Open and verify a report sealed to any week of the card."""
        epoch = epoch_of(header.expiry_day - GRACE_DAYS)
        secret = self.secrets[epoch - epoch_of(self.issued_day)]
        letter = open_letter(header, body, secret)
        report = verify_report(
            letter.content,
            letter.signature,
            desk_id=self.desk_id,
            recipient_key=secret.public,
            bind=header.bind,
        )
        return letter, report

    @staticmethod
    def open_part(header: Header, body: bytes, part: PartRef) -> bytes:
        opener = PartOpener(header, part.content_key, part.length, part.sha256)
        blocks = [body[at : at + 16_384] for at in range(0, len(body), 16_384)]
        return b"".join(opener.data(blocks))

    def reply(
        self,
        report: Report,
        text: str,
        *,
        number: int = 0,
        answers: bytes | None = None,
        wanted: tuple[bytes, ...] = (),
    ) -> Sealed:
        """An answer into the report's reply box."""
        assert report.reply_box is not None
        box = report.reply_box
        epoch = epoch_of(today())
        content = encode_reply(
            Reply(
                statement=parse_statement(self.statement()),
                statement_bytes=self.statement(),
                signing_key=self.signing.public,
                nonce=secrets.token_bytes(16),
                issued_day=self.issued_day,
                number=number,
                answers=answers,
                language="en",
                text=text,
                wanted=wanted,
            )
        )
        return seal_letter(
            kind=Kind.REPLY,
            urgent=False,
            tag=reply_tag(box.mailbox_secret, epoch, number),
            expiry_day=last_day(epoch) + REPLY_GRACE_DAYS,
            recipient=box.reply_key,
            letter_type=LetterType.REPLY,
            content=content,
            sign=lambda bind: self.signing.sign(
                "reply", reply_context(self.desk_id, box.reply_key, bind), content
            ),
        )

    def bulletin(
        self,
        serial: int,
        text: str,
        *,
        previous: bytes = bytes(32),
        title: str = "News",
        statement: bytes | None = None,
        key: SigningKey | None = None,
    ) -> SealedPublic:
        return seal_public(
            key or self.signing,
            statement=statement or self.statement(),
            document_class=DocumentClass.BULLETIN,
            serial=serial,
            previous=previous,
            issued_day=self.issued_day,
            expiry_day=self.issued_day + 60,
            language="en",
            title=title,
            text=text,
        )

    def card_document(self, card: DeskCard, *, key: SigningKey | None = None) -> SealedPublic:
        """A card as a public document, with the statement that is in it."""
        return seal_public(
            key or self.signing,
            statement=card.statement_bytes,
            document_class=DocumentClass.CARD,
            serial=card.serial,
            previous=bytes(32),
            issued_day=self.issued_day,
            expiry_day=self.issued_day + 60,
            card=card.envelope,
        )


def write_card(card: DeskCard, folder: Path) -> Path:
    path = folder / f"card-{card.serial}-{secrets.token_hex(4)}"
    path.write_bytes(card.envelope)
    return path
