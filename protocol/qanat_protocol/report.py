"""Reports: what a reporter writes, as the signed content of a letter (SPEC section 7).

Never touches the files that a report names; their parts travel on their own.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from qanat_protocol.attachment import (
    MAX_FILES,
    MAX_PARTS,
    File,
    PartRef,
    check_name,
    check_parts,
    file_field,
    part_field,
)
from qanat_protocol.errors import LocalMalformed, Malformed, RemoteError, our_own
from qanat_protocol.fields import Field, array_of, binary, line, nil_or, row, text, uint, version
from qanat_protocol.hashing import sha256
from qanat_protocol.labels import label
from qanat_protocol.limits import (
    HASH_BYTES,
    MAX_LETTER_CONTENT_BYTES,
    SEALING_KEY_BYTES,
    SIGNING_KEY_BYTES,
)
from qanat_protocol.record import Value, pack_checked, unpack
from qanat_protocol.sealing import check_sealing_key, key_hash
from qanat_protocol.signing import check_key, verify_signature

__all__ = [
    "Basis",
    "Figure",
    "File",
    "PartRef",
    "ReplyBox",
    "Report",
    "check_name",
    "decode_report",
    "encode_report",
    "report_context",
    "report_id",
    "verify_report",
]

NONCE_BYTES = 16
MAX_TEXT_BYTES = 65_536
MAX_LANGUAGE_BYTES = 35
"""The longest language tag that a program has to keep (RFC 5646 section 4.4.1)."""

MAX_WHAT_BYTES = 512
MAX_WHERE_BYTES = 512
MAX_WHEN_BYTES = 128
MAX_FIGURES = 32
MAX_FIGURE_WHAT_BYTES = 256

# Places in the table of SPEC 7.
_TEXT, _FILES, _PARTS, _REFERS = 5, 11, 12, 13

_CORRECTS = 1
_WITHDRAWS = 2


class Basis(IntEnum):
    """How the writer knows."""

    NOT_SAID = 0
    SEEN = 1
    HEARD = 2


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of something, as far as the writer knows it."""

    what: str
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class ReplyBox:
    """Where to answer: a sealing key (1216 bytes) and a mailbox secret (32 bytes)."""

    reply_key: bytes
    mailbox_secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """A report. `corrects` and `withdraws` are report ids of which at most one is set.

    `author` is a signing key (32 bytes), `nonce` 16 random bytes, `written_s` unix seconds by the
    writer's clock (0: unknown), `checkpoint` the day and hash of the newest signed document that
    the writer knew.
    """

    author: bytes
    nonce: bytes
    written_s: int = 0
    language: str = ""
    text: str = ""
    what: str = ""
    where: str = ""
    when: str = ""
    basis: Basis = Basis.NOT_SAID
    figures: tuple[Figure, ...] = ()
    files: tuple[File, ...] = ()
    parts: tuple[PartRef, ...] = ()
    corrects: bytes | None = None
    withdraws: bytes | None = None
    reply_box: ReplyBox | None = None
    checkpoint: tuple[int, bytes] | None = None


def encode_report(report: Report) -> bytes:
    """The content of a letter. Raises a `LocalError` for what `decode_report` would not take."""
    box = report.reply_box
    fields: list[Value] = [
        1,
        report.author,
        report.nonce,
        report.written_s,
        report.language,
        report.text,
        report.what,
        report.where,
        report.when,
        int(report.basis),
        [[figure.what, figure.minimum, figure.maximum] for figure in report.figures],
        [[file.name, file.media_type, file.size, file.sha256] for file in report.files],
        [
            [
                part.file,
                int(part.rendition),
                part.media_type,
                part.length,
                part.sha256,
                part.parcel_id,
                part.content_key,
            ]
            for part in report.parts
        ],
        _packed_reference(report),
        None if box is None else [box.reply_key, box.mailbox_secret],
        None if report.checkpoint is None else list(report.checkpoint),
    ]
    with our_own():
        # What is packed unpacks to the same: these are the fields that the other side will find.
        _checked(fields, _FIELDS)
    # At its table's limits a report is shorter than the longest content of a letter.
    return pack_checked(fields)


def decode_report(content: bytes) -> Report:
    """The report in a letter's content. Raises a `RemoteError` as the table of SPEC 7 says."""
    return _read(_unpack(content), _FIELDS)


def _unpack(content: bytes) -> list[Value]:
    return unpack(content, max_bytes=MAX_LETTER_CONTENT_BYTES)


def _checked(unpacked: list[Value], known: Field[tuple[Any, ...]]) -> tuple[Any, ...]:
    fields = known(unpacked)
    text, files, parts, refers = fields[_TEXT], fields[_FILES], fields[_PARTS], fields[_REFERS]
    if not text and not files and refers is None:
        raise Malformed("a report without text has no file and refers to no other")
    check_parts(files, parts)
    return fields


def _read(unpacked: list[Value], known: Field[tuple[Any, ...]]) -> Report:
    fields = _checked(unpacked, known)
    _, author, nonce, written_s, language, body, what, where, when, basis = fields[:10]
    figures, files, parts, refers, reply_box, checkpoint = fields[10:]
    number, referred = refers or (None, None)
    return Report(
        author=author,
        nonce=nonce,
        written_s=written_s,
        language=language,
        text=body,
        what=what,
        where=where,
        when=when,
        basis=Basis(basis),
        figures=figures,
        files=files,
        parts=parts,
        corrects=referred if number == _CORRECTS else None,
        withdraws=referred if number == _WITHDRAWS else None,
        reply_box=reply_box,
        checkpoint=checkpoint,
    )


def report_id(content: bytes) -> bytes:
    """The id (32 bytes) of a report, over its content as received."""
    return sha256(label("report-id"), content)


def report_context(desk_id: bytes, recipient_key: bytes, bind: bytes) -> bytes:
    """What a report's signature covers beside its content: desk, sealing key and parcel."""
    return desk_id + key_hash(recipient_key) + bind


def verify_report(
    content: bytes, signature: bytes, *, desk_id: bytes, recipient_key: bytes, bind: bytes
) -> Report:
    """The report in a letter that was sealed to `recipient_key`, its author's signature verified.

    Raises a `RemoteError`: what `decode_report` raises, `BadSignature` and `UnknownSuite`.
    """
    context = report_context(desk_id, recipient_key, bind)
    try:
        report = _read(_unpack(content), _UNCHECKED_AUTHOR)
        # A signature that holds shows that its key is one, so that no genuine report pays for both.
        verify_signature(report.author, signature, "report", context, content)
    except RemoteError:
        # What is wrong with the content is told before what is wrong with the signature.
        decode_report(content)
        raise
    return report


def _packed_reference(report: Report) -> list[Value] | None:
    if report.corrects is not None and report.withdraws is not None:
        raise LocalMalformed("a report corrects or withdraws another, not both")
    if report.corrects is not None:
        return [_CORRECTS, report.corrects]
    if report.withdraws is not None:
        return [_WITHDRAWS, report.withdraws]
    return None


def _author(value: Value) -> bytes:
    # The table gives every wrong key one verdict, a wrong length too.
    key = _ANY_KEY(value)
    check_key(key)
    return key


def _figure(value: Value) -> Figure:
    figure = Figure(*_FIGURE(value))
    if figure.minimum > figure.maximum:
        raise Malformed(f"a figure from {figure.minimum} to {figure.maximum}")
    return figure


def _reply_box(value: Value) -> ReplyBox:
    box = ReplyBox(*_REPLY_BOX(value))
    check_sealing_key(box.reply_key)
    return box


_ANY_KEY = binary(most=MAX_LETTER_CONTENT_BYTES)
_FIGURE = row(line(MAX_FIGURE_WHAT_BYTES), uint(), uint())
_REPLY_BOX = row(binary(SEALING_KEY_BYTES), binary(HASH_BYTES))
_BEHIND_AUTHOR: tuple[Field[Any], ...] = (
    binary(NONCE_BYTES),
    uint(),
    line(MAX_LANGUAGE_BYTES),
    text(MAX_TEXT_BYTES),
    line(MAX_WHAT_BYTES),
    line(MAX_WHERE_BYTES),
    line(MAX_WHEN_BYTES),
    uint(Basis.NOT_SAID, Basis.HEARD),
    array_of(_figure, most=MAX_FIGURES),
    array_of(file_field, most=MAX_FILES),
    array_of(part_field, most=MAX_PARTS),
    nil_or(row(uint(_CORRECTS, _WITHDRAWS), binary(HASH_BYTES))),
    nil_or(_reply_box),
    nil_or(row(uint(), binary(HASH_BYTES))),
)
_FIELDS = row(version(), _author, *_BEHIND_AUTHOR)
_UNCHECKED_AUTHOR = row(version(), binary(SIGNING_KEY_BYTES), *_BEHIND_AUTHOR)
