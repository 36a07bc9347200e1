"""Lists that go by arrival numbers, and changes of these numbers: never at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Many may read at once; who changes is alone, and the next in turn."""

    def __init__(self, era: int) -> None:
        self.era = era
        """How often numbers were changed. Whoever has read some in an earlier era, or finds after a
        reading that it was not the era that they took it for, has to translate them."""
        self._readers = 0
        self._changing = asyncio.Lock()
        self._no_reader = asyncio.Event()
        self._no_reader.set()
        self._unchanging = asyncio.Event()
        self._unchanging.set()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Waits for whoever changes. Until the reader's next await nobody else gets a turn."""
        while not self._unchanging.is_set():
            await self._unchanging.wait()
        self._readers += 1
        self._no_reader.clear()
        try:
            yield
        finally:
            self._readers -= 1
            if not self._readers:
                self._no_reader.set()

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Begins when nobody reads any more; meanwhile nobody begins to. The era is to be set
        inside, once the change is sure."""
        async with self._changing:
            self._unchanging.clear()
            try:
                await self._no_reader.wait()
                yield
            finally:
                self._unchanging.set()
