"""A bad link as it treats packets: rate, delay, loss, a queue that drops what is too much, times at
which it is there. Takes the clock as an argument and moves no packet itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

__all__ = ["ALWAYS", "Line", "Tally", "Way"]

Spans = tuple[tuple[float, float], ...]
ALWAYS: Spans = ((-math.inf, math.inf),)

_SMALLEST_QUEUE_BYTES = 3000
"""Two whole packets: with less no link would carry anything."""


@dataclass(frozen=True, slots=True)
class Line:
    """What stands between one host and all others.

    rate_kbit: each way, None for no limit; rtt_ms: both ways together; loss: the share of packets
    that is lost, each way; queue_ms: what waits at most, as time at this rate; open_s: from when
    until when it is there, in seconds of the network's clock; passes_udp: whether it lets out
    datagrams, too.
    """

    rate_kbit: float | None = None
    rtt_ms: float = 0.0
    loss: float = 0.0
    queue_ms: float = 500.0
    open_s: Spans = ALWAYS
    passes_udp: bool = True

    @property
    def bytes_per_s(self) -> float:
        """Each way; without a limit infinite."""
        return math.inf if self.rate_kbit is None else self.rate_kbit * 125.0

    def is_open(self, now_s: float) -> bool:
        """Whether it is there at this time. The end of a span is outside."""
        return any(start <= now_s < end for start, end in self.open_s)

    def open_seconds(self) -> float:
        """How long it is there in all."""
        return sum(end - start for start, end in self.open_s)

    def carries_bytes(self) -> float:
        """Rate by time: what goes through one way while it is there, headers and all."""
        return self.bytes_per_s * self.open_seconds()


@dataclass(slots=True)
class Tally:
    """Packets of one way, by what became of them, and the bytes of those that got through."""

    through: int = 0
    through_bytes: int = 0
    lost: int = 0
    overflowed: int = 0
    shut_out: int = 0


@dataclass(slots=True)
class Way:
    """One direction of a line: a queue, a transmitter of this rate, a delay."""

    line: Line
    chance: Random
    tally: Tally = field(default_factory=Tally)
    _free_at_s: float = -math.inf

    def take(self, size_bytes: int, now_s: float) -> float | None:
        """When a packet that enters now comes out at the other end; None if it never does."""
        line = self.line
        if not line.is_open(now_s):
            self.tally.shut_out += 1
            return None
        begins_s = max(self._free_at_s, now_s)
        if self._is_full(size_bytes, begins_s - now_s):
            self.tally.overflowed += 1
            return None
        self._free_at_s = begins_s + size_bytes / line.bytes_per_s
        if self.chance.random() < line.loss:
            # It took its time on the wire all the same.
            self.tally.lost += 1
            return None
        return self._free_at_s + line.rtt_ms / 2000.0

    def _is_full(self, size_bytes: int, waits_s: float) -> bool:
        if not waits_s:
            return False
        rate = self.line.bytes_per_s
        most_bytes = max(_SMALLEST_QUEUE_BYTES, rate * self.line.queue_ms / 1000.0)
        return waits_s * rate + size_bytes > most_bytes

    def give(self, size_bytes: int, now_s: float) -> bool:
        """Whether a packet that comes out now does so before the line is gone."""
        if not self.line.is_open(now_s):
            self.tally.shut_out += 1
            return False
        self.tally.through += 1
        self.tally.through_bytes += size_bytes
        return True
