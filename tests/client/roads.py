"""Odd roads to a relay: proxies that buffer, stand in between, or speak SOCKS. Real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Seen:
    """What went through a road."""

    port: int = 0
    to_relay: bytearray = field(default_factory=bytearray)
    from_relay: bytearray = field(default_factory=bytearray)
    names: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    ended: int = 0


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


async def copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            record += data
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


async def _join(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, seen: Seen
) -> None:
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(
        copy(reader, up_writer, seen.to_relay), copy(up_reader, writer, seen.from_relay)
    )


@asynccontextmanager
async def man_in_the_middle(url: str, tls: ssl.SSLContext) -> AsyncIterator[Seen]:
    """Ends TLS with its own certificate, reads along, and passes everything on."""
    seen = Seen()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, port_of(url), seen)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    seen.port = server.sockets[0].getsockname()[1]
    async with server:
        yield seen


@asynccontextmanager
async def buffering_proxy(url: str, *, cuts_answers: bool = False) -> AsyncIterator[Seen]:
    """Hands a request on once it has ended; with `cuts_answers` its answer ends too early."""
    seen = Seen()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            seen.requests.append(head.split(b"\r\n")[0].decode())
            if b"chunked" not in head.lower():
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port_of(url))
                up_writer.write(head)
                await asyncio.gather(
                    copy(reader, up_writer, seen.to_relay),
                    copy(up_reader, writer, seen.from_relay),
                )
                return
            body = b""
            while not body.endswith(b"0\r\n\r\n"):
                more = await reader.read(65_536)
                if not more:
                    writer.close()
                    return
                body += more
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port_of(url))
            up_writer.write(head + body)
            await up_writer.drain()
            if cuts_answers:
                writer.write(await up_reader.read(300))
                writer.close()
                up_writer.close()
                return
            await copy(up_reader, writer, seen.from_relay)
            up_writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    async with server:
        yield seen


@asynccontextmanager
async def socks_proxy(port: int, *, user: str = "", password: str = "") -> AsyncIterator[Seen]:
    """A SOCKS5 proxy that knows every name as one port of loopback."""
    seen = Seen()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            _, count = await reader.readexactly(2)
            methods = await reader.readexactly(count)
            wanted = 2 if user else 0
            writer.write(bytes([5, wanted if wanted in methods else 0xFF]))
            if user:
                _, length = await reader.readexactly(2)
                said_user = (await reader.readexactly(length)).decode()
                (length,) = await reader.readexactly(1)
                said = (said_user, (await reader.readexactly(length)).decode())
                writer.write(bytes([1, 0 if said == (user, password) else 1]))
                if said != (user, password):
                    writer.close()
                    return
            _, _, _, kind = await reader.readexactly(4)
            length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
            seen.names.append((await reader.readexactly(length)).decode("latin-1"))
            await reader.readexactly(2)
            writer.write(b"\x05\x00\x00\x01" + bytes(6))
            await _join(reader, writer, port, seen)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    async with server:
        yield seen


@asynccontextmanager
async def silent_server() -> AsyncIterator[Seen]:
    """Takes connections and says nothing."""
    seen = Seen()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        with contextlib.suppress(OSError):
            while await reader.read(65_536):
                pass
        seen.ended += 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    async with server:
        yield seen
