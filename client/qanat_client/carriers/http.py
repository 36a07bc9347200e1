"""A link through a proxy, or over a WebSocket. Tells nothing of itself in its headers.

Redirects and cookies are refused, and the environment's proxies are not used. The straight way is
in `exchange`.
"""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from qanat_client.carriers.http_client import client_of
from qanat_client.carriers.link import Link, Single
from qanat_client.carriers.patience import Patience
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.tls import Tls
from qanat_client.carriers.transport import Transport
from qanat_client.errors import BadInput, BadPin, ClientError, Refused, Stalled, Unreachable
from qanat_protocol.limits import MAX_CARD_BYTES

__all__ = ["CARD_PATH", "fetch", "fetch_card", "open_proxied"]

CARD_PATH = "/v1/relay"
"""Where a relay gives its own card (relay/API.md)."""

_MESSAGE_BYTES = 4 << 20
_SENT_MESSAGE_BYTES = 1 << 20
"""What a relay takes at most in one WebSocket message (relay/API.md)."""

_RECEIVE_BYTES = 65_536


def _named(error: BaseException, address: str) -> ClientError:
    """The error that a person is shown for one of aiohttp's."""
    match error:
        case ClientError():
            return error
        case aiohttp.ClientConnectorCertificateError():
            return BadPin(f"{address} shows a certificate that is not believed")
        case aiohttp.WSServerHandshakeError(status=status):
            return Refused(f"{address} opens no WebSocket (status {status})")
        case aiohttp.InvalidURL():
            return BadInput(f"not an address: {address}")
        case TimeoutError():
            return Unreachable(f"{address} does not answer")
        case aiohttp.ClientConnectorError(os_error=reason):
            known = reason.errno is not None and reason.errno > 0
            said = os.strerror(reason.errno or 0) if known else reason.strerror or str(reason)
            return Unreachable(f"{address} can't be reached ({said.lower()})")
        case _:
            return Unreachable(f"{address} can't be reached or hung up ({error})")


_FAILURES = (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError)


class _Exchange(Single):
    """One POST whose body is streamed while the answer is read."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: str,
        proxy: str | None,
        tls: ssl.SSLContext | bool,
        settings: CarrierSettings,
    ) -> None:
        self._address = address
        self._patience = Patience(address, settings.stall_s)
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._connected = asyncio.Event()
        self._dead: ClientError | None = None
        self._request = asyncio.create_task(
            session.post(
                address + Transport.EXCHANGE.value,
                data=self._body(),
                headers={"Content-Type": "application/octet-stream"},
                proxy=proxy,
                ssl=tls,
                allow_redirects=False,
            )
        )

    async def _body(self) -> AsyncIterator[bytes]:
        self._connected.set()
        while (chunk := await self._chunks.get()) is not None:
            yield chunk
            self._patience.moved(len(chunk))

    def _die(self, error: BaseException) -> ClientError:
        self._dead = self._dead or _named(error, self._address)
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                self._chunks.get_nowait()
        return self._dead

    async def connect(self, connect_s: float) -> None:
        connected = asyncio.create_task(self._connected.wait())
        try:
            await asyncio.wait(
                {connected, self._request},
                timeout=connect_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            connected.cancel()
        if self._request.done() and (error := self._request.exception()) is not None:
            raise self._die(error)
        if not self._connected.is_set():
            raise self._die(TimeoutError())

    async def _put(self, chunk: bytes | None) -> None:
        if self._dead is not None:
            raise self._dead
        try:
            await self._patience.wait(asyncio.ensure_future(self._chunks.put(chunk)))
        except Stalled as error:
            raise self._die(error) from None
        if self._dead is not None:
            raise self._dead

    async def send(self, data: bytes) -> None:
        await self._put(data)

    def rest(self, resting: bool) -> None:
        self._patience.rest(resting)

    async def finish_sending(self) -> None:
        await self._put(None)

    async def _answer(self) -> aiohttp.ClientResponse:
        return await asyncio.shield(self._request)

    async def receive(self) -> bytes:
        if self._dead is not None:
            raise self._dead
        try:
            response = await self._patience.wait(asyncio.ensure_future(self._answer()))
            if response.status != 200:
                raise Refused(f"{self._address} answered with status {response.status}")
            read = response.content.read(_RECEIVE_BYTES)
            return await self._patience.wait(asyncio.ensure_future(read))
        except (*_FAILURES, ClientError) as error:
            raise self._die(error) from error

    async def close(self) -> None:
        self._die(Unreachable(f"the link to {self._address} is closed"))
        self._request.cancel()
        with contextlib.suppress(asyncio.CancelledError, ClientError, *_FAILURES):
            (await self._request).close()


class _WebSocket(Single):
    """One WebSocket of binary messages, read as one stream of bytes."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, address: str, stall_s: float
    ) -> None:
        self._socket = socket
        self._address = address
        self._patience = Patience(address, stall_s)

    async def send(self, data: bytes) -> None:
        try:
            for start in range(0, len(data), _SENT_MESSAGE_BYTES):
                message = data[start : start + _SENT_MESSAGE_BYTES]
                sending = asyncio.ensure_future(self._socket.send_bytes(message))
                await self._patience.wait(sending)
                self._patience.moved(len(message))
        except _FAILURES as error:
            raise _named(error, self._address) from error

    def rest(self, resting: bool) -> None:
        self._patience.rest(resting)

    async def finish_sending(self) -> None:
        """A WebSocket has no half-closed state: the session's END says it."""

    async def receive(self) -> bytes:
        try:
            while True:
                receiving = asyncio.ensure_future(self._socket.receive())
                message = await self._patience.wait(receiving)
                if message.type is aiohttp.WSMsgType.BINARY:
                    if message.data:
                        self._patience.moved(len(message.data))
                        return bytes(message.data)
                elif message.type is aiohttp.WSMsgType.TEXT:
                    raise Refused(f"{self._address} speaks another protocol")
                else:
                    return b""
        except _FAILURES as error:
            raise _named(error, self._address) from error

    async def close(self) -> None:
        with contextlib.suppress(*_FAILURES):
            await asyncio.wait_for(self._socket.close(), 1.0)


def _hear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The library's own task that writes a request may end with the connection and be asked by
    nobody: the session has told of that, and a person is shown no traceback for it."""
    is_lost = isinstance(context.get("exception"), (ConnectionError, aiohttp.ClientError))
    if not (is_lost and "never retrieved" in context["message"]):
        loop.default_exception_handler(context)


def _judged(url: str, tls: Tls) -> ssl.SSLContext | bool:
    return tls.context if url.startswith("https:") else True


@asynccontextmanager
async def open_proxied(
    address: str, *, transport: Transport, settings: CarrierSettings, pin: bytes | None = None
) -> AsyncIterator[Link]:
    """A link to the relay at `address` (an http(s) URL of host and port), closed on leaving.

    `pin` is the SHA-256 of the only public key (SubjectPublicKeyInfo) that is believed. Raises
    Unreachable, BadPin, Refused, BadInput.
    """
    address = address.rstrip("/")
    tls = Tls(settings, pin)
    session, proxy = client_of(settings, tls)
    judged = _judged(address, tls)
    asyncio.get_running_loop().set_exception_handler(_hear)
    async with session:
        if transport is Transport.EXCHANGE:
            exchange = _Exchange(session, address, proxy, judged, settings)
            try:
                await exchange.connect(settings.connect_s)
                yield exchange
            finally:
                await exchange.close()
            return
        try:
            async with asyncio.timeout(settings.connect_s):
                websocket = await session.ws_connect(
                    address + transport.value,
                    proxy=proxy,
                    ssl=judged,
                    max_msg_size=_MESSAGE_BYTES,
                    compress=0,
                )
        except _FAILURES as error:
            raise _named(error, address) from error
        link = _WebSocket(websocket, address, settings.stall_s)
        try:
            yield link
        finally:
            await link.close()


async def fetch(
    url: str, *, max_bytes: int, settings: CarrierSettings, pin: bytes | None = None
) -> bytes:
    """The body of one GET, for cards. Raises Unreachable, BadPin, Refused, BadInput."""
    tls = Tls(settings, pin)
    session, proxy = client_of(settings, tls)
    judged = _judged(url, tls)
    try:
        async with (
            session,
            asyncio.timeout(settings.stall_s),
            session.get(url, proxy=proxy, ssl=judged, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise Refused(f"{url} answered with status {response.status}")
            data = b""
            while more := await response.content.read(_RECEIVE_BYTES):
                data += more
                if len(data) > max_bytes:
                    raise Refused(f"{url} is larger than {max_bytes:,} bytes")
            return data
    except _FAILURES as error:
        raise _named(error, url) from error


async def fetch_card(address: str, settings: CarrierSettings) -> bytes:
    """A relay's own card, from itself and not looked at. Raises as `fetch` does."""
    return await fetch(f"{address}{CARD_PATH}", max_bytes=MAX_CARD_BYTES, settings=settings)
