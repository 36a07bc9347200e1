"""Replies: what a desk answers to one reporter, as a letter's content (SPEC section 10)."""

from dataclasses import dataclass, field

from qanat_protocol.errors import WrongRecipient, our_own
from qanat_protocol.fields import array_of, binary, line, nil_or, row, text, uint, version
from qanat_protocol.limits import (
    HASH_BYTES,
    MAX_LETTER_CONTENT_BYTES,
    MAX_STATEMENT_BYTES,
    REPLY_GRACE_DAYS,
    SIGNING_KEY_BYTES,
)
from qanat_protocol.record import pack, unpack
from qanat_protocol.sealing import key_hash
from qanat_protocol.signing import verify_signature
from qanat_protocol.statement import Statement, parse_statement

__all__ = [
    "REPLY_GRACE_DAYS",
    "Reply",
    "decode_reply",
    "encode_reply",
    "reply_context",
    "verify_reply",
]

NONCE_BYTES = 16
MAX_LANGUAGE_BYTES = 35
MAX_TEXT_BYTES = 16_384
MAX_WANTED = 96
"""As many as a report has parts."""

_FIELDS = row(
    version(),
    binary(most=MAX_STATEMENT_BYTES),
    binary(SIGNING_KEY_BYTES),
    binary(NONCE_BYTES),
    uint(),
    uint(),
    nil_or(binary(HASH_BYTES)),
    line(MAX_LANGUAGE_BYTES),
    text(MAX_TEXT_BYTES),
    array_of(binary(HASH_BYTES), most=MAX_WANTED),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. `statement_bytes` is the desk's newest statement as received, `statement` says it.

    `signing_key` is certified on `issued_day`, `nonce` is 16 random bytes, `number` counts from 0
    for the mailbox and epoch, `answers` is a report's id, `wanted` are parcel ids.
    """

    statement: Statement
    statement_bytes: bytes = field(repr=False)
    signing_key: bytes
    nonce: bytes
    issued_day: int
    number: int
    answers: bytes | None = None
    language: str = ""
    text: str = ""
    wanted: tuple[bytes, ...] = ()


def encode_reply(reply: Reply) -> bytes:
    """The content of a letter. Raises a `LocalError` for what `decode_reply` would not take."""
    content = pack(
        [
            1,
            reply.statement_bytes,
            reply.signing_key,
            reply.nonce,
            reply.issued_day,
            reply.number,
            reply.answers,
            reply.language,
            reply.text,
            list(reply.wanted),
        ]
    )
    with our_own():
        decode_reply(content)
    return content


def decode_reply(content: bytes) -> Reply:
    """The reply in a letter's content, its signing key certified on the day by its statement.

    Whose statement that is, and the signature, are for `verify_reply`. Raises a `RemoteError`: what
    `parse_statement` raises, `UnknownVersion`, `Malformed` and `NotCertified`.
    """
    reply = _read(content)
    reply.statement.check_certified(reply.signing_key, reply.issued_day)
    return reply


def _read(content: bytes) -> Reply:
    _, statement_bytes, *rest = _FIELDS(unpack(content, max_bytes=MAX_LETTER_CONTENT_BYTES))
    return Reply(parse_statement(statement_bytes), statement_bytes, *rest)


def reply_context(desk_id: bytes, reply_key: bytes, bind: bytes) -> bytes:
    """What a reply's signature covers beside its content: desk, reply key and parcel."""
    return desk_id + key_hash(reply_key) + bind


def verify_reply(
    content: bytes, signature: bytes, *, desk_id: bytes, reply_key: bytes, bind: bytes
) -> Reply:
    """The reply in a letter that was sealed to `reply_key`, from the desk with this id.

    Raises a `RemoteError`, in the order of SPEC 10: what is wrong with the record and with the
    statement, `WrongRecipient` for a reply of another desk, `NotCertified`, `BadSignature` and
    `UnknownSuite`.
    """
    reply = _read(content)
    if reply.statement.desk_id != desk_id:
        raise WrongRecipient("the reply is of a desk that nobody wrote to")
    reply.statement.check_certified(reply.signing_key, reply.issued_day)
    context = reply_context(desk_id, reply_key, bind)
    verify_signature(reply.signing_key, signature, "reply", context, content)
    return reply
