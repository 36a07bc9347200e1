"""What a desk has, compared with what one relay knows (SPEC section 18): the desk's side of a
sketch. Reads the vault, and keeps there what the relay was found not to know.

Once a day all ids go through a hash for each relay, a second and a half for a million of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qanat_client.desk.epochs import live_epochs
from qanat_client.desk.workbench import Workbench
from qanat_protocol.errors import UnexpectedFrame
from qanat_protocol.frames import Cells, Frame, Sketch
from qanat_protocol.limits import OFFER_BYTES
from qanat_protocol.tags import desk_tag

if TYPE_CHECKING:
    from qanat_protocol.reconciliation import Reconciliation

__all__ = ["Reconciling"]

ROWS = 16_384
"""Read from the vault before other sessions have their turn: some 30 ms."""


class Reconciling:
    """One session's sketch. Made anew for each."""

    def __init__(self, bench: Workbench, relay: bytes) -> None:
        self._bench = bench
        self._relay = relay
        self._found: Reconciliation | None = None
        self._told = False
        self._has_cursor = False

    async def estimate(self, cursor: bytes | None, *, is_due: bool) -> bytes | None:
        """What to say of the desk's parcels: None if there are none, nothing of them if they need
        not be compared today."""
        self._has_cursor = cursor is not None
        vault = self._bench.desk.vault
        if vault.value("SELECT 1 FROM parcels WHERE state != 'partial' LIMIT 1") is None:
            return None
        if not is_due:
            return b""
        # numpy comes with the desk's extra, and only here is it used.
        from qanat_protocol.estimate import balance_of, pack_balance

        ids, _ = await self._read(self._bench.desk.today)
        return await asyncio.to_thread(lambda: pack_balance(balance_of(ids)))

    async def begin(self, sketch: Sketch) -> list[Frame]:
        """The relay tells of its set: what to say to it. Raises UnexpectedFrame for a second one.

        All that has come must be in the vault.
        """
        if self._told:
            raise UnexpectedFrame("a second sketch of one set")
        from qanat_protocol.reconciliation import Reconciliation

        self._told = True
        ids, absent = await self._read(sketch.day)
        found = await asyncio.to_thread(Reconciliation, sketch, ids, absent)
        self._found = found
        return await self._heard(found, await asyncio.to_thread(found.begin))

    async def hear(self, cells: Cells) -> list[Frame]:
        """What to say to more of it. Raises UnexpectedFrame."""
        if self._found is None:
            raise UnexpectedFrame("cells of no sketch")
        return await self._heard(self._found, await asyncio.to_thread(self._found.hear, cells))

    async def _heard(self, found: Reconciliation, said: list[Frame]) -> list[Frame]:
        if found.is_over:
            self._found = None
            absent, present = await asyncio.to_thread(lambda: (found.absent, found.present))
            today = self._bench.desk.today
            self._bench.book.keep_absent(self._relay, absent, present, today)
            # What it was told of these it did not know what to do with.
            offers = [parcel_id[:OFFER_BYTES] for parcel_id in present]
            self._bench.tombstones.tell_again(self._relay, offers)
            if not self._has_cursor:
                # Nor was anything heard of the others since it was told.
                self._bench.book.tell_again(self._relay, today)
                self._bench.tombstones.look_again(self._relay)
        return said

    async def _read(self, day: int) -> tuple[bytes, bytes]:
        """The ids of what is here, under a live tag and carried on that day; and of what of it this
        relay was found not to know. 32 bytes each."""
        desk, book = self._bench.desk, self._bench.book
        absent = book.absent(self._relay)
        tags = {desk_tag(desk.card.desk_id, epoch) for epoch in live_epochs(desk.vault)}
        known, unknown = list[bytes](), list[bytes]()
        last = b""
        while True:
            rows = desk.vault.rows(
                "SELECT id, substr(header, 17, 16), expiry_day FROM parcels"
                " WHERE id > ? AND state != 'partial' ORDER BY id LIMIT ?",
                last,
                ROWS,
            )
            if not rows:
                return b"".join(known), b"".join(unknown)
            last = rows[-1][0]
            for parcel_id, tag, expiry_day in rows:
                if expiry_day >= day and tag in tags:
                    (unknown if parcel_id in absent else known).append(parcel_id)
            await asyncio.sleep(0)
