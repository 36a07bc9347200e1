"""A man in the middle with a certificate that the client believes. He reads all that TLS hides."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import trustme

_PIECE_BYTES = 16_384


class Middle:
    """Ends TLS on a port of loopback, keeps what passes, and passes it on to `forward_port`.

    `flip_out` and `flip_in` name one byte of each connection, counted from 0 in that direction,
    of which he changes a bit.
    """

    def __init__(self, folder: Path, forward_port: int) -> None:
        self.forward_port = forward_port
        self.flip_out: int | None = None
        self.flip_in: int | None = None
        self.record = bytearray()
        self.connections = 0
        self.flips = 0
        self.authority_file = folder / "authority.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.authority_file))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self._tls)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def stand(self, port: int) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", port, ssl=self._tls)

    async def leave(self) -> None:
        """Stop listening, and end what is under way."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.forward_port)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, far_writer, self.flip_out))
                    back = group.create_task(self._pass(far_reader, writer, self.flip_in))
                    back.add_done_callback(lambda _: writer.transport.abort())
            except* OSError:
                pass
            finally:
                far_writer.transport.abort()
                writer.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flip: int | None
    ) -> None:
        passed = 0
        while piece := await reader.read(_PIECE_BYTES):
            self.record += piece
            if flip is not None and passed <= flip < passed + len(piece):
                self.flips += 1
                changed = bytearray(piece)
                changed[flip - passed] ^= 0x01
                piece = bytes(changed)
            passed += len(piece)
            writer.write(piece)
            await writer.drain()
