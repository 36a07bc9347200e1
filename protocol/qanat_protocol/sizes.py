"""Which sizes a body may have (SPEC 3), so that sizes tell little. Knows no content."""

from typing import Final

from qanat_protocol.errors import LocalIllegalSize, LocalMalformed, LocalTooLarge
from qanat_protocol.kinds import Kind, Rendition
from qanat_protocol.limits import (
    MAX_LETTER_BODY_BYTES,
    MAX_PART_BODY_BYTES,
    MAX_PREVIEW_BYTES,
    MAX_PUBLIC_BODY_BYTES,
    MAX_THUMBNAIL_BYTES,
    PREVIEW_BODY_BYTES,
    SEALED_KEY_BYTES,
    THUMBNAIL_BODY_BYTES,
)
from qanat_protocol.sealing import chunked_length, chunked_possible

__all__ = ["is_legal", "letter_body_size", "padme", "part_body_size", "public_body_size"]

LETTER_FRONT_BYTES: Final = 71
"""Type, coding, n and signature before a letter's coded content (SPEC 5)."""

_PUBLIC_FRONT_BYTES: Final = 4
_LAST_SMALL_BYTES: Final = 16_384
_SMALL: Final = (4096, 8192, _LAST_SMALL_BYTES)

# Kind -> (sizes below Padme's, the largest, what stands before the chunked encryption or None).
_RULES: Final[dict[Kind, tuple[tuple[int, ...], int, int | None]]] = {
    Kind.LETTER: (_SMALL, MAX_LETTER_BODY_BYTES, SEALED_KEY_BYTES),
    Kind.PART: ((_LAST_SMALL_BYTES,), MAX_PART_BODY_BYTES, 0),
    Kind.PUBLIC: (_SMALL, MAX_PUBLIC_BODY_BYTES, None),
    Kind.REPLY: (_SMALL, MAX_LETTER_BODY_BYTES, SEALED_KEY_BYTES),
}

_NAMES: Final = {Kind.LETTER: "a letter", Kind.PART: "a file", Kind.PUBLIC: "a public document"}

# Rendition -> (its one body size, the most that it holds).
_PICTURES: Final = {
    Rendition.THUMBNAIL: (THUMBNAIL_BODY_BYTES, MAX_THUMBNAIL_BYTES),
    Rendition.PREVIEW: (PREVIEW_BODY_BYTES, MAX_PREVIEW_BYTES),
}


def padme(size_bytes: int) -> int:
    """The least size from size_bytes (at least 2) up that Padme's rule allows."""
    if size_bytes < 2:
        raise LocalIllegalSize(f"Padme begins at 2 bytes, not {size_bytes}")
    exponent = size_bytes.bit_length() - 1
    mask = (1 << exponent - exponent.bit_length()) - 1
    return (size_bytes + mask) & ~mask


def is_legal(kind: Kind, size_bytes: int) -> bool:
    """Whether a body of this kind may have this size."""
    small, largest, front_bytes = _RULES[kind]
    if size_bytes <= _LAST_SMALL_BYTES:
        return size_bytes in small
    return (
        size_bytes <= largest
        and padme(size_bytes) == size_bytes
        and (front_bytes is None or chunked_possible(size_bytes - front_bytes))
    )


def letter_body_size(coded_bytes: int) -> int:
    """The body of a letter or reply with so many bytes of coded content."""
    plain_bytes = LETTER_FRONT_BYTES + coded_bytes
    return _least_legal(Kind.LETTER, SEALED_KEY_BYTES + chunked_length(plain_bytes))


def part_body_size(length: int, rendition: Rendition) -> int:
    """The body of a part with so many bytes of data."""
    if length < 0:
        raise LocalMalformed(f"a part of {length} bytes")
    if rendition is Rendition.ORIGINAL:
        return _least_legal(Kind.PART, chunked_length(length))
    body_size, most = _PICTURES[rendition]
    if length > most:
        raise LocalTooLarge(f"a {rendition.name.lower()} of {length:,} bytes; at most {most:,} fit")
    return body_size


def public_body_size(envelope_bytes: int) -> int:
    """The body of a public document with an envelope of so many bytes."""
    return _least_legal(Kind.PUBLIC, _PUBLIC_FRONT_BYTES + envelope_bytes)


def _least_legal(kind: Kind, needed_bytes: int) -> int:
    small, largest, _ = _RULES[kind]
    for size_bytes in small:
        if needed_bytes <= size_bytes:
            return size_bytes
    size_bytes = padme(needed_bytes)
    while size_bytes <= largest:
        if is_legal(kind, size_bytes):
            return size_bytes
        size_bytes = padme(size_bytes + 1)
    raise LocalTooLarge(
        f"{_NAMES[kind]} that needs a body of {needed_bytes:,} bytes; at most {largest:,}"
    )
