"""Relay cards: what a relay says of itself, signed with its own key (SPEC section 15)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from qanat_protocol.envelope import DocumentType, open_envelope, sign_envelope
from qanat_protocol.errors import our_own
from qanat_protocol.fields import array_of, binary, line, row, uint, version
from qanat_protocol.limits import MAX_CARD_BYTES, SEALING_KEY_BYTES
from qanat_protocol.record import pack, unpack
from qanat_protocol.relay_entry import (
    MAX_RELAYS,
    RelayEntry,
    addresses_field,
    country_field,
    packed_relay,
    relay_field,
)
from qanat_protocol.sealing import check_sealing_key
from qanat_protocol.signing import SigningKey

__all__ = ["RelayCard", "parse_relay_card", "sign_relay_card"]

MAX_NAME_BYTES = 128

_FIELDS = row(
    version(),
    uint(),
    uint(),
    line(MAX_NAME_BYTES),
    addresses_field(least=0),
    binary(SEALING_KEY_BYTES),
    country_field,
    uint(),
    array_of(relay_field, most=MAX_RELAYS),
)


@dataclass(frozen=True, slots=True)
class RelayCard:
    """A relay's card. `serial` is the unix second at which it was made, `largest_body` in bytes.

    `addresses` may be empty where a relay does not know its own. `envelope` is as received.
    """

    signing_key: bytes
    serial: int
    issued_day: int
    name: str
    addresses: tuple[str, ...]
    sealing_key: bytes
    country: str
    largest_body: int
    others: tuple[RelayEntry, ...]
    envelope: bytes = field(repr=False)

    def entry(self, pin: bytes | None = None) -> RelayEntry:
        """The relay as a row of a desk card, which takes it only if it has an address."""
        return RelayEntry(self.addresses, self.signing_key, self.sealing_key, self.country, pin)


def sign_relay_card(
    key: SigningKey,
    *,
    serial: int,
    issued_day: int,
    name: str,
    addresses: Sequence[str],
    sealing_key: bytes,
    country: str = "",
    largest_body: int,
    others: Sequence[RelayEntry] = (),
) -> bytes:
    """The envelope of a relay's card. Raises a `LocalError` for what no reader would take."""
    content = pack(
        [
            1,
            serial,
            issued_day,
            name,
            list(addresses),
            sealing_key,
            country,
            largest_body,
            [packed_relay(relay) for relay in others],
        ]
    )
    envelope = sign_envelope(DocumentType.RELAY_CARD, key, content)
    with our_own():
        parse_relay_card(envelope)
    return envelope


def parse_relay_card(envelope: bytes) -> RelayCard:
    """The card in an envelope, signed by the relay that it speaks of.

    Raises a `RemoteError`: what `open_envelope` raises, `UnknownVersion`, `Malformed`, `BadKey`.
    """
    opened = open_envelope(envelope, DocumentType.RELAY_CARD, max_bytes=MAX_CARD_BYTES)
    _, serial, issued_day, name, addresses, sealing_key, country, largest_body, others = _FIELDS(
        unpack(opened.content, max_bytes=MAX_CARD_BYTES)
    )
    check_sealing_key(sealing_key)
    return RelayCard(
        signing_key=opened.signer,
        serial=serial,
        issued_day=issued_day,
        name=name,
        addresses=addresses,
        sealing_key=sealing_key,
        country=country,
        largest_body=largest_body,
        others=others,
        envelope=envelope,
    )
