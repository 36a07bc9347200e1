"""Relays for a desk's card, from their own signed cards. What one says of itself is its word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from qanat_client.carriers.http import CARD_PATH, fetch_card
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import BadInput, Refused, Unreachable
from qanat_client.terminal import Terminal, printable_line, read_bytes
from qanat_protocol.address import check_addresses
from qanat_protocol.card import RelayEntry, parse_card
from qanat_protocol.errors import ProtocolError
from qanat_protocol.limits import MAX_CARD_BYTES
from qanat_protocol.relay_card import RelayCard, parse_relay_card
from qanat_protocol.relay_entry import MAX_ADDRESSES
from qanat_protocol.statement import fingerprint

__all__ = ["find_relays"]

_NOTHING_MADE = (
    "Nothing was made. Try again later, or give the relay's card as a file with --relay-card, or"
    " leave this relay out and add it when it answers: qanat-desk card --renew --relay URL"
)


def _parse(data: bytes, where: str) -> RelayCard:
    try:
        return parse_relay_card(data)
    except ProtocolError as error:
        if _is_desk_card(data):
            raise BadInput(f"{where} is a desk's card; a relay's card belongs here") from error
        raise BadInput(f"{where} is no relay card: {error}") from error


def _is_desk_card(data: bytes) -> bool:
    try:
        parse_card(data)
    except ProtocolError:
        return False
    return True


def _entry(card: RelayCard, first_address: str | None, where: str) -> RelayEntry:
    given = [] if first_address is None else [first_address]
    addresses = [*given, *(address for address in card.addresses if address not in given)]
    if not addresses:
        raise BadInput(f"{where} names no address; give it with --relay as well")
    return RelayEntry(
        addresses=tuple(addresses[:MAX_ADDRESSES]),
        signing_key=card.signing_key,
        sealing_key=card.sealing_key,
        country=card.country,
        pin=None,
    )


def _tell(terminal: Terminal, card: RelayCard, entry: RelayEntry) -> None:
    name = printable_line(card.name) or "no name"
    country = card.country or "no country"
    terminal.say(f"relay {entry.addresses[0]}")
    terminal.say(
        f"  key {fingerprint(card.signing_key)}  (compare it with the operator: qanat-relay status)"
    )
    terminal.say(f"  only the relay says so: {name}, {country}")


def find_relays(
    addresses: Sequence[str], files: Sequence[Path], settings: CarrierSettings, terminal: Terminal
) -> tuple[RelayEntry, ...]:
    """The entries of relays at addresses and in relay card files, each shown to the editor.

    Raises BadInput, Unreachable, Refused.
    """
    found: dict[bytes, RelayEntry] = {}

    def take(card: RelayCard, address: str | None, where: str) -> None:
        known = found.get(card.signing_key)
        entry = _entry(card, address, where) if known is None else known
        found[card.signing_key] = entry
        _tell(terminal, card, entry)

    for given in addresses:
        address = given.rstrip("/")
        try:
            check_addresses((address,))
        except ProtocolError as error:
            raise BadInput(str(error)) from error
        url = f"{address}{CARD_PATH}"
        try:
            data = asyncio.run(fetch_card(address, settings))
        except (Unreachable, Refused) as error:
            # The same kind, so that the exit code stays what it is.
            raise type(error)(f"{error}. {_NOTHING_MADE}") from error
        take(_parse(data, url), address, url)
    for path in files:
        data = read_bytes(path, "the relay card", max_bytes=MAX_CARD_BYTES)
        take(_parse(data, str(path)), None, str(path))
    return tuple(found.values())
