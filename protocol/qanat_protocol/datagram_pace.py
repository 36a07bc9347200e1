"""How fast datagrams go out: by what the path was seen to deliver, not by what it lost.

The method is that of BBR (draft-ietf-ccwg-bbr): the most that was delivered in the last rounds is
the line's rate, the least round trip its length, and about their product is kept on the way. No
I/O, no clock: times are seconds of the caller's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from qanat_protocol.datagram import MAX_DATAGRAM_BYTES

__all__ = ["Pace", "Sent"]

_FIRST_BYTES: Final = 16 * MAX_DATAGRAM_BYTES
"""What goes out before anything was heard: a round trip of 400 kbit/s and 400 ms."""

_TRAIN_BYTES: Final = 8 * MAX_DATAGRAM_BYTES
_TRAIN_S: Final = 0.2
"""How much of the first flight has to arrive, or how long, for its spacing to tell the line's rate:
acknowledgements come up to 25 ms late."""

_SPACED: Final = 2.0
"""What arrives no further apart than it was sent, little words now and then, tells nothing of the
line."""

_FIRST_RATE: Final = 100_000.0
"""How fast so much goes, in bytes a second."""

_REST_RATE: Final = 25_000.0
"""And the rest, until something was heard: a narrow line's short queue drops most of what came at
once, and shows it only by what gets through later."""

_SPARE_BYTES: Final = 2 * MAX_DATAGRAM_BYTES
"""Every second one is acknowledged."""

_START_GAIN: Final = 2.0
"""The rate may double with every round."""

_CYCLE: Final = (1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
"""One round looks for more, one gives back what it put into the queue, six keep still."""

_WINDOW_GAIN: Final = 1.25
"""BBR keeps twice the product; of two on one line the one that came first then keeps the other out,
and both overflow its queue."""

_JITTER_GAIN: Final = 6.0
"""What a round trip varies by is no queue of our making: without room for it, a line that jitters
looks slower with every round."""

_GROWTH: Final = 1.25
_QUEUES: Final = 1.25
"""A round trip so many times the least shows that something waits in the line's queue."""

_LATE_S: Final = 0.025
"""By how much programs that have other things to do are late at both ends, which is no queue."""

_ROUNDS: Final = 5
"""Of about two round trips each, for which the most that was delivered counts."""

_LEAST_RTT_S: Final = 30.0
"""For how long a shortest round trip counts."""


@dataclass(slots=True)
class Sent:
    """A datagram on its way, and how much had been delivered, and when, as it left."""

    at_s: float
    size_bytes: int
    delivered_bytes: int
    delivered_at_s: float
    first_at_s: float
    is_idle: bool
    offset: int
    length: int
    is_last: bool


class Pace:
    """Of one direction of one connection. rtt_s, least_rtt_s: 0 until something was measured."""

    def __init__(self, now_s: float) -> None:
        self.rtt_s = 0.0
        self.least_rtt_s = 0.0
        self.delivered_bytes = 0
        self.on_way_bytes = 0
        self._deviation_s = 0.0
        self._least_at_s = now_s
        self._delivered_at_s = now_s
        self._first_at_s = now_s
        self._round_ends_bytes = 0
        self._round_began_s = now_s
        self._idle_to_bytes = 0
        self._rates: deque[float] = deque(maxlen=_ROUNDS)
        self._rate = 0.0
        self._full_rate = 0.0
        self._train: tuple[float, int] | None = None
        self._overflows = False
        self._is_starting = True
        self._drains = False
        self._place = 2
        self._turned_at_s = now_s
        self._next_s = now_s

    # What may go

    @property
    def rate(self) -> float:
        """Bytes a second that go out now, or would if there were as many."""
        if not self._rate:
            is_first = self.on_way_bytes < _TRAIN_BYTES or self.delivered_bytes
            return _FIRST_RATE if is_first else _REST_RATE
        if self._is_starting:
            gain = _START_GAIN
        elif self._drains:
            gain = 1 / _START_GAIN
        else:
            gain = _CYCLE[self._place]
        return gain * self._rate

    @property
    def window_bytes(self) -> int:
        """How much may be on its way."""
        if not self._rate:
            return _FIRST_BYTES
        if self._is_starting:
            most_s = _START_GAIN * self.least_rtt_s
        else:
            most_s = _WINDOW_GAIN * self.least_rtt_s + _JITTER_GAIN * self._deviation_s
        return _SPARE_BYTES + int(self._rate * most_s)

    @property
    def retry_s(self) -> float:
        """After which silence something goes again, the first time (RFC 9002 section 6.2)."""
        return self.rtt_s + max(4 * self._deviation_s, 0.01) if self.rtt_s else 1.0

    def wait_s(self, now_s: float) -> float:
        """How long until the next datagram's turn; 0 if it may go now."""
        return max(0.0, self._next_s - now_s)

    def is_open(self, size_bytes: int) -> bool:
        """Whether so much more may be on its way."""
        return self.on_way_bytes + size_bytes <= self.window_bytes

    # What happened

    def send(
        self, now_s: float, size_bytes: int, piece: tuple[int, int, bool], *, is_idle: bool
    ) -> Sent:
        """A datagram goes out. piece: offset, length, whether it is the last. is_idle: there is
        nothing behind it, so what is delivered until it came tells nothing of the line."""
        if not self.on_way_bytes:
            self._first_at_s = self._delivered_at_s = now_s
            self._idle_to_bytes = self.delivered_bytes + 1
        self.on_way_bytes += size_bytes
        if is_idle:
            self._idle_to_bytes = self.delivered_bytes + self.on_way_bytes
        # Time that was not used may be caught up with, but not more than a little of it.
        began_s = max(self._next_s, now_s - 0.01)
        self._next_s = began_s + size_bytes / self.rate
        return Sent(
            now_s,
            size_bytes,
            self.delivered_bytes,
            self._delivered_at_s,
            self._first_at_s,
            self.delivered_bytes < self._idle_to_bytes,
            *piece,
        )

    def arrived(self, sent: Sent, now_s: float) -> None:
        """One that was on its way is acknowledged."""
        self.on_way_bytes -= sent.size_bytes
        self.delivered_bytes += sent.size_bytes
        self._delivered_at_s = now_s
        self._first_at_s = max(self._first_at_s, sent.at_s)
        if sent.delivered_bytes >= self._round_ends_bytes:
            self._begin_round(now_s, is_idle=sent.is_idle)
        rate = self._measure(sent, now_s)
        if rate > self._rates[-1] and (rate > self._rate or not sent.is_idle):
            self._rates[-1] = rate
            self._rate = max(self._rates)

    def _measure(self, sent: Sent, now_s: float) -> float:
        """What was delivered in a second while this one was on its way; 0 if that can't be told."""
        from_s, from_bytes = sent.delivered_at_s, sent.delivered_bytes
        sending_s = sent.at_s - sent.first_at_s
        is_first = not from_bytes
        if is_first:
            # Sent before anything was heard: what counts is how far apart they arrived.
            if self._train is None:
                self._train = now_s, self.delivered_bytes
            from_s, from_bytes = self._train
        took_s = max(now_s - from_s, sending_s)
        rate = (self.delivered_bytes - from_bytes) / took_s if took_s > 0.0 else 0.0
        if not self._rate and self.delivered_bytes - from_bytes < _TRAIN_BYTES:
            if is_first:
                tells = now_s - from_s >= max(_TRAIN_S, _SPACED * sending_s)
            else:
                # Over a short way each may have come before the next one's turn. A line is at the
                # least so fast as what one alone does, which tells where that is the faster.
                tells = not sent.is_idle or rate > _FIRST_RATE
            if not tells:
                return 0.0
        return rate

    def lost(self, sent: Sent) -> None:
        """One never came."""
        self.on_way_bytes -= sent.size_bytes
        if sent.at_s <= self._round_began_s:
            # The round does not wait for it.
            self._round_ends_bytes -= sent.size_bytes
        if self._is_queueing:
            self._overflows = True

    def measured(self, rtt_s: float, delay_s: float, now_s: float) -> None:
        """A round trip, and how much of it the other side waited (RFC 9002 section 5.3)."""
        if not self.least_rtt_s or rtt_s <= self.least_rtt_s or self._is_old(now_s):
            self.least_rtt_s, self._least_at_s = rtt_s, now_s
        if rtt_s - delay_s >= self.least_rtt_s:
            rtt_s -= delay_s
        if not self.rtt_s:
            self.rtt_s, self._deviation_s = rtt_s, rtt_s / 2
            return
        self._deviation_s += (abs(self.rtt_s - rtt_s) - self._deviation_s) / 4
        self.rtt_s += (rtt_s - self.rtt_s) / 8

    def turn(self, now_s: float) -> None:
        """Once for all that one datagram acknowledged: go on to the next phase if it is time."""
        if self._is_starting:
            if self._is_queueing and self._rate < _GROWTH * self._full_rate:
                self._is_starting, self._drains = False, True
            return
        held_bytes = self._rate * self.least_rtt_s
        if self._drains:
            self._drains = self.on_way_bytes > held_bytes
            self._turned_at_s = now_s
            return
        passed = now_s - self._turned_at_s >= self.least_rtt_s
        if passed or (_CYCLE[self._place] < 1.0 and self.on_way_bytes <= held_bytes):
            self._place = (self._place + 1) % len(_CYCLE)
            self._turned_at_s = now_s

    def _is_old(self, now_s: float) -> bool:
        return now_s - self._least_at_s > _LEAST_RTT_S

    def _begin_round(self, now_s: float, *, is_idle: bool) -> None:
        self._round_began_s = now_s
        self._round_ends_bytes = self.delivered_bytes + self.on_way_bytes
        grows = self._rate >= _GROWTH * self._full_rate
        if self._is_starting and self._rate and not is_idle:
            self._is_starting = grows and not self._overflows
            self._drains = not self._is_starting
            self._full_rate = max(self._full_rate, self._rate)
        self._overflows = False
        self._rates.append(0.0)
        self._rate = max(self._rates) or self._rate

    @property
    def _is_queueing(self) -> bool:
        return self.rtt_s > _QUEUES * self.least_rtt_s + _LATE_S
