"""A datagram stream that runs: its timers, and those who wait for it. Both ends use it.

Owns no socket: what goes out is handed to `send`, what came in is given to `take`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from qanat_client.carriers.wire import Path
from qanat_protocol.datagram import Datagram
from qanat_protocol.datagram_stream import DatagramStream
from qanat_protocol.errors import Malformed

__all__ = ["Pump"]

_UNSENT_BYTES = 16_384
"""What lies ready beyond what the path takes: a block, so that what is more urgent comes soon."""


class Pump:
    """Until `close` its timers run."""

    def __init__(self, stream: DatagramStream, send: Callable[[bytes], None]) -> None:
        self.stream = stream
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_called = False
        self._changed = asyncio.Event()
        self.is_closed = False

    def take(self, datagram: Datagram, size_bytes: int) -> None:
        """One that came for this stream. What no honest side sends is passed over."""
        try:
            self.stream.receive(datagram, size_bytes, self._loop.time())
        except Malformed:
            return
        if not self._is_called:
            # What came together is answered together.
            self._is_called = True
            self._loop.call_soon(self.run)

    def run(self) -> None:
        """Send what is due, and come back when more is."""
        self._is_called = False
        if self.is_closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        now_s = self._loop.time()
        for data in self.stream.due(now_s):
            self._send(data)
        wake_s = self.stream.wake_s(now_s)
        self._timer = self._loop.call_at(wake_s, self.run) if wake_s < math.inf else None
        self._changed.set()

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        while not (condition() or self.is_closed or self.stream.is_closed):
            self._changed = asyncio.Event() if self._changed.is_set() else self._changed
            await self._changed.wait()

    async def write(self, data: bytes) -> bool:
        """Add bytes to the stream; returns once the path can take more. Whether it still may."""
        self.stream.write(data)
        self.run()
        await self._wait_until(lambda: self.stream.unsent_bytes <= _UNSENT_BYTES)
        return not (self.is_closed or self.stream.is_closed)

    async def read(self) -> bytes | None:
        """The next bytes, at least one; b"" at the stream's end, None where it broke before."""
        found = b""

        def has_come() -> bool:
            nonlocal found
            found = self.stream.read()
            return bool(found) or self.stream.is_over

        await self._wait_until(has_come)
        if found:
            # There may be room to tell of.
            self.run()
        return found if found or self.stream.is_over else None

    def finish(self) -> None:
        """The stream ends behind what was written."""
        self.stream.finish()
        self.run()

    async def delivered(self, most_s: float) -> None:
        """Wait until all of it has arrived, but not for longer than that."""
        try:
            async with asyncio.timeout(most_s):
                await self._wait_until(lambda: self.stream.is_delivered)
        except TimeoutError:
            return

    def close(self) -> None:
        """Tell the other side, and stop. Closing twice is fine."""
        if not self.is_closed:
            self.stream.close()
            self.run()
            self.is_closed = True
            self._changed.set()
            if self._timer is not None:
                self._timer.cancel()

    def path(self) -> Path | None:
        """What was measured so far; None before the first round trip was."""
        pace = self.stream.pace
        if not pace.rtt_s:
            return None
        return Path(
            rtt_s=pace.rtt_s,
            least_rtt_s=pace.least_rtt_s,
            base_retry_s=pace.retry_s,
            unacked=self.stream.on_way,
            moved_bytes=self.stream.moved_bytes,
            resent_bytes=self.stream.resent_bytes,
        )
