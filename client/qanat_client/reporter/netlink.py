"""Hears from the system that a network came or went (rtnetlink, Linux). Goes to no network."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager

from qanat_client.errors import BadInput
from qanat_client.reporter.rtnetlink import (
    ADDRESSES,
    LINKS,
    ROUTES,
    Way,
    is_last,
    question,
    ways_in,
)

__all__ = ["Network", "watch_network"]

# linux/rtnetlink.h: links, addresses and routes, of IPv4 and IPv6.
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400

_MESSAGE_BYTES = 65_536

_ANSWER_S = 2.0
"""How long the system may take to answer; it never has to wait for anything."""

_MOST_ANSWERS = 4096
"""What is read of its answer: a device with more routes is a router of the whole internet."""

_TOGETHER_S = 0.05
"""A network that comes up tells of itself many times at once: an address, its routes, the default
route. What follows so soon belongs to it; waiting for longer would waste the window."""


class Network:
    """What the system tells of its networks: on `told` that something has changed, by `ask` (which
    may raise OSError) what there is."""

    def __init__(self, told: socket.socket, ask: Callable[[], Iterable[bytes]]) -> None:
        self._told = told
        self._ask = ask

    async def changed(self) -> None:
        """Wait until the system tells of a change, and for what it tells with it."""
        loop = asyncio.get_running_loop()
        await self._heard(loop)
        await asyncio.sleep(_TOGETHER_S)
        while self._is_told():
            pass

    def ways(self) -> frozenset[Way] | None:
        """What there is now; None where the system does not say."""
        try:
            return ways_in(self._ask())
        except OSError:
            return None

    async def _heard(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await loop.sock_recv(self._told, _MESSAGE_BYTES)
        except OSError as error:
            # The system drops messages that nobody reads: that too is a change.
            if error.errno != errno.ENOBUFS:
                raise BadInput(f"the system tells no more of networks ({error})") from error

    def _is_told(self) -> bool:
        try:
            return bool(self._told.recv(_MESSAGE_BYTES))
        except BlockingIOError:
            return False
        except OSError as error:
            return error.errno == errno.ENOBUFS


def _answers() -> Iterator[bytes]:
    with _routing_socket() as asking:
        asking.settimeout(_ANSWER_S)
        for kind in (LINKS, ADDRESSES, ROUTES):
            asking.sendto(question(kind), (0, 0))
            for _ in range(_MOST_ANSWERS):
                data = asking.recv(_MESSAGE_BYTES)
                yield data
                if is_last(data):
                    break


def _routing_socket() -> socket.socket:
    """Raises OSError where there is none."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        raise OSError("it has no way to")
    return socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)


@asynccontextmanager
async def watch_network() -> AsyncIterator[Network]:
    """Begin to listen. Raises BadInput where the system can't tell."""
    try:
        told = _routing_socket()
        told.setblocking(False)
        try:
            told.bind((0, _GROUPS))
        except OSError:
            told.close()
            raise
    except OSError as error:
        raise BadInput(
            f"this system does not tell of networks that come ({error}): use --every SECONDS"
        ) from None
    with told:
        yield Network(told, _answers)
