"""The relay's card: made from its settings and keys, kept as a file that can be handed on."""

from __future__ import annotations

from pathlib import Path

from qanat_protocol.days import day_of
from qanat_protocol.errors import ProtocolError
from qanat_protocol.relay_card import RelayCard, parse_relay_card, sign_relay_card
from qanat_relay.config import Config
from qanat_relay.keys import RelayKeys, write_whole

FILE_NAME = "relay.card"


def ensure_card(data: Path, config: Config, keys: RelayKeys, now_s: float) -> RelayCard:
    """The card in the data folder, made anew where it does not say what the settings say."""
    path = data / FILE_NAME
    known = _read(path)
    if known is not None and _says(known, config, keys):
        return known
    # A clock that went back must not make a card that counts as the older one.
    serial = max(int(now_s), known.serial + 1 if known is not None else 0)
    envelope = sign_relay_card(
        keys.signing,
        serial=serial,
        issued_day=day_of(now_s),
        name=config.name,
        addresses=config.addresses,
        sealing_key=keys.sealing.public,
        country=config.country,
        largest_body=config.largest_body_bytes,
    )
    write_whole(path, envelope)
    return parse_relay_card(envelope)


def _read(path: Path) -> RelayCard | None:
    try:
        return parse_relay_card(path.read_bytes())
    except (OSError, ProtocolError):
        return None


def _says(card: RelayCard, config: Config, keys: RelayKeys) -> bool:
    return (
        card.signing_key == keys.signing.public
        and card.sealing_key == keys.sealing.public
        and card.name == config.name
        and card.addresses == config.addresses
        and card.country == config.country
        and card.largest_body == config.largest_body_bytes
    )
