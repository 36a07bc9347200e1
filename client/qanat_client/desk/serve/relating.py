"""What may belong to a report, and its figures beside those of others."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.desk import Desk
from qanat_client.desk.inbox import item_of
from qanat_client.desk.media.near import near_pictures
from qanat_client.desk.relating.figures import figures_of
from qanat_client.desk.relating.suggestions import Related, related
from qanat_client.desk.relating.words import aliases_in, figures_json, suggestion_json
from qanat_client.desk.serve.rows import readable_rows
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.standing_words import incidents_json

__all__ = ["tell_figures", "tell_related"]


def _related(desk: Desk, digits: str) -> tuple[Related, list[list[dict[str, str]]]]:
    """What may belong to a report, and the incidents of each."""
    report_id = item_of(desk.vault, digits).report_id
    found = related(desk.vault, report_id, near=near_pictures(desk.vault, report_id))
    ids = [each.report_id for each in found.suggestions]
    standing = decision_log(desk).standing_of(ids)
    return found, [incidents_json(standing.of(each), standing.incidents) for each in ids]


async def tell_related(serving: Serving, request: web.Request) -> dict[str, Any]:
    """GET /api/reports/ID/related."""
    found, incidents = await serving.vault_work(_related, request.match_info["id"])
    rows = await readable_rows(serving, [each.report_id for each in found.suggestions])
    return {
        "suggestions": [
            {"row": row, "incidents": of} | suggestion_json(suggestion)
            for row, of, suggestion in zip(rows, incidents, found.suggestions, strict=True)
        ],
        "together": found.together,
    }


def _figures(desk: Desk, digits: str) -> dict[str, Any]:
    compared = figures_of(desk.vault, item_of(desk.vault, digits).report_id)
    return figures_json(compared, aliases_in(desk.vault, compared))


async def tell_figures(serving: Serving, request: web.Request) -> dict[str, Any]:
    """GET /api/reports/ID/figures."""
    return await serving.vault_work(_figures, request.match_info["id"])
