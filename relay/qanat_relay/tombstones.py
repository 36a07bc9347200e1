"""What a desk is told was opened and purged, between the parcels that it is given (SPEC 17).

Knows how much of that there may be; who is told, and what else is given, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from qanat_protocol.frames import Opened, Purge
from qanat_relay.position import Position
from qanat_relay.store.interface import Store

PAGE = 256
"""Tombstones between two cursors."""

TOMBSTONE_BYTES = 176
"""An OPENED on the wire, the longer of the two."""

FIRST_BYTES = 16 * 2**10
"""What goes before the first letter: a quarter of what a connection carries before it has to hear
from the other side."""

SHARE = 3
"""Bytes of parcels for each byte of tombstones while both wait: a quarter of all is tombstones."""


class Tombstones:
    """One desk's, in one session. `say` sends them with the position that they lead to."""

    def __init__(
        self,
        store: Store,
        tags: Sequence[bytes],
        say: Callable[[Sequence[Opened | Purge], Position], Awaitable[None]],
    ) -> None:
        self._store = store
        self._tags = tags
        self._say = say
        self._room_bytes = FIRST_BYTES
        self._is_over = False

    async def some(self, at: Position, given_bytes: int = 0) -> Position:
        """Tell as many as may go beside what was given since the last time."""
        self._room_bytes += given_bytes // SHARE
        while not self._is_over and self._room_bytes >= TOMBSTONE_BYTES:
            limit = min(PAGE, self._room_bytes // TOMBSTONE_BYTES)
            at, count = await self._page(at, limit)
            self._room_bytes -= count * TOMBSTONE_BYTES
            self._is_over = count < limit
        return at

    async def rest(self, at: Position) -> Position:
        """Tell all that are left."""
        count = PAGE
        while count:
            at, count = await self._page(at, PAGE)
        return at

    async def _page(self, at: Position, limit: int) -> tuple[Position, int]:
        while True:
            at = await at.resumed(self._store)
            found = await self._store.list_tombstones(self._tags, at.tombstones, limit)
            if at.era == self._store.era:
                break
        if found:
            at = at.after_tombstone(found[-1][0])
            await self._say([frame for _, frame in found], at)
        return at, len(found)
