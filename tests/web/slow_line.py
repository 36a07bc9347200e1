"""A line to a relay that is as slow as it is told, and counts what goes up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PIECE_BYTES = 8192


@dataclass
class SlowLine:
    """Between a port of loopback and a relay's. `up_bytes_s`: how fast it takes what goes up."""

    port: int
    relay_port: int
    up_bytes_s: float
    up_bytes: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    enough_bytes: int = 2**62

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.relay_port)
        ways = [
            asyncio.create_task(self._up(reader, back)),
            asyncio.create_task(_down(there, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            back.transport.abort()
            writer.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(PIECE_BYTES):
                self.up_bytes += len(data)
                if self.up_bytes >= self.enough_bytes:
                    self.enough.set()
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(len(data) / self.up_bytes_s)


async def _down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def slow_line(port: int, relay_port: int, *, up_bytes_s: float) -> AsyncIterator[SlowLine]:
    """The line, as long as the block lasts."""
    line = SlowLine(port, relay_port, up_bytes_s)
    server = await asyncio.start_server(line.meet, "127.0.0.1", port, limit=PIECE_BYTES)
    try:
        yield line
    finally:
        server.close()
