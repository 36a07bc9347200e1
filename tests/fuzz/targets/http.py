"""Target of a relay's HTTP side: any bytes on a real socket. What a session says is not its matter.

An input is a record of binaries: what the client writes, one piece after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tests.fuzz.folders import lasting_folder
from tests.fuzz.target import Shape, Target
from tests.protocol.samples import parses_or_refuses
from tests.relay.made_parcels import TODAY

from qanat_protocol.record import pack, unpack
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import HELLO, ClientSession
from qanat_protocol.signing import SigningKey
from qanat_relay.card import OwnCard
from qanat_relay.config import Config, store_limits
from qanat_relay.desks import Desks
from qanat_relay.keys import RelayKeys
from qanat_relay.logs import PrivateFormatter, _is_worth_a_line
from qanat_relay.node import Node
from qanat_relay.server import Server
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["TARGETS"]

_KEYS = RelayKeys(SigningKey(b"R" * 32), SealingSecret(b"S" * 32))
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3}) ")
_HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
TURNS = 40
"""How often the server has its turn behind a piece; on loopback it is there at once."""


class _Relay:
    """A relay that serves for as long as the process lives."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.host, self.port = self.runner.run(self._start())

    async def _start(self) -> tuple[str, int]:
        data = lasting_folder()
        config = replace(Config(), listen=("127.0.0.1:0",), stop_s=0)
        store = await SqliteStore.open(data / "store", store_limits(config))
        node = Node(config, _KEYS, store, Desks(data / "desks"), lambda: TODAY * 86_400.0)
        self._server = Server(node, data, OwnCard(data, config, _KEYS, node.peers))
        (url,) = await self._server.start()
        host, _, port = url.removeprefix("http://").partition(":")
        return host, int(port)

    async def ask(self, pieces: Iterable[bytes], *, hangs_up: bool) -> bytes:
        """All that comes back for these bytes, until the relay or the client hangs up."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            with contextlib.suppress(OSError):
                for piece in pieces:
                    writer.write(piece)
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
                if hangs_up:
                    writer.write_eof()
            answer = b""
            with contextlib.suppress(OSError):
                while data := await reader.read(65_536):
                    answer += data
            return answer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.contextmanager
def _logged() -> Iterator[io.StringIO]:
    """What would reach the operator's log."""
    handlers, level = logging.root.handlers[:], logging.root.level
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(PrivateFormatter())
    handler.addFilter(_is_worth_a_line)
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    try:
        yield told
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)


@functools.cache
def _relay() -> _Relay:
    return _Relay()


def _http(data: bytes) -> None:
    """Any bytes get an answer that is no failure of the relay's, or none; it serves the next."""
    values = parses_or_refuses(lambda data: unpack(data, max_bytes=1 << 20), data)
    pieces = [value for value in values or [] if isinstance(value, bytes)]
    if not pieces:
        return
    relay = _relay()
    with _logged() as log:
        answer = relay.runner.run(relay.ask(pieces, hangs_up=True))
    # Scanners must not fill the disk, and a client can do nothing that is an error of ours.
    assert log.getvalue() == "", log.getvalue()
    if (first := _STATUS.match(answer)) is not None:
        status = int(first[1])
        # The library has no better answer to an Expect that is no text.
        assert status < 500 or status == 503 or (status == 500 and b"xpect" in b"".join(pieces))
    assert answer == b"" or first is not None
    healthy = relay.runner.run(relay.ask([_HEALTH], hangs_up=False))
    assert healthy.startswith(b"HTTP/1.1 200 ")


def _socket_frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    """A WebSocket frame of a client, masked with zeros."""
    length = (
        bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
    )
    return bytes([opcode | 0x80 * last]) + length + bytes(4) + payload


def _seeds() -> Iterable[bytes]:
    session = ClientSession(_KEYS.sealing.public)
    said = session.start() + session.send(HELLO)
    upgrade = (
        b"GET /v1/sync HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    post = b"POST /v1/exchange HTTP/1.1\r\nHost: a\r\n"
    chunk = f"{len(said):x}".encode()
    for pieces in (
        [b"GET /v1/relay HTTP/1.1\r\nHost: a\r\n\r\n"],
        [_HEALTH, b"HEAD / HTTP/1.0\r\n\r\n"],
        [post + b"Content-Length: %d\r\n\r\n" % len(said), said],
        [post + b"Transfer-Encoding: chunked\r\n\r\n", chunk + b"\r\n" + said + b"\r\n0\r\n\r\n"],
        [post + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", b"abc"],
        [post + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"],
        [upgrade, _socket_frame(2, said), _socket_frame(9, b"ping"), _socket_frame(8, b"\x03\xe8")],
        [upgrade, _socket_frame(2, said[:9], last=False), _socket_frame(0, said[9:])],
        [upgrade, _socket_frame(1, b"text"), _socket_frame(3, b"")],
        [b"OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: b\r\n\r\nDELETE /v1/sync HTTP/1.1\r\n\r\n"],
        [b"GET /%2e%2e/\xff?a=%ZZ HTTP/1.1\r\nHost: a\r\nCookie: a\r\n\r\n"],
        [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ):
        yield pack(pieces)


TARGETS = (
    Target("http", _http, _seeds, Shape.RECORD, 4000, brief_runs=60,
           words=(b"\r\n", b"Content-Length: ", b"Transfer-Encoding: chunked", b"Host: a",
                  b" HTTP/1.1", b"Upgrade: websocket", b"Connection: close",
                  b"/v1/exchange", b"/v1/sync")),
)  # fmt: skip
