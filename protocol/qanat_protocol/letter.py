"""Letters: reports, replies and notes, sealed to one recipient (SPEC 5). Knows nothing of what they
say and never keeps a content key."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from secrets import token_bytes
from typing import Final

from qanat_protocol.days import epoch_of, last_day
from qanat_protocol.errors import (
    BadPadding,
    CannotOpen,
    LocalMalformed,
    LocalTooLarge,
    LocalUnknownKind,
    Malformed,
    TooLarge,
    UnknownKind,
)
from qanat_protocol.kinds import Kind
from qanat_protocol.labels import label
from qanat_protocol.limits import (
    BLOCK_BYTES,
    MAX_LETTER_CONTENT_BYTES,
    REPLY_GRACE_DAYS,
    SEALED_KEY_BYTES,
    SIGNATURE_BYTES,
    TAG_BYTES,
)
from qanat_protocol.merkle import TreeBuilder, leaf_hash
from qanat_protocol.parcel import Header, bind_of
from qanat_protocol.sealing import (
    ChunkedOpener,
    ChunkedSealer,
    SealingSecret,
    capacity,
    key_hash,
    new_content_key,
    seal,
)
from qanat_protocol.sizes import LETTER_FRONT_BYTES, letter_body_size
from qanat_protocol.tombstone import check_opened, lock_of, opened_value

__all__ = ["LetterType", "OpenLetter", "Sealed", "open_letter", "seal_dummy", "seal_letter"]

_KINDS: Final = frozenset({Kind.LETTER, Kind.REPLY})
_AS_IT_IS: Final = 0
_DEFLATED: Final = 1
# RFC 1951 without a wrapper, with the largest window.
_RAW_DEFLATE: Final = -15
_SMALLEST_BODY_BYTES: Final = letter_body_size(0)
_FITS_SMALLEST_BYTES: Final = capacity(_SMALLEST_BODY_BYTES - SEALED_KEY_BYTES) - LETTER_FRONT_BYTES


class LetterType(IntEnum):
    """What a letter's content is (SPEC 5)."""

    REPORT = 1
    REPLY = 2
    NOTE = 3


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed parcel, ready to be stored."""

    header: Header
    body: bytes


@dataclass(frozen=True, slots=True)
class OpenLetter:
    """What was in a letter. The signature (65 bytes) is not verified yet: that needs the content.

    The content key proves the opening (SPEC 12); who keeps it can open the letter again.
    """

    letter_type: LetterType
    content: bytes
    signature: bytes
    content_key: bytes


def seal_letter(
    *,
    kind: Kind,
    urgent: bool,
    tag: bytes,
    expiry_day: int,
    recipient: bytes,
    letter_type: LetterType,
    content: bytes,
    sign: Callable[[bytes], bytes],
) -> Sealed:
    """Seal content to a recipient's key of 1216 bytes.

    `sign` is given the bind and returns the 65-byte signature over the content *not* coded.
    LocalError for what makes no letter, BadKey for a recipient that is none.
    """
    if kind not in _KINDS:
        raise LocalUnknownKind(f"a {kind.name.lower()} is no letter")
    if len(content) > MAX_LETTER_CONTENT_BYTES:
        raise LocalTooLarge(
            f"a letter of {len(content):,} bytes; at most {MAX_LETTER_CONTENT_BYTES:,} fit"
        )
    coding, coded = _code(content)
    return _seal_coded(
        kind=kind,
        urgent=urgent,
        tag=tag,
        expiry_day=expiry_day,
        body_size=letter_body_size(len(coded)),
        recipient=recipient,
        front=bytes([letter_type, coding]) + len(coded).to_bytes(4, "big"),
        coded=coded,
        sign=sign,
    )


def _seal_coded(
    *,
    kind: Kind,
    urgent: bool,
    tag: bytes,
    expiry_day: int,
    body_size: int,
    recipient: bytes,
    front: bytes,
    coded: bytes,
    sign: Callable[[bytes], bytes],
) -> Sealed:
    content_key = new_content_key()
    lock = lock_of(content_key)
    bind = bind_of(
        kind=kind, urgent=urgent, expiry_day=expiry_day, body_size=body_size, tag=tag, lock=lock
    )
    signature = sign(bind)
    if len(signature) != SIGNATURE_BYTES:
        raise LocalMalformed(f"a signature has 65 bytes, not {len(signature)}")
    plain = (front + signature + coded).ljust(capacity(body_size - SEALED_KEY_BYTES), b"\x00")
    chunked = ChunkedSealer(content_key, label("content") + bind)
    body = b"".join(
        [
            seal(recipient, _info(bind, recipient), content_key),
            chunked.update(plain),
            chunked.finish(),
        ]
    )
    return Sealed(Header(kind, urgent, expiry_day, body_size, tag, lock, _root(body)), body)


def seal_dummy(*, today: int, body_size: int | None = None) -> Sealed:
    """A reply that nobody can open, under a random tag, so that the number of replies says little
    (SPEC 10). `body_size` is that of the reply beside which it goes, the smallest by default;
    LocalError for one that no reply has."""
    return _seal_coded(
        kind=Kind.REPLY,
        urgent=False,
        tag=token_bytes(TAG_BYTES),
        expiry_day=last_day(epoch_of(today)) + REPLY_GRACE_DAYS,
        body_size=body_size or _SMALLEST_BODY_BYTES,
        recipient=SealingSecret.generate().public,
        front=bytes([LetterType.NOTE, 0]) + bytes(4),
        coded=b"",
        sign=lambda _: bytes(SIGNATURE_BYTES),
    )


def open_letter(header: Header, body: bytes, secret: SealingSecret) -> OpenLetter:
    """Open a whole body. The checks and their order are those of SPEC 5; the root is not looked at,
    as blocks were checked when they came."""
    if header.kind not in _KINDS:
        raise UnknownKind(f"a {header.kind.name.lower()} is no letter")
    if len(body) != header.body_size:
        raise CannotOpen(f"a body of {len(body):,} bytes where {header.body_size:,} belong")
    bind = header.bind
    content_key = secret.open(_info(bind, secret.public), body[:SEALED_KEY_BYTES])
    check_opened(header.lock, opened_value(content_key))
    chunked = ChunkedOpener(content_key, label("content") + bind)
    plain = chunked.update(memoryview(body)[SEALED_KEY_BYTES:]) + chunked.finish()
    letter_type, coding = plain[0], plain[1]
    end = LETTER_FRONT_BYTES + int.from_bytes(plain[2:6], "big")
    if end > len(plain):
        raise Malformed("a letter claims more content than fits its body")
    if plain.count(0, end) != len(plain) - end:
        raise BadPadding
    content = _decode(coding, plain[LETTER_FRONT_BYTES:end])
    try:
        known_type = LetterType(letter_type)
    except ValueError as error:
        raise UnknownKind(f"letter type {letter_type}") from error
    return OpenLetter(known_type, content, plain[6:LETTER_FRONT_BYTES], content_key)


def _info(bind: bytes, recipient: bytes) -> bytes:
    return bind + key_hash(recipient)


def _root(body: bytes) -> bytes:
    if len(body) <= BLOCK_BYTES:
        return leaf_hash(body)
    tree, view = TreeBuilder(), memoryview(body)
    for at in range(0, len(body), BLOCK_BYTES):
        tree.add_leaf(leaf_hash(view[at : at + BLOCK_BYTES]))
    return tree.root()


def _code(content: bytes) -> tuple[int, bytes]:
    """(coding, coded): deflated where that is shorter and the body is not the smallest anyway."""
    if len(content) <= _FITS_SMALLEST_BYTES:
        return _AS_IT_IS, content
    compressor = zlib.compressobj(level=9, wbits=_RAW_DEFLATE)
    deflated = compressor.compress(content) + compressor.flush()
    if len(deflated) < len(content):
        return _DEFLATED, deflated
    return _AS_IT_IS, content


def _decode(coding: int, coded: bytes) -> bytes:
    if coding == _AS_IT_IS:
        content = coded
    elif coding == _DEFLATED:
        content = _inflate(coded)
    else:
        raise Malformed(f"letter coding {coding}")
    if len(content) > MAX_LETTER_CONTENT_BYTES:
        raise TooLarge(f"a letter holds more than {MAX_LETTER_CONTENT_BYTES:,} bytes")
    return content


def _inflate(coded: bytes) -> bytes:
    """The content, or one byte more than is allowed of it, never more."""
    inflater = zlib.decompressobj(wbits=_RAW_DEFLATE)
    try:
        content = inflater.decompress(coded, MAX_LETTER_CONTENT_BYTES + 1)
    except zlib.error as error:
        raise Malformed("a letter does not inflate") from error
    if len(content) <= MAX_LETTER_CONTENT_BYTES and (not inflater.eof or inflater.unused_data):
        raise Malformed("a letter's deflated content does not end where it says")
    return content
