"""Connections through a SOCKS5 proxy (RFC 1928, RFC 1929), such as Tor. Never looks a name up."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_exceptions import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
)

from qanat_client.errors import BadInput

__all__ = ["SocksConnector", "SocksProxy", "keep_little_unsent", "parse_socks"]

_UNSENT_BYTES = 32_768

_REPLIES = {
    1: "general failure",
    2: "not allowed",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


@dataclass(frozen=True, slots=True)
class SocksProxy:
    """Where the proxy listens, and who asks; user and password also part Tor's circuits."""

    host: str
    port: int
    user: str = ""
    password: str = ""


def parse_socks(url: str) -> SocksProxy:
    """Read `socks5h://` or `socks5://`; both leave names to the proxy. Raises BadInput."""
    parts = urlsplit(url)
    try:
        port = parts.port or 1080
    except ValueError:
        raise BadInput(f"the proxy {url} has no usable port") from None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    too_long = max(len(user.encode()), len(password.encode())) > 255
    if parts.scheme not in ("socks5", "socks5h") or not parts.hostname or too_long:
        raise BadInput(f"not a proxy address: {url} (like socks5h://127.0.0.1:9050)")
    return SocksProxy(parts.hostname, port, user, password)


def keep_little_unsent(sock: socket.socket) -> None:
    """Hold back in the program what the line can't take yet, so that a letter written meanwhile
    passes an original, and so that "taken" comes close to "sent". Where the system can't, it
    works without.
    """
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, option, _UNSENT_BYTES)


async def _read(loop: asyncio.AbstractEventLoop, sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await loop.sock_recv(sock, size - len(data))
        if not more:
            raise ConnectionError("the proxy hung up")
        data += more
    return data


async def _authenticate(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, proxy: SocksProxy
) -> None:
    with_user = bool(proxy.user or proxy.password)
    await loop.sock_sendall(sock, b"\x05\x01" + (b"\x02" if with_user else b"\x00"))
    version, method = await _read(loop, sock, 2)
    if version != 5 or method != (2 if with_user else 0):
        raise ConnectionError("the proxy takes no SOCKS5 from us")
    if with_user:
        user, password = proxy.user.encode(), proxy.password.encode()
        request = bytes([1, len(user)]) + user + bytes([len(password)]) + password
        await loop.sock_sendall(sock, request)
        if (await _read(loop, sock, 2))[1] != 0:
            raise ConnectionError("the proxy refused the user name and password")


async def _ask(loop: asyncio.AbstractEventLoop, sock: socket.socket, host: str, port: int) -> None:
    try:
        address = ipaddress.ip_address(host)
        target = (b"\x01" if address.version == 4 else b"\x04") + address.packed
    except ValueError:
        name = host.encode("idna")
        target = bytes([3, len(name)]) + name
    await loop.sock_sendall(sock, b"\x05\x01\x00" + target + port.to_bytes(2))
    _, reply, _, kind = await _read(loop, sock, 4)
    if reply != 0:
        raise ConnectionError(f"the proxy says: {_REPLIES.get(reply, f'reply {reply}')}")
    length = {1: 4, 4: 16}.get(kind) or (await _read(loop, sock, 1))[0]
    await _read(loop, sock, length + 2)


class _Unresolved(AbstractResolver):
    """Gives names back as they are."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found: ResolveResult = {
            "hostname": host,
            "host": host,
            "port": port,
            "family": socket.AF_INET,
            "proto": 0,
            "flags": 0,
        }
        return [found]

    async def close(self) -> None:
        pass


class SocksConnector(aiohttp.TCPConnector):
    """An aiohttp connector whose every connection goes through one proxy."""

    def __init__(self, proxy: SocksProxy) -> None:
        super().__init__(resolver=_Unresolved(), use_dns_cache=False, force_close=True)
        self._proxy = proxy

    async def _dial(self, host: str, port: int) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._proxy.host, self._proxy.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            keep_little_unsent(sock)
            await loop.sock_connect(sock, address)
            await _authenticate(loop, sock, self._proxy)
            await _ask(loop, sock, host, port)
        except BaseException:
            sock.close()
            raise
        return sock

    async def _wrap_create_connection(  # type: ignore[override]
        self,
        *args: Any,
        req: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,
        client_error: type[ClientConnectorError] = ClientConnectorError,
        **kwargs: Any,
    ) -> Any:
        """The place where aiohttp makes a socket, with the proxy's instead of a direct one."""
        kwargs.pop("addr_infos", None)
        host, port = req.url.raw_host, req.url.port
        assert host is not None
        assert port is not None
        try:
            async with asyncio.timeout(timeout.sock_connect):
                sock = await self._dial(host, port)
                loop = asyncio.get_running_loop()
                return await loop.create_connection(*args, **kwargs, sock=sock)
        except ssl.CertificateError as error:
            raise ClientConnectorCertificateError(req.connection_key, error) from error
        except ssl.SSLError as error:
            raise ClientConnectorSSLError(req.connection_key, error) from error
        except TimeoutError:
            raise
        except OSError as error:
            raise client_error(req.connection_key, error) from error
