"""The way out of the country: a SOCKS5 proxy (RFC 1928) on loopback that is open or shut.

Owns the shutdown of the demonstration. Never looks into what it carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import struct
import time

_PIECE_BYTES = 16_384
_ADDRESS_BYTES = {1: 4, 4: 16}
_GRANTED = b"\x05\x00\x00\x01" + bytes(6)


class Gate:
    """Carries connections to loopback ports while it is open, at a rate that all of them share.

    A shut gate aborts what runs through it and every new connection, in the middle of whatever is
    on its way. `carried_bytes` counts what went out.
    """

    def __init__(self, *, rate_bytes_s: int) -> None:
        self.rate_bytes_s = rate_bytes_s
        self.carried_bytes = 0
        self._is_open = False
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._free_at_s = {"out": 0.0, "in": 0.0}
        self._moved = asyncio.Event()

    @property
    def proxy(self) -> str:
        """For `qanat sync --proxy`."""
        if self._server is None:
            raise RuntimeError("the gate has not been built")
        return f"socks5h://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def build(self) -> None:
        """Listens on a free port. The gate starts out shut."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    def open(self) -> None:
        """Lets connections through from now on."""
        self._is_open = True

    def shut(self) -> None:
        """Cuts every connection."""
        self._is_open = False
        for writer in self._writers:
            writer.transport.abort()

    async def wait_for(self, carried_bytes: int) -> None:
        """Returns once so much went out, counted from the beginning."""
        while self.carried_bytes < carried_bytes:
            self._moved.clear()
            await self._moved.wait()

    def remove(self) -> None:
        """Shut for good."""
        self.shut()
        if self._server is not None:
            self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._is_open:
                await self._carry(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = await self._target(reader, writer)
        far_reader, far_writer = await asyncio.open_connection(host, port)
        self._writers.add(far_writer)
        try:
            writer.write(_GRANTED)
            await asyncio.gather(
                self._pump(reader, far_writer, "out"), self._pump(far_reader, writer, "in")
            )
        finally:
            self._writers.discard(far_writer)
            far_writer.transport.abort()

    async def _target(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int]:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind in _ADDRESS_BYTES:
            packed = await reader.readexactly(_ADDRESS_BYTES[kind])
            host = str(ipaddress.ip_address(packed))
        else:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode("ascii")
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ConnectionRefusedError("this gate leads to this machine only")
        return host, port

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        while piece := await reader.read(_PIECE_BYTES):
            now_s = time.monotonic()
            start_s = max(now_s, self._free_at_s[direction])
            self._free_at_s[direction] = start_s + len(piece) / self.rate_bytes_s
            await asyncio.sleep(start_s - now_s)
            writer.write(piece)
            await writer.drain()
            if direction == "out":
                self.carried_bytes += len(piece)
                self._moved.set()
        with contextlib.suppress(OSError):
            writer.write_eof()
