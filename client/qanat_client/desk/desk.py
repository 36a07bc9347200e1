"""A desk as it stands: its home, vault, newest card and signing key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qanat_client.desk.faults import NotADesk, VaultDamaged
from qanat_client.desk.vault import Vault
from qanat_client.errors import BadInput
from qanat_protocol.card import DeskCard, parse_card
from qanat_protocol.days import day_of, iso
from qanat_protocol.errors import ProtocolError
from qanat_protocol.signing import SigningKey

__all__ = [
    "CARD_NAME",
    "Clock",
    "Desk",
    "check_can_sign",
    "desk_in",
    "open_desk",
    "refresh",
    "signing_key_on",
]

CARD_NAME = "desk.card"
Clock = Callable[[], float]


@dataclass(slots=True)
class Desk:
    """What every command works on; closing the vault is for whoever opened it."""

    home: Path
    vault: Vault
    card: DeskCard
    signing: SigningKey
    clock: Clock

    @property
    def today(self) -> int:
        """The day by this machine's clock."""
        return day_of(self.clock())

    def relay_name(self, relay: bytes) -> str:
        """A relay's first address on the newest card, or its key's first bytes."""
        for entry in self.card.relays:
            if entry.signing_key == relay and entry.addresses:
                return entry.addresses[0]
        return f"relay {relay[:4].hex()}"


def signing_key_on(vault: Vault, card: DeskCard, day: int) -> SigningKey:
    """The signing key that the card's statement certifies on this day, the longest lasting one.

    If none is, the longest lasting of all: with a clock that is wrong by years reports must still
    be opened, and whoever reads a signature judges it by the day.
    """
    keys = vault.rows(
        "SELECT public, seed FROM signing_keys ORDER BY last_day DESC, first_day DESC"
    )
    for public, seed in keys:
        if card.statement.certifies(public, day):
            return SigningKey(seed)
    if not keys:
        raise VaultDamaged("the vault holds no signing key")
    return SigningKey(keys[0][1])


def check_can_sign(desk: Desk) -> None:
    """Raise BadInput where no reader would take what the desk signs on this day: mostly a clock
    that is wrong."""
    today, card = desk.today, desk.card
    if today < card.issued_day:
        raise BadInput(
            f"the clock says {iso(today)} and the newest card was made on {iso(card.issued_day)}:"
            " set the clock of this machine first"
        )
    if not card.statement.certifies(desk.signing.public, today):
        raise BadInput(
            f"on {iso(today)}, which this machine's clock says, no signing key of the desk is"
            " certified: set the clock, or, if it is right, certify a new key with qanat-desk card"
            " --certify --root-key FILE"
        )


def _newest_card(vault: Vault, home: Path) -> DeskCard:
    envelope = vault.value("SELECT envelope FROM cards ORDER BY serial DESC LIMIT 1")
    if envelope is None:
        raise NotADesk(f"the vault in {home} holds no desk")
    try:
        return parse_card(envelope)
    except ProtocolError as error:
        raise VaultDamaged(f"the card in the vault is damaged ({error})") from error


def refresh(desk: Desk) -> None:
    """Take on the card and the key that another command made since the desk was opened."""
    desk.card = _newest_card(desk.vault, desk.home)
    desk.signing = signing_key_on(desk.vault, desk.card, desk.today)


def desk_in(home: Path, vault: Vault, clock: Clock) -> Desk:
    """The desk whose open vault this is. Raises NotADesk."""
    card = _newest_card(vault, home)
    return Desk(home, vault, card, signing_key_on(vault, card, day_of(clock())), clock)


def open_desk(home: Path, passphrase: str, clock: Clock) -> Desk:
    """Open the desk in `home`. Raises NotADesk, WrongPassphrase, DatabaseLocked, BadInput."""
    vault = Vault.open(home, passphrase)
    try:
        return desk_in(home, vault, clock)
    except BaseException:
        vault.close()
        raise
