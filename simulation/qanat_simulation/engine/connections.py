"""A connection of two stations: what each side writes, what has come for it, and how the lines
under it carry that. Bytes stay in their order; what is on its way when a line ends is lost.

A line is a queue at each end: whatever a station says shares its rate, a piece of each connection
in turn. How much of a line is left by losses is measured (docs/simulation.md).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from qanat_client.errors import Stalled, Unreachable
from qanat_simulation.engine.virtual_time import Timer, VirtualLoop
from qanat_simulation.plan import Line

__all__ = ["End", "Station"]

PACKET_BYTES = 1448
"""Of data in a full packet."""

PACKET_HEAD_BYTES = 66
"""Ethernet, IP and TCP around it, and as much for each acknowledgement, one for two packets."""

RECORD_BYTES = 16_384
RECORD_HEAD_BYTES = 30
"""TLS around a record and HTTP's chunk around what was written."""

FIRST_WINDOW_BYTES = 10 * PACKET_BYTES
"""What a connection sends before the first acknowledgement (RFC 6928)."""

LOSS_WINDOW = 9.0
"""How many packets a session's connections together have on their way where a share p of packets is
lost, times the root of p. With it windows of five lines carry what docs/performance.md measured,
within a tenth (tests/simulator_engine/test_lines.py)."""

PIECE_S = 0.25
LEAST_PIECE_BYTES, MOST_PIECE_BYTES = 2 * PACKET_BYTES, 65_536
"""What goes of one connection before the next has its turn: a quarter of a second of the line."""

GATHERED_BYTES, GATHERED_S = 131_072, 0.25
"""What was written at once is handed over at once, when all of it has come: a reader can do nothing
with a part of a packet. So is what comes within so short a time behind it, up to so much."""

UNSENT_BYTES = 24_576
UNSENT_S = 0.05
"""What a connection holds back unsent before its program has to wait (`carriers.wire`), and what of
a fast line."""


@dataclass(eq=False, slots=True)
class Station:
    """A node's place in the network. line: the one that it has now; is_abroad: where it is at home,
    whatever its line says."""

    name: str
    is_abroad: bool
    line: Line | None = None
    ends: dict[End, None] = field(default_factory=dict)
    answer: Callable[[End], None] | None = None
    """What is done with a connection from elsewhere."""
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    """Of those who wait for another line here."""
    sent_bytes: int = 0
    received_bytes: int = 0
    up_free_s: float = 0.0
    down_backlog_s: float = 0.0
    down_at_s: float = 0.0

    def occupy(self, size_bytes: int, now_s: float) -> float:
        """Something is said beside all connections; when the line has taken it. There is one."""
        assert self.line is not None, "there is one"
        self.sent_bytes += size_bytes
        self.up_free_s = max(now_s, self.up_free_s) + size_bytes / self.line.up_bytes_s
        return self.up_free_s

    def reaches(self, other: Station) -> bool:
        """Whether both lines are there and lead to each other."""
        ours, theirs = self.line, other.line
        if ours is None or theirs is None:
            return False
        here, there = self.is_abroad or ours.is_foreign, other.is_abroad or theirs.is_foreign
        return not ((ours.is_national and there) or (theirs.is_national and here))


class End:
    """One side of a connection: what its program writes, and what has come for it."""

    def __init__(self, loop: VirtualLoop, chance: Random, station: Station) -> None:
        self._loop = loop
        self._chance = chance
        self.station = station
        station.ends[self] = None
        self.stall_s: float | None = None
        """After which a wait ends in Stalled where nothing moves; None: its program sees to it."""
        self._is_resting = False
        self._came: deque[bytes] = deque()
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._ended = self._lost = self._cut = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._moved_s = self._loop.time()
        self._watching: Timer | None = None
        self._unsent: deque[bytes | memoryview] = deque()
        self._unsent_bytes = 0
        self._says_end = self._leaving = False
        self._flight: deque[tuple[float, int]] = deque()
        self._flight_bytes = 0
        self._last_arrival_s = 0.0
        self.sent_bytes = self.received_bytes = 0
        """On the wire, by this connection alone."""
        self.refusal = ""
        """Why there is no answer, in the words of whoever refused it."""
        self.when_spoken_to: Callable[[End], None] | None = None
        """Called once, when the first bytes come."""

    def join(self, other: End, line: Line, far: Line) -> None:
        """The other side, and the lines of both."""
        self.other = other
        self.delay_s = (line.rtt_s + far.rtt_s) / 2
        self._up_bytes_s, self._down_bytes_s = line.up_bytes_s, far.down_bytes_s
        self._loss = 1 - (1 - line.loss) * (1 - far.loss)
        self._piece_bytes = int(
            min(MOST_PIECE_BYTES, max(LEAST_PIECE_BYTES, line.up_bytes_s * PIECE_S))
        )
        self._held_back_bytes = max(UNSENT_BYTES, int(line.up_bytes_s * UNSENT_S))
        self._window_bytes = float(FIRST_WINDOW_BYTES)
        self._most_bytes = (
            LOSS_WINDOW / self._loss**0.5 * PACKET_BYTES if self._loss else float("inf")
        )

    def count(self, sent_bytes: int, received_bytes: int) -> None:
        """So much went over the wire."""
        self.sent_bytes += sent_bytes
        self.received_bytes += received_bytes
        self.station.sent_bytes += sent_bytes
        self.station.received_bytes += received_bytes

    # What the program does

    def is_far(self) -> bool:
        """Whether something of it is still on its way, or waits for being sent."""
        self._forget_arrived()
        return bool(self._unsent_bytes or self._flight_bytes)

    async def write(self, data: bytes) -> None:
        """Hand bytes over; returns when few are unsent. Raises Unreachable, Stalled."""
        if self._lost:
            raise Unreachable("the connection is closed")
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        if not self._leaving:
            self._send()
        while self._unsent_bytes > self._held_back_bytes:
            self._writer = self._loop.create_future()
            await self._wait(self._writer)

    def end(self) -> None:
        """Nothing more is written."""
        self._says_end = True
        if not self._leaving:
            self._send()

    async def read(self) -> bytes:
        """What has come, b"" at the end. Raises Unreachable, Stalled."""
        while not self._came:
            if self._ended:
                return b""
            if self._lost:
                raise Unreachable("the connection was closed by the other side")
            self._reader = self._loop.create_future()
            await self._wait(self._reader)
        if len(self._came) == 1:
            return self._came.popleft()
        data = b"".join(self._came)
        self._came.clear()
        return data

    @property
    def is_lost(self) -> bool:
        """Whether it is given up here, or known here to be gone."""
        return self._lost

    def close(self) -> None:
        """Give the connection up; the other side hears of it where the line still is."""
        if self._lost:
            return
        self.station.ends.pop(self, None)
        if not self._cut:
            self._loop.call_later(self.delay_s, self.other._hang_up)
        self._hang_up()

    def cut(self) -> None:
        """A line of it is gone: nothing passes any more, and nobody is told."""
        for end in (self, self.other):
            end._cut = True
            end._hand_over()
        self.other.station.ends.pop(self.other, None)

    def _hang_up(self) -> None:
        self._lost = True
        self._hand_over()
        self.station.ends.pop(self, None)
        self._unsent.clear()
        self._unsent_bytes = 0
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        for waiting in (self._reader, self._writer):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
        if self._writer is not None:
            self._writer = None

    # Waiting

    def rest(self, resting: bool) -> None:
        """Whether nothing is owed, so that silence is no fault."""
        self._is_resting = resting
        self._begin_watching()

    async def _wait(self, future: asyncio.Future[None]) -> None:
        self._begin_watching()
        await future
        if self._lost and future is self._writer:
            raise Unreachable("the connection is closed")

    def _begin_watching(self) -> None:
        if self.stall_s is not None and self._watching is None and not self._is_resting:
            self._moved_s = self._loop.time()
            self._watch()

    def _watch(self) -> None:
        assert self.stall_s is not None, "only then it is watched"
        self._watching = None
        waiting = [
            one for one in (self._reader, self._writer) if one is not None and not one.done()
        ]
        if self._is_resting or not waiting:
            return
        left_s = self._moved_s + self.stall_s - self._loop.time()
        if left_s > 1e-3:
            self._watching = self._loop.call_later(left_s, self._watch)
            return
        for one in waiting:
            one.set_exception(Stalled(f"nothing has moved for {self.stall_s:g} s"))

    # What the line does

    def _forget_arrived(self) -> None:
        now_s, flight = self._loop.time(), self._flight
        while flight and flight[0][0] <= now_s:
            size_bytes = flight.popleft()[1]
            self._flight_bytes -= size_bytes
            self._window_bytes = min(self._most_bytes, self._window_bytes + size_bytes)

    def _send(self) -> None:
        self._leaving = False
        if self._cut or self._lost:
            return
        if not self._unsent:
            if self._says_end:
                self._says_end = False
                arrival_s = max(self._loop.time() + self.delay_s, self._last_arrival_s)
                self._loop.call_at(arrival_s, self.other._take_end)
            return
        self._forget_arrived()
        room_bytes = self._window_bytes - self._flight_bytes
        if self._flight and room_bytes < min(LEAST_PIECE_BYTES, self._unsent_bytes):
            self._leaving = True
            self._loop.call_at(self._flight[0][0], self._send)
            return
        self._go(*self._next_piece(max(LEAST_PIECE_BYTES, int(room_bytes))))

    def _next_piece(self, room_bytes: int) -> tuple[bytes, bool]:
        """What goes now, and whether it ends with something that was written."""
        left_bytes, unsent = min(self._piece_bytes, room_bytes), self._unsent
        head = unsent[0]
        if len(head) > left_bytes:
            view = memoryview(head)
            unsent[0] = view[left_bytes:]
            return bytes(view[:left_bytes]), False
        taken = [unsent.popleft()]
        left_bytes -= len(head)
        while unsent and len(unsent[0]) <= left_bytes:
            left_bytes -= len(unsent[0])
            taken.append(unsent.popleft())
        return b"".join(taken) if len(taken) > 1 else bytes(taken[0]), True

    def _go(self, piece: bytes, is_whole: bool) -> None:
        loop, here, there = self._loop, self.station, self.other.station
        size_bytes, now_s = len(piece), loop.time()
        packets = -(-size_bytes // PACKET_BYTES)
        records = -(-size_bytes // RECORD_BYTES)
        wire_bytes = size_bytes + packets * PACKET_HEAD_BYTES + records * RECORD_HEAD_BYTES
        start_s = max(now_s, here.up_free_s)
        # What is lost goes again, by the same line.
        took_s = wire_bytes / self._up_bytes_s / (1 - self._loss)
        left_s = here.up_free_s = start_s + took_s
        backlog_s = max(0.0, there.down_backlog_s - (now_s - there.down_at_s))
        there.down_at_s = now_s
        there.down_backlog_s = backlog_s + wire_bytes / self._down_bytes_s
        arrival_s = max(left_s, now_s + there.down_backlog_s) + self.delay_s
        # What comes behind a lost packet is acknowledged, and waits for it.
        self._flight.append((arrival_s + self.delay_s, size_bytes))
        if self._loss and self._chance.random() > (1 - self._loss) ** packets:
            arrival_s += 2 * self.delay_s
        arrival_s = self._last_arrival_s = max(arrival_s, self._last_arrival_s)
        self.count(wire_bytes, 0)
        self._flight_bytes += size_bytes
        self._moved_s = now_s
        loop.call_at(arrival_s, self.other._take, piece, wire_bytes, is_whole)
        self._unsent_bytes -= size_bytes
        if self._writer is not None and self._unsent_bytes <= self._held_back_bytes:
            writer, self._writer = self._writer, None
            if not writer.done():
                writer.set_result(None)
        if self._unsent or self._says_end:
            self._leaving = True
            loop.call_at(left_s, self._send)

    def _take(self, piece: bytes, wire_bytes: int, is_whole: bool) -> None:
        if self._cut:
            return
        acks_bytes = -(-wire_bytes // (2 * PACKET_BYTES)) * PACKET_HEAD_BYTES
        self.count(acks_bytes, wire_bytes)
        self.other.count(0, acks_bytes)
        now_s = self._moved_s = self.other._moved_s = self._loop.time()
        if self._lost:
            return
        self._gathered.append(piece)
        self._gathered_bytes += len(piece)
        # More is on its way, and all of it comes soon.
        goes_on = now_s < self.other._last_arrival_s <= now_s + GATHERED_S
        if self._gathered_bytes < GATHERED_BYTES and (goes_on or not is_whole):
            return
        self._hand_over()
        if self.when_spoken_to is not None:
            answer, self.when_spoken_to = self.when_spoken_to, None
            answer(self)

    def _hand_over(self) -> None:
        if self._gathered:
            self._came.append(b"".join(self._gathered))
            self._gathered.clear()
            self._gathered_bytes = 0
            self._wake_reader()

    def _take_end(self) -> None:
        if not self._cut:
            self._ended = True
            self._wake_reader()

    def _wake_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(None)
