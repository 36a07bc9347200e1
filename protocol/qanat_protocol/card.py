"""Desk cards: everything that it takes to write to a desk, signed by it (SPEC section 9).

Never judges by a clock: the day comes in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from qanat_protocol.days import epoch_of, last_day
from qanat_protocol.envelope import DocumentType, open_envelope, sign_envelope
from qanat_protocol.errors import (
    BadChain,
    LocalMalformed,
    Malformed,
    OlderSerial,
    WrongRecipient,
    our_own,
)
from qanat_protocol.fields import array_of, binary, line, row, text, uint, version
from qanat_protocol.hashing import sha256
from qanat_protocol.labels import label
from qanat_protocol.limits import (
    HASH_BYTES,
    MAX_CARD_BYTES,
    MAX_STATEMENT_BYTES,
    SEALING_KEY_BYTES,
)
from qanat_protocol.record import pack, unpack
from qanat_protocol.relay_entry import MAX_RELAYS, RelayEntry, packed_relay, relay_field
from qanat_protocol.sealing import check_sealing_key
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import Statement, parse_statement

__all__ = [
    "NO_CARD_BEFORE",
    "DeskCard",
    "RelayEntry",
    "Replacement",
    "ReplacementKind",
    "check_replaces",
    "parse_card",
    "sign_card",
]

NO_CARD_BEFORE = bytes(HASH_BYTES)
"""What stands for the card before the first."""

MAX_NAME_BYTES = 128
MAX_LANGUAGES = 16
MAX_LANGUAGE_BYTES = 35
MAX_NOTE_BYTES = 2048
MAX_GRACE_DAYS = 180
MAX_SEALING_KEYS = 53
"""A key for each week of a year."""

MAX_SOURCES = 16
MAX_SOURCE_BYTES = 256

_MAX_U32 = 2**32 - 1
_FIELDS = row(
    version(),
    binary(most=MAX_STATEMENT_BYTES),
    uint(1),
    binary(HASH_BYTES),
    uint(),
    line(MAX_NAME_BYTES, least=1),
    array_of(line(MAX_LANGUAGE_BYTES), most=MAX_LANGUAGES),
    text(MAX_NOTE_BYTES),
    uint(1, MAX_GRACE_DAYS),
    uint(),
    array_of(binary(SEALING_KEY_BYTES), least=1, most=MAX_SEALING_KEYS),
    array_of(relay_field, most=MAX_RELAYS),
    array_of(line(MAX_SOURCE_BYTES), most=MAX_SOURCES),
)


@dataclass(frozen=True, slots=True)
class DeskCard:
    """A desk's card. `statement_bytes` and `envelope` are as received, `signer` signed the card.

    `sealing_keys` (1216 bytes each) are for `first_epoch` and the weeks that follow it.
    """

    statement: Statement
    statement_bytes: bytes = field(repr=False)
    signer: bytes
    serial: int
    previous: bytes
    issued_day: int
    name: str
    languages: tuple[str, ...]
    note: str
    grace_days: int
    first_epoch: int
    sealing_keys: tuple[bytes, ...] = field(repr=False)
    relays: tuple[RelayEntry, ...] = field(repr=False)
    sources: tuple[str, ...]
    card_hash: bytes
    envelope: bytes = field(repr=False)

    @property
    def desk_id(self) -> bytes:
        """The id (32 bytes) of the desk whose card this is."""
        return self.statement.desk_id

    @property
    def last_epoch(self) -> int:
        """The epoch of the late key."""
        return self.first_epoch + len(self.sealing_keys) - 1

    @property
    def last_day(self) -> int:
        """The last day of the last epoch: behind it the card is out of date."""
        return last_day(self.last_epoch)

    def epoch_for(self, today: int) -> int:
        """The epoch to seal to on a day by this device's clock, which may be wrong."""
        return min(max(epoch_of(max(today, self.issued_day)), self.first_epoch), self.last_epoch)

    def sealing_key(self, epoch: int) -> bytes:
        """The key (1216 bytes) of an epoch; `LocalMalformed` where the card has none for it."""
        if not self.first_epoch <= epoch <= self.last_epoch:
            raise LocalMalformed(
                f"the card has keys for weeks {self.first_epoch} to {self.last_epoch}, not {epoch}"
            )
        return self.sealing_keys[epoch - self.first_epoch]

    def expiry_day(self, epoch: int) -> int:
        """The last day on which a parcel that is sealed to an epoch is carried."""
        return last_day(epoch) + self.grace_days


class ReplacementKind(Enum):
    """How one card follows another."""

    SAME = "same"
    NEXT = "next"
    JUMP = "jump"
    ANEW = "anew"


@dataclass(frozen=True, slots=True)
class Replacement:
    """What `check_replaces` found: on a jump `missing` cards (at least 1) lie between, else 0.

    Only NEXT shows that the desk's cards form a chain; a jump is taken and the gap is told. ANEW:
    the card that is held was signed by a key that the desk has revoked since, so its serial and
    hash bind nobody.
    """

    kind: ReplacementKind
    missing: int = 0


def sign_card(
    key: SigningKey,
    *,
    statement: bytes,
    serial: int,
    previous: bytes = NO_CARD_BEFORE,
    issued_day: int,
    name: str,
    languages: Sequence[str] = (),
    note: str = "",
    grace_days: int,
    first_epoch: int,
    sealing_keys: Sequence[bytes],
    relays: Sequence[RelayEntry] = (),
    sources: Sequence[str] = (),
) -> bytes:
    """The envelope of a card. Raises a `LocalError` for what no reader would take."""
    content = pack(
        [
            1,
            statement,
            serial,
            previous,
            issued_day,
            name,
            list(languages),
            note,
            grace_days,
            first_epoch,
            list(sealing_keys),
            [packed_relay(relay) for relay in relays],
            list(sources),
        ]
    )
    envelope = sign_envelope(DocumentType.DESK_CARD, key, content)
    with our_own():
        parse_card(envelope)
    return envelope


def parse_card(envelope: bytes) -> DeskCard:
    """The card in an envelope of at most 131,072 bytes, its signer certified by its statement.

    Raises a `RemoteError`: what `open_envelope` and `parse_statement` raise, `UnknownVersion`,
    `Malformed`, `BadKey` and `NotCertified`.
    """
    opened = open_envelope(envelope, DocumentType.DESK_CARD, max_bytes=MAX_CARD_BYTES)
    fields = _FIELDS(unpack(opened.content, max_bytes=MAX_CARD_BYTES))
    _, statement_bytes, serial, previous, issued_day, name, languages, note = fields[:8]
    grace_days, first_epoch, sealing_keys, relays, sources = fields[8:]
    if serial == 1 and previous != NO_CARD_BEFORE:
        raise Malformed("the first card names one before it")
    for key in sealing_keys:
        check_sealing_key(key)
    statement = parse_statement(statement_bytes)
    statement.check_certified(opened.signer, issued_day)
    card = DeskCard(
        statement=statement,
        statement_bytes=statement_bytes,
        signer=opened.signer,
        serial=serial,
        previous=previous,
        issued_day=issued_day,
        name=name,
        languages=languages,
        note=note,
        grace_days=grace_days,
        first_epoch=first_epoch,
        sealing_keys=sealing_keys,
        relays=relays,
        sources=sources,
        card_hash=sha256(label("card"), opened.content),
        envelope=envelope,
    )
    # A header holds the expiry in 32 bits, so no parcel could be sealed to a later week.
    if card.expiry_day(card.last_epoch) > _MAX_U32:
        raise Malformed(f"the card is for week {first_epoch}, which no parcel can name")
    return card


def check_replaces(old: DeskCard, new: DeskCard) -> Replacement:
    """How a card that came in follows the one that is held of the same desk.

    Raises `WrongRecipient` for another desk's card, `OlderSerial`, `BadChain` where the serials
    follow each other and the hashes do not, and `NotCertified` where the newer of the two
    statements does not certify the new card's signer: an old statement must not bring a revoked
    key back.
    """
    if new.desk_id != old.desk_id:
        raise WrongRecipient("the card is of another desk")
    follows = (new.serial, new.previous) == (old.serial + 1, old.card_hash)
    if _revokes_signer_of(old, new) and not follows:
        return Replacement(ReplacementKind.ANEW)
    if new.serial < old.serial:
        raise OlderSerial(
            f"card {new.serial} came in, card {old.serial} is here: an older card replaces none"
        )
    if new.serial == old.serial:
        if new.card_hash != old.card_hash:
            raise BadChain(f"there are two different cards with serial {new.serial}")
        return Replacement(ReplacementKind.SAME)
    if old.statement.serial > new.statement.serial:
        old.statement.check_certified(new.signer, new.issued_day)
    missing = new.serial - old.serial - 1
    if missing:
        return Replacement(ReplacementKind.JUMP, missing)
    if new.previous != old.card_hash:
        raise BadChain(f"card {new.serial} does not follow the card {old.serial} that is here")
    return Replacement(ReplacementKind.NEXT)


def _revokes_signer_of(old: DeskCard, new: DeskCard) -> bool:
    return new.statement.serial > old.statement.serial and old.signer in new.statement.revoked
