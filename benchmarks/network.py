"""Hosts joined by bad links: reads each packet that a host sends, and gives it to the other when
the links between them let it through. Nothing leaves the machine."""

from __future__ import annotations

import contextlib
import heapq
import os
import selectors
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.bad_link import Line, Tally, Way
from benchmarks.namespace import Namespace, remove_forgotten
from benchmarks.streams import UDP, Streams
from benchmarks.turns import LINKS, run_before_others

__all__ = ["Network", "address_of", "network"]

_NET = "10.77.0"
_IPV4 = 4
_PACKET_BYTES = 65_536
_AT_ONCE = 64
"""Packets that are read from one host before the others get their turn."""
_LONGEST_WAIT_S = 0.05
_LATE_S = 0.02
_BEFORE_S = 1e6
"""What the clock is short of at first: until it starts it shows less than any span's beginning."""


def address_of(number: int) -> str:
    """The IPv4 address of a network's first, second, ... host."""
    return f"{_NET}.{number}"


@dataclass(slots=True)
class _Host:
    """A namespace and the two ways of its line. first_sent_s: its first IPv4 packet, by the
    network's clock."""

    namespace: Namespace
    up: Way
    down: Way
    first_sent_s: float | None = None


@dataclass(order=True, slots=True)
class _Due:
    """A packet on its way: when it comes out of `way`, and to which host it goes."""

    at_s: float
    serial: int
    way: Way = field(compare=False)
    host: _Host = field(compare=False)
    packet: bytes = field(compare=False)


class Network:
    """Hosts by name, while they are there. Spans of lines count from `begin`, before which only
    lines that are always there carry anything."""

    def __init__(self, lines: Mapping[str, Line], seed: int) -> None:
        self._hosts = {
            name: _Host(
                Namespace(name, address_of(number)),
                Way(line, Random(f"{seed} {name} up")),
                Way(line, Random(f"{seed} {name} down")),
            )
            for number, (name, line) in enumerate(lines.items(), 1)
        }
        self._by_address = {
            bytes(map(int, host.namespace.address.split("."))): host
            for host in self._hosts.values()
        }
        self.streams = Streams()
        self._zero_s = time.monotonic() + _BEFORE_S
        self._stop = threading.Event()
        self._due: list[_Due] = []
        self._serial = 0
        self._late = 0
        self._given = 0
        self._thread = threading.Thread(target=self._play, name="links", daemon=True)

    def make(self) -> None:
        """Make the hosts and let packets flow. Raises OSError, CalledProcessError."""
        for host in self._hosts.values():
            host.namespace.make()
        self._thread.start()

    def remove(self) -> None:
        """End all programs that still run on the hosts, and remove them."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for host in self._hosts.values():
            host.namespace.remove()

    def begin(self) -> None:
        """The network's clock starts at 0, and no packet is known of yet."""
        for host in self._hosts.values():
            host.first_sent_s = None
        self._zero_s = time.monotonic()

    def now_s(self) -> float:
        """By the network's clock; far below 0 before it started."""
        return time.monotonic() - self._zero_s

    def wait_until(self, at_s: float) -> None:
        """Sleep until a time of the network's clock."""
        time.sleep(max(0.0, at_s - self.now_s()))

    def advance_to(self, at_s: float) -> None:
        """Move the clock forward: the time until then passes at once."""
        self._zero_s -= max(0.0, at_s - self.now_s())

    def address(self, host: str) -> str:
        """The host's IPv4 address."""
        return self._hosts[host].namespace.address

    def command(self, host: str, words: Sequence[str | Path]) -> list[str | Path]:
        """The argument list that runs a program on a host."""
        return self._hosts[host].namespace.command(words)

    def namespace(self, host: str) -> Namespace:
        """The host itself."""
        return self._hosts[host].namespace

    def tallies(self, host: str) -> tuple[Tally, Tally]:
        """What became of the packets that the host sent, and of those for it."""
        return self._hosts[host].up.tally, self._hosts[host].down.tally

    def first_sent_s(self, host: str) -> float | None:
        """When the host sent its first packet since `begin`."""
        return self._hosts[host].first_sent_s

    def stream_bytes(self, sender: str, receivers: Sequence[str]) -> int:
        """Bytes of TCP streams that went out, none counted twice."""
        return sum(
            stream.sent_bytes
            for receiver in receivers
            for stream in self.streams.between(self.address(sender), self.address(receiver))
        )

    def late_share(self) -> float:
        """The share of packets that came out too late as the machine was too busy for them."""
        return self._late / max(1, self._given)

    # The rest is the thread's.

    def _play(self) -> None:
        run_before_others(threading.get_native_id(), LINKS)
        with selectors.DefaultSelector() as selector:
            for host in self._hosts.values():
                selector.register(host.namespace.tun, selectors.EVENT_READ, host)
            while not self._stop.is_set():
                wait_s = self._due[0].at_s - time.monotonic() if self._due else _LONGEST_WAIT_S
                for key, _ in selector.select(min(_LONGEST_WAIT_S, max(0.0, wait_s))):
                    self._read(key.data)
                self._deliver()

    def _read(self, host: _Host) -> None:
        for _ in range(_AT_ONCE):
            try:
                packet = os.read(host.namespace.tun, _PACKET_BYTES)
            except OSError:
                # Nothing more, or its device is down.
                return
            receiver = self._by_address.get(packet[16:20])
            if packet[0] >> 4 != _IPV4 or receiver is None:
                continue
            if host.first_sent_s is None:
                host.first_sent_s = self.now_s()
            self.streams.see(packet)
            if packet[9] != UDP or (host.up.line.passes_udp and receiver.down.line.passes_udp):
                self._enter(host.up, receiver, packet)

    def _enter(self, way: Way, receiver: _Host, packet: bytes) -> None:
        out_s = way.take(len(packet), self.now_s())
        if out_s is not None:
            self._serial += 1
            due = _Due(self._zero_s + out_s, self._serial, way, receiver, packet)
            heapq.heappush(self._due, due)

    def _deliver(self) -> None:
        while self._due and self._due[0].at_s <= (now_s := time.monotonic()):
            due = heapq.heappop(self._due)
            self._given += 1
            self._late += now_s - due.at_s > _LATE_S
            if not due.way.give(len(due.packet), self.now_s()):
                continue
            if due.way is not due.host.down:
                self._enter(due.host.down, due.host, due.packet)
                continue
            with contextlib.suppress(OSError):
                # A device that is down takes nothing.
                os.write(due.host.namespace.tun, due.packet)


@contextmanager
def network(lines: Mapping[str, Line], seed: int = 1) -> Iterator[Network]:
    """Hosts that are there until the end of the block, addressed in the order of `lines`."""
    remove_forgotten()
    made = Network(lines, seed)
    try:
        made.make()
        yield made
    finally:
        made.remove()
