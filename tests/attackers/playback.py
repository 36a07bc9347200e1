"""Someone in the line who records what a relay answers and gives it again later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.client.roads import copy


@dataclass
class Line:
    """Passes everything on; once it `plays_back`, it gives each request the first answer."""

    port: int = 0
    plays_back: bool = False
    answers: list[bytearray] = field(default_factory=list)


@asynccontextmanager
async def recorded(url: str) -> AsyncIterator[Line]:
    """A line to a relay (a plain URL) that remembers."""
    line = Line()
    relay_port = urlsplit(url).port

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line.plays_back:
            writer.write(bytes(line.answers[0]))
            await copy(reader, writer, bytearray())
            return
        line.answers.append(bytearray())
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", relay_port)
        await asyncio.gather(
            copy(reader, up_writer, bytearray()), copy(up_reader, writer, line.answers[-1])
        )

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    async with server:
        yield line
