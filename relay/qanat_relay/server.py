"""What a relay answers over HTTP: every route, and which status an error becomes.

Never logs who asked. What a session does is decided in conversation.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web, web_ws

from qanat_client.web_app.answers import hide_program, plain
from qanat_client.web_app.files import AppFile, read_app
from qanat_protocol.errors import BadChannel, Busy, QanatError
from qanat_relay.card import OwnCard
from qanat_relay.config import Config, Listener, parse_listen
from qanat_relay.congestion import prefer_bbr
from qanat_relay.counts import Carrier
from qanat_relay.datagrams import Datagrams
from qanat_relay.errors import ConfigError, WorkFailed
from qanat_relay.events import Event
from qanat_relay.http_links import ExchangeLink, WebSocketLink
from qanat_relay.listeners import Listeners, show_place, why
from qanat_relay.logs import tell
from qanat_relay.node import Node
from qanat_relay.pages import Pages
from qanat_relay.sessions import Sessions
from qanat_relay.store.errors import StoreError
from qanat_relay.watching.health import Health
from qanat_relay.watching.listener import MetricsListener
from qanat_relay.watching.public_page import StatusPage
from qanat_relay.web_app import WebApp

SILENT_S = 60
"""How long a connection may make no request; unlike a session it has cost its maker nothing."""

HEARD_LEAST = 64
"""So many connections that made a request are remembered, open or not."""

HEAD_LINE_BYTES, HEAD_FIELDS = 4096, 64
"""A line of a request's head, and how many there may be: each connection may make us hold so much
before it has asked anything. Browsers and proxies send a third of it."""

READ_BYTES = 2**16
"""What is read of a connection before its session asks for it, twice as much at most. The library's
own measure, four times as much, makes no session faster, and 256 that are paused hold 128 MiB."""

SILENCE, KEEPER = "silence", "keeper"
"""What of the background is the server's: closing silent connections, telling the gate the time."""

# Of a WebSocket it can't be told otherwise.
web_ws.DEFAULT_CHUNK_SIZE = READ_BYTES  # type: ignore[attr-defined] # it is imported there, and used

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """A node's HTTP server. `app`: the web app's files, otherwise those that were built."""

    def __init__(
        self, node: Node, data: Path, card: OwnCard, app: Mapping[str, AppFile] | None = None
    ) -> None:
        self._node = node
        self._app = read_app() if app is None else app
        self._data = data
        self._card = card
        self._health = Health(node, data)
        self._metrics = MetricsListener(node, data, self._health)
        self._sessions = Sessions(node)
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=min(SILENT_S, node.config.idle_s),
            shutdown_timeout=1.0,
            max_line_size=HEAD_LINE_BYTES,
            max_field_size=HEAD_LINE_BYTES,
            max_headers=HEAD_FIELDS,
            read_bufsize=READ_BYTES,
        )
        self._listeners = Listeners(self._runner, node.background)
        self._datagrams: list[Datagrams] = []
        self._datagram_urls: list[str] = []
        self._heard: set[object] = set()
        self._heard_most = HEARD_LEAST

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._note, answer_errors])
        application.on_response_prepare.append(hide_program)
        pages = Pages(self._node)
        application.add_routes(
            [
                web.post("/v1/exchange", self._exchange),
                web.get("/v1/sync", self._sync),
                web.get("/v1/relay", self._relay),
                web.get("/health", self._tell_health),
                web.get("/healthz", self._tell_health),
                *pages.routes(),
                *WebApp(self._node, pages, self._app).routes(),
                *StatusPage(self._node).routes(),
            ]
        )
        return application

    async def start(self) -> list[str]:
        """Listen; the addresses as URLs. Raises ConfigError where one cannot be taken."""
        config = self._node.config
        await self._runner.setup()
        await self._listeners.change(config)
        await self._metrics.start()
        self._node.background.begin(SILENCE, self._close_silent)
        self._node.background.begin(KEEPER, self._node.keeper.run)
        for text in config.listen_udp:
            taken = await self._take(text)
            self._datagram_urls += [f"udp://{show_place(address)}" for address in taken]
        return [*self._listeners.urls(), *self._datagram_urls]

    async def change(self, config: Config) -> None:
        """Take other settings while it runs. Raises ConfigError where they can't be taken; then all
        is as it was."""
        await self._listeners.change(config)
        for datagrams in self._datagrams:
            datagrams.allow(config.sessions_max)

    async def _take(self, text: str) -> list[tuple[str, int]]:
        """Take datagrams at each address of a host; the addresses. Raises ConfigError where there
        is none that can be taken."""
        loop = asyncio.get_running_loop()
        host, port = parse_listen(text)
        taken: list[tuple[str, int]] = []
        failure: OSError | None = None
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            places = dict.fromkeys((family, str(where[0])) for family, *_, where in found)
            for family, address in places:
                try:
                    taken.append(await self._take_at(family, (address, port)))
                except OSError as error:
                    failure = error
        except OSError as error:
            failure = error
        if not taken:
            assert failure is not None, "no address was found without an error"
            reason = why(failure, Listener(host, port, is_tls=False))
            raise ConfigError(f"cannot take datagrams on {text}: {reason}")
        if failure is not None:
            tell(Event.DATAGRAMS_NOT_EVERYWHERE, reason=failure.strerror or "unknown")
        if any(ip_address(where.partition("%")[0]).is_unspecified for where, _ in taken):
            tell(Event.DATAGRAMS_ON_ALL)
        return taken

    async def _take_at(self, family: int, where: tuple[str, int]) -> tuple[str, int]:
        node = self._node
        # Bound here: the event loop would keep the reason to itself where it fails.
        taken = socket.socket(family, socket.SOCK_DGRAM)
        try:
            taken.setblocking(False)
            taken.bind(where)
        except OSError:
            taken.close()
            raise
        transport, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Datagrams(
                node.keys.sealing.public,
                partial(self._sessions.serve, carrier=Carrier.DATAGRAMS),
                node.config.sessions_max,
            ),
            sock=taken,
        )
        self._datagrams.append(datagrams)
        host, port = transport.get_extra_info("sockname")[:2]
        return host, port

    async def stop(self) -> None:
        """Accept nothing more, give running sessions their time, then let go."""
        await self._listeners.stop()
        await self._sessions.stop(self._node.config.stop_s)
        for datagrams in self._datagrams:
            await datagrams.stop()
        await self._node.background.end(SILENCE, KEEPER)
        await self._metrics.stop()
        await self._runner.cleanup()

    async def _close_silent(self) -> None:
        """Close connections that made no request: each takes one of the files that we may open."""
        before: set[object] = set()
        while (server := self._runner.server) is not None:
            self._forget_closed()
            silent = set(server.connections) - self._heard
            for connection in silent & before:
                connection.force_close()
            before = set(silent)
            await asyncio.sleep(min(SILENT_S, self._node.config.idle_s))

    def _forget_closed(self) -> None:
        server = self._runner.server
        self._heard &= set() if server is None else set(server.connections)
        self._heard_most = max(HEARD_LEAST, 2 * len(self._heard))

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._heard.add(request.protocol)
        if len(self._heard) > self._heard_most:
            # A crowd that comes and goes leaves nothing here.
            self._forget_closed()
        prefer_bbr(request.transport)
        return await handler(request)

    @property
    def urls(self) -> list[str]:
        """Where it listens, for whatever."""
        return [*self._listeners.urls(), *self._datagram_urls, *self.metrics_urls]

    @property
    def metrics_urls(self) -> list[str]:
        """Where it answers Prometheus."""
        return self._metrics.urls

    @property
    def sessions_running(self) -> int:
        """How many sessions are being served."""
        return self._sessions.running

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        link = ExchangeLink(request)
        await self._sessions.serve(link, Carrier.EXCHANGE)
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
            await self._sessions.serve(link, Carrier.WEBSOCKET)
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
        card = self._card.read().envelope
        return web.Response(body=card, content_type="application/octet-stream", headers=headers)

    async def _tell_health(self, _: web.Request) -> web.StreamResponse:
        await self._health.check()
        return web.Response(text="ok\n", headers={"Cache-Control": "no-store"})


def status_of(error: QanatError) -> int:
    """The HTTP status that an error becomes where a session has not begun."""
    if isinstance(error, BadChannel):
        return 400
    if isinstance(error, (Busy, StoreError, WorkFailed)):
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
            tell(Event.REQUEST_FAILED, error=True)
        headers = {"Retry-After": "30"} if status == 503 else {}
        return web.Response(status=status, text=f"{error}\n", headers=headers)
    except web.HTTPException as refusal:
        raise plain(refusal) from None
    except ConnectionError:
        # Whoever asked has hung up before the answer began: nobody hears, and it is no error.
        return web.Response()
