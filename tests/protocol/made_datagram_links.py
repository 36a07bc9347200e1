"""Two ends of a connection of datagrams and what lies between them, in a time of their own."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from benchmarks.bad_link import Way

from qanat_protocol.datagram import CONNECTION_BYTES, Datagram, Mask
from qanat_protocol.datagram_incoming import Room
from qanat_protocol.datagram_pace import Pace, Sent
from qanat_protocol.datagram_stream import DatagramStream
from qanat_protocol.errors import Malformed

__all__ = [
    "KEY",
    "WINDOW",
    "Carrier",
    "End",
    "Narrow",
    "Network",
    "Pair",
    "Rough",
    "arrive",
    "first_flight",
    "go",
    "heard",
    "piece",
    "relay_stream",
    "rough_pair",
    "said",
    "write_all",
]

KEY = bytes(range(256)) * 4 + bytes(192)
WINDOW = 1 << 20
HEADERS_BYTES = 28
"""IPv4 and UDP, which a line carries as well."""

MOST_AT_ONCE = 5000
"""So many steps without time going on are a loop without end."""


class Carrier(Protocol):
    """One direction of a link."""

    def take(self, size_bytes: int, now_s: float) -> Sequence[float]:
        """When a datagram that enters now comes out: never, once or several times."""


@dataclass
class Rough:
    """Loses, doubles and delays datagrams by chance, each on its own; is away for a while."""

    chance: Random
    loss: float = 0.0
    doubles: float = 0.0
    least_s: float = 0.01
    most_s: float = 0.01
    away: tuple[float, float] = (math.inf, math.inf)

    def take(self, size_bytes: int, now_s: float) -> list[float]:
        """As Carrier.take."""
        copies = 2 if self.chance.random() < self.doubles else 1
        if self.away[0] <= now_s < self.away[1]:
            return []
        return [
            now_s + self.chance.uniform(self.least_s, self.most_s)
            for _ in range(copies)
            if self.chance.random() >= self.loss
        ]


@dataclass
class Narrow:
    """A line of a rate and a queue, which others may use as well. waited_s: in its queue, and when
    each of them came out; of those that got through."""

    way: Way
    waited_s: list[tuple[float, float]] = field(default_factory=list)

    def take(self, size_bytes: int, now_s: float) -> list[float]:
        """As Carrier.take."""
        line, wire_bytes = self.way.line, size_bytes + HEADERS_BYTES
        at_s = self.way.take(wire_bytes, now_s)
        if at_s is None:
            return []
        least_s = line.rtt_ms / 2000 + wire_bytes / line.bytes_per_s
        self.waited_s.append((at_s, at_s - now_s - least_s))
        return [at_s]


@dataclass
class End:
    """One side: its stream, what it has read, and what became of what it sent."""

    stream: DatagramStream
    reads: Mask
    carrier: Carrier
    is_reading: bool = True
    came: bytearray = field(default_factory=bytearray)
    sent: list[tuple[float, bytes]] = field(default_factory=list)
    refused: int = 0

    def send_due(self, now_s: float) -> list[tuple[float, bytes]]:
        """What goes out, with the times at which it arrives."""
        out = self.stream.due(now_s)
        self.sent += [(now_s, data) for data in out]
        assert self.stream.wake_s(now_s) > now_s, "it wants to be asked again, and has nothing"
        return [(at_s, data) for data in out for at_s in self.carrier.take(len(data), now_s)]

    def take(self, data: bytes, now_s: float) -> None:
        """A datagram has come."""
        try:
            self.stream.receive(self.reads.read(data), len(data), now_s)
        except Malformed:
            self.refused += 1

    def read(self) -> None:
        """Read what there is, unless the program does something else."""
        if self.is_reading:
            self.came += self.stream.read()


class Network:
    """Pairs in one time."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.began_s = self.now_s
        self.pairs: list[Pair] = []
        self._arrivals: list[tuple[float, int, End, bytes]] = []
        self._count = 0

    def run(self, for_s: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass, until a condition holds. Whether it does."""
        end_s = self.now_s + for_s
        at_once = 0
        self._turn()
        while not until():
            wakes = [end.stream.wake_s(self.now_s) for pair in self.pairs for end in pair.ends]
            next_s = min([*wakes, self._arrivals[0][0] if self._arrivals else math.inf])
            if next_s > end_s:
                self.now_s = end_s
                return until()
            at_once = at_once + 1 if next_s <= self.now_s else 0
            assert at_once < MOST_AT_ONCE, "time stands still"
            self.now_s = next_s
            while self._arrivals and self._arrivals[0][0] <= self.now_s:
                _, _, end, data = heapq.heappop(self._arrivals)
                end.take(data, self.now_s)
            self._turn()
        return True

    def _turn(self) -> None:
        for pair in self.pairs:
            for end, other in (pair.ends, pair.ends[::-1]):
                end.read()
                for at_s, data in end.send_due(self.now_s):
                    self._count += 1
                    heapq.heappush(self._arrivals, (at_s, self._count, other, data))


class Pair:
    """A client, a relay and two ways between them, in a network of their own if they get none."""

    def __init__(self, there: Carrier, back: Carrier, network: Network | None = None) -> None:
        self.network = network or Network()
        number = len(self.network.pairs)
        self.connection = bytes([number]) * CONNECTION_BYTES
        masks = [Mask(KEY, to_relay=to_relay) for to_relay in (True, False)]
        self.client, self.relay = (
            End(
                DatagramStream(
                    self.connection,
                    1000 * (1 + is_client),
                    self.network.now_s,
                    mask=masks[not is_client],
                    is_proven=is_client,
                ),
                masks[is_client],
                carrier,
            )
            for is_client, carrier in ((True, there), (False, back))
        )
        self.ends = (self.client, self.relay)
        self.network.pairs.append(self)

    def run(self, for_s: float, until: Callable[[], bool] = lambda: False) -> bool:
        """As Network.run."""
        return self.network.run(for_s, until)

    def is_done(self) -> bool:
        """Whether both have heard the other to its end, and know that they were heard."""
        return all(end.stream.is_over and end.stream.is_delivered for end in self.ends)

    def datagrams(self, end: End) -> list[Datagram]:
        """What an end has sent, as it meant it."""
        mask = self.relay.reads if end is self.client else self.client.reads
        return [mask.read(data) for _, data in end.sent]


def said(seed: int, size: int) -> bytes:
    """So many bytes, always the same for a seed."""
    return Random(seed).randbytes(size)


def rough_pair(seed: int, **kind: float) -> Pair:
    """A pair on a line that is rough in this way."""
    return Pair(Rough(Random(seed), **kind), Rough(Random(-seed - 1), **kind))  # type: ignore[arg-type]


def write_all(end: End, data: bytes) -> None:
    """All that an end has to say."""
    end.stream.write(data)
    end.stream.finish()


def first_flight(size: int = 1200) -> bytes:
    """What a client says first: as long as a channel's first bytes."""
    return b"QNT" + said(1, size - 3)


def relay_stream(room: Room | None = None) -> DatagramStream:
    """A relay's end alone, that begins at second 0."""
    mask = Mask(KEY, to_relay=False)
    return DatagramStream(b"connects", 1000, 0.0, mask=mask, is_proven=False, room=room)


def heard(stream: DatagramStream, now_s: float) -> list[Datagram]:
    """What goes out now, as the client reads it."""
    mask = Mask(KEY, to_relay=False)
    return [mask.read(data) for data in stream.due(now_s)]


def piece(number: int, offset: int, data: bytes, *, is_last: bool = False) -> Datagram:
    """A piece that a client sends to it."""
    return Datagram(b"connects", number, None, offset, data, is_last)


def go(pace: Pace, now_s: float, offset: int = 0, *, is_idle: bool = False) -> Sent:
    """A full datagram goes out."""
    return pace.send(now_s, 1350, (offset, 1294, False), is_idle=is_idle)


def arrive(pace: Pace, sent: Sent, now_s: float, delay_s: float = 0.0) -> None:
    """One is acknowledged, by itself."""
    pace.measured(now_s - sent.at_s, delay_s, now_s)
    pace.arrived(sent, now_s)
    pace.turn(now_s)
