"""One report, with everything that the desk knows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from aiohttp import web

from qanat_client.desk.aliases import alias_of
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.desk import Desk
from qanat_client.desk.faults import readable
from qanat_client.desk.inbox import item_of, reports_of
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.standing_words import logged_json, standing_json
from qanat_client.desk.words import json_of
from qanat_client.desk.written import replies_json

__all__ = ["tell_report"]

OTHERS_NAMED: Final = 50
_Value = TypeVar("_Value")


def _report(desk: Desk, digits: str) -> dict[str, Any]:
    item = item_of(desk.vault, digits)
    author = item.report.author
    decisions = decision_log(desk)
    standing = decisions.standing_of([item.report_id])
    unread = list(item.unreadable)

    def read(what: str, function: Callable[[], list[_Value]]) -> list[_Value]:
        found = readable(None, function)
        if found is None:
            unread.append(what)
        return found or []

    all_own = read("its author's other reports", lambda: reports_of(desk.vault, author))
    others = [other for other in all_own if other != item.report_id]
    replies = read("what was replied", lambda: replies_json(desk, item.report_id))
    log = read("the log of decisions", lambda: decisions.history(item.report_id, author))
    value = json_of(item)
    for word in value["custody"]:
        word["relay_name"] = desk.relay_name(bytes.fromhex(word["relay"]))
    return value | {
        "alias": alias_of(desk.vault, author),
        "muted": author in standing.muted,
        "decided": standing_json(standing.of(item.report_id), standing.incidents),
        "same_pseudonym": [other.hex() for other in others[: -OTHERS_NAMED - 1 : -1]],
        "same_pseudonym_total": len(others),
        "replies": replies,
        "wanted": sorted({file for reply in replies for file in reply["wanted"]}),
        "log": [logged_json(logged, standing.incidents) for logged in log],
        **({"unreadable": unread} if unread else {}),
    }


async def tell_report(serving: Serving, request: web.Request) -> dict[str, Any]:
    """GET /api/reports/ID."""
    return await serving.vault_work(_report, request.match_info["id"])
