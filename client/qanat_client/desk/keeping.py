"""Commands about the desk itself: init, card, set."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from qanat_client.desk.bulletins import queue_card
from qanat_client.desk.card_book import (
    DEFAULT_WEEKS,
    ROOT_KEY_NAME,
    NewDesk,
    certify_new_key,
    create_desk,
    is_half_made,
    renew_card,
    weeks_left,
    write_whole,
)
from qanat_client.desk.context import Context
from qanat_client.desk.desk import CARD_NAME, Desk
from qanat_client.desk.relay_finding import find_relays
from qanat_client.desk.replies import DUMMIES_SETTING
from qanat_client.desk.tombstones import PURGE_SETTING
from qanat_client.desk.vault import VAULT_NAME
from qanat_client.desk.words import counted
from qanat_client.errors import BadInput
from qanat_client.terminal import Exit, Terminal
from qanat_protocol.card import MAX_GRACE_DAYS, MAX_SEALING_KEYS
from qanat_protocol.days import iso
from qanat_protocol.errors import LocalError
from qanat_protocol.statement import fingerprint

__all__ = ["card", "check_app_address", "init", "link_with", "set_value"]

LIMITS = {PURGE_SETTING: 3650, DUMMIES_SETTING: 32}


def init(context: Context) -> int:
    """Make a desk: keys, vault, first card."""
    arguments, terminal = context.arguments, context.terminal
    if not 1 <= arguments.grace <= MAX_GRACE_DAYS:
        raise BadInput(f"--grace is 1 to {MAX_GRACE_DAYS} days")
    if not 1 <= arguments.weeks <= MAX_SEALING_KEYS:
        raise BadInput(f"--weeks is 1 to {MAX_SEALING_KEYS}")
    if is_half_made(context.home):
        with context.desk() as desk:
            terminal.warn("this desk's making was cut; it is finished as it was begun")
            _tell_new(context, desk)
        return Exit.DONE
    if (context.home / VAULT_NAME).exists():
        raise BadInput(f"{context.home} holds a desk already; name another folder with --home")
    relays = find_relays(arguments.relay, arguments.relay_card, context.carriers, terminal)
    wish = NewDesk(
        name=arguments.name,
        relays=relays,
        languages=tuple(arguments.language),
        note=arguments.note,
        grace_days=arguments.grace,
        weeks=arguments.weeks,
        sources=tuple(arguments.source),
    )
    try:
        desk = create_desk(context.home, context.passphrase(is_new=True), wish, context.clock)
    except LocalError as error:
        raise BadInput(f"this makes no card: {error}") from error
    try:
        _tell_new(context, desk)
    finally:
        desk.vault.close()
    return Exit.DONE


def _tell_new(context: Context, desk: Desk) -> None:
    terminal, home = context.terminal, desk.home
    terminal.say(f"the desk {desk.card.name!r} is made in {home}")
    terminal.say(f"fingerprint  {fingerprint(desk.card.desk_id)}")
    terminal.say(f"card         {home / CARD_NAME}, with keys until {iso(desk.card.last_day)}")
    terminal.say(f"root key     {home / ROOT_KEY_NAME}")
    terminal.say(
        "Move the root key file to a medium that is never connected, with a copy elsewhere. It is"
        " needed once a year. Whoever has it and the passphrase is this desk; without it the desk"
        " can't be renewed."
    )
    terminal.say(
        f"Next: publish the fingerprint where your readers trust it, and give them the card"
        f" ({home / CARD_NAME}; qanat-desk card writes it anew). Give it to the relays' operators"
        " too, who add it with: qanat-relay desk add. Then: qanat-desk pull"
    )
    if not desk.card.relays:
        terminal.warn("the card names no relay yet: qanat-desk card --renew --relay URL")
    terminal.result(
        {
            "desk_id": desk.card.desk_id.hex(),
            "fingerprint": fingerprint(desk.card.desk_id),
            "card": str(home / CARD_NAME),
            "root_key": str(home / ROOT_KEY_NAME),
            "serial": desk.card.serial,
            "last_day": iso(desk.card.last_day),
            "relays": [
                {"address": entry.addresses[0], "fingerprint": fingerprint(entry.signing_key)}
                for entry in desk.card.relays
            ],
        }
    )


def card(context: Context) -> int:
    """Write the newest card; with --renew or --certify make a new one first."""
    arguments, terminal = context.arguments, context.terminal
    changes_relays = bool(arguments.relay or arguments.relay_card or arguments.drop_relay)
    if changes_relays and not arguments.renew:
        raise BadInput("other relays need a new card: add --renew")
    if arguments.link is not None:
        check_app_address(arguments.link, "--link")
    elif arguments.link_output is not None:
        raise BadInput("--link-output needs --link URL, the web app's address")
    if arguments.weeks is not None and not 1 <= arguments.weeks <= MAX_SEALING_KEYS:
        raise BadInput(f"--weeks is 1 to {MAX_SEALING_KEYS}")
    with context.desk() as desk:
        before = desk.card.serial
        try:
            if arguments.certify:
                path = arguments.root_key or desk.home / ROOT_KEY_NAME
                certify_new_key(desk, path, context.passphrase())
            if arguments.renew:
                _renew(context, desk)
        except LocalError as error:
            raise BadInput(f"this makes no card: {error}") from error
        if desk.card.serial != before:
            queue_card(desk)
            terminal.say(f"card {desk.card.serial} is made; the next pull publishes it")
        place = arguments.output or desk.home / CARD_NAME
        write_whole(place, desk.card.envelope)
        left = weeks_left(desk.card, desk.today)
        terminal.say(f"card {desk.card.serial} of {iso(desk.card.issued_day)}: {place}")
        terminal.say(f"fingerprint  {fingerprint(desk.card.desk_id)}")
        terminal.say(
            f"keys until   {iso(desk.card.last_day)} ({counted(left, 'week')}, this one counted)"
        )
        if left < DEFAULT_WEEKS // 3:
            terminal.warn("few weeks are left: qanat-desk card --renew")
        _tell_certificate(context, desk)
        told: dict[str, Any] = {
            "card": str(place),
            "serial": desk.card.serial,
            "fingerprint": fingerprint(desk.card.desk_id),
            "desk_id": desk.card.desk_id.hex(),
            "last_day": iso(desk.card.last_day),
            "weeks_left": left,
        }
        if arguments.link is not None:
            link = link_with(arguments.link, desk.card.envelope)
            told |= _give_link(link, arguments.link_output, terminal)
        terminal.result(told)
    return Exit.DONE


def check_app_address(address: str, asker: str) -> None:
    """Raises BadInput for what is no address of a web app."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.fragment:
        raise BadInput(
            f"{asker} takes the address of a web app, like https://relay.example/, not {address!r}"
        )


def link_with(address: str, card: bytes) -> str:
    """The web app's address with the card behind the sign that a browser sends to nobody."""
    return f"{address}#{urlsafe_b64encode(card).decode().rstrip('=')}"


def _give_link(link: str, output: Path | None, terminal: Terminal) -> dict[str, str]:
    if output is None:
        terminal.say(f"link         {link}")
        return {"link": link}
    write_whole(output, f"{link}\n".encode())
    terminal.say(f"link         {len(link):,} characters: {output}")
    return {"link_file": str(output)}


def _renew(context: Context, desk: Desk) -> None:
    arguments = context.arguments
    found = find_relays(arguments.relay, arguments.relay_card, context.carriers, context.terminal)
    dropped = {address.rstrip("/") for address in arguments.drop_relay}
    keys = {entry.signing_key for entry in found}
    kept = [
        entry
        for entry in desk.card.relays
        if entry.signing_key not in keys and not dropped.intersection(entry.addresses)
    ]
    renew_card(desk, relays=[*kept, *found], weeks=arguments.weeks)


def _tell_certificate(context: Context, desk: Desk) -> None:
    left = max(row.last_day for row in desk.card.statement.certified) - desk.today
    if left < 60:
        context.terminal.warn(
            f"the signing key is certified for {counted(max(left, 0), 'more day')}:"
            " bring the root key file and run qanat-desk card --certify --root-key FILE"
        )


def set_value(context: Context) -> int:
    """Store a setting."""
    name, value = context.arguments.setting, context.arguments.value
    if not 0 <= value <= LIMITS[name]:
        raise BadInput(f"{name} is 0 to {LIMITS[name]}")
    with context.desk() as desk:
        with desk.vault.transaction():
            desk.vault.set_setting(name, str(value))
        context.terminal.say(f"{name} is {value} now")
        context.terminal.result({name: value})
    return Exit.DONE
