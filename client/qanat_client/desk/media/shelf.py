"""Decoded media in memory, each behind an address that nobody can guess. Lives in the event loop;
writes nothing to the disk, and forgets what was asked for longest ago when it is full."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from qanat_client.desk.media.asking import Head, Piece

__all__ = ["MAX_SHELF_BYTES", "Medium", "Shelf"]

MAX_SHELF_BYTES: Final = 256 << 20
MAX_MEDIA: Final = 4096
_CAPABILITY_BYTES: Final = 32


@dataclass(eq=False, slots=True)
class Medium:
    """One decoded file while it grows and when it is whole. stop: nobody wants the rest."""

    capability: str
    stop: Callable[[], None]
    head: Head | None = None
    data: bytearray = field(default_factory=bytearray)
    is_whole: bool = False
    note: str = ""
    error: Exception | None = None
    _grown: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.is_whole or self.error is not None

    def take(self, what: Head | Piece) -> None:
        """A head, or a piece at its place."""
        if isinstance(what, Head):
            self.head = what
        else:
            end = what.at + len(what.data)
            if end > len(self.data):
                self.data.extend(bytes(end - len(self.data)))
            self.data[what.at : end] = what.data
        self._tell()

    def finish(self, note: str, error: Exception | None = None) -> None:
        """It is whole, or it failed."""
        self.note, self.error = note, error
        self.is_whole = error is None
        self._tell()

    def _tell(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def grow(self) -> None:
        """Wait until there is more, or all of it."""
        if not self.is_over:
            await self._grown.wait()


class Shelf:
    """All media by their addresses, and by what they were made of."""

    def __init__(self, most_bytes: int = MAX_SHELF_BYTES) -> None:
        self._most_bytes = most_bytes
        self._by_capability: dict[str, tuple[Hashable, Medium]] = {}
        self._by_key: dict[Hashable, Medium] = {}

    def begin(self, key: Hashable, stop: Callable[[], None]) -> Medium:
        """An empty medium at a new address."""
        medium = Medium(secrets.token_urlsafe(_CAPABILITY_BYTES), stop)
        self._by_key[key] = medium
        self._by_capability[medium.capability] = (key, medium)
        return medium

    def made_of(self, key: Hashable) -> Medium | None:
        """What was made of this before, if it is still here."""
        medium = self._by_key.get(key)
        return None if medium is None else self.at(medium.capability)

    def at(self, capability: str) -> Medium | None:
        """What lies at this address; it counts as used."""
        found = self._by_capability.pop(capability, None)
        if found is None:
            return None
        self._by_capability[capability] = found
        return found[1]

    def drop(self, medium: Medium) -> None:
        """Forget it."""
        found = self._by_capability.pop(medium.capability, None)
        if found is not None and self._by_key.get(found[0]) is medium:
            del self._by_key[found[0]]
        medium.stop()

    def make_room(self, but: Medium) -> None:
        """Forget what was used longest ago, but this, until the rest fits."""
        size = sum(len(medium.data) for _, medium in self._by_capability.values())
        for _, medium in list(self._by_capability.values()):
            if size <= self._most_bytes and len(self._by_capability) <= MAX_MEDIA:
                return
            if medium is not but:
                size -= len(medium.data)
                self.drop(medium)

    def clear(self) -> None:
        """Forget everything."""
        for _, medium in list(self._by_capability.values()):
            self.drop(medium)
