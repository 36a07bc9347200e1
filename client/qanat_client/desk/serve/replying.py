"""Answers to reporters: queued from a window, with their true state ever after."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from qanat_client.desk.desk import Desk
from qanat_client.desk.inbox import item_of
from qanat_client.desk.replies import missing_originals, queue_reply
from qanat_client.desk.serve.asking import asked
from qanat_client.desk.serve.refusals import Conflict
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.written import bulletins_json, cards_json, replies_json
from qanat_client.errors import BadInput

__all__ = ["reply", "tell_outgoing"]

MAX_FILES: Final = 1000


def _reply(desk: Desk, digits: str, text: str, files: tuple[int, ...]) -> dict[str, Any]:
    item = item_of(desk.vault, digits)
    if item.report.reply_box is None:
        raise Conflict(f"report {item.short_id} was sent without a code and can't be answered")
    wanted = missing_originals(item, files) if files else []
    if not text.strip() and not wanted:
        raise BadInput("the reply is empty")
    queued = queue_reply(desk, item, text, wanted)
    replies = replies_json(desk, item.report_id)
    return next(found for found in replies if found["number"] == queued.number)


async def reply(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/reports/ID/reply."""
    body = await asked(request)
    text = body.text("text", "")
    files = body.numbers("want", most=MAX_FILES)
    body.done()
    answer = await serving.vault_work(_reply, request.match_info["id"], text, files)
    serving.pulling.ask()
    return answer


def _outgoing(desk: Desk) -> dict[str, Any]:
    return {
        "replies": replies_json(desk),
        "bulletins": bulletins_json(desk),
        "cards": cards_json(desk),
    }


async def tell_outgoing(serving: Serving, _: web.Request) -> dict[str, Any]:
    """GET /api/outgoing."""
    return await serving.vault_work(_outgoing)
