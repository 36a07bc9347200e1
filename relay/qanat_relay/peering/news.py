"""Word that something new is on the disk, for whoever hands it on."""

from __future__ import annotations

import asyncio


class News:
    """Of one relay. `count` grows with what came; `from_others` tells how much of it did not come
    from one peer."""

    def __init__(self) -> None:
        self._count = 0
        self._by_source: dict[bytes, int] = {}
        self._waiting: set[asyncio.Event] = set()

    def tell(self, source: bytes | None) -> None:
        """Something came: of the peer with this signing key, or (None) of anybody else."""
        self._count += 1
        if source is not None:
            self._by_source[source] = self._by_source.get(source, 0) + 1
        for event in self._waiting:
            event.set()

    def from_others(self, source: bytes) -> int:
        """How often something came that is not this peer's."""
        return self._count - self._by_source.get(source, 0)

    async def wait_for_more(self, source: bytes, than: int) -> None:
        """Return when more came from others than so much."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            while self.from_others(source) <= than:
                event.clear()
                await event.wait()
        finally:
            self._waiting.discard(event)
