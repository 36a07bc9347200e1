"""The parcels that one session is to be given, and which goes next (SPEC section 17).

Mailboxes take turns, and what was asked for by its id goes first of its class. Sends nothing.
"""

from __future__ import annotations

import asyncio
from itertools import count

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.limits import BLOCK_BYTES, MAX_OPEN_TRANSFERS
from qanat_protocol.parcel import Header, Rank
from qanat_protocol.schedule import Queue
from qanat_relay.gift import SLICE_BLOCKS, Gift

MAX_OPEN_PARTS = MAX_OPEN_TRANSFERS // 2
"""Transfers that are open before parts wait until one of them ends: letters have the other half."""


class Gifts:
    """What waits or is on its way, each parcel once."""

    def __init__(self) -> None:
        self._gifts: dict[bytes, Gift] = {}
        self._queue: Queue[Gift] = Queue()
        self._numbers = count()
        self._open: dict[int, Gift] = {}
        self._ended = asyncio.Event()

    def __len__(self) -> int:
        """How many have not been sent to their end."""
        return len(self._queue)

    def add(
        self,
        header: Header,
        *,
        held: Bitmap,
        taken_day: int | None,
        today: int,
        wanted: bool,
    ) -> tuple[Gift, bool]:
        """The gift of this parcel, and whether it is new. `held`: what the other side has."""
        parcel_id = header.parcel_id
        gift = self._gifts.get(parcel_id)
        if gift is not None:
            if wanted and gift in self._queue:
                self._queue.update(gift, wanted=True)
            return gift, False
        gift = Gift(header, parcel_id, taken_day, held)
        self._gifts[parcel_id] = gift
        self._queue.add(
            gift,
            rank=gift.rank,
            flow=gift.flow,
            order=(next(self._numbers),),
            left_bytes=gift.left_bytes,
            wanted=wanted,
            waited_days=0 if taken_day is None else today - taken_day,
        )
        return gift, True

    async def end_of_one(self) -> None:
        """Return when one of them has ended. There must be one."""
        self._ended.clear()
        await self._ended.wait()

    def take_small(self) -> list[Gift]:
        """As many of one block as make a slice, if what comes next is one. They count as sent."""
        gifts: list[Gift] = []
        left_bytes = SLICE_BLOCKS * BLOCK_BYTES
        while (gift := self._queue.first()) is not None and gift.is_small:
            size_bytes = gift.header.body_size
            left_bytes -= size_bytes
            if left_bytes < 0:
                break
            self._queue.sent(gift, size_bytes)
            gifts.append(gift)
        return gifts

    def first(self) -> Gift | None:
        """That whose next blocks are worth most. Opens no more than the other side takes."""
        crowded = len(self._open) >= MAX_OPEN_PARTS
        return self._queue.first(self._may_go if crowded else None)

    def _may_go(self, gift: Gift) -> bool:
        if gift.is_open or gift.is_small:
            return True
        return gift.rank <= Rank.LETTER and len(self._open) < MAX_OPEN_TRANSFERS

    def opened(self, gift: Gift, handle: int) -> None:
        """Its HEADER goes, with this handle."""
        gift.handle = handle
        self._open[handle] = gift

    def by_handle(self, handle: int) -> Gift | None:
        """That of a transfer that is open."""
        return self._open.get(handle)

    def sent(self, gift: Gift, size_bytes: int) -> bool:
        """Blocks of it go; whether more are to follow."""
        self._queue.sent(gift, size_bytes)
        return gift in self._queue

    def end(self, gift: Gift) -> None:
        """It goes no further."""
        self._queue.discard(gift)
        self._open.pop(gift.handle, None)
        del self._gifts[gift.parcel_id]
        self._ended.set()
