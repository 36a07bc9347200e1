"""One connection's share of a session: the transfers that go by it, and the relay's word on each.

Several lanes feed on one agenda, so a block goes by one of them alone.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from qanat_client.reporter.giving import Giving
from qanat_client.reporter.outbox import Said
from qanat_client.reporter.traffic import Load
from qanat_protocol.errors import UnexpectedFrame
from qanat_protocol.frames import Ack, AckStatus, Frame
from qanat_protocol.kinds import Rank
from qanat_protocol.limits import MAX_OPEN_TRANSFERS, PAGE_LEAVES
from qanat_protocol.transfer import Outgoing

__all__ = ["Lane"]


@dataclass(slots=True, eq=False)
class _Transfer:
    """A load that was begun here, and the blocks of it that went, in their order."""

    load: Load
    outgoing: Outgoing
    sent: list[int] = field(default_factory=list)
    confirmed: int = 0

    @property
    def unconfirmed(self) -> list[int]:
        return self.sent[self.confirmed :]


class Lane:
    """Begins with its connection and ends with `over`."""

    def __init__(self, giving: Giving) -> None:
        self._giving = giving
        self._transfers: list[_Transfer] = []
        self._open: dict[Load, _Transfer] = {}
        """By their loads, of several of one load the newest."""
        self._unsettled: dict[int, _Transfer] = {}
        """By their handles."""
        self.wake = asyncio.Event()
        giving.join(self)

    @property
    def is_full(self) -> bool:
        """Whether nothing may begin until the relay has settled something."""
        return len(self._unsettled) >= MAX_OPEN_TRANSFERS

    @property
    def unconfirmed(self) -> bool:
        """Whether the relay has not said of everything what became of it."""
        return any(transfer.unconfirmed for transfer in self._unsettled.values())

    def allows(self, load: Load) -> bool:
        """Whether the next block of a load may go by this connection."""
        if load in self._open:
            return True
        return not (self.is_full or (self._giving.finishing and load.parcel.rank > Rank.LETTER))

    async def next(self) -> list[Frame]:
        """The frames of the most valuable block that may go now; empty if there is none."""
        if self.is_full and not any(map(self._giving.is_left, self._open)):
            return []
        while (chosen := self._giving.choose(self)) is not None:
            if frames := await self._frames(*chosen):
                return frames
        return []

    async def _frames(self, load: Load, index: int) -> list[Frame]:
        transfer = self._open.get(load)
        # What comes back from a broken connection may be of a page that has passed here.
        begins = transfer is None or transfer.outgoing.is_past(index // PAGE_LEAVES)
        if transfer is None or begins:
            transfer = _Transfer(load, Outgoing(len(self._transfers), load.parcel.header))
        page = transfer.outgoing.page_needed(index)
        piece = await self._giving.read(load, index, page, begins=begins)
        if piece is None:
            # Opened by the desk, or dropped by the person, while it was on its way.
            self._open.pop(load, None)
            self._giving.drop(load)
            return []
        frames: list[Frame] = []
        if begins:
            frames += transfer.outgoing.start(piece.page_roots)
            self._unsettled[len(self._transfers)] = transfer
            self._transfers.append(transfer)
            self._open[load] = transfer
        load.pages[self] = index // PAGE_LEAVES
        if page is not None:
            frames.append(transfer.outgoing.page(page, piece.leaves))
        frames.append(transfer.outgoing.block(index, piece.data))
        transfer.sent.append(index)
        self._giving.sent(load, len(piece.data))
        return frames

    def acks(self, frame: Ack) -> list[Said]:
        """What became of transfers; the words to keep. Raises UnexpectedFrame."""
        words = []
        for entry in frame.entries:
            if entry.handle >= len(self._transfers):
                raise UnexpectedFrame("a status of a parcel that was never sent")
            transfer = self._transfers[entry.handle]
            load = transfer.load
            if entry.status is AckStatus.PARTIAL:
                if not load.over:
                    self._confirm(transfer, entry.value)
                    words.append(self._giving.half(load))
                continue
            if self._unsettled.pop(entry.handle, None) is None:
                continue
            self._open.pop(load, None)
            if load.told:
                continue
            load.told = True
            if entry.status is AckStatus.REFUSED:
                self._giving.refused(load, entry.value)
            elif entry.status is AckStatus.TOMBSTONED:
                words.append(self._giving.purged(load))
            else:
                self._giving.went_on()
                words.append(self._giving.took(load))
        return words

    def _confirm(self, transfer: _Transfer, count: int) -> None:
        count = min(count, len(transfer.sent))
        if count > transfer.confirmed:
            self._giving.confirm(transfer.load, transfer.sent[transfer.confirmed : count])
            transfer.confirmed = count

    def over(self) -> None:
        """The connection has ended: what it did not bring to its end is for others."""
        self._giving.leave(self)
        for transfer in self._unsettled.values():
            transfer.load.pages.pop(self, None)
            self._giving.give_back(transfer.load, transfer.unconfirmed)
        self._open.clear()
        self._unsettled.clear()
