"""What is in letters: opened with a week's secret, their reports verified, their tombstones signed.
Knows keys and bytes, no vault and no disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from qanat_protocol.errors import RemoteError, UnknownKind
from qanat_protocol.frames import Opened, Purge
from qanat_protocol.letter import LetterType, open_letter
from qanat_protocol.parcel import parse_header
from qanat_protocol.report import Report, report_id, verify_report
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_protocol.tombstone import opened_of, purge_key, sign_opened
from qanat_protocol.verdicts import Verdict

__all__ = [
    "Claim",
    "FoundReport",
    "Letter",
    "Outcome",
    "Spoiled",
    "Unsealed",
    "unseal",
]


@dataclass(frozen=True, slots=True)
class Letter:
    """As it came, with the seed of the secret that opens it: 96, `body_size` and 32 bytes."""

    header: bytes
    body: bytes
    seed: bytes


# These two go through a pipe as they are.
class Claim(NamedTuple):
    """Where a rendition of a file travels, as `PartRef` says it."""

    file: int
    rendition: int
    parcel_id: bytes
    length: int
    sha256: bytes
    content_key: bytes


class FoundReport(NamedTuple):
    """A report whose author's signature is verified. `refers`: the id of the report that it
    corrects, or `withdraws`."""

    identity: bytes
    author: bytes
    content: bytes
    signature: bytes
    refers: bytes | None
    withdraws: bool
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A letter that was opened, with what is to be published of it. `report`: None for a note."""

    parcel_id: bytes
    urgent: bool
    content_key: bytes
    opened: Opened
    purge: Purge
    report: FoundReport | None


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Why a letter is set aside."""

    verdict: Verdict
    detail: str


Outcome = Unsealed | Spoiled


def unseal(desk_id: bytes, signing: SigningKey, letters: Sequence[Letter]) -> list[Outcome]:
    """What came of each letter to this desk, in their order; `signing` is the desk's key."""
    # Each expanded once for all of them, and forgotten with them.
    secrets = {seed: SealingSecret(seed) for seed in {letter.seed for letter in letters}}
    return [_unsealed(desk_id, signing, letter, secrets[letter.seed]) for letter in letters]


def _unsealed(
    desk_id: bytes, signing: SigningKey, letter: Letter, secret: SealingSecret
) -> Outcome:
    header = parse_header(letter.header)
    try:
        found = open_letter(header, letter.body, secret)
        report = None
        if found.letter_type is LetterType.REPORT:
            report = verify_report(
                found.content,
                found.signature,
                desk_id=desk_id,
                recipient_key=secret.public,
                bind=header.bind,
            )
        elif found.letter_type is not LetterType.NOTE:
            raise UnknownKind("a reply does not go to a desk")
    except RemoteError as error:
        return Spoiled(error.verdict, str(error))
    parcel_id, key = header.parcel_id, found.content_key
    revealed = purge_key(key)
    return Unsealed(
        parcel_id=parcel_id,
        urgent=header.urgent,
        content_key=key,
        opened=sign_opened(signing, parcel_id, opened_of(revealed)),
        purge=Purge(parcel_id, revealed),
        report=None if report is None else _found(report, found.content, found.signature),
    )


def _found(report: Report, content: bytes, signature: bytes) -> FoundReport:
    return FoundReport(
        identity=report_id(content),
        author=report.author,
        content=content,
        signature=signature,
        refers=report.withdraws or report.corrects,
        withdraws=report.withdraws is not None,
        claims=tuple(
            Claim(
                part.file,
                int(part.rendition),
                part.parcel_id,
                part.length,
                part.sha256,
                part.content_key,
            )
            for part in report.parts
        ),
    )
