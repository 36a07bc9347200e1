"""The desk as a whole: its name, its card, its relays, how many reports there are of which kind."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from qanat_client.desk.card_book import weeks_left
from qanat_client.desk.desk import Desk, check_can_sign
from qanat_client.desk.faults import readable
from qanat_client.desk.finding import Wish, count
from qanat_client.desk.serve.asking import asked
from qanat_client.desk.serve.login import NOTICED_TRIES, Login
from qanat_client.desk.serve.serving import Serving
from qanat_client.errors import BadInput
from qanat_protocol.days import day_of, iso
from qanat_protocol.statement import fingerprint

__all__ = ["ask_relays", "counts_of", "tell_desk", "tell_live"]


Counts = dict[str, int | None]


def counts_of(desk: Desk) -> Counts:
    """How many reports and other things there are; None where damaged pages stand in the way. Those
    of muted pseudonyms count as muted."""

    def of(wish: Wish) -> int | None:
        return readable(None, count, desk.vault, wish)

    def rows(table: str, where: str = "1") -> int | None:
        query = f"SELECT count(*) FROM {table} WHERE {where}"  # noqa: S608
        return readable(None, desk.vault.value, query)

    return {
        "reports": rows("reports"),
        "unread": of(Wish(is_unread=True, is_muted=False)),
        "starred": of(Wish(is_starred=True, is_muted=False)),
        "urgent": of(Wish(is_urgent=True, is_muted=False)),
        "muted": of(Wish(is_muted=True)),
        "set_aside": rows("parcels", "state = 'set-aside'"),
        "alarms": rows("alarms"),
        "waiting": rows("uncatalogued"),
        "unlooked": rows("unlooked"),
    }


def _clock_warnings(desk: Desk) -> list[str]:
    """What shows that this machine's clock is wrong, or that the desk can't sign any more."""
    today = desk.today
    newest = "SELECT arrived_s FROM catalogue ORDER BY number DESC LIMIT 1"
    newest_s = readable(None, desk.vault.value, newest)
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
    own = "SELECT public FROM editors WHERE seed IS NOT NULL"
    editor = readable(None, desk.vault.value, own)
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
    if None in value["counts"].values() and await serving.mending.mend():
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
