"""TCP connections that begin before the program that uses them is loaded. Imports nothing slow.

Loading takes an old device as long as a round trip of a bad line: both go on at once.
"""

from __future__ import annotations

import socket
import sys
import time
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from qanat_client.carriers.wire import Path, measure, tune

__all__ = ["AddressInfo", "Begun", "Dialling", "host_and_port", "make_socket"]

AddressInfo: TypeAlias = tuple[Any, Any, int, str, Any]
"""One of what `socket.getaddrinfo` finds."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A connection on its way, and when it was begun (time.monotonic)."""

    made: socket.socket
    begun_s: float


def host_and_port(address: str) -> tuple[str, int]:
    """Of an http(s) URL; the host is empty where there is none."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def make_socket(info: AddressInfo) -> socket.socket:
    """One for a connection to this address, which is not begun."""
    family, kind, protocol, _, _ = info
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    tune(made)
    return made


class _Call(Thread):
    """To one host. Its name may take seconds to be looked up, and nobody waits for that here."""

    def __init__(self, address: str, count: int) -> None:
        super().__init__(name="dialling", daemon=True)
        self._address = address
        self._count = count
        self._closing = Lock()
        self._closed = False
        self.found: list[AddressInfo] = []
        self.begun: list[Begun] = []

    def run(self) -> None:
        """Fails in silence: who needs the connection tries it again, and tells."""
        try:
            host, port = host_and_port(self._address)
            self.found = list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            # Of several the best is found by trying them in turn, which is not done here.
            if len(self.found) == 1:
                with self._closing:
                    self._begin(self.found[0])
        except (OSError, UnicodeError):
            return

    def _begin(self, info: AddressInfo) -> None:
        if self._closed:
            return
        all_made = [make_socket(info) for _ in range(self._count)]
        # One right behind the other: how far apart they are answered tells how wide the line is.
        for made in all_made:
            self.begun.append(Begun(made, time.monotonic()))
            made.connect_ex(info[-1])

    def close(self) -> None:
        """Let go of what was begun and not taken, and begin nothing more."""
        with self._closing:
            self._closed = True
            while self.begun:
                self.begun.pop().made.close()


class Dialling:
    """The connections that a run has begun early, each for one address. Nothing is dialled but on
    Linux: elsewhere a connection on its way can't be handed to asyncio."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    def dial(self, address: str, count: int) -> None:
        """Begin so many connections to the host of a URL; returns at once."""
        if sys.platform in ("linux", "android") and address not in self._calls:
            call = self._calls[address] = _Call(address, count)
            call.start()

    def __contains__(self, address: str) -> bool:
        """Whether it was dialled and not taken yet."""
        return address in self._calls

    def path(self, address: str) -> Path | None:
        """What was measured of the way to an address; None until a connection stands."""
        call = self._calls.get(address)
        found = (measure(begun.made) for begun in (call.begun if call is not None else ()))
        return next((path for path in found if path is not None and path.rtt_s), None)

    def let_go(self, address: str) -> None:
        """Close what was dialled for an address and not taken."""
        if (call := self._calls.pop(address, None)) is not None:
            call.close()

    def wait(self, address: str) -> None:
        """Until the host of an address is looked up, if it was dialled."""
        if (call := self._calls.get(address)) is not None:
            call.join()

    def take(self, address: str) -> tuple[list[AddressInfo], list[Begun]]:
        """After `wait`: the host's addresses and the connections to the only one, which are the
        caller's now. Both are empty where it was not found, or another has taken them."""
        call = self._calls.pop(address, None)
        return ([], []) if call is None else (call.found, call.begun)

    def close(self) -> None:
        """Let go of what nobody took."""
        while self._calls:
            _, call = self._calls.popitem()
            call.close()
