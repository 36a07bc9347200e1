"""What a relay says in a session: frames leave in the order in which they are sealed.

Everything that sends shares one Voice; it waits for a slow reader, and not for ever.
"""

from __future__ import annotations

import asyncio

from qanat_protocol.frames import Frame
from qanat_protocol.runs import Run
from qanat_protocol.session import ClientSession, RelaySession
from qanat_relay.errors import LinkLost
from qanat_relay.link import Link

PIECE_BYTES = 17 * 2**10
"""What has to be taken within `stall_s`, so that a line of one kbit/s still counts as moving. A
packet with a block in it is one piece."""


class Voice:
    """The sending half of one session."""

    def __init__(self, session: ClientSession | RelaySession, link: Link, stall_s: float) -> None:
        self._session = session
        self._link = link
        self._stall_s = stall_s
        self._turn = asyncio.Lock()
        self.has_spoken = False

    async def say(self, *frames: Frame | Run) -> None:
        """Send frames; returns when the connection can take more. Raises LinkLost."""
        async with self._turn:
            await self._send(self._session.send(*frames))

    async def say_plainly(self, data: bytes) -> None:
        """Send bytes outside the channel: what a client of another version can read."""
        async with self._turn:
            await self._send(data)

    async def _send(self, data: bytes) -> None:
        self.has_spoken = True
        try:
            for start in range(0, len(data), PIECE_BYTES):
                async with asyncio.timeout(self._stall_s):
                    await self._link.send(data[start : start + PIECE_BYTES])
        except TimeoutError:
            self._link.abort()
            raise LinkLost("the other side takes nothing any more") from None
