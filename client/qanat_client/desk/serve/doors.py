"""Who may keep a connection open. Another program on this machine can open as many as it likes:
those that never asked as a window are few at a time and short; who comes next waits its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from aiohttp import web

__all__ = ["KEEP_ALIVE_S", "MAX_FIELD_BYTES", "MAX_HEADERS", "MAX_LINE_BYTES", "Doors"]

MOST_UNKNOWN: Final = 128
"""Connections of whoever did not show a session or a medium's address yet: a browser that loads the
page takes six."""

GRACE_S: Final = 0.1
"""So long each has at least, in which a window's whole request is there; then it goes for the next
that waits, the oldest first."""

UNKNOWN_S: Final = 15.0
"""So long it has at most."""

KEEP_ALIVE_S: Final = 75.0
"""Between two requests of a window."""

MAX_LINE_BYTES: Final = 4096
MAX_FIELD_BYTES: Final = 8190
MAX_HEADERS: Final = 48
"""Browsers send twenty, and cookies of every other program on this machine."""

AFTER_FAULT_S: Final = 0.2
"""Where the system gives no connection, being out of files."""


class Doors:
    """One listener's connections."""

    def __init__(self, *, most: int = MOST_UNKNOWN, seconds: float = UNKNOWN_S) -> None:
        self.most = most
        self.seconds = seconds
        self._unknown: dict[web.RequestHandler, float] = {}
        """When each was taken, the oldest first."""
        self._has_changed = asyncio.Event()
        self._is_closed = False

    @property
    def unknown(self) -> int:
        """How many are open of which nobody knows whose they are."""
        return len(self._unknown)

    async def keep(self, listener: socket.socket, make: Callable[[], web.RequestHandler]) -> None:
        """Take connections until cancelled. The socket listens and does not block."""
        loop = asyncio.get_running_loop()
        while True:
            await self._place(loop)
            try:
                async with asyncio.timeout(self.seconds):
                    connection, _ = await loop.sock_accept(listener)
            except TimeoutError:
                continue
            except OSError:
                await asyncio.sleep(AFTER_FAULT_S)
                continue
            if self._is_closed:
                connection.close()
                return
            with contextlib.suppress(OSError):
                _, protocol = await loop.connect_accepted_socket(make, connection)
                self._unknown[protocol] = loop.time()
                loop.call_later(self.seconds, self._end, protocol)

    def close(self) -> None:
        """Let nobody else in."""
        self._is_closed = True

    def know(self, protocol: asyncio.BaseProtocol | None) -> None:
        """A window asked over this one: it may stay."""
        if isinstance(protocol, web.RequestHandler) and protocol in self._unknown:
            del self._unknown[protocol]
            self._has_changed.set()

    async def _place(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until there is a place for one more, or the oldest has had its time."""
        while len(self._unknown) >= self.most:
            oldest, taken_s = next(iter(self._unknown.items()))
            left_s = taken_s + GRACE_S - loop.time()
            if oldest.transport is None or left_s <= 0:
                self._end(oldest)
                continue
            self._has_changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._has_changed.wait()

    def _end(self, protocol: web.RequestHandler) -> None:
        if protocol in self._unknown:
            del self._unknown[protocol]
            if protocol.transport is not None:
                protocol.transport.abort()
