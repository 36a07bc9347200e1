"""The relay's card: made from its settings, its keys and the peers that it names.

Kept as a file that can be handed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qanat_protocol.days import day_of
from qanat_protocol.errors import ProtocolError
from qanat_protocol.relay_card import RelayCard, parse_relay_card, sign_relay_card
from qanat_protocol.relay_entry import RelayEntry
from qanat_relay.config import Config
from qanat_relay.events import Event
from qanat_relay.keys import RelayKeys, write_whole
from qanat_relay.logs import tell
from qanat_relay.peering.peers import Peers

FILE_NAME = "relay.card"

RENEWED_DAYS = 28
"""A card that is older says nothing of which relays are there now (SPEC section 15)."""


class OwnCard:
    """The card of a relay that runs: another one as soon as it names other peers, or is old."""

    def __init__(self, data: Path, config: Config, keys: RelayKeys, peers: Peers) -> None:
        self._data = data
        self._config = config
        self._keys = keys
        self._peers = peers
        self._card = self._ensured()

    def change(self, config: Config) -> None:
        """Say what these settings say from now on."""
        self._config = config

    def read(self) -> RelayCard:
        """The card that is right now; the one before where the disk takes no other."""
        now_s, others = self._peers.now_s(), self._peers.named_entries()
        if not _says(self._card, self._config, self._keys, others, now_s):
            try:
                self._card = self._ensured()
            except OSError:
                tell(Event.CARD_NOT_MADE)
        return self._card

    def _ensured(self) -> RelayCard:
        return ensure_card(
            self._data,
            self._config,
            self._keys,
            self._peers.now_s(),
            self._peers.named_entries(),
        )


def ensure_card(
    data: Path, config: Config, keys: RelayKeys, now_s: float, others: Sequence[RelayEntry] = ()
) -> RelayCard:
    """The card in the data folder, made anew where it is old or does not say what it should."""
    path = data / FILE_NAME
    known = _read(path)
    if known is not None and _says(known, config, keys, others, now_s):
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
        others=others,
    )
    write_whole(path, envelope)
    return parse_relay_card(envelope)


def _read(path: Path) -> RelayCard | None:
    try:
        return parse_relay_card(path.read_bytes())
    except (OSError, ProtocolError):
        return None


def _says(
    card: RelayCard,
    config: Config,
    keys: RelayKeys,
    others: Sequence[RelayEntry],
    now_s: float,
) -> bool:
    return (
        card.signing_key == keys.signing.public
        and card.sealing_key == keys.sealing.public
        and card.name == config.name
        and card.addresses == config.addresses
        and card.country == config.country
        and card.largest_body == config.largest_body_bytes
        and card.others == tuple(others)
        and abs(day_of(now_s) - card.issued_day) < RENEWED_DAYS
    )
