"""The login, and the proof that this is the program which let a window in."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from qanat_client.desk.serve.asking import asked
from qanat_client.desk.serve.serving import Serving

__all__ = ["enter", "prove"]

MAX_LOGIN_BYTES: Final = 4096
NONCE_BYTES: Final = 32


async def enter(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/login."""
    body = await asked(request, most_bytes=MAX_LOGIN_BYTES)
    token = body.text("token", most_bytes=1024)
    body.done()
    session = serving.login.enter(token)
    serving.doors.know(request.protocol)
    return {"session": session, "proof_key": serving.login.proof_key}


async def prove(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/proof, which takes no session: a window asks before it shows one."""
    body = await asked(request, most_bytes=MAX_LOGIN_BYTES)
    nonce = body.key("nonce", NONCE_BYTES)
    body.done()
    return {"proof": serving.login.prove(nonce).hex()}
