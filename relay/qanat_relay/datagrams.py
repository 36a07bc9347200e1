"""Sessions that come as datagrams (SPEC section 23): which stream each belongs to, and how many
there are before an address has proved to be real. Never logs or keeps who sent them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias, cast

from qanat_client.carriers.datagrams import Pump
from qanat_client.carriers.wire import keep_room
from qanat_protocol.channel import MAGIC, PREAMBLE_BYTES
from qanat_protocol.datagram import FIRST_NUMBERS, Datagram, Mask
from qanat_protocol.datagram_incoming import Room
from qanat_protocol.datagram_stream import DatagramStream
from qanat_protocol.errors import BadChannel, Busy, Malformed
from qanat_relay.errors import LinkLost
from qanat_relay.link import Link

__all__ = ["Datagrams"]

LINGER_S = 10.0
"""How long the end of a session may take to arrive."""

UNPROVEN_SHARE = 4
"""Of so many places one may be held by those whose address could be anybody's."""

KEPT_FACTOR = 2
"""How many times the places there are connections at most: those too that are ending."""

ROOM_BYTES = 64 << 20
"""What all sessions together may hold that waits for other pieces, or for its turn to be read."""

Sender: TypeAlias = tuple[Any, ...]
"""An address as the system gives it; kept in memory alone, while its session runs."""


class DatagramLink:
    """One of them as a Link."""

    def __init__(self, pump: Pump, sender: Sender) -> None:
        self.pump = pump
        self.sender = sender

    async def receive(self) -> bytes:
        """The next bytes of the stream, b"" at its end."""
        data = await self.pump.read()
        if data is None:
            raise LinkLost("the other side has gone")
        return data

    async def send(self, data: bytes) -> None:
        """Hand bytes over; waits while the path takes no more."""
        if not await self.pump.write(data):
            raise LinkLost("the other side has gone")

    @property
    def is_unproven(self) -> bool:
        """Whether it goes on, and whoever it is with may be anywhere."""
        return not (self.is_gone or self.pump.stream.is_proven)

    @property
    def is_gone(self) -> bool:
        """As `Link.is_gone`."""
        return self.pump.is_closed or self.pump.stream.is_closed

    def abort(self) -> None:
        """Give it up, and say so."""
        self.pump.close()


class Datagrams(asyncio.DatagramProtocol):
    """One socket's. `serve` runs a session on a link to its end."""

    def __init__(
        self, relay_sealing_key: bytes, serve: Callable[[Link], Awaitable[None]], most: int
    ) -> None:
        self._incoming = Mask(relay_sealing_key, to_relay=True)
        self._outgoing = Mask(relay_sealing_key, to_relay=False)
        self._serve = serve
        self._room = Room(ROOM_BYTES)
        self.allow(most)
        self._links: dict[bytes, DatagramLink] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None
        self._is_stopping = False

    def allow(self, most: int) -> None:
        """Serve as many sessions from now on."""
        self._most_unproven = max(1, most // UNPROVEN_SHARE)
        self._most_kept = KEPT_FACTOR * most

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As the library calls it."""
        keep_room(transport.get_extra_info("socket"))
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Sender) -> None:
        """As the library calls it."""
        try:
            datagram = self._incoming.read(data)
        except Malformed:
            return
        link = self._links.get(datagram.connection)
        if link is None:
            if datagram.closes:
                return
            if not _begins(datagram):
                # Of a session that is over, or of the relay's life before this one.
                self._say_closed(datagram.connection, addr)
                return
            if self._is_stopping or len(self._links) >= self._most_kept:
                # As lost on the way: who is there comes again.
                return
            link = self._begin(datagram.connection, addr)
        elif link.sender != addr:
            # Its way led through another door: it begins anew, and need not find out by silence.
            if not datagram.closes:
                self._say_closed(datagram.connection, addr)
            return
        link.pump.take(datagram, len(data))

    def _say_closed(self, connection: bytes, address: Sender) -> None:
        number = secrets.randbelow(FIRST_NUMBERS)
        self._send(self._outgoing.write(Datagram(connection, number, closes=True)), address)

    def _send(self, data: bytes, address: Sender) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, address)

    def _begin(self, connection: bytes, address: Sender) -> DatagramLink:
        unproven = [link for link in self._links.values() if link.is_unproven]
        if len(unproven) >= self._most_unproven:
            # Who goes on sending is somewhere; one datagram under any sender costs nothing.
            min(unproven, key=lambda link: link.pump.stream.moved_bytes).abort()
        stream = DatagramStream(
            connection,
            secrets.randbelow(FIRST_NUMBERS),
            asyncio.get_running_loop().time(),
            mask=self._outgoing,
            is_proven=False,
            room=self._room,
        )
        link = DatagramLink(Pump(stream, lambda data: self._send(data, address)), address)
        self._links[connection] = link
        task = asyncio.create_task(self._run(connection, link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return link

    async def _run(self, connection: bytes, link: DatagramLink) -> None:
        try:
            if link.is_gone:
                # It made way before its turn came.
                return
            # Whoever never opened a channel is told nothing but what the channel itself answers.
            with suppress(BadChannel, Busy):
                await self._serve(link)
            if link.pump.stream.was_written:
                link.pump.finish()
                await link.pump.delivered(LINGER_S)
        finally:
            link.pump.close()
            link.pump.stream.forget()
            del self._links[connection]

    async def stop(self) -> None:
        """Take nothing more. Sessions have ended by then; what they said last has its time."""
        self._is_stopping = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=1.0)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        if self._transport is not None:
            self._transport.close()


def _begins(datagram: Datagram) -> bool:
    """Whether all of a preamble is there: nothing shorter costs the relay a session."""
    data = datagram.data or b""
    return datagram.offset == 0 and len(data) >= PREAMBLE_BYTES and data.startswith(MAGIC)
