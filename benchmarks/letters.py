"""Sealing and opening one letter, against the two operations that it cannot do without on the same
bytes: HPKE of the report's plaintext, and one signature over it."""

from __future__ import annotations

import time
from secrets import token_bytes

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from benchmarks.comparison import Comparison
from benchmarks.desk import MadeDesk, make_report, today
from qanat_protocol.days import epoch_of, last_day
from qanat_protocol.kinds import Kind
from qanat_protocol.letter import LetterType, Sealed, open_letter, seal_letter
from qanat_protocol.report import Report, encode_report, report_context, verify_report
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_protocol.tags import desk_tag

__all__ = ["BareLetters", "letter_comparisons", "letter_plaintext"]

_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class _Letters:
    """One author, one desk, and so many letters in a turn."""

    def __init__(self, count: int) -> None:
        desk = MadeDesk()
        self._count = count
        self._desk_id = desk.desk_id
        self._secret = desk.secrets[0]
        self._tag = desk_tag(desk.desk_id, epoch_of(today()))
        self._expiry_day = last_day(epoch_of(today())) + 90
        self._author = SigningKey.generate()
        self._reply_key = SealingSecret.generate().public
        self._sealed = [self._seal(report) for report in self._reports()]
        assert {len(sealed.body) for sealed in self._sealed} == {4096}

    def plaintext(self) -> bytes:
        """What is encrypted and signed of one report."""
        return encode_report(self._reports()[0])

    def _reports(self) -> list[Report]:
        return [make_report(self._author, self._reply_key) for _ in range(self._count)]

    def _seal(self, report: Report) -> Sealed:
        content, recipient = encode_report(report), self._secret.public

        def sign(bind: bytes) -> bytes:
            context = report_context(self._desk_id, recipient, bind)
            return self._author.sign("report", context, content)

        return seal_letter(
            kind=Kind.LETTER,
            urgent=False,
            tag=self._tag,
            expiry_day=self._expiry_day,
            recipient=recipient,
            letter_type=LetterType.REPORT,
            content=content,
            sign=sign,
        )

    def seal(self) -> float:
        reports = self._reports()
        begun = time.perf_counter()
        for report in reports:
            self._seal(report)
        return time.perf_counter() - begun

    def open(self) -> float:
        begun = time.perf_counter()
        for sealed in self._sealed:
            letter = open_letter(sealed.header, sealed.body, self._secret)
            verify_report(
                letter.content,
                letter.signature,
                desk_id=self._desk_id,
                recipient_key=self._secret.public,
                bind=sealed.header.bind,
            )
        return time.perf_counter() - begun


class BareLetters:
    """The libraries alone, keys parsed before."""

    def __init__(self, count: int, plaintext: bytes) -> None:
        self._count = count
        self._plaintext = plaintext
        self._private = hpke.MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
        )
        self._public = self._private.public_key()
        self._signing = Ed25519PrivateKey.generate()
        self._verifying = self._signing.public_key()
        self._info = token_bytes(128)
        self._sealed = _SUITE.encrypt(plaintext, self._public, self._info)
        self._signature = self._signing.sign(plaintext)

    def seal(self) -> float:
        begun = time.perf_counter()
        for _ in range(self._count):
            _SUITE.encrypt(self._plaintext, self._public, self._info)
            self._signing.sign(self._plaintext)
        return time.perf_counter() - begun

    def open(self) -> float:
        begun = time.perf_counter()
        for _ in range(self._count):
            _SUITE.decrypt(self._sealed, self._private, self._info)
            self._verifying.verify(self._signature, self._plaintext)
        return time.perf_counter() - begun


def letter_plaintext() -> bytes:
    """What is encrypted and signed of a report as people write one."""
    return _Letters(1).plaintext()


def letter_comparisons(count: int) -> list[Comparison]:
    """`count` letters of a 4 KiB body a turn."""
    ours = _Letters(count)
    bare = BareLetters(count, ours.plaintext())
    return [
        Comparison(
            "seal a report",
            "HPKE encrypt of the same plaintext, Ed25519 sign",
            "letters",
            count,
            ours.seal,
            bare.seal,
            turns=10,
            aim=0.6,
        ),
        Comparison(
            "open and verify it",
            "HPKE decrypt of the same plaintext, Ed25519 verify",
            "letters",
            count,
            ours.open,
            bare.open,
            turns=10,
            aim=0.6,
        ),
    ]
