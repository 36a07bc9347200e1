"""One conversation of a session, at both ends of which something waits: it sends what its lane
gives while it reads what the relay says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from qanat_client.carriers.conversation import Conversation
from qanat_client.errors import Refused, Unreachable
from qanat_client.reporter.giving import Giving
from qanat_client.reporter.lane import Lane
from qanat_client.reporter.outbox import Said
from qanat_protocol.errors import ProtocolError, TooLarge
from qanat_protocol.frames import Ack, Block, Frame, Receipt

__all__ = ["QUIET_S", "Line", "SideLine"]

QUIET_S = 15.0
"""How long to wait for what a relay was asked for, or still owes an answer, once nothing moves."""

_MOST_HEARD_BYTES = 128 << 20
"""What a relay may say in one session, twice what is taken of it: people pay by the megabyte."""

_MOST_TOGETHER = 4
"""Blocks that are handed over together while the line takes them at once: no more than what a
connection keeps ready anyway, so that a slow line still gets what is most urgent next."""

_QUICK_S = 0.02

Note = Callable[[int | None, Sequence[Said]], Awaitable[None]]
"""Keeps words of the relay; with the day that it names, or None for its day of today."""


class Line:
    """`run` returns when the conversation has ended, and raises what ends it before."""

    def __init__(
        self, talk: Conversation, giving: Giving, note: Note, advance: Callable[[int], None]
    ) -> None:
        self.talk = talk
        self.lane = Lane(giving)
        self.over = False
        self._giving = giving
        self._note = note
        self._advance = advance

    async def run(self) -> None:
        """Send and read, both to their ends."""
        reader = asyncio.create_task(self.read())
        sender = asyncio.create_task(self._send())
        try:
            await asyncio.wait({reader, sender}, return_when=asyncio.FIRST_EXCEPTION)
            # The relay's own last word says more than that it hung up while we were sending.
            if sender.done() and not reader.done() and sender.exception() is not None:
                await asyncio.wait({reader}, timeout=1.0)
            for task in (reader, sender):
                if task.done():
                    task.result()
        finally:
            for task in (reader, sender):
                task.cancel()
            await asyncio.wait({reader, sender})
            self.lane.over()
            self._giving.stir()

    # Sending

    async def _send(self) -> None:
        loop, together = asyncio.get_running_loop(), 1
        while not self.over:
            self.lane.wake.clear()
            await self.say()
            if parts := await self._some(together):
                begun_s = loop.time()
                await self.talk.send_apart(parts)
                quick = loop.time() - begun_s < _QUICK_S and self._is_near()
                together = min(_MOST_TOGETHER, 2 * together) if quick else 1
                sent = (frame for frames in parts for frame in frames)
                self._advance(sum(len(f.data) for f in sent if isinstance(f, Block)))
                continue
            if self.lane.wake.is_set():
                continue
            if self.is_done():
                break
            try:
                await asyncio.wait_for(self.lane.wake.wait(), QUIET_S)
            except TimeoutError:
                path = self.talk.path()
                if path is None or not path.unacked:
                    break
        self.ended()
        if not self.over:
            await self.talk.end()

    def _is_near(self) -> bool:
        # What is far takes much at once only because it lies in buffers.
        path = self.talk.path()
        return path is None or not path.is_long

    async def _some(self, most: int) -> list[list[Frame]]:
        """The frames of the next blocks, at most so many."""
        found: list[list[Frame]] = []
        while len(found) < most and (frames := await self.lane.next()):
            found.append(frames)
        return found

    async def say(self) -> None:
        """Send what goes before blocks."""

    def is_done(self) -> bool:
        """Whether nothing more is to be sent."""
        return self._giving.ended.is_set()

    def ended(self) -> None:
        """Nothing more is sent from here."""

    # Reading

    async def read(self) -> None:
        """Read to the end."""
        try:
            async for frame in self.talk.frames():
                await self.heed(frame)
                self._giving.stir()
                if self.talk.heard_bytes > _MOST_HEARD_BYTES:
                    raise TooLarge(f"more than {_MOST_HEARD_BYTES:,} bytes in one session")
        finally:
            self.over = True
            self._giving.stir()

    async def heed(self, frame: Frame) -> None:
        """Do what a frame asks for, or keep what it says."""
        match frame:
            case Ack():
                await self._note(None, self.lane.acks(frame))
            case Receipt():
                await self._note(frame.day, self._giving.receipt(frame))
            case _:
                pass


class SideLine(Line):
    """A further connection, which carries blocks alone. What ends it early is told by the first
    one, or by nobody: what it lost goes by another."""

    async def run(self) -> None:
        """As `Line.run`, but nothing is raised for what the relay or the line does."""
        try:
            await self.talk.open()
            await super().run()
        except (Unreachable, Refused, ProtocolError):
            return
