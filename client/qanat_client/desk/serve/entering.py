"""The login."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from qanat_client.desk.serve.asking import asked
from qanat_client.desk.serve.serving import Serving

__all__ = ["enter"]

MAX_LOGIN_BYTES: Final = 4096


async def enter(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/login."""
    body = await asked(request, most_bytes=MAX_LOGIN_BYTES)
    token = body.text("token", most_bytes=1024)
    body.done()
    return {"session": serving.login.enter(token)}
