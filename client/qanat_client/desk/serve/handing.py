"""The desk's card for reporters, as a file and as a link: what `qanat-desk card` gives."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from qanat_client.desk.desk import Desk
from qanat_client.desk.keeping import check_app_address, link_with
from qanat_client.desk.serve.answers import API_HEADERS
from qanat_client.desk.serve.asking import asked
from qanat_client.desk.serve.serving import Serving

__all__ = ["give_card", "give_link"]

MAX_ADDRESS_BYTES: Final = 1024


def _card(desk: Desk) -> tuple[int, bytes]:
    return desk.card.serial, desk.card.envelope


async def give_card(serving: Serving, _: web.Request) -> web.Response:
    """GET /api/card: the newest one, as a download."""
    serial, envelope = await serving.vault_work(_card)
    headers = {
        **API_HEADERS,
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="desk-{serial}.card"',
    }
    return web.Response(body=envelope, headers=headers)


async def give_link(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/card/link: a web app's address with the card in it."""
    body = await asked(request)
    address = body.text("address", most_bytes=MAX_ADDRESS_BYTES).strip()
    body.done()
    check_app_address(address, "a link")
    _, envelope = await serving.vault_work(_card)
    return {"link": link_with(address, envelope)}
