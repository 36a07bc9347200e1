"""Incidents: pages that gather reports of one event."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_bytes
from typing import Any, Final

from aiohttp import web

from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import INCIDENT_BYTES, What, gather, name_incident
from qanat_client.desk.desk import Desk
from qanat_client.desk.editing import incident_name
from qanat_client.desk.faults import readable
from qanat_client.desk.finding import Wish, find
from qanat_client.desk.inbox import readable_items
from qanat_client.desk.relating.figures import figures_of_incident
from qanat_client.desk.relating.incidents import media_json
from qanat_client.desk.relating.words import aliases_in, figures_json
from qanat_client.desk.serve.asking import asked, key_of
from qanat_client.desk.serve.deciding import incident_there, report_there
from qanat_client.desk.serve.rows import readable_rows
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.standing_words import logged_json
from qanat_protocol.limits import HASH_BYTES

__all__ = ["begin_incident", "tell_incident", "tell_incidents"]

MAX_GATHERED: Final = 2000


def _incidents(desk: Desk) -> dict[str, Any]:
    rows = desk.vault.rows(
        "SELECT i.subject, i.words, count(r.id), max(r.arrived_s) FROM registers i"
        " LEFT JOIN registers g ON g.what = ? AND g.subject = i.subject AND g.number = 1"
        " LEFT JOIN reports r ON r.id = g.part"
        " LEFT JOIN registers d ON d.what = ? AND d.subject = i.subject AND d.number = 1"
        " WHERE i.what = ? GROUP BY i.subject HAVING count(g.part) > 0 OR count(d.number) = 0"
        " ORDER BY max(r.arrived_s) DESC, i.words, i.subject",
        int(What.GATHERED),
        int(What.DELETED),
        int(What.INCIDENT),
    )
    return {
        "incidents": [
            {"id": incident.hex(), "name": name, "reports": reports, "newest_s": newest_s}
            for incident, name, reports, newest_s in rows
        ]
    }


async def tell_incidents(serving: Serving, _: web.Request) -> dict[str, Any]:
    """GET /api/incidents."""
    return await serving.vault_work(_incidents)


def _begin(desk: Desk, name: str, reports: tuple[bytes, ...]) -> dict[str, Any]:
    for report_id in reports:
        report_there(desk, report_id)
    incident = token_bytes(INCIDENT_BYTES)
    changes = [gather(incident, report_id) for report_id in dict.fromkeys(reports)]
    decision_log(desk).record([name_incident(incident, name), *changes])
    return {"id": incident.hex()}


async def begin_incident(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/incidents."""
    body = await asked(request)
    name = incident_name(body.text("name", most_bytes=1024))
    reports = body.keys("reports", HASH_BYTES, most=MAX_GATHERED)
    body.done()
    return await serving.vault_work(_begin, name, reports)


def _incident(desk: Desk, incident: bytes) -> tuple[dict[str, Any], list[bytes]]:
    incident_there(desk, incident)
    decisions = decision_log(desk)
    incidents = decisions.incidents()
    log = readable([], decisions.incident_history, incident)
    value = {
        "id": incident.hex(),
        "name": incidents[incident].name,
        "log": [logged_json(logged, incidents) for logged in log],
    }
    return value, find(desk.vault, Wish(incident=incident), limit=MAX_GATHERED)


def _contents(desk: Desk, incident: bytes, reports: Sequence[bytes]) -> dict[str, Any]:
    compared = figures_of_incident(desk.vault, incident)
    return {
        "figures": figures_json(compared, aliases_in(desk.vault, compared)),
        "media": media_json(readable_items(desk.vault, reports)[0]),
    }


async def tell_incident(serving: Serving, request: web.Request) -> dict[str, Any]:
    """GET /api/incidents/ID."""
    incident = key_of(request.match_info["id"], INCIDENT_BYTES)
    value, reports = await serving.vault_work(_incident, incident)
    rows = await readable_rows(serving, reports)
    readable = [report_id for report_id in reports if report_id not in serving.unreadable]
    return value | {"rows": rows} | await serving.vault_work(_contents, incident, readable)
