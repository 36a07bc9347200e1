"""Making the desk's cards: the first one, and each one after it. A card is never changed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qanat_client.desk.desk import CARD_NAME, Clock, Desk, open_desk
from qanat_client.desk.epochs import make_secrets, public_keys
from qanat_client.desk.root_key import read_root_keys, seal_root_keys
from qanat_client.desk.vault import VAULT_NAME, Vault, disk_faults
from qanat_client.errors import BadInput
from qanat_client.reporter.home import make_folder, put_in_place
from qanat_protocol.card import NO_CARD_BEFORE, DeskCard, RelayEntry, parse_card, sign_card
from qanat_protocol.days import day_of, epoch_of, iso
from qanat_protocol.errors import LocalTooLarge
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import (
    MAX_CERTIFIED_DAYS,
    Certified,
    sign_statement,
    successor_commitment,
)

__all__ = [
    "DEFAULT_WEEKS",
    "RENEWED_WEEKS",
    "ROOT_KEY_NAME",
    "NewDesk",
    "begin_desk",
    "certify_new_key",
    "create_desk",
    "finish_desk",
    "is_half_made",
    "renew_card",
    "weeks_left",
    "write_whole",
]

ROOT_KEY_NAME = "root.key"
_PENDING_ROOT_KEY = ".root.key.pending"
DEFAULT_WEEKS = 26
RENEWED_WEEKS = 30
"""A card always reaches half a year ahead: in a shutdown nobody gets a newer one. With four weeks
more a new one is due once a month."""


@dataclass(frozen=True, slots=True)
class NewDesk:
    """What the editor chose for a new desk."""

    name: str
    relays: tuple[RelayEntry, ...]
    languages: tuple[str, ...]
    note: str
    grace_days: int
    weeks: int
    sources: tuple[str, ...]


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file so that it is there in whole or not at all. Raises DiskFull, HomeReadOnly."""
    spare = path.with_name(f".{path.name}.new")
    with disk_faults(str(path)):
        target = os.open(spare, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, mode)
        try:
            with os.fdopen(target, "wb") as file:
                # A card is there to be read by others, whatever else this program writes.
                os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            put_in_place(spare, path)
        except BaseException:
            spare.unlink(missing_ok=True)
            raise


def _keep_signing_key(vault: Vault, key: SigningKey, row: Certified) -> None:
    vault.run(
        "INSERT INTO signing_keys VALUES (?, ?, ?, ?)",
        key.public,
        key.seed,
        row.first_day,
        row.last_day,
    )


def begin_desk(vault: Vault, wish: NewDesk, today: int) -> tuple[SigningKey, SigningKey]:
    """Put a new desk's keys and first card into an empty vault; returns its root key and the next
    one, which are nowhere else. Raises LocalError for a card that nobody would take."""
    root, successor, signing = (SigningKey.generate() for _ in range(3))
    row = Certified(signing.public, today, today + MAX_CERTIFIED_DAYS)
    statement = sign_statement(
        root,
        serial=1,
        issued_day=today,
        certified=[row],
        successor=successor_commitment(successor.public),
    )
    with vault.transaction():
        _keep_signing_key(vault, signing, row)
        first = epoch_of(today)
        make_secrets(vault, first, wish.weeks, wish.grace_days)
        envelope = sign_card(
            signing,
            statement=statement,
            serial=1,
            previous=NO_CARD_BEFORE,
            issued_day=today,
            name=wish.name,
            languages=wish.languages,
            note=wish.note,
            grace_days=wish.grace_days,
            first_epoch=first,
            sealing_keys=public_keys(vault, first, wish.weeks),
            relays=wish.relays,
            sources=wish.sources,
        )
        vault.run("INSERT INTO cards VALUES (1, ?)", envelope)
    return root, successor


def create_desk(home: Path, passphrase: str, wish: NewDesk, clock: Clock) -> Desk:
    """Make a desk in an empty home: root keys, vault, first card.

    Raises BadInput where one is already, LocalError for a card that nobody would take. One that was
    cut before the vault had its name is made anew by the next call; nothing that has its name is
    ever replaced. One that was cut later is a desk, which `finish_desk` completes.
    """
    vault_path = home / VAULT_NAME
    for path in (vault_path, home / ROOT_KEY_NAME):
        if path.exists():
            raise BadInput(f"{path} is there already; a desk is made in an empty folder")
    with disk_faults(str(home)):
        make_folder(home)
    spare = home / f".{VAULT_NAME}.new"
    vault = Vault.create(spare, passphrase)
    try:
        root, successor = begin_desk(vault, wish, day_of(clock()))
        vault.close()
    except BaseException:
        vault.close()
        spare.unlink(missing_ok=True)
        raise
    # The root key is safe before there is a desk: one whose root key was lost is never renewed.
    write_whole(home / _PENDING_ROOT_KEY, seal_root_keys(root, successor, passphrase), 0o600)
    with disk_faults(str(vault_path)):
        put_in_place(spare, vault_path)
    desk = open_desk(home, passphrase, clock)
    finish_desk(desk)
    return desk


def is_half_made(home: Path) -> bool:
    """Whether a desk is here whose making was cut behind the point from which it is one."""
    return (home / VAULT_NAME).exists() and (home / _PENDING_ROOT_KEY).exists()


def finish_desk(desk: Desk) -> None:
    """Give a new desk's card and root key their names; nothing for one that has them."""
    if is_half_made(desk.home):
        write_whole(desk.home / CARD_NAME, desk.card.envelope)
        with disk_faults(str(desk.home)):
            put_in_place(desk.home / _PENDING_ROOT_KEY, desk.home / ROOT_KEY_NAME)


def weeks_left(card: DeskCard, today: int) -> int:
    """For how many weeks from this day on, this one counted, the card has keys."""
    return max(0, card.last_epoch - epoch_of(today) + 1)


def _next_card(
    desk: Desk,
    signing: SigningKey,
    statement: bytes,
    relays: Sequence[RelayEntry],
    weeks: int,
) -> DeskCard:
    """Make the next card; inside a transaction."""
    old, today = desk.card, desk.today
    if today < old.issued_day:
        raise BadInput(
            f"the clock says {iso(today)} and the newest card was made on"
            f" {iso(old.issued_day)}: set the clock of this machine first"
        )
    first = epoch_of(today)
    make_secrets(desk.vault, first, weeks, old.grace_days)
    envelope = sign_card(
        signing,
        statement=statement,
        serial=old.serial + 1,
        previous=old.card_hash,
        issued_day=today,
        name=old.name,
        languages=old.languages,
        note=old.note,
        grace_days=old.grace_days,
        first_epoch=first,
        sealing_keys=public_keys(desk.vault, first, weeks),
        relays=tuple(relays),
        sources=old.sources,
    )
    desk.vault.run("INSERT INTO cards VALUES (?, ?)", old.serial + 1, envelope)
    return parse_card(envelope)


def renew_card(
    desk: Desk,
    *,
    relays: Sequence[RelayEntry] | None = None,
    weeks: int | None = None,
) -> None:
    """Make the next card, with secrets for weeks that have none; the caller holds no transaction.

    The vault has it before `desk.card` is written, so a cut in between costs nothing.
    """
    if weeks is None:
        weeks = max(RENEWED_WEEKS, len(desk.card.sealing_keys))
    with desk.vault.transaction():
        desk.card = _next_card(
            desk,
            desk.signing,
            desk.card.statement_bytes,
            desk.card.relays if relays is None else relays,
            weeks,
        )
    write_whole(desk.home / CARD_NAME, desk.card.envelope)


def certify_new_key(desk: Desk, root_key_path: Path, passphrase: str) -> None:
    """Certify a new signing key for a year with the root key, and make a card that says so.

    The key before stays certified until its own last day. Raises BadInput for another desk's root
    key, WrongPassphrase.
    """
    root, successor = read_root_keys(root_key_path, passphrase)
    old, today = desk.card.statement, desk.today
    if root.public != old.root_key:
        raise BadInput(f"{root_key_path} is the root key of another desk")
    signing = SigningKey.generate()
    row = Certified(signing.public, today, today + MAX_CERTIFIED_DAYS)
    lasting = [entry for entry in old.certified if entry.last_day >= today]
    if len(lasting) > 7:
        raise LocalTooLarge("eight signing keys are certified already; wait until one runs out")
    statement = sign_statement(
        root,
        serial=old.serial + 1,
        issued_day=today,
        certified=[*lasting, row],
        revoked=old.revoked,
        successor=successor_commitment(successor.public),
        predecessor=old.predecessor,
    )
    weeks = max(RENEWED_WEEKS, len(desk.card.sealing_keys))
    with desk.vault.transaction():
        _keep_signing_key(desk.vault, signing, row)
        card = _next_card(desk, signing, statement, desk.card.relays, weeks)
    desk.signing, desk.card = signing, card
    write_whole(desk.home / CARD_NAME, desk.card.envelope)
