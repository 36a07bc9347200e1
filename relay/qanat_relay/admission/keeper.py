"""Keeps a node's gate going: tells it the time, the room and the disk's pace. Lets nothing in."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, replace

from qanat_relay.admission.gate import MAX_QUEUED_BYTES, Gate, Load
from qanat_relay.admission.ticket import Holder
from qanat_relay.config import Config
from qanat_relay.store.errors import StoreError
from qanat_relay.store.interface import Store

TICK_S = 0.05
"""How often those who wait are looked at."""

REST_S = 1.0
"""The same where nobody waits."""

LOOK_S = 2.0
"""How often the store is asked for its room, while anything is written or waits."""

QUEUE_S = 3.0
"""How much may be on its way to the disk: what it takes in so many seconds."""

LEAST_QUEUED_BYTES = 16 * 2**20
"""So much may be in any case: one session's."""


@dataclass(slots=True)
class Waiting:
    """What all sessions together have handed in: size_bytes, what they have not been told of;
    queued_bytes, what of it the disk does not have yet: who reads no answers is none of its
    concern, and shuts no lane; done_bytes counts what it has taken. documents_bytes: of public
    documents that strangers bring and that are not whole."""

    size_bytes: int = 0
    queued_bytes: int = 0
    done_bytes: int = 0
    documents_bytes: int = 0


class Keeper:
    """One node's gate and what is known of its load."""

    def __init__(self, store: Store, config: Config) -> None:
        self.waiting = Waiting()
        self.slowed: set[Holder] = set()
        """Sessions that go on bringing what is refused, while they wait for that."""
        self._store = store
        self._config = config
        self._free = Load(config.capacity_bytes, config.capacity_bytes)
        self._pace_bytes_s = float(MAX_QUEUED_BYTES)
        self._done_bytes = self._looked_bytes = 0
        self._then_s = time.monotonic()
        self._looked_s = 0.0
        self._stirred = asyncio.Event()
        self.gate = Gate(
            self._free,
            self._then_s,
            secrets.randbelow,
            least=config.stamp_effort,
            stir=self._stirred.set,
        )
        # Until somebody tells it the time.
        self.gate.asks = False

    def change(self, config: Config) -> None:
        """Take other settings from the next look on."""
        self._config, self.gate.least = config, config.stamp_effort
        self._looked_s = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self.look(time.monotonic())
                self.gate.asks = self._config.stamps
                await asyncio.sleep(TICK_S)
                if not self.gate.waiting:
                    await self._rest()
        finally:
            self.gate.asks = False

    async def _rest(self) -> None:
        self._stirred.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REST_S):
                await self._stirred.wait()

    async def look(self, now_s: float) -> None:
        """One look at everything."""
        is_due = self.waiting.done_bytes != self._looked_bytes or self.gate.waiting
        if self._looked_s == 0.0 or (now_s - self._looked_s >= LOOK_S and is_due):
            self._looked_s, self._looked_bytes = now_s, self.waiting.done_bytes
            # Where it does not answer whoever writes to it tells; what was known is near enough.
            with contextlib.suppress(StoreError):
                stats = await self._store.stats()
                capacity_bytes = min(self._config.capacity_bytes, stats.most_bytes)
                self._free = Load(
                    max(0, capacity_bytes - stats.kept_bytes),
                    stats.part_free_bytes(self._config.capacity_bytes),
                    many_halves=2 * stats.partial_bytes > self._config.partial_bytes,
                )
        self._note_pace(now_s)
        queue_bytes = min(max(self._pace_bytes_s * QUEUE_S, LEAST_QUEUED_BYTES), MAX_QUEUED_BYTES)
        self.gate.tick(
            now_s,
            replace(
                self._free, queued_bytes=self.waiting.queued_bytes, queue_bytes=int(queue_bytes)
            ),
        )

    def _note_pace(self, now_s: float) -> None:
        past_s, done_bytes = now_s - self._then_s, self.waiting.done_bytes - self._done_bytes
        self._then_s, self._done_bytes = now_s, self.waiting.done_bytes
        if self.waiting.queued_bytes and done_bytes and past_s > 0:
            # Only while something waits for it: else its pace is that of whoever brings.
            self._pace_bytes_s += (done_bytes / past_s - self._pace_bytes_s) / 8
