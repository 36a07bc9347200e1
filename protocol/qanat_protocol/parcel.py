"""A parcel's header (SPEC 3): 96 bytes that name it, order it and bind what is sealed in it.
Never touches keys or bodies."""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from qanat_protocol.errors import (
    Expired,
    ExpiryTooFar,
    IllegalFlags,
    IllegalSize,
    LocalIllegalFlags,
    LocalIllegalSize,
    LocalMalformed,
    Malformed,
    UnknownKind,
    UnknownSuite,
    UnknownVersion,
)
from qanat_protocol.hashing import sha256
from qanat_protocol.kinds import Kind, Rank
from qanat_protocol.labels import label
from qanat_protocol.limits import (
    HASH_BYTES,
    HEADER_BYTES,
    MAX_EXPIRY_AHEAD_DAYS,
    OFFER_BYTES,
    PREVIEW_BODY_BYTES,
    TAG_BYTES,
    THUMBNAIL_BODY_BYTES,
)
from qanat_protocol.sizes import is_legal

__all__ = [
    "FRONT_BYTES",
    "SUITE",
    "VERSION",
    "Front",
    "Header",
    "Kind",
    "Rank",
    "bind_of",
    "check_expiry",
    "parcel_id_of",
    "parcel_ids_of",
    "parse_front",
    "parse_header",
    "rank_of",
]

VERSION: Final = 1
SUITE: Final = 1

_URGENT: Final = 1
_MAY_BE_URGENT: Final = frozenset({Kind.LETTER, Kind.REPLY})
_LAYOUT: Final = struct.Struct(">BBBBIQ16s32s32s")
_FRONT: Final = struct.Struct(">BBBBIQ")
FRONT_BYTES: Final = _FRONT.size
"""What of a header says what the parcel is, and not which."""

_RANK_OF_PART: Final = {
    THUMBNAIL_BODY_BYTES: Rank.THUMBNAIL,
    PREVIEW_BODY_BYTES: Rank.PREVIEW,
}


@dataclass(frozen=True, slots=True)
class Front:
    """What the first 16 bytes of a header say, legal by SPEC 3; many parcels share it."""

    kind: Kind
    urgent: bool
    expiry_day: int
    body_size: int


@dataclass(frozen=True, slots=True)
class Header:
    """A legal header; LocalError where the values make none.

    expiry_day is the last day on which it is carried; tag has 16 bytes, lock and root have 32.
    """

    kind: Kind
    urgent: bool
    expiry_day: int
    body_size: int
    tag: bytes
    lock: bytes
    root: bytes

    def __post_init__(self) -> None:
        if self.urgent and self.kind not in _MAY_BE_URGENT:
            raise LocalIllegalFlags
        if not is_legal(self.kind, self.body_size):
            raise LocalIllegalSize(f"a {self.kind.name.lower()} of {self.body_size:,} bytes")
        if not 0 <= self.expiry_day < 2**32:
            raise LocalMalformed(f"an expiry on day {self.expiry_day}")
        lengths = len(self.tag), len(self.lock), len(self.root)
        if lengths != (TAG_BYTES, HASH_BYTES, HASH_BYTES):
            raise LocalMalformed(f"tag, lock and root of {lengths} bytes, not 16, 32 and 32")

    def encode(self) -> bytes:
        """The 96 bytes."""
        return _LAYOUT.pack(
            VERSION,
            SUITE,
            self.kind,
            _URGENT if self.urgent else 0,
            self.expiry_day,
            self.body_size,
            self.tag,
            self.lock,
            self.root,
        )

    @property
    def parcel_id(self) -> bytes:
        """The parcel's name, 32 bytes."""
        return parcel_id_of(self.encode())

    @property
    def offer(self) -> bytes:
        """The first 16 bytes of the parcel id."""
        return self.parcel_id[:OFFER_BYTES]

    @property
    def bind(self) -> bytes:
        """What sealed content is bound to: the label and the header without its root."""
        return label("bind") + self.encode()[:-HASH_BYTES]


def bind_of(
    *, kind: Kind, urgent: bool, expiry_day: int, body_size: int, tag: bytes, lock: bytes
) -> bytes:
    """The bind of a header whose root is not known yet."""
    return Header(kind, urgent, expiry_day, body_size, tag, lock, bytes(HASH_BYTES)).bind


def parse_front(data: bytes) -> Front:
    """What the first 16 bytes of a header say. The checks and their order are those of SPEC 3."""
    version, suite, kind_number, flags, expiry_day, body_size = _FRONT.unpack(data)
    if version != VERSION:
        raise UnknownVersion(f"parcel version {version}; this program reads version 1")
    if suite != SUITE:
        raise UnknownSuite(f"parcel suite {suite}; this program reads suite 1")
    try:
        kind = Kind(kind_number)
    except ValueError as error:
        raise UnknownKind(f"parcel kind {kind_number}") from error
    if flags & ~_URGENT or (flags and kind not in _MAY_BE_URGENT):
        raise IllegalFlags(f"a {kind.name.lower()} with flags 0x{flags:02x}")
    if not is_legal(kind, body_size):
        raise IllegalSize(f"a {kind.name.lower()} of {body_size:,} bytes")
    return Front(kind, bool(flags), expiry_day, body_size)


def parse_header(data: bytes) -> Header:
    """The header that these bytes are. Malformed, or what parse_front raises."""
    if len(data) != HEADER_BYTES:
        raise Malformed(f"a header has 96 bytes, not {len(data)}")
    front = parse_front(data[:FRONT_BYTES])
    return Header(
        front.kind,
        front.urgent,
        front.expiry_day,
        front.body_size,
        tag=data[16:32],
        lock=data[32:64],
        root=data[64:],
    )


def parcel_id_of(header: bytes) -> bytes:
    """The id (32 bytes) of the parcel with this header (96 bytes)."""
    return sha256(label("parcel") + header)


def parcel_ids_of(headers: Iterable[bytes]) -> tuple[bytes, ...]:
    """As parcel_id_of, of many."""
    named = label("parcel")
    return tuple([hashlib.sha256(named + header).digest() for header in headers])


def check_expiry(header: Header | Front, today: int) -> None:
    """Expired or ExpiryTooFar, by the day of whoever stores the parcel."""
    if header.expiry_day < today:
        raise Expired(f"carried until day {header.expiry_day}, and this is day {today}")
    if header.expiry_day > today + MAX_EXPIRY_AHEAD_DAYS:
        raise ExpiryTooFar(
            f"to be carried until day {header.expiry_day}; on day {today} at most until day "
            f"{today + MAX_EXPIRY_AHEAD_DAYS}"
        )


def rank_of(header: Header | Front) -> Rank:
    """The parcel's place in the order of sending (SPEC 3)."""
    if header.urgent:
        return Rank.URGENT
    if header.kind is not Kind.PART:
        return Rank.LETTER
    return _RANK_OF_PART.get(header.body_size, Rank.ORIGINAL)
