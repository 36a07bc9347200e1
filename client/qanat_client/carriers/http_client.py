"""The HTTP client of a link that goes through a proxy, or is a WebSocket."""

from __future__ import annotations

import socket

import aiohttp
from aiohttp import AddrInfoType

from qanat_client.carriers.proxies import parse_proxy
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.tls import Tls
from qanat_client.carriers.wire import hold_back, tune
from qanat_client.errors import BadPin, Refused

__all__ = ["client_of"]

_SILENT = ("Accept", "Accept-Encoding", "User-Agent")


def _make_socket(address: AddrInfoType) -> socket.socket:
    made = socket.socket(*address[:3])
    tune(made)
    return made


def client_of(settings: CarrierSettings, tls: Tls) -> tuple[aiohttp.ClientSession, str | None]:
    """A session of its own for each link, and the HTTP proxy that its requests name.

    Raises BadInput for a proxy that is none.
    """
    proxy = None if settings.proxy is None else parse_proxy(settings.proxy)
    connector: aiohttp.BaseConnector
    if proxy is None or proxy.http_url:
        connector = aiohttp.TCPConnector(force_close=True, socket_factory=_make_socket)
    else:
        from qanat_client.carriers.socks import SocksConnector

        connector = SocksConnector(proxy)

    class Request(aiohttp.ClientRequest):
        """Looks at the connection before anything is said on it."""

        async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
            if (transport := conn.transport) is not None:
                hold_back(transport)
                try:
                    tls.check(transport.get_extra_info("ssl_object"))
                except BadPin:
                    transport.abort()
                    raise
            return await super().send(conn)

    async def refuse_redirect(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # A WebSocket's request would follow them to wherever they lead.
        response = await handler(request)
        if 300 <= response.status < 400:
            response.close()
            raise Refused(f"{request.url.origin()} answered with status {response.status}")
        return response

    session = aiohttp.ClientSession(
        connector=connector,
        middlewares=(refuse_redirect,),
        request_class=Request,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_SILENT,
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_s),
    )
    return session, None if proxy is None else proxy.http_url
