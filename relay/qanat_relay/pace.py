"""How much a session moves, so that a relay whose places are all taken knows which to give away.

Counts bytes; decides nothing, and knows no frame.
"""

from __future__ import annotations

import asyncio

from qanat_relay.counts import Traffic
from qanat_relay.link import Link

CROWDED_S = 30.0
"""How long a session has its place whatever it does, and over what time it is judged then."""

CROWDED_LEAST_BYTES = 8_192
"""What has to move in that time, both ways together, for a place that others wait for: half a
block, a tenth of what a bad 2G line of 20 kbit/s carries."""


class PacedLink:
    """A link that counts what goes over it."""

    def __init__(self, link: Link, traffic: Traffic) -> None:
        self._link = link
        self._traffic = traffic
        self._since_s = asyncio.get_running_loop().time()
        self._moved_bytes = self._before_bytes = 0
        self._is_judged = False
        self._was_aborted = False

    async def receive(self) -> bytes:
        """As `Link.receive`."""
        data = await self._link.receive()
        self._traffic.in_bytes += len(data)
        self._count(len(data))
        return data

    async def send(self, data: bytes) -> None:
        """As `Link.send`."""
        await self._link.send(data)
        self._traffic.out_bytes += len(data)
        self._count(len(data))

    def abort(self) -> None:
        """As `Link.abort`."""
        self._was_aborted = True
        self._link.abort()

    @property
    def is_gone(self) -> bool:
        """As `Link.is_gone`."""
        return self._was_aborted or self._link.is_gone

    def moved_bytes(self) -> int | None:
        """What moved in the last `CROWDED_S` or somewhat more; None for a session that is new."""
        self._count(0)
        return self._before_bytes + self._moved_bytes if self._is_judged else None

    def _count(self, size_bytes: int) -> None:
        now_s = asyncio.get_running_loop().time()
        if (past_s := now_s - self._since_s) >= CROWDED_S:
            # Of a time in which nothing was counted, nothing moved in all but the first part.
            self._before_bytes = self._moved_bytes if past_s < 2 * CROWDED_S else 0
            self._moved_bytes, self._since_s, self._is_judged = 0, now_s, True
        self._moved_bytes += size_bytes
