"""One datagram as bytes (SPEC section 23). Knows no time, no order and no connection's state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from qanat_protocol.errors import LocalMalformed, Malformed
from qanat_protocol.hashing import sha256
from qanat_protocol.labels import label

__all__ = [
    "CONNECTION_BYTES",
    "FIRST_NUMBERS",
    "MAX_DATAGRAM_BYTES",
    "MAX_DATA_BYTES",
    "MAX_RANGES",
    "Acks",
    "Datagram",
    "Mask",
]

MAX_DATAGRAM_BYTES: Final = 1350
"""What passes nearly every path whole: 1280 is IPv6's least, and mobile tunnels leave 1400."""

CONNECTION_BYTES: Final = 8
FIRST_NUMBERS: Final = 1 << 31
"""A side's first number is below, and drawn so that nobody guesses it."""

MAX_RANGES: Final = 16

_TAG_BYTES: Final = 8
_HAS_ACKS, _HAS_DATA, _IS_LAST, _CLOSES = 1, 2, 4, 8
_FIXED_BYTES: Final = CONNECTION_BYTES + 5
_OFFSET_BYTES: Final = 6
_MAX_OFFSET: Final = (1 << 48) - 1

MAX_DATA_BYTES: Final = MAX_DATAGRAM_BYTES - _TAG_BYTES - _FIXED_BYTES - _OFFSET_BYTES
"""Of a datagram that acknowledges nothing."""


@dataclass(frozen=True, slots=True)
class Acks:
    """What has come. ranges: (first, last) of datagrams' numbers, the highest first, apart from
    each other; 1 to 16 of them, and of each the last 65,536 are told. delay_ms: how long the
    highest has waited for this, at most 65,535 are told. limit: the offset up to which the other's
    stream is taken."""

    ranges: tuple[tuple[int, int], ...]
    delay_ms: int
    limit: int


@dataclass(frozen=True, slots=True)
class Datagram:
    """connection: 8 bytes. number: u32, higher with each one sent. data: a piece of the stream at
    `offset`, None where there is none; is_last: the stream ends behind it. closes: nothing more
    comes or is taken."""

    connection: bytes
    number: int
    acks: Acks | None = None
    offset: int = 0
    data: bytes | None = None
    is_last: bool = False
    closes: bool = False


class Mask:
    """Makes datagrams of one direction look like random bytes to whoever has no card of the relay,
    and finds out which are none, of another relay, or changed on the way. No secret from those who
    have the card."""

    def __init__(self, relay_sealing_key: bytes, *, to_relay: bool) -> None:
        way = sha256(relay_sealing_key) + bytes([to_relay])
        self._tags = hashlib.shake_128(label("datagram-tag") + way)
        self._masks = hashlib.shake_128(label("datagram") + way)

    def write(self, datagram: Datagram) -> bytes:
        """The bytes to send. LocalMalformed where a part has no place in them."""
        plain = _encode(datagram)
        if len(plain) > MAX_DATAGRAM_BYTES - _TAG_BYTES:
            raise LocalMalformed(f"a datagram of {len(plain) + _TAG_BYTES} bytes")
        tag = self._tag(plain)
        return tag + self._turn(tag, plain)

    def read(self, data: bytes) -> Datagram:
        """What was written. Raises Malformed for anything else."""
        # Before anything is reckoned.
        if not _TAG_BYTES + _FIXED_BYTES <= len(data) <= MAX_DATAGRAM_BYTES:
            raise Malformed(f"a datagram of {len(data)} bytes")
        tag = data[:_TAG_BYTES]
        plain = self._turn(tag, data[_TAG_BYTES:])
        if self._tag(plain) != tag:
            raise Malformed("no datagram of this relay, or one that was changed on its way")
        return _decode(plain)

    def _tag(self, plain: bytes) -> bytes:
        shake = self._tags.copy()
        shake.update(plain)
        return shake.digest(_TAG_BYTES)

    def _turn(self, tag: bytes, data: bytes) -> bytes:
        shake = self._masks.copy()
        shake.update(tag)
        size_bytes = len(data)
        turned = int.from_bytes(data) ^ int.from_bytes(shake.digest(size_bytes))
        return turned.to_bytes(size_bytes)


def _encode(datagram: Datagram) -> bytes:
    acks, data = datagram.acks, datagram.data
    flags = (
        (_HAS_ACKS if acks is not None else 0)
        | (_HAS_DATA if data is not None else 0)
        | (_IS_LAST if datagram.is_last else 0)
        | (_CLOSES if datagram.closes else 0)
    )
    if len(datagram.connection) != CONNECTION_BYTES or not 0 <= datagram.number < 1 << 32:
        raise LocalMalformed("a datagram's connection is 8 bytes, its number a u32")
    parts = [datagram.connection, datagram.number.to_bytes(4), bytes([flags])]
    if acks is not None:
        parts.append(_encode_acks(acks))
    if data is not None:
        if not 0 <= datagram.offset <= _MAX_OFFSET - len(data):
            raise LocalMalformed("a datagram's data does not lie within 2^48 bytes")
        parts += [datagram.offset.to_bytes(_OFFSET_BYTES), data]
    elif datagram.is_last:
        raise LocalMalformed("a stream ends with a piece of it, which may be empty")
    return b"".join(parts)


def _encode_acks(acks: Acks) -> bytes:
    if not 0 < len(acks.ranges) <= MAX_RANGES:
        raise LocalMalformed(f"{len(acks.ranges)} ranges; a datagram takes 1 to {MAX_RANGES}")
    if acks.delay_ms < 0 or not 0 <= acks.limit <= _MAX_OFFSET:
        raise LocalMalformed("a delay below 0, or a limit beyond 2^48")
    parts = [
        bytes([len(acks.ranges)]),
        min(acks.delay_ms, 0xFFFF).to_bytes(2),
        acks.limit.to_bytes(_OFFSET_BYTES),
    ]
    below = 1 << 32
    for first, last in acks.ranges:
        if not 0 <= first <= last < below:
            raise LocalMalformed("ranges that overlap, touch or are not in their order")
        parts += [last.to_bytes(4), min(last - first, 0xFFFF).to_bytes(2)]
        # One number at least lies between two ranges.
        below = first - 1
    return b"".join(parts)


def _decode(plain: bytes) -> Datagram:
    connection = plain[:CONNECTION_BYTES]
    number = int.from_bytes(plain[CONNECTION_BYTES : CONNECTION_BYTES + 4])
    flags = plain[_FIXED_BYTES - 1]
    if flags > _HAS_ACKS | _HAS_DATA | _IS_LAST | _CLOSES:
        raise Malformed(f"a datagram with flags {flags:#x}")
    at, acks = _FIXED_BYTES, None
    if flags & _HAS_ACKS:
        acks, at = _decode_acks(plain, at)
    if not flags & _HAS_DATA:
        if flags & _IS_LAST or at != len(plain):
            raise Malformed("a datagram without data goes on behind its head")
        return Datagram(connection, number, acks, closes=bool(flags & _CLOSES))
    end = at + _OFFSET_BYTES
    if end > len(plain):
        raise Malformed("a datagram ends within its head")
    offset, data = int.from_bytes(plain[at:end]), plain[end:]
    if offset > _MAX_OFFSET - len(data):
        raise Malformed("a datagram's data does not lie within 2^48 bytes")
    return Datagram(
        connection, number, acks, offset, data, bool(flags & _IS_LAST), bool(flags & _CLOSES)
    )


def _decode_acks(plain: bytes, at: int) -> tuple[Acks, int]:
    head = plain[at : at + 9]
    count = head[0] if head else 0
    end = at + 9 + 6 * count
    if not 0 < count <= MAX_RANGES or end > len(plain):
        raise Malformed("a datagram ends within its acknowledgements, or has none or too many")
    ranges = []
    below = 1 << 32
    for place in range(at + 9, end, 6):
        last = int.from_bytes(plain[place : place + 4])
        first = last - int.from_bytes(plain[place + 4 : place + 6])
        if not 0 <= first <= last < below:
            raise Malformed("ranges that overlap, touch or are not in their order")
        ranges.append((first, last))
        below = first - 1
    return Acks(tuple(ranges), int.from_bytes(head[1:3]), int.from_bytes(head[3:9])), end
