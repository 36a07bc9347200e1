"""What a relay answers over HTTP: every route, and which status an error becomes.

Never logs who asked. What a session does is decided in conversation.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from qanat_protocol.errors import BadChannel, Busy, QanatError
from qanat_relay.config import parse_listen
from qanat_relay.congestion import prefer_bbr
from qanat_relay.errors import ConfigError
from qanat_relay.http_links import ExchangeLink, WebSocketLink
from qanat_relay.logs import log
from qanat_relay.node import Node
from qanat_relay.sessions import Sessions
from qanat_relay.store.interface import StoreError

MIN_FREE_BYTES = 2**20
"""Below this the disk counts as full for /healthz: not even a letter is sure to fit."""

SILENT_S = 60
"""How long a connection may make no request; unlike a session it has cost its maker nothing."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """A node's HTTP server. `card` is the relay card's envelope."""

    def __init__(self, node: Node, data: Path, card: bytes) -> None:
        self._node = node
        self._data = data
        self._card = card
        self._sessions = Sessions(node)
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            auto_decompress=False,
            shutdown_timeout=1.0,
        )
        self._heard: set[object] = set()
        self._watching: asyncio.Task[None] | None = None

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._note, answer_errors])
        application.on_response_prepare.append(_hide_program)
        application.add_routes(
            [
                web.post("/v1/exchange", self._exchange),
                web.get("/v1/sync", self._sync),
                web.get("/v1/relay", self._relay),
                web.get("/healthz", self._health),
            ]
        )
        return application

    async def start(self) -> list[str]:
        """Listen; the addresses as URLs. Raises ConfigError where one cannot be taken."""
        config = self._node.config
        context = _tls(config.tls_cert, config.tls_key) if config.tls_cert else None
        await self._runner.setup()
        for text in config.listen:
            host, port = parse_listen(text)
            try:
                await web.TCPSite(self._runner, host, port, ssl_context=context).start()
            except OSError as error:
                raise ConfigError(f"cannot listen on {text}: {error.strerror or error}") from None
        self._watching = asyncio.create_task(self._close_silent())
        scheme = "https" if context else "http"
        return [f"{scheme}://{_shown(address)}" for address in self._runner.addresses]

    async def stop(self) -> None:
        """Accept nothing more, give running sessions their time, then let go."""
        for site in list(self._runner.sites):
            await site.stop()
        await self._sessions.stop(self._node.config.stop_s)
        if self._watching is not None:
            self._watching.cancel()
        await self._runner.cleanup()

    async def _close_silent(self) -> None:
        """Close connections that made no request: each takes one of the files that we may open."""
        before: set[object] = set()
        while (server := self._runner.server) is not None:
            connections = set(server.connections)
            self._heard &= connections
            silent = connections - self._heard
            for connection in silent & before:
                connection.force_close()
            before = set(silent)
            await asyncio.sleep(min(SILENT_S, self._node.config.idle_s))

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._heard.add(request.protocol)
        prefer_bbr(request.transport)
        return await handler(request)

    @property
    def sessions_running(self) -> int:
        """How many sessions are being served."""
        return self._sessions.running

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        link = ExchangeLink(request)
        await self._sessions.serve(link)
        return await link.open()

    async def _sync(self, request: web.Request) -> web.StreamResponse:
        self._sessions.make_room()
        link = WebSocketLink(request)
        try:
            await link.response.prepare(request)
        except ValueError:
            # The library decodes a key before it asks whether it is ASCII.
            raise web.HTTPBadRequest(text="that opens no WebSocket\n") from None
        try:
            await self._sessions.serve(link)
        except BadChannel:
            await link.response.close(code=1002)
        except Busy:
            await link.response.close(code=1013)
        else:
            await link.response.close()
        return link.response

    async def _relay(self, request: web.Request) -> web.StreamResponse:
        # Public, and read by a web app that comes from elsewhere.
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache"}
        return web.Response(
            body=self._card, content_type="application/octet-stream", headers=headers
        )

    async def _health(self, request: web.Request) -> web.StreamResponse:
        await self._node.store.look_up([bytes(16)])
        check_writable(self._data)
        return web.Response(text="ok\n", headers={"Cache-Control": "no-store"})


def check_writable(data: Path) -> None:
    """Raise StoreError unless the data folder's disk can take something."""
    try:
        free = os.statvfs(data)
    except OSError:
        raise StoreError("the data folder cannot be read") from None
    if free.f_bavail * free.f_frsize < MIN_FREE_BYTES:
        raise StoreError("the disk is full")
    if not os.access(data, os.W_OK):
        raise StoreError("the data folder cannot be written")


def status_of(error: QanatError) -> int:
    """The HTTP status that an error becomes where a session has not begun."""
    if isinstance(error, BadChannel):
        return 400
    if isinstance(error, (Busy, StoreError)):
        return 503
    return 500


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an error by its status and one line, never by a traceback."""
    try:
        return await handler(request)
    except QanatError as error:
        status = status_of(error)
        if status == 500:
            log.exception("a request failed")
        headers = {"Retry-After": "30"} if status == 503 else {}
        return web.Response(status=status, text=f"{error}\n", headers=headers)
    except ConnectionError:
        # Whoever asked has hung up before the answer began: nobody hears, and it is no error.
        return web.Response()


async def _hide_program(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)


def _shown(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tls(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def refuse() -> str:
        # Left alone the library would ask at the terminal, where a service has nobody.
        raise ConfigError(f"tls_key {key} is locked with a passphrase; give one that is not")

    try:
        context.load_cert_chain(certificate, key, password=refuse)
    except ValueError:
        raise ConfigError("tls_cert or tls_key is no path of a file") from None
    except OSError as error:
        reason = error.strerror or error.__class__.__name__
        raise ConfigError(f"tls_cert {certificate} with tls_key {key}: {reason}") from None
    return context
