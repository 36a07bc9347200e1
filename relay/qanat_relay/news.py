"""Word that something new is on the disk, for whoever hands it on: to peers, and to desks that
wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Ears:
    """Of one that waits for what comes under some tags. What came is remembered until it asks."""

    def __init__(self, tags: Iterable[bytes]) -> None:
        self._tags = frozenset(tags)
        self._has_whole = self._has_half = False
        self._stir = asyncio.Event()

    def hear(self, wholes: Iterable[bytes], halves: Iterable[bytes]) -> None:
        """Parcels of these tags came whole, or in part."""
        self._has_whole = self._has_whole or not self._tags.isdisjoint(wholes)
        self._has_half = self._has_half or not self._tags.isdisjoint(halves)
        if self._has_whole or self._has_half:
            self._stir.set()

    async def whole(self) -> None:
        """Return when something came whole."""
        while not self._has_whole:
            await self._stirred()
        self._has_whole = False

    async def anything(self, halves_from_s: float) -> None:
        """Return when something came whole, or in part and the loop's clock says this time."""
        loop = asyncio.get_running_loop()
        while not self._has_whole:
            left_s = halves_from_s - loop.time() if self._has_half else None
            if left_s is not None and left_s <= 0:
                break
            try:
                async with asyncio.timeout(left_s):
                    await self._stirred()
            except TimeoutError:
                continue
        self._has_whole = self._has_half = False

    async def _stirred(self) -> None:
        await self._stir.wait()
        self._stir.clear()


class News:
    """Of one relay. `count` grows with what came; `from_others` tells how much of it did not come
    from one peer."""

    def __init__(self) -> None:
        self._count = 0
        self._by_source: dict[bytes, int] = {}
        # In the order in which they came: a set's would be another in each run.
        self._waiting: dict[asyncio.Event, None] = {}
        self._ears: dict[Ears, None] = {}

    def tell(self, source: bytes | None) -> None:
        """Something came: of the peer with this signing key, or (None) of anybody else."""
        self._count += 1
        if source is not None:
            self._by_source[source] = self._by_source.get(source, 0) + 1
        for event in self._waiting:
            event.set()

    def tell_desks(self, wholes: set[bytes], halves: set[bytes]) -> None:
        """Parcels of these tags came whole, or in part."""
        for ears in self._ears:
            ears.hear(wholes, halves)

    @contextmanager
    def listening(self, tags: Iterable[bytes]) -> Iterator[Ears]:
        """Ears for what comes under these tags from now on."""
        ears = Ears(tags)
        self._ears[ears] = None
        try:
            yield ears
        finally:
            del self._ears[ears]

    def from_others(self, source: bytes) -> int:
        """How often something came that is not this peer's."""
        return self._count - self._by_source.get(source, 0)

    async def wait_for_more(self, source: bytes, than: int) -> None:
        """Return when more came from others than so much."""
        event = asyncio.Event()
        self._waiting[event] = None
        try:
            while self.from_others(source) <= than:
                event.clear()
                await event.wait()
        finally:
            del self._waiting[event]
