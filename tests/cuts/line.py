"""Links in memory between a client and a relay's real session code, which break where a test says.

A test gives the client's `Roads` a line's `open_link` instead of a connection's: everything above
the carriers is what runs in the field.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from qanat_client.carriers.link import Link, Single
from qanat_client.errors import Unreachable
from qanat_protocol.channel import ANSWER_BYTES, MAGIC, PREAMBLE_BYTES
from qanat_protocol.errors import BadChannel
from qanat_relay.conversation import Conversation
from qanat_relay.errors import LinkLost
from qanat_relay.node import Node

__all__ = ["Line"]

POLL_S = 0.0005
"""How often a slow line looks whether the relay has done; its threads need the pauses."""


@dataclass
class _Way:
    """One direction of all links of a line together: it carries so many bytes and no more."""

    most_bytes: float
    opening_bytes: int
    """What a channel begins with in this direction, before its first packet (SPEC 16)."""
    carried_bytes: int = 0
    ends: list[int] = field(default_factory=list)
    """Where each packet ended, as it would have without a cut; nobody can see frames within."""
    _open: bytearray = field(default_factory=bytearray)

    def carry(self, data: bytes) -> bytes:
        self._note_ends(data)
        carried = data[: int(min(len(data), self.most_bytes - self.carried_bytes))]
        self.carried_bytes += len(carried)
        return carried

    def _note_ends(self, data: bytes) -> None:
        self._open += data
        while len(self._open) >= 2:
            begins = self._open.startswith(MAGIC)
            size = self.opening_bytes if begins else 2 + int.from_bytes(self._open[:2])
            if len(self._open) < size:
                return
            del self._open[:size]
            self.ends.append(sum(self.ends[-1:]) + size)

    @property
    def is_cut(self) -> bool:
        return self.carried_bytes >= self.most_bytes


class _Pipe:
    """The bytes of one link in one direction, on their way."""

    def __init__(self) -> None:
        self._data: deque[bytes] = deque()
        self._ended = False
        self._broken = False
        self._news = asyncio.Event()
        self.is_awaited = False
        """Whether whoever reads has taken everything and waits for more."""

    def put(self, data: bytes) -> None:
        if data:
            self._data.append(data)
            self.is_awaited = False
            self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    def break_off(self) -> None:
        """What is on its way still comes; then the reader hears that it broke."""
        self._broken = True
        self._news.set()

    async def take(self) -> bytes | None:
        """The next bytes, b"" at the end, None where the link broke."""
        while not self._data:
            if self._ended or self._broken:
                return b"" if self._ended else None
            self._news.clear()
            self.is_awaited = True
            await self._news.wait()
            self.is_awaited = False
        return self._data.popleft()


class _ClientEnd(Single):
    """What the client holds of a link."""

    def __init__(self, line: Line, out: _Pipe, back: _Pipe) -> None:
        self._line, self._out, self._back = line, out, back

    async def send(self, data: bytes) -> None:
        self._line.check_whole()
        self._out.put(self._line.out.carry(data))
        if self._line.out.is_cut:
            self._line.break_off()
        self._line.check_whole()
        if self._line.is_slow:
            await self._line.settled(self._out)

    async def receive(self) -> bytes:
        data = await self._back.take()
        if data is None:
            raise Unreachable("the line is cut")
        return data

    async def finish_sending(self) -> None:
        self._out.end()

    async def close(self) -> None:
        self._out.break_off()


class _RelayEnd:
    """What the relay holds of it."""

    def __init__(self, line: Line, out: _Pipe, back: _Pipe) -> None:
        self._line, self._out, self._back = line, out, back

    async def receive(self) -> bytes:
        data = await self._out.take()
        if data is None:
            raise LinkLost("the line is cut")
        return data

    async def send(self, data: bytes) -> None:
        if self._line.is_broken:
            raise LinkLost("the line is cut")
        self._back.put(self._line.back.carry(data))
        if self._line.back.is_cut:
            self._line.break_off()
            raise LinkLost("the line is cut")

    def abort(self) -> None:
        self._line.break_off()

    @property
    def is_gone(self) -> bool:
        return self._line.is_broken


class Line:
    """All links that a client opens to one relay: together they carry so many bytes out and back,
    and then every one of them breaks. One that `is_slow` takes more only when the relay has done
    with what came before, so that its answers are on their way when it breaks; one that is not has
    everything in flight that the client cares to send."""

    def __init__(
        self,
        node: Node,
        *,
        out_bytes: float = math.inf,
        back_bytes: float = math.inf,
        is_slow: bool = True,
    ) -> None:
        self._node = node
        self.out = _Way(out_bytes, PREAMBLE_BYTES)
        self.back = _Way(back_bytes, ANSWER_BYTES)
        self.is_slow = is_slow
        self.is_broken = self.out.is_cut or self.back.is_cut
        self._pipes: list[_Pipe] = []
        self._sessions: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def open_link(self, address: str, **_: Any) -> AsyncIterator[Link]:
        """In place of a connection."""
        self.check_whole()
        out, back = _Pipe(), _Pipe()
        self._pipes += [out, back]
        session = asyncio.create_task(self._serve(_RelayEnd(self, out, back), back))
        self._sessions.append(session)
        try:
            yield _ClientEnd(self, out, back)
        finally:
            out.break_off()
            # What it has in hand is on its disk before the next session begins.
            await session

    async def _serve(self, end: _RelayEnd, back: _Pipe) -> None:
        try:
            await Conversation(self._node, end).run()
            back.end()
        except BadChannel:
            # What an HTTP server answers by a status: here the line just ends.
            back.break_off()

    async def settled(self, out: _Pipe) -> None:
        """Return once the relay waits for more and owes no status, or is gone."""
        while not self.is_broken and not (out.is_awaited and not self._node.waiting.size_bytes):
            if all(session.done() for session in self._sessions):
                return
            await asyncio.sleep(POLL_S)

    def check_whole(self) -> None:
        if self.is_broken:
            raise Unreachable("the line is cut")

    def break_off(self) -> None:
        """Cut it, now."""
        self.is_broken = True
        for pipe in self._pipes:
            pipe.break_off()
