"""The two listeners of `qanat-desk serve`: the app with its API, and strangers' media apart."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from qanat_client.desk.serve.answers import API_HEADERS, answer_json, app_headers
from qanat_client.desk.serve.doors import KEEP_ALIVE_S, MAX_FIELD_BYTES, MAX_HEADERS, MAX_LINE_BYTES
from qanat_client.desk.serve.gate import HOST_NAMES, host_check, login_check, refusals_answered
from qanat_client.desk.serve.routes import MEDIA_ROUTES, ROUTES, Handler, Route
from qanat_client.desk.serve.serving import Serving
from qanat_client.errors import BadInput
from qanat_client.web_app.answers import answer, hide_program, paths_of
from qanat_client.web_app.files import AppFile

__all__ = ["MISSING", "Server", "listening"]

HOST: Final = HOST_NAMES[0]
LEAVE_S: Final = 2.0
"""How long requests that run may take to end when the program does."""

BACKLOG: Final = 1024
"""Connections that may wait to be taken, each in its turn: what finds no room tries again after a
second only."""

MISSING: Final = (
    "the editors' app is not part of this installation: run `make app` in a clone of Qanat (it"
    " needs Node), then `pip install '.[desk]'` there again; all other commands work without it"
)


def listening(port: int) -> socket.socket:
    """A socket on loopback; 0 takes any port. Raises BadInput where the port is taken."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        # Until it listens, another user's program could take the same port and listen first.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise BadInput(
            f"port {port} of {HOST} can't be taken: {reason}; without --port any free one is"
        ) from None
    return listener


async def _call(serving: Serving, handler: Handler, request: web.Request) -> web.StreamResponse:
    found = await handler(serving, request)
    if request.method == "POST":
        serving.changed.set()
    return found if isinstance(found, web.StreamResponse) else answer_json(found)


class Server:
    """Answers at both sockets between `start` and `stop`. `app`: the app's files by name."""

    def __init__(
        self,
        serving: Serving,
        app: Mapping[str, AppFile],
        listener: socket.socket,
        media_listener: socket.socket,
    ) -> None:
        self._serving = serving
        self._files = paths_of(app)
        self._listeners = listener, media_listener
        serving.port, serving.media_port = (each.getsockname()[1] for each in self._listeners)
        origins = [f"http://{name}:{serving.port}" for name in HOST_NAMES]
        app_gates = [
            host_check(serving.port),
            refusals_answered,
            login_check(serving.login, serving.doors),
        ]
        media_gates = [
            host_check(serving.media_port, other_origins=origins),
            refusals_answered,
        ]
        front = [web.get(path, self._give) for path in self._files or ("/",)]
        self._runners = [
            self._runner(app_gates, [*front, *self._defs(ROUTES)]),
            self._runner(media_gates, self._defs(MEDIA_ROUTES)),
        ]

    def _defs(self, routes: Sequence[Route]) -> list[web.RouteDef]:
        return [
            web.route(method, path, partial(_call, self._serving, handler))
            for method, path, handler in routes
        ]

    def _runner(self, gates: Sequence[Middleware], routes: Sequence[web.RouteDef]) -> web.AppRunner:
        application = web.Application(middlewares=gates)
        application.on_response_prepare.append(hide_program)
        application.add_routes(routes)
        return web.AppRunner(
            application,
            access_log=None,
            auto_decompress=False,
            shutdown_timeout=LEAVE_S,
            keepalive_timeout=KEEP_ALIVE_S,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            max_headers=MAX_HEADERS,
        )

    async def _give(self, request: web.Request) -> web.StreamResponse:
        file = self._files.get(request.path)
        if file is None:
            return web.Response(status=404, text=MISSING, headers=API_HEADERS)
        return answer(request, file, app_headers(self._serving.media_origin(request)))

    async def start(self) -> None:
        """Take requests from now on."""
        doors = self._serving.doors, self._serving.media_doors
        for runner, listener, own in zip(self._runners, self._listeners, doors, strict=True):
            await runner.setup()
            assert runner.server is not None, "it was set up"
            listener.setblocking(False)
            self._serving.begin("windows are let in", partial(own.keep, listener, runner.server))

    async def stop(self) -> None:
        """Take no more, and let those that run end."""
        for doors in (self._serving.doors, self._serving.media_doors):
            doors.close()
        for runner in self._runners:
            await runner.cleanup()
