"""Who is answered at all: only the app's own page, by its own name, in a window that logged in.

A name of the world can be made to lead to this machine; its page would be of that name's origin.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from qanat_client.desk.serve.answers import refuse, refuse_with
from qanat_client.desk.serve.doors import Doors
from qanat_client.desk.serve.login import Login
from qanat_client.desk.serve.refusals import Forbidden
from qanat_protocol.errors import QanatError

__all__ = ["HOST_NAMES", "host_check", "login_check", "refusals_answered"]

HOST_NAMES: Final = ("127.0.0.1", "localhost")
OPEN_PATHS: Final = frozenset({"/api/login", "/api/proof"})
"""What is asked without a session."""
API: Final = "/api/"
log = logging.getLogger(__name__)

_NOT_ALLOWED: Final = {404: "nothing is here", 405: "this is asked for in another way"}


def host_check(port: int, *, other_origins: Collection[str] = ()) -> Middleware:
    """Answers 403 where the Host is not this listener's, or the Origin is another page's."""
    hosts = {f"{name}:{port}" for name in HOST_NAMES}
    origins = {f"http://{host}" for host in hosts} | set(other_origins)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        named = request.headers.getall("Host", [])
        if len(named) != 1 or named[0] not in hosts:
            return refuse_with(403, f"this is answered at http://{HOST_NAMES[0]}:{port}/ alone")
        for origin in request.headers.getall("Origin", []):
            if origin not in origins:
                return refuse_with(403, "another page may not ask this")
        return await handler(request)

    return check


def login_check(login: Login, doors: Doors) -> Middleware:
    """Answers 401 to what goes to the API without a session; with one the connection may stay."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(API):
            if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
                raise Forbidden("another page may not ask this")
            if request.path not in OPEN_PATHS:
                login.check(request.headers.get("Authorization"))
                doors.know(request.protocol)
        return await handler(request)

    return check


@web.middleware
async def refusals_answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one place that turns what was raised into an answer; supervises every handler."""
    try:
        return await handler(request)
    except QanatError as error:
        return refuse(error)
    except web.HTTPException as refusal:
        words = _NOT_ALLOWED.get(refusal.status, refusal.reason.lower())
        return refuse_with(refusal.status, words)
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:
        # A defect: the log has its kind and place, and nothing of what was asked.
        log.exception("a request failed")
        return refuse_with(500, "the program failed at this; its terminal shows where")
