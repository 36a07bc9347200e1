"""Hears from the system that a network came or went (rtnetlink, Linux). Sends nothing."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qanat_client.errors import BadInput

__all__ = ["NetworkChanges", "watch_network"]

# linux/rtnetlink.h: links, addresses and routes, of IPv4 and IPv6.
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_SETTLE_S = 2.0
"""A network that comes up tells of itself many times within a second."""


class NetworkChanges:
    """What the system has told since it was asked last."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told

    async def next(self) -> None:
        """Wait for a change, and until no more of them follow at once."""
        loop = asyncio.get_running_loop()
        await self._heard(loop)
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.wait_for(self._heard(loop), _SETTLE_S)

    async def _heard(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await loop.sock_recv(self._told, 65_536)
        except OSError as error:
            # The system drops messages that nobody reads: that too is a change.
            if error.errno != errno.ENOBUFS:
                raise


@asynccontextmanager
async def watch_network() -> AsyncIterator[NetworkChanges]:
    """Begin to listen. Raises BadInput where the system can't tell."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        raise BadInput("this system can't tell of networks that come: use --every SECONDS")
    try:
        told = socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    except OSError as error:
        raise BadInput(f"the system does not tell of networks ({error}): use --every") from None
    with told:
        told.setblocking(False)
        try:
            told.bind((0, _GROUPS))
        except OSError as error:
            raise BadInput(f"the system does not tell of networks ({error}): use --every") from None
        yield NetworkChanges(told)
