"""Which relays a sync talks to, and about which desks: those of cards, and those given by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import BadInput
from qanat_protocol.address import check_address, is_for_datagrams
from qanat_protocol.card import DeskCard, RelayEntry
from qanat_protocol.errors import Malformed, ProtocolError
from qanat_protocol.relay_card import parse_relay_card

__all__ = [
    "LEARNED",
    "UNPROVEN",
    "Target",
    "fetch_entry",
    "found_and_named",
    "named_address",
    "targets",
]

UNPROVEN = (
    "no desk's card names it, so its key was taken from the relay itself: whoever stands in"
    " between could pose as it. They could read or change nothing, but see what comes and drop it"
)

LEARNED = (
    "no desk's card names it, a relay's does: it can read or change nothing, but sees that somebody"
    " comes. What it holds reaches the desk only by other relays, and counts for none of the desk's"
    " own: those are given all of it, too"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A relay and the desks' cards for which it is gone to. `named_by`: None for a relay of these
    cards, else the signing key of the relay whose card names it, its own for one by hand."""

    entry: RelayEntry
    cards: tuple[DeskCard, ...]
    named_by: bytes | None = None


def named_address(text: str) -> str:
    """An address as cards write it. Raises BadInput."""
    address = text.rstrip("/")
    try:
        check_address(address)
    except (Malformed, ValueError) as error:
        raise BadInput(f"not the address of a relay: {error}") from None
    if is_for_datagrams(address):
        raise BadInput(f"{address} takes datagrams alone; give the relay's http or https address")
    return address


def targets(cards: Sequence[DeskCard], last: Mapping[bytes, str] | None = None) -> list[Target]:
    """Every relay of every card once; the newest card has the last word on its keys.

    `last`: by relay (its signing key) the address by which it was reached last, which goes first.
    """
    found: dict[bytes, Target] = {}
    for card in sorted(cards, key=lambda card: card.issued_day):
        for entry in card.relays:
            known = found.get(entry.signing_key)
            if known is None:
                found[entry.signing_key] = Target(entry, (card,))
            else:
                addresses = dict.fromkeys([*entry.addresses, *known.entry.addresses])
                merged = replace(entry, addresses=tuple(addresses))
                found[entry.signing_key] = Target(merged, (*known.cards, card))
    return [_by_last(target, (last or {}).get(key)) for key, target in found.items()]


def _by_last(target: Target, address: str | None) -> Target:
    known = target.entry.addresses
    if address not in known:
        return target
    first = (address, *(other for other in known if other != address))
    return replace(target, entry=replace(target.entry, addresses=first))


async def fetch_entry(address: str, settings: CarrierSettings) -> RelayEntry:
    """A relay's own word on its keys. Raises Unreachable, Refused, BadPin, BadInput."""
    # Only for relays that no card names: loading it takes longer than the straight way needs.
    from qanat_client.carriers.http import fetch_card

    data = await fetch_card(address, settings)
    try:
        card = parse_relay_card(data)
    except ProtocolError as error:
        raise BadInput(f"{address} gives no card of a relay: {error}") from error
    return RelayEntry((address,), card.signing_key, card.sealing_key, card.country)


def without_named(addresses: Iterable[str], known: Sequence[Target]) -> list[str]:
    """Those addresses that no card names."""
    named = {address for target in known for address in target.entry.addresses}
    return [address for address in dict.fromkeys(addresses) if address not in named]


def found_and_named(
    cards: Sequence[DeskCard], relays: Sequence[str], last: Mapping[bytes, str] | None = None
) -> tuple[list[Target], list[str]]:
    """The relays of the cards, and the addresses given by hand that no card names.

    Raises BadInput where that makes none.
    """
    found = targets(cards, last)
    named = without_named([named_address(text) for text in relays], found)
    if not found and not named:
        raise BadInput("no relay is known: add a desk's card, or name one with --relay URL")
    return found, named
