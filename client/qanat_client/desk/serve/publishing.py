"""What goes out to all: bulletins in several languages, corrections of them, the newest card."""

from __future__ import annotations

import asyncio
import io
from base64 import b64decode
from typing import Any, Final

from aiohttp import web

from qanat_client.desk.bulletins import picture_of, queue_bulletin, queue_card
from qanat_client.desk.corrections import Wording
from qanat_client.desk.desk import Desk, check_can_sign
from qanat_client.desk.serve.asking import Asked, asked
from qanat_client.desk.serve.refusals import Conflict
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.written import bulletins_json
from qanat_client.errors import BadInput
from qanat_protocol.public import DocumentClass, Picture

__all__ = ["publish", "publish_card", "tell_bulletins"]

MAX_LANGUAGES: Final = 20
MAX_PICTURE_BYTES: Final = 25_165_824
"""A photo of any phone; what goes out is made small."""

MAX_REQUEST_BYTES: Final = MAX_PICTURE_BYTES * 4 // 3 + 2_097_152


async def tell_bulletins(serving: Serving, _: web.Request) -> dict[str, Any]:
    """GET /api/bulletins."""
    return {"bulletins": await serving.vault_work(bulletins_json)}


def _wording(given: Asked) -> Wording:
    wording = Wording(
        given.text("text", ""),
        " ".join(given.text("title", "").split()),
        given.text("language", "", most_bytes=35).strip(),
    )
    given.done()
    return wording


def _picture(encoded: str) -> Picture:
    try:
        data = b64decode(encoded, validate=True)
    except ValueError:
        raise BadInput("picture is not base64") from None
    return picture_of(io.BytesIO(data), "the picture")


def _publish(
    desk: Desk, wordings: list[Wording], pictures: list[Picture], corrects: int | None
) -> dict[str, Any]:
    return {"serials": queue_bulletin(desk, wordings, pictures=pictures, corrects=corrects)}


async def publish(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/bulletins."""
    body = await asked(request, most_bytes=MAX_REQUEST_BYTES)
    wordings = [_wording(each) for each in body.objects("texts", most=MAX_LANGUAGES)]
    corrects = body.number("corrects", None, least=1)
    encoded = body.text("picture", "", most_bytes=MAX_REQUEST_BYTES)
    body.done()
    pictures = [await asyncio.to_thread(_picture, encoded)] if encoded else []
    answer = await serving.vault_work(_publish, wordings, pictures, corrects)
    serving.pulling.ask()
    return answer


def _publish_card(desk: Desk) -> dict[str, Any]:
    check_can_sign(desk)
    serial = desk.card.serial
    if desk.vault.value(
        "SELECT 1 FROM documents WHERE class = ? AND serial = ?", int(DocumentClass.CARD), serial
    ):
        raise Conflict(f"card {serial} was published already; qanat-desk card --renew makes a new")
    queue_card(desk)
    return {"serial": serial}


async def publish_card(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/card."""
    (await asked(request)).done()
    answer = await serving.vault_work(_publish_card)
    serving.pulling.ask()
    return answer
