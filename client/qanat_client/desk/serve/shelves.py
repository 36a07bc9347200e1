"""Small lists: what was set aside, alarms, and what a search box can offer."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from qanat_client.desk.aliases import aliases_beginning
from qanat_client.desk.decisions import What
from qanat_client.desk.desk import Desk
from qanat_client.desk.places.naming import name_of
from qanat_client.desk.places.table import place_numbered
from qanat_client.desk.reading import alarms_of, aside_values
from qanat_client.desk.serve.serving import Serving

__all__ = ["tell_alarms", "tell_aliases", "tell_offers", "tell_set_aside", "tell_tags"]

ALIASES_SHOWN: Final = 50
ASIDE_SHOWN: Final = 200
CITIES_OFFERED: Final = 300
LANGUAGES_OFFERED: Final = 50


async def tell_set_aside(serving: Serving, _: web.Request) -> dict[str, Any]:
    """GET /api/set-aside: the newest of it."""
    found = await serving.vault_work(aside_values)
    return {"set_aside": found[: -ASIDE_SHOWN - 1 : -1], "total": len(found)}


async def tell_alarms(serving: Serving, _: web.Request) -> dict[str, Any]:
    """GET /api/alarms."""
    found = await serving.vault_work(alarms_of)
    return {"alarms": [alarm | {"words": _alarm_words(alarm)} for alarm in reversed(found)]}


def _alarm_words(alarm: dict[str, Any]) -> str:
    return f"{alarm['day']}, {alarm['relay']}: parcel {alarm['parcel_id'][:8]} was {alarm['what']}"


def _tags(desk: Desk) -> list[dict[str, Any]]:
    rows = desk.vault.rows(
        "SELECT part, count(*) FROM registers WHERE what = ? AND number = 1 GROUP BY part"
        " ORDER BY count(*) DESC, part",
        int(What.TAG),
    )
    return [{"tag": part.decode(), "reports": reports} for part, reports in rows]


async def tell_tags(serving: Serving, _: web.Request) -> dict[str, Any]:
    """GET /api/tags."""
    return {"tags": await serving.vault_work(_tags)}


def _aliases(desk: Desk, begins: str) -> list[str]:
    return aliases_beginning(desk.vault, begins, ALIASES_SHOWN)


def _offers(desk: Desk) -> dict[str, Any]:
    cities = [
        {"city": name_of(place), "names": [*place.names.values(), *place.further], "reports": n}
        for number, n in desk.vault.rows(
            "SELECT city, count(*) FROM catalogue WHERE city != 0 GROUP BY city"
            " ORDER BY count(*) DESC, city LIMIT ?",
            CITIES_OFFERED,
        )
        if (place := place_numbered(number)) is not None
    ]
    languages = [
        {"language": language, "reports": n}
        for language, n in desk.vault.rows(
            "SELECT language, count(*) FROM catalogue WHERE language != '' GROUP BY language"
            " ORDER BY count(*) DESC, language LIMIT ?",
            LANGUAGES_OFFERED,
        )
    ]
    return {"cities": cities, "languages": languages}


async def tell_offers(serving: Serving, _: web.Request) -> dict[str, Any]:
    """GET /api/offers: the cities that reports name, by all of their names, and the languages."""
    return await serving.vault_work(_offers)


async def tell_aliases(serving: Serving, request: web.Request) -> dict[str, Any]:
    """GET /api/aliases."""
    begins = request.query.get("begins", "")
    return {"aliases": await serving.vault_work(_aliases, begins)}
