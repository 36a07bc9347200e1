"""What goes to a relay in a session: offers, parcels block by block, and what became of them.

Nothing is deleted here; what a relay says is kept with its day.
"""

from __future__ import annotations

from collections.abc import Iterator

from qanat_client.reporter.disk_thread import DiskThread
from qanat_client.reporter.outbox import Outbox, Piece, StoredParcel, Word
from qanat_client.reporter.ready import Ready
from qanat_client.reporter.relay_report import RelayReport, too_large
from qanat_client.reporter.traffic import Load, Traffic
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import UnexpectedFrame, error_for
from qanat_protocol.frames import (
    Ack,
    AckStatus,
    Answer,
    Answers,
    Frame,
    Offers,
    Partial,
    Receipt,
)
from qanat_protocol.kinds import Rank
from qanat_protocol.limits import MAX_OFFERS, MAX_OPEN_TRANSFERS, OFFER_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import block_count
from qanat_protocol.receipt import verify_receipt
from qanat_protocol.transfer import Outgoing

__all__ = ["Giving"]

_UNASKED_BYTES = 131_072
"""Letters that go before the relay has answered: a round trip or two of a slow line."""

_READ_AHEAD = 16
"""Blocks that are read from the disk at once."""

_TOO_LATE = "their last day is over by the day that it tells"


class _Transfer:
    """A load that was begun."""

    def __init__(self, load: Load, outgoing: Outgoing) -> None:
        self.load = load
        self.outgoing = outgoing
        self.missing: Iterator[int] = outgoing.missing()


class Giving:
    """The outgoing half of one session with the relay of this signing key."""

    def __init__(
        self,
        relay: bytes,
        *,
        outbox: Outbox,
        disk: DiskThread,
        traffic: Traffic,
        report: RelayReport,
        desks: frozenset[bytes],
    ) -> None:
        self._relay = relay
        self._outbox = outbox
        self._disk = disk
        self._traffic = traffic
        self._report = report
        self._desks = desks
        self._loads: dict[bytes, Load] = {}
        self._offered: list[Load] = []
        self._answered = 0
        self._transfers: list[_Transfer] = []
        self._open: dict[bytes, _Transfer] = {}
        self._ready = Ready()
        self._ahead: dict[tuple[int, int], bytes] = {}
        self._settled: set[int] = set()
        self._changes = -1
        self._unasked_bytes = 0
        self._relay_day: int | None = None
        self._largest_body: int | None = None
        self.finishing = False
        """Only letters that were begun or may go unasked; set on paths that give no answers."""

    async def offers(self) -> list[Frame]:
        """Take in what is queued and not known yet; the frames that offer it."""
        changes = await self._disk.run(self._outbox.changes)
        if changes == self._changes:
            return []
        self._changes = changes
        parcels = await self._disk.run(self._outbox.waiting)
        ours = [parcel for parcel in parcels if parcel.desk_id in self._desks]
        for parcel in ours:
            known = self._loads.get(parcel.id[:OFFER_BYTES])
            if known is not None:
                known.parcel = parcel
        new = [
            load
            for load in self._traffic.loads(ours, self._relay)
            if load.parcel.id[:OFFER_BYTES] not in self._loads
        ]
        for load in new:
            self._loads[load.parcel.id[:OFFER_BYTES]] = load
            if self._goes_unasked(load.parcel):
                self._ready.add(load)
            self._judge(load)
        asked = [load for load in new if not load.ready and not load.over]
        asked.sort(key=lambda load: (load.parcel.rank, load.parcel.item, load.ordinal))
        frames: list[Frame] = []
        for start in range(0, len(asked), MAX_OFFERS):
            some = asked[start : start + MAX_OFFERS]
            offers = tuple(load.parcel.id[:OFFER_BYTES] for load in some)
            frames.append(Offers(len(self._offered), offers))
            self._offered += some
        return frames

    def _goes_unasked(self, parcel: StoredParcel) -> bool:
        # Where half of it is there already an offer costs less.
        word = parcel.words.get(self._relay, (None, 0))[0]
        fresh = word in (None, Word.HOLDS) and parcel.header.expiry_day >= self._traffic.today
        size = parcel.header.body_size
        if parcel.rank > Rank.LETTER or not fresh or self._unasked_bytes + size > _UNASKED_BYTES:
            return False
        self._unasked_bytes += size
        return True

    def _judge(self, load: Load) -> None:
        """Refuse in the relay's stead what it is known not to take."""
        if load.over or self._relay_day is None or self._largest_body is None:
            return
        header = load.parcel.header
        if header.body_size > self._largest_body:
            load.over = True
            self._report.refuse(load.parcel.key, too_large(header.body_size, self._largest_body))
        elif header.expiry_day < self._relay_day:
            load.over = True
            self._report.refuse(load.parcel.key, _TOO_LATE)

    def welcome(self, day: int, largest_body: int) -> None:
        """The relay has told its day and the largest body that it takes."""
        self._relay_day, self._largest_body = day, largest_body
        for load in self._loads.values():
            self._judge(load)

    @property
    def waits_for_answers(self) -> bool:
        """Whether offers are open, or more is to go when some of what was sent is acknowledged."""
        is_full = len(self._open) >= MAX_OPEN_TRANSFERS
        return self._answered < len(self._offered) or (is_full and bool(self._ready.candidates()))

    def over(self) -> None:
        """The session has ended, in whatever way."""
        self._traffic.left(self._relay)
        self._report.half_sent += sum(
            not transfer.load.over and transfer.load.sent_blocks > 0 for transfer in self._transfers
        )

    async def next(self) -> list[Frame]:
        """The frames of the most valuable block that may go now; empty if there is none."""
        worst = Rank.LETTER if self.finishing else Rank.ORIGINAL
        if len(self._open) >= MAX_OPEN_TRANSFERS:
            loads = [transfer.load for transfer in self._open.values()]
        else:
            loads = self._ready.candidates()
        load = self._traffic.choose(loads, self._relay, worst=worst)
        if load is None:
            return []
        transfer = self._open.get(load.parcel.id)
        begins = transfer is None
        if transfer is None:
            outgoing = Outgoing(len(self._transfers), load.parcel.header, load.held)
            transfer = _Transfer(load, outgoing)
        index = next(transfer.missing)
        page = transfer.outgoing.page_needed(index)
        piece = await self._read(load, index, page, begins=begins)
        if piece is None:
            # Opened by the desk, or dropped by the person, while it was on its way.
            load.over = True
            self._open.pop(load.parcel.id, None)
            return await self.next()
        frames: list[Frame] = []
        if begins:
            frames += transfer.outgoing.start(piece.page_roots)
            self._transfers.append(transfer)
            self._open[load.parcel.id] = transfer
        if page is not None:
            frames.append(transfer.outgoing.page(page, piece.leaves))
        frames.append(transfer.outgoing.block(index, piece.data))
        load.sent_blocks += 1
        self._report.sent_bytes += len(piece.data)
        return frames

    async def _read(
        self, load: Load, index: int, page: int | None, *, begins: bool
    ) -> Piece | None:
        """A block and its lists; with it the blocks that are likely to be next."""
        parcel, blocks = load.parcel, block_count(load.parcel.header.body_size)
        if page is not None or (begins and blocks > PAGE_LEAVES):
            return await self._disk.run(
                self._outbox.piece, parcel, index, page=page, with_roots=begins
            )
        data = self._ahead.pop((parcel.key, index), None)
        if data is None:
            wanted = [(parcel.key, at) for at in range(index, min(blocks, index + _READ_AHEAD))]
            if parcel.rank <= Rank.LETTER:
                wanted += [(load.parcel.key, 0) for load in self._ready.letters(_READ_AHEAD)]
            self._ahead = await self._disk.run(self._outbox.blocks, wanted)
            data = self._ahead.pop((parcel.key, index), None)
        return None if data is None else Piece(data, [], [])

    def answers(self, frame: Answers) -> list[tuple[int, Word]]:
        """What the relay says to our offers; the words to keep."""
        words = []
        for place, code in enumerate(frame.codes, frame.first):
            load = self._offered[place]
            self._answered += 1
            if code in (Answer.WANT, Answer.WANT_REST):
                self._ready.add(load)
                continue
            load.over = True
            if code is Answer.HAVE:
                self._report.had += 1
                self._traffic.took(self._relay, load.parcel.id)
                words.append((load.parcel.key, Word.HOLDS))
            elif code is Answer.TOMBSTONED:
                words.append((load.parcel.key, Word.PURGED))
            else:
                self._report.refuse(load.parcel.key, "it does not want it now")
        return words

    def partial(self, frame: Partial) -> None:
        """The blocks of a parcel that the relay holds already."""
        load = self._loads.get(frame.parcel_id[:OFFER_BYTES])
        if load is not None and not load.sent_blocks and load.parcel.id not in self._open:
            load.held = Bitmap.from_bytes(frame.bitmap)

    def acks(self, frame: Ack) -> list[tuple[int, Word]]:
        """What became of transfers; the words to keep."""
        words = []
        for entry in frame.entries:
            if entry.handle >= len(self._transfers):
                raise UnexpectedFrame("a status of a parcel that was never sent")
            load = self._transfers[entry.handle].load
            self._report.went_on = True
            if entry.status is AckStatus.PARTIAL:
                words.append((load.parcel.key, Word.HALF))
                continue
            if entry.handle in self._settled:
                continue
            self._settled.add(entry.handle)
            self._open.pop(load.parcel.id, None)
            load.over = True
            if entry.status is AckStatus.REFUSED:
                self._report.refuse(load.parcel.key, str(error_for(entry.value)))
            elif entry.status is AckStatus.TOMBSTONED:
                words.append((load.parcel.key, Word.PURGED))
            else:
                self._report.taken += 1
                self._traffic.took(self._relay, load.parcel.id)
                words.append((load.parcel.key, Word.HOLDS))
        return words

    def receipt(self, frame: Receipt) -> list[tuple[int, Word]]:
        """A custody receipt, verified; the words to keep. Raises a RemoteError."""
        verify_receipt(self._relay, frame)
        loads = (self._loads.get(parcel_id[:OFFER_BYTES]) for parcel_id in frame.ids)
        found = [load.parcel.key for load in loads if load is not None]
        self._report.signed += len(found)
        return [(key, Word.SIGNED) for key in found]
