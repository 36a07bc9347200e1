"""The desk as a whole: its name, its card, its relays, how many reports there are of which kind."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from qanat_client.desk.card_book import weeks_left
from qanat_client.desk.desk import Desk, check_can_sign
from qanat_client.desk.finding import Wish, count
from qanat_client.desk.serve.asking import asked
from qanat_client.desk.serve.login import NOTICED_TRIES, Login
from qanat_client.desk.serve.serving import Serving
from qanat_client.errors import BadInput
from qanat_protocol.days import day_of, iso
from qanat_protocol.statement import fingerprint

__all__ = ["ask_relays", "counts_of", "tell_desk", "tell_live"]


def counts_of(desk: Desk) -> dict[str, int]:
    """How many reports and other things there are. Those of muted pseudonyms count as muted."""
    vault = desk.vault

    def rows(table: str, where: str = "1") -> int:
        return int(vault.value(f"SELECT count(*) FROM {table} WHERE {where}"))  # noqa: S608

    return {
        "reports": rows("reports"),
        "unread": count(vault, Wish(is_unread=True, is_muted=False)),
        "starred": count(vault, Wish(is_starred=True, is_muted=False)),
        "urgent": count(vault, Wish(is_urgent=True, is_muted=False)),
        "muted": count(vault, Wish(is_muted=True)),
        "set_aside": rows("parcels", "state = 'set-aside'"),
        "alarms": rows("alarms"),
        "waiting": rows("uncatalogued"),
    }


def _clock_warnings(desk: Desk) -> list[str]:
    """What shows that this machine's clock is wrong, or that the desk can't sign any more."""
    today = desk.today
    newest_s = desk.vault.value("SELECT arrived_s FROM catalogue ORDER BY number DESC LIMIT 1")
    behind = 0 if newest_s is None else day_of(newest_s)
    if today < behind:
        return [
            f"this machine's clock says {iso(today)}, but there are things here of {iso(behind)}:"
            " set the clock"
        ]
    try:
        check_can_sign(desk)
    except BadInput as error:
        return [f"{error}. Until then replies and bulletins are refused"]
    return []


def _value(desk: Desk) -> dict[str, Any]:
    card = desk.card
    editor = desk.vault.value("SELECT public FROM editors WHERE seed IS NOT NULL")
    return {
        "name": card.name,
        "fingerprint": fingerprint(card.desk_id),
        "card": {
            "serial": card.serial,
            "valid_until_day": iso(card.last_day),
            "weeks_left": weeks_left(card, desk.today),
        },
        "relays": [
            {
                "name": desk.relay_name(relay.signing_key),
                "url": relay.addresses[0] if relay.addresses else None,
                "country": relay.country,
            }
            for relay in card.relays
        ],
        "counts": counts_of(desk),
        "editor": editor,
        "now_s": int(desk.clock()),
        "warnings": _clock_warnings(desk),
    }


def _login_warnings(login: Login) -> list[str]:
    if login.wrong_tries < NOTICED_TRIES:
        return []
    return [
        f"{login.wrong_tries:,} wrong links were tried: a page or a program on this machine tries"
        " to get in. None can be guessed; look which programs run here"
    ]


async def tell_desk(serving: Serving, _: web.Request) -> dict[str, Any]:
    """GET /api/desk."""
    value = await serving.vault_work(_value)
    return value | {
        "pull": serving.pulling.state,
        "warnings": [
            *value["warnings"],
            *_login_warnings(serving.login),
            *serving.troubles.values(),
        ],
    }


async def tell_live(serving: Serving, request: web.Request) -> web.StreamResponse:
    """GET /api/live."""
    counts = await serving.vault_work(counts_of)
    return await serving.live.stream(
        request, {"changed": {"counts": counts}, "pull": serving.pulling.state}
    )


async def ask_relays(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/pull."""
    (await asked(request)).done()
    serving.pulling.ask()
    return {"pull": serving.pulling.state}
