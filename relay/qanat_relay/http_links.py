"""The two ways that a session comes over HTTP: one streamed exchange, or a WebSocket.

Both are a Link; neither knows a frame.
"""

from __future__ import annotations

from aiohttp import ClientError, WSMsgType, web

from qanat_relay.errors import LinkLost

MAX_MESSAGE_BYTES = 2**20
"""A WebSocket message; the session inside is a stream, so how it is cut means nothing."""

CLOSE_S = 2.0
"""How long a WebSocket's other side may take to say goodbye."""

_HEADERS = {
    "Content-Type": "application/octet-stream",
    "Cache-Control": "no-store",
    # A proxy that gathers the answer first would turn one round trip into none.
    "X-Accel-Buffering": "no",
}


class ExchangeLink:
    """The body of a request in, the body of its response out, both at once.

    The response begins with the first bytes that are sent, so that what never was a session can
    still be answered by a status.
    """

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response: web.StreamResponse | None = None

    async def receive(self) -> bytes:
        """The next bytes of the request's body, b"" at its end."""
        try:
            return await self._request.content.readany()
        except (ConnectionError, ClientError, web.RequestPayloadError) as error:
            raise LinkLost("the request broke off") from error

    async def send(self, data: bytes) -> None:
        """Write to the response's body; waits while the other side is slow."""
        try:
            response = await self.open()
            await response.write(data)
        except (ConnectionError, ClientError) as error:
            raise LinkLost("the response broke off") from error

    def abort(self) -> None:
        """Close the connection without another byte."""
        _abort(self._request)

    @property
    def is_gone(self) -> bool:
        """As `Link.is_gone`."""
        return _is_gone(self._request)

    async def open(self) -> web.StreamResponse:
        """The response, begun if it was not."""
        if self._response is None:
            response = web.StreamResponse(headers=_HEADERS)
            await response.prepare(self._request)
            self._response = response
        return self._response


class WebSocketLink:
    """Binary messages in and out, taken as one stream each way."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        # Compressing what is sealed costs time, and lengths could tell of contents.
        self.response = web.WebSocketResponse(
            # The limit given here is the first size that is refused.
            compress=False,
            max_msg_size=MAX_MESSAGE_BYTES + 1,
            timeout=CLOSE_S,
        )

    async def receive(self) -> bytes:
        """The next message, b"" when the other side has closed."""
        while True:
            message = await self.response.receive()
            if message.type is WSMsgType.BINARY:
                if message.data:
                    return bytes(message.data)
            elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                return b""
            else:
                raise LinkLost("a message that is not binary, or too large")

    async def send(self, data: bytes) -> None:
        """Send messages; waits while the other side is slow."""
        try:
            for start in range(0, len(data), MAX_MESSAGE_BYTES):
                await self.response.send_bytes(data[start : start + MAX_MESSAGE_BYTES])
        except (ConnectionError, ClientError, RuntimeError) as error:
            raise LinkLost("the WebSocket broke off") from error

    def abort(self) -> None:
        """Close the connection without another byte."""
        _abort(self._request)

    @property
    def is_gone(self) -> bool:
        """As `Link.is_gone`."""
        return _is_gone(self._request)


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
