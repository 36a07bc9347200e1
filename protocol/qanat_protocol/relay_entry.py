"""Relays as cards name them: where one is, its keys, its country (SPEC section 9, field 11)."""

import re
from dataclasses import dataclass

from qanat_protocol.address import check_addresses
from qanat_protocol.errors import Malformed
from qanat_protocol.fields import Field, array_of, binary, line, nil_or, row
from qanat_protocol.limits import HASH_BYTES, SEALING_KEY_BYTES, SIGNING_KEY_BYTES
from qanat_protocol.record import Packable, Value
from qanat_protocol.sealing import check_sealing_key
from qanat_protocol.signing import check_key

__all__ = [
    "MAX_ADDRESSES",
    "MAX_RELAYS",
    "RelayEntry",
    "addresses_field",
    "country_field",
    "packed_relay",
    "relay_field",
]

MAX_RELAYS = 16
MAX_ADDRESSES = 8
MAX_ADDRESS_BYTES = 256

_COUNTRY = re.compile("(?:[A-Z]{2})?")


@dataclass(frozen=True, slots=True)
class RelayEntry:
    """A relay: 1 to 8 addresses, its signing (32 bytes) and sealing key (1216 bytes).

    The first of the addresses is a URL for HTTP, others may be for datagrams (SPEC 23).
    `country` is two capital letters or empty, `pin` the SHA-256 of its certificate's public key or
    None.
    """

    addresses: tuple[str, ...]
    signing_key: bytes
    sealing_key: bytes
    country: str = ""
    pin: bytes | None = None


def packed_relay(relay: RelayEntry) -> list[Packable]:
    """The row of a relay in a card."""
    return [
        list(relay.addresses),
        relay.signing_key,
        relay.sealing_key,
        relay.country,
        relay.pin,
    ]


def relay_field(value: Value) -> RelayEntry:
    """The field of a relay's row. `Malformed`, or `BadKey` for a key that nobody should use."""
    relay = RelayEntry(*_ROW(value))
    check_key(relay.signing_key)
    check_sealing_key(relay.sealing_key)
    return relay


def addresses_field(*, least: int) -> Field[tuple[str, ...]]:
    """The field of a relay's addresses, at least so many."""
    lines = array_of(line(MAX_ADDRESS_BYTES), least=least, most=MAX_ADDRESSES)

    def read(value: Value) -> tuple[str, ...]:
        addresses = lines(value)
        check_addresses(addresses)
        return addresses

    return read


def country_field(value: Value) -> str:
    """The field of a country: two ASCII capitals or empty."""
    country = line(2)(value)
    if not _COUNTRY.fullmatch(country):
        raise Malformed(f"not a country: {country!r}")
    return country


_ROW = row(
    addresses_field(least=1),
    binary(SIGNING_KEY_BYTES),
    binary(SEALING_KEY_BYTES),
    country_field,
    nil_or(binary(HASH_BYTES)),
)
