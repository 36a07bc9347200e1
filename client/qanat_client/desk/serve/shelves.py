"""Small lists: what was set aside, alarms, the tags in use, aliases that begin so."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from qanat_client.desk.aliases import aliases_beginning
from qanat_client.desk.decisions import What
from qanat_client.desk.desk import Desk
from qanat_client.desk.reading import alarms_of, aside_values
from qanat_client.desk.serve.serving import Serving

__all__ = ["tell_alarms", "tell_aliases", "tell_set_aside", "tell_tags"]

ALIASES_SHOWN: Final = 50
ASIDE_SHOWN: Final = 200


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


async def tell_aliases(serving: Serving, request: web.Request) -> dict[str, Any]:
    """GET /api/aliases."""
    begins = request.query.get("begins", "")
    return {"aliases": await serving.vault_work(_aliases, begins)}
