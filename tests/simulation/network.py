"""A network between machines: connections that are refused, slow, cut at any byte, half open, or
said once more to somebody who heard it already. Bytes of one connection stay in their order.

It stands where the system's sockets stand, below the real HTTP of both sides.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.doors import replace
from tests.simulation.machines import Machine
from tests.simulation.processes import Process, current_process
from tests.simulation.virtual_time import VirtualLoop

from qanat_client.carriers.dialling import Dialling

__all__ = ["Faults", "Network"]

_PATIENCE_OF_TCP_S = 924.0
"""After which a system gives up on what nobody acknowledges."""

_BUFFER_BYTES = 65_536
_LARGEST_PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Faults:
    """How bad the network is. Shares are of connections, from 0 to 1."""

    refused: float = 0.0
    silent: float = 0.0
    cut: float = 0.0
    half_open: float = 0.0
    repeated: float = 0.0
    slow: float = 0.0


@dataclass(eq=False, slots=True)
class _Line:
    """One connection's fate: when it ends, by how many bytes in both directions."""

    number: int
    latency_s: float
    bytes_per_s: float
    cut_after_bytes: int | None
    is_half_open: bool
    is_cut: bool = False
    heard: bytearray | None = None
    ends: list[End] = field(default_factory=list)


class End(asyncio.Transport):
    """One side of a connection, as its program's transport."""

    def __init__(
        self, network: Network, line: _Line, machine: Machine, process: Process | None, name: str
    ) -> None:
        super().__init__()
        self._network, self._line, self._loop = network, line, network.loop
        self.machine, self.process = machine, process
        self._name = name
        self._context = contextvars.copy_context()
        self._protocol: Any = None
        self.other: End | None = None
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._flying = False
        self._asked_to_pause = False
        self._arrived: deque[bytes | None] = deque()
        self._paused = False
        self._says_end = False
        self._said_end = False
        self._closing = False
        self._lost = False
        self._high, self._low = _BUFFER_BYTES, _BUFFER_BYTES // 4
        self._last_arrival_s = 0.0
        line.ends.append(self)

    # What protocols ask of a transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peername" and self.other is not None:
            return (self.other.machine.address, 40_000 + self._line.number % 20_000)
        if name == "sockname":
            return (self.machine.address, 0)
        return default

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing or self._lost

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = _BUFFER_BYTES if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        return self._unsent_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._loop.call_soon(self._hand_over, context=self._context)

    def is_reading(self) -> bool:
        return not self._paused

    def can_write_eof(self) -> bool:
        return True

    def write(self, data: Any) -> None:
        if self._lost or self._says_end or not data:
            return
        self.machine.look_at_power()
        if self.process is not None and self.process.dead:
            return
        self._unsent.append(bytes(data))
        self._unsent_bytes += len(data)
        if self._unsent_bytes > self._high and not self._asked_to_pause:
            self._asked_to_pause = True
            self._protocol.pause_writing()
        self._fly()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        self._says_end = True
        self._fly()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.write_eof()
            if not self._unsent:
                self._loop.call_soon(self.lose, None, context=self._context)

    def abort(self) -> None:
        if not self._lost:
            if self.other is not None and not self._line.is_cut:
                self._loop.call_later(self._line.latency_s, self.other.lose, _reset())
            self._loop.call_soon(self.lose, None, context=self._context)

    # How bytes travel

    def _fly(self) -> None:
        """Send the next piece, if none is on its way from here."""
        if self._flying or self._lost:
            return
        if not self._unsent:
            if self._says_end and not self._said_end:
                self._said_end = True
                self._depart(None, self._line.latency_s)
            return
        size = self._network.piece_bytes()
        piece = self._unsent.popleft()
        if len(piece) > size:
            self._unsent.appendleft(piece[size:])
            piece = piece[:size]
        self._unsent_bytes -= len(piece)
        self._flying = True
        takes_s = len(piece) / self._line.bytes_per_s
        if self._line.cut_after_bytes is not None:
            piece = piece[: max(0, self._line.cut_after_bytes)]
            self._line.cut_after_bytes -= max(1, len(piece))
        self._depart(piece, self._line.latency_s + takes_s)
        self._loop.call_later(takes_s, self._flown)

    def _flown(self) -> None:
        self._flying = False
        if self._line.cut_after_bytes is not None and self._line.cut_after_bytes <= 0:
            self._network.cut(self._line)
        if self._asked_to_pause and self._unsent_bytes <= self._low and not self._lost:
            self._asked_to_pause = False
            self._loop.call_soon(self._protocol.resume_writing, context=self._context)
        self._fly()
        if self._closing and not self._unsent and not self._flying:
            self._loop.call_soon(self.lose, None, context=self._context)

    def _depart(self, piece: bytes | None, takes_s: float) -> None:
        if self._line.is_cut or self.other is None:
            self._loop.call_later(_PATIENCE_OF_TCP_S, self.lose, _timed_out())
            return
        # Later than what went before: timers of one moment have no order.
        self._last_arrival_s = max(self._last_arrival_s + 1e-5, self._loop.time() + takes_s)
        self._loop.call_at(self._last_arrival_s, self.other.arrive, piece)

    def arrive(self, piece: bytes | None) -> None:
        """A piece comes here, None for the end of all; or it hits a machine that knows nothing."""
        if self._line.is_cut and self._line.is_half_open:
            return
        if self._lost or (self.process is not None and self.process.dead):
            if self.other is not None and piece is not None and self.machine.is_on:
                self._loop.call_later(self._line.latency_s, self.other.lose, _reset())
            elif self.other is not None and not self.machine.is_on:
                self._loop.call_later(_PATIENCE_OF_TCP_S, self.other.lose, _timed_out())
            return
        heard = self._line.heard
        if heard is not None and piece is not None and self is self._line.ends[-1]:
            heard += piece
        self._arrived.append(piece)
        self._loop.call_soon(self._hand_over, context=self._context)

    def _hand_over(self) -> None:
        while self._arrived and not self._paused and not self._lost:
            if self.process is not None and self.process.dead:
                return
            piece = self._arrived.popleft()
            if piece is not None:
                self._protocol.data_received(piece)
            elif not self._protocol.eof_received():
                self.close()

    def lose(self, error: Exception | None) -> None:
        """The connection is over for this side."""
        if self._lost:
            return
        self._lost = True
        self._unsent.clear()
        self._unsent_bytes = 0
        if self.process is None or not self.process.dead:
            self._loop.call_soon(self._protocol.connection_lost, error, context=self._context)


class _Listening:
    """What `loop.create_server` gives: it has one address and is its own socket."""

    def __init__(self, network: Network, address: tuple[str, int]) -> None:
        self._network, self._address = network, address
        self.sockets = [self]

    def getsockname(self) -> tuple[str, int]:
        return self._address

    def is_serving(self) -> bool:
        return self._address in self._network.listeners

    def close(self) -> None:
        self._network.listeners.pop(self._address, None)
        self.sockets = []

    async def wait_closed(self) -> None:
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class _Listener:
    make_protocol: Callable[[], Any]
    machine: Machine
    process: Process
    context: contextvars.Context


class Network:
    """All lines of a run. `faults` may be changed at any time and is for new connections."""

    def __init__(self, loop: VirtualLoop, chance: Random, trace: Callable[[str], None]) -> None:
        self.loop = loop
        self.faults = Faults()
        self.is_down = False
        self.listeners: dict[tuple[str, int], _Listener] = {}
        self.connections = self.cuts = self.repeats = self.refusals = 0
        self._chance = chance
        self._trace = trace
        self._pending: dict[int, tuple[str, int]] = {}
        self._lines: list[_Line] = []
        # Connections that begin before their program is loaded: here all is loaded.
        replace(Dialling, "dial", lambda *_: None)
        replace(loop, "sock_connect", self._sock_connect)
        replace(loop, "create_connection", self._create_connection)
        replace(loop, "create_server", self._create_server)

    def piece_bytes(self) -> int:
        """How much goes at once: mostly much, at times a few bytes."""
        drawn = self._chance.random()
        if drawn < 0.1:
            return self._chance.randint(1, 40)
        return self._chance.randint(1400, _LARGEST_PIECE_BYTES)

    async def _sock_connect(self, sock: Any, address: tuple[str, int]) -> None:
        faults, chance = self.faults, self._chance
        await asyncio.sleep(chance.uniform(0.01, 0.3))
        drawn = chance.random()
        if self.is_down:
            self.refusals += 1
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        listener = self.listeners.get(address)
        is_off = listener is not None and not listener.machine.is_on
        if is_off or drawn < faults.silent:
            self.refusals += 1
            await asyncio.sleep(_PATIENCE_OF_TCP_S)
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        if listener is None or listener.process.dead or drawn < faults.silent + faults.refused:
            self.refusals += 1
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        self._pending[sock.fileno()] = address

    async def _create_connection(
        self, make_protocol: Callable[[], Any], *_: Any, sock: Any = None, **__: Any
    ) -> tuple[asyncio.Transport, Any]:
        assert sock is not None, "connections begin with a socket here"
        address = self._pending.pop(sock.fileno())
        sock.close()
        process = current_process()
        assert process is not None, "the simulation itself connects to nobody"
        listener = self.listeners.get(address)
        if listener is None or listener.process.dead:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        line = self._new_line()
        near = End(self, line, process.machine, process, "near")
        protocol = make_protocol()
        near.set_protocol(protocol)
        self._accept(listener, line, near)
        protocol.connection_made(near)
        self._trace(f"{process.name} connects to {listener.machine.name}: {_told(line)}")
        return near, protocol

    def _new_line(self) -> _Line:
        chance, faults = self._chance, self.faults
        self.connections += 1
        ends = chance.random()
        cut: int | None = None
        if ends < faults.cut:
            # Small ones cut the handshake, large ones the middle of a body.
            cut = (
                int(2 ** chance.uniform(0, 19))
                if chance.random() < 0.5
                else chance.randrange(120_000)
            )
        slow = chance.random() < faults.slow
        line = _Line(
            number=self.connections,
            latency_s=chance.uniform(0.005, 3.0 if slow else 0.2),
            bytes_per_s=chance.choice((3_000, 20_000) if slow else (100_000, 5_000_000)),
            cut_after_bytes=cut,
            is_half_open=chance.random() < faults.half_open,
        )
        if chance.random() < faults.repeated:
            line.heard = bytearray()
            self.loop.call_later(chance.choice((1, 60, 4000, 90_000)), self._repeat, line)
        self._lines = [one for one in self._lines if not all(end.is_closing() for end in one.ends)]
        self._lines.append(line)
        return line

    def _accept(self, listener: _Listener, line: _Line, near: End) -> End:
        def accept() -> End:
            far = End(self, line, listener.machine, listener.process, "far")
            far.other, near.other = near, far
            protocol = listener.make_protocol()
            far.set_protocol(protocol)
            protocol.connection_made(far)
            return far

        return listener.context.copy().run(accept)

    def _repeat(self, line: _Line) -> None:
        """Say to the same listener once more what it heard on this line: a replay."""
        heard, far = line.heard, line.ends[1]
        listeners = [one for one in self.listeners.values() if one.machine is far.machine]
        if not heard or not listeners or listeners[0].process.dead:
            return
        self.repeats += 1
        self._trace(f"{len(heard)} bytes are said to {far.machine.name} once more")
        again = _Line(self.connections, 0.05, 1_000_000, None, is_half_open=False)
        near = End(self, again, far.machine, None, "replay")
        near.set_protocol(asyncio.Protocol())  # whoever repeats it does not hear the answer
        self._accept(listeners[0], again, near)
        near.write(bytes(heard))
        self.loop.call_later(300, near.abort)

    async def _create_server(
        self, make_protocol: Callable[[], Any], host: str, port: int, **_: Any
    ) -> _Listening:
        process = current_process()
        assert process is not None, "the simulation itself serves nobody"
        self.listeners[host, port] = _Listener(
            make_protocol, process.machine, process, contextvars.copy_context()
        )
        return _Listening(self, (host, port))

    def cut(self, line: _Line) -> None:
        """End a connection where it is: both sides are told, or neither."""
        if line.is_cut:
            return
        line.is_cut = True
        self.cuts += 1
        for end in line.ends:
            if not line.is_half_open:
                self.loop.call_later(line.latency_s, end.lose, _reset())

    def cut_all(self) -> None:
        """The network goes: every connection with it."""
        for line in self._lines:
            self.cut(line)

    def hang_up(self, process: Process) -> None:
        """A process was killed: its system closes its connections, and it listens no more."""
        for line in self._lines:
            for end in line.ends:
                if end.process is process and end.other is not None and not line.is_cut:
                    self.loop.call_later(line.latency_s, end.other.lose, _reset())
        self.listeners = {a: one for a, one in self.listeners.items() if one.process is not process}

    def forget(self, machine: Machine) -> None:
        """A machine lost its power: nobody listens there, and nobody is told."""
        self.listeners = {a: one for a, one in self.listeners.items() if one.machine is not machine}


def _told(line: _Line) -> str:
    if line.cut_after_bytes is None:
        return f"line {line.number}"
    how = "silently" if line.is_half_open else "with a reset"
    return f"line {line.number}, which will break {how} after {line.cut_after_bytes} bytes"


def _reset() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def _timed_out() -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
