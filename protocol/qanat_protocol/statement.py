"""Statements: by its offline root key a desk says which keys sign for it (SPEC section 9).

Also the desk's id, its fingerprint and who succeeds it. Never judges by a clock: days come in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qanat_protocol.envelope import DocumentType, open_envelope, sign_envelope
from qanat_protocol.errors import Malformed, NotCertified, WrongRecipient, our_own
from qanat_protocol.fields import array_of, binary, nil_or, row, uint, version
from qanat_protocol.hashing import sha256
from qanat_protocol.labels import label
from qanat_protocol.limits import HASH_BYTES, MAX_STATEMENT_BYTES, SIGNING_KEY_BYTES
from qanat_protocol.record import Packable, pack, unpack
from qanat_protocol.signing import SigningKey, check_key

__all__ = [
    "MAX_CERTIFIED_DAYS",
    "MAX_CERTIFIED_KEYS",
    "MAX_REVOKED_KEYS",
    "Certified",
    "Statement",
    "desk_id_of",
    "fingerprint",
    "is_successor",
    "newest_of",
    "parse_statement",
    "sign_statement",
    "successor_commitment",
]

MAX_CERTIFIED_KEYS = 8
MAX_REVOKED_KEYS = 64
MAX_CERTIFIED_DAYS = 366
"""A key is certified for a year at most, so that a stolen one that nobody missed runs out."""

_CERTIFIED = row(binary(SIGNING_KEY_BYTES), uint(), uint())
_FIELDS = row(
    version(),
    uint(),
    uint(),
    array_of(_CERTIFIED, least=1, most=MAX_CERTIFIED_KEYS),
    array_of(binary(SIGNING_KEY_BYTES), most=MAX_REVOKED_KEYS),
    binary(HASH_BYTES),
    nil_or(binary(HASH_BYTES)),
)


@dataclass(frozen=True, slots=True)
class Certified:
    """A signing key (32 bytes) and the days, both included, on which it may sign."""

    signing_key: bytes
    first_day: int
    last_day: int

    def covers(self, day: int) -> bool:
        """Whether the key may sign on a day, if nobody revoked it."""
        return self.first_day <= day <= self.last_day


@dataclass(frozen=True, slots=True)
class Statement:
    """What a desk's root key says. `successor` is a commitment, `predecessor` a desk id or None."""

    root_key: bytes
    serial: int
    issued_day: int
    certified: tuple[Certified, ...]
    revoked: tuple[bytes, ...]
    successor: bytes
    predecessor: bytes | None

    @property
    def desk_id(self) -> bytes:
        """The id (32 bytes) of the desk whose root key this is."""
        return desk_id_of(self.root_key)

    def certifies(self, key: bytes, day: int) -> bool:
        """Whether a signing key may sign for the desk on a day: covered by a row, not revoked."""
        return key not in self.revoked and any(
            row.signing_key == key and row.covers(day) for row in self.certified
        )

    def check_certified(self, key: bytes, day: int) -> None:
        """Raise `NotCertified` unless the statement certifies the key on the day."""
        if key in self.revoked:
            raise NotCertified("the desk has revoked the signing key")
        if not self.certifies(key, day):
            raise NotCertified(f"the desk does not certify the signing key on day {day}")


def desk_id_of(root_key: bytes) -> bytes:
    """The id (32 bytes) of the desk with this root key."""
    return sha256(label("desk"), root_key)


def successor_commitment(root_key: bytes) -> bytes:
    """What a statement says of the next root key before anybody has seen it."""
    return sha256(label("successor"), root_key)


def fingerprint(desk_id: bytes) -> str:
    """A desk's fingerprint to be read out: 30 digits in six groups of five."""
    number = int.from_bytes(sha256(label("fingerprint"), desk_id), "big") % 10**30
    digits = f"{number:030}"
    return " ".join(digits[start : start + 5] for start in range(0, 30, 5))


def sign_statement(
    root: SigningKey,
    *,
    serial: int,
    issued_day: int,
    certified: Sequence[Certified],
    revoked: Sequence[bytes] = (),
    successor: bytes,
    predecessor: bytes | None = None,
) -> bytes:
    """The envelope of a statement. Raises a `LocalError` for what no reader would take."""
    rows: list[Packable] = [
        [entry.signing_key, entry.first_day, entry.last_day] for entry in certified
    ]
    content = pack([1, serial, issued_day, rows, list(revoked), successor, predecessor])
    envelope = sign_envelope(DocumentType.STATEMENT, root, content)
    with our_own():
        parse_statement(envelope)
    return envelope


def parse_statement(envelope: bytes) -> Statement:
    """The statement in an envelope of at most 8192 bytes, signed by the root key that it names.

    Raises a `RemoteError`: what `open_envelope` raises, `UnknownVersion`, `Malformed` and `BadKey`.
    """
    opened = open_envelope(envelope, DocumentType.STATEMENT, max_bytes=MAX_STATEMENT_BYTES)
    _, serial, issued_day, rows, revoked, successor, predecessor = _FIELDS(
        unpack(opened.content, max_bytes=MAX_STATEMENT_BYTES)
    )
    return Statement(
        root_key=opened.signer,
        serial=serial,
        issued_day=issued_day,
        certified=tuple(_certified(*fields) for fields in rows),
        revoked=revoked,
        successor=successor,
        predecessor=predecessor,
    )


def newest_of(known: Statement, other: Statement) -> Statement:
    """The one with the higher serial, `known` if neither. `WrongRecipient` for two desks' words."""
    if known.root_key != other.root_key:
        raise WrongRecipient("the two statements are of different desks")
    return other if other.serial > known.serial else known


def is_successor(old: Statement, new: Statement) -> bool:
    """Whether the desk of `new` succeeds that of `old`, given each one's newest statement."""
    return successor_commitment(new.root_key) == old.successor and new.predecessor == old.desk_id


def _certified(key: bytes, first_day: int, last_day: int) -> Certified:
    check_key(key)
    if not 0 <= last_day - first_day <= MAX_CERTIFIED_DAYS:
        raise Malformed(f"a key certified from day {first_day} to day {last_day}")
    return Certified(key, first_day, last_day)
