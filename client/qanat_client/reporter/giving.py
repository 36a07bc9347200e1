"""What goes to a relay in a session: what it is offered, what it wants, and what became of that.

Shared by the session's connections (`lane`). Nothing is deleted here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Protocol

from qanat_client.reporter.disk_thread import DiskThread
from qanat_client.reporter.outbox import Outbox, Piece, Said, StoredParcel, Word
from qanat_client.reporter.relay_report import RelayReport, too_large
from qanat_client.reporter.spread import bitmap_of, bits_of
from qanat_client.reporter.stamper import Stamper, serves
from qanat_client.reporter.traffic import Load, Traffic
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import error_for
from qanat_protocol.frames import Answer, Answers, Frame, Offers, Partial, Receipt, Stamp
from qanat_protocol.kinds import Rank
from qanat_protocol.limits import MAX_OFFERS, OFFER_BYTES, PAGE_LEAVES
from qanat_protocol.receipt import verify_receipt
from qanat_protocol.stamp import FIRST_EFFORT
from qanat_protocol.verdicts import Verdict

__all__ = ["Giving"]

_UNASKED_BYTES = 131_072
"""Letters and thumbnails that go before the relay has answered: a round trip or two of a slow
line."""

_READ_AHEAD = 16
"""Blocks that are read from the disk at once."""

_KEPT_AHEAD = 4 * _READ_AHEAD
"""Blocks that were read and did not go: connections that ended, something more urgent."""

_PASSING = frozenset(
    {Verdict.REFUSED_FULL, Verdict.REFUSED_QUOTA, Verdict.STAMP_WANTED, Verdict.BUSY}
)
"""Refusals that are for now."""

_TOO_LATE = "their last day is over by the day that it tells"


class Connection(Protocol):
    """What a session has to know of each of its connections."""

    @property
    def wake(self) -> asyncio.Event:
        """Set when there may be something to do."""

    @property
    def is_full(self) -> bool:
        """Whether nothing may begin on it."""

    @property
    def unconfirmed(self) -> bool:
        """Whether it carried what the relay has not yet spoken of."""

    def allows(self, load: Load) -> bool:
        """Whether the next block of a load may go by it."""


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
        stamper: Stamper,
    ) -> None:
        self.relay = relay
        self._outbox = outbox
        self._disk = disk
        self._traffic = traffic
        self._report = report
        self._desks = desks
        self._stamper = stamper
        self._stamped: dict[int, int] = {}
        """By the parcel's key: the effort of the stamp that the relay was shown."""
        self._effort = 0
        self._agenda = traffic.agenda(relay)
        self._loads: dict[bytes, Load] = {}
        self._offered: list[Load] = []
        self._answered = 0
        self._connections: list[Connection] = []
        self._ahead: dict[tuple[int, int], bytes] = {}
        self._changes = -1
        self._unasked_bytes = 0
        self._relay_day: int | None = None
        self._largest_body: int | None = None
        self.finishing = False
        """Only letters that were begun or may go unasked; set on paths that give no answers."""
        self.ended = asyncio.Event()
        """The session has nothing more to give; its connections end."""

    def join(self, connection: Connection) -> None:
        """Another connection of the session."""
        self._connections.append(connection)

    def leave(self, connection: Connection) -> None:
        """One less."""
        self._connections.remove(connection)

    def stir(self) -> None:
        """Something has changed: each connection looks whether there is something to do."""
        for connection in self._connections:
            connection.wake.set()

    # What there is to give

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
            for load in self._traffic.loads(ours, self.relay)
            if load.parcel.id[:OFFER_BYTES] not in self._loads
        ]
        for load in sorted(new, key=lambda load: load.parcel.rank):
            self._loads[load.parcel.id[:OFFER_BYTES]] = load
            self._judge(load)
            if not load.over and self._goes_unasked(load.parcel):
                self._agenda.add(load)
        asked = [load for load in new if not load.ready and not load.over]
        asked.sort(key=lambda load: (load.parcel.rank, load.parcel.item, load.ordinal))
        # Before the parcels that they are for.
        frames: list[Frame] = [*self._stamps()]
        for start in range(0, len(asked), MAX_OFFERS):
            some = asked[start : start + MAX_OFFERS]
            offers = tuple(load.parcel.id[:OFFER_BYTES] for load in some)
            frames.append(Offers(len(self._offered), offers))
            self._offered += some
        return frames

    def _stamps(self) -> Iterator[Stamp]:
        """Those that were found and not shown yet."""
        for load in self._loads.values():
            stamp, key = load.parcel.stamp, load.parcel.key
            if stamp is None or load.over or not serves(stamp, self._traffic.today):
                continue
            if self._stamped.get(key, 0) < stamp.effort:
                self._stamped[key] = stamp.effort
                yield stamp

    def _goes_unasked(self, parcel: StoredParcel) -> bool:
        # Where it, or half of it, is there already an offer costs less.
        fresh = self.relay not in parcel.words and parcel.header.expiry_day >= self._traffic.today
        size = parcel.header.body_size
        if parcel.rank > Rank.THUMBNAIL or not fresh or self._unasked_bytes + size > _UNASKED_BYTES:
            return False
        self._unasked_bytes += size
        return True

    def _judge(self, load: Load) -> None:
        """Refuse in the relay's stead what it is known not to take."""
        if load.over or self._relay_day is None or self._largest_body is None:
            return
        header = load.parcel.header
        if header.body_size > self._largest_body:
            self.refuse(load, too_large(header.body_size, self._largest_body))
        elif header.expiry_day < self._relay_day:
            self.refuse(load, _TOO_LATE)

    def welcome(self, day: int, largest_body: int, effort: int) -> None:
        """The relay has told its day, the largest body that it takes and what a stamp should show:
        one is worked on while it decides what it takes without."""
        self._relay_day, self._largest_body, self._effort = day, largest_body, effort
        for load in self._loads.values():
            self._judge(load)
            if effort and not load.over:
                self._stamper.want(load.parcel, day, effort)

    def answers(self, frame: Answers) -> list[Said]:
        """What the relay says to our offers; the words to keep."""
        words = []
        for place, code in enumerate(frame.codes, frame.first):
            load = self._offered[place]
            self._answered += 1
            if code.is_wanted:
                if load.over:
                    continue
                if code is Answer.WANT and self.relay in load.parcel.held:
                    # It has let go of what it had.
                    load.spread.forget(self.relay)
                    words.append(self.half(load))
                self._agenda.add(load)
            elif code is Answer.HAVE:
                words.append(self.had(load))
            elif code is Answer.TOMBSTONED:
                words.append(self.purged(load))
            else:
                self.refuse(load, "it does not want it now")
        return words

    def partial(self, frame: Partial) -> None:
        """The blocks of a parcel that the relay holds already."""
        load = self._loads.get(frame.parcel_id[:OFFER_BYTES])
        if load is not None and not load.ready:
            load.spread.hold(self.relay, bits_of(Bitmap.from_bytes(frame.bitmap)))

    # What goes next

    def choose(self, connection: Connection) -> tuple[Load, int] | None:
        """The most valuable block that may go by this connection now, counted as on its way."""
        return self._agenda.choose(connection.allows, connection)

    def has_left(self, size_bytes: int) -> bool:
        """Whether at least so much may still go, what is offered and not answered included."""
        for load in chain(self._agenda.ahead(), islice(self._offered, self._answered, None)):
            size_bytes -= self._agenda.left_bytes(load)
            if size_bytes <= 0:
                return True
        return False

    def is_left(self, load: Load) -> bool:
        """Whether blocks of it are to go."""
        return load in self._agenda

    def give_back(self, load: Load, indices: Iterable[int]) -> None:
        """What became of these blocks nobody will tell: they go again."""
        self._agenda.give_back(load, indices)

    async def read(self, load: Load, index: int, page: int | None, *, begins: bool) -> Piece | None:
        """A block and its lists, None where the body was dropped; with it the blocks that are
        likely to be next are read."""
        parcel = load.parcel
        if page is not None or (begins and load.blocks > PAGE_LEAVES):
            return await self._disk.run(
                self._outbox.piece, parcel, index, page=page, with_roots=begins
            )
        data = self._ahead.pop((parcel.key, index), None)
        if data is None:
            wanted = [
                (parcel.key, at) for at in range(index, min(load.blocks, index + _READ_AHEAD))
            ]
            if parcel.rank <= Rank.LETTER:
                wanted += [
                    (other.parcel.key, 0) for other in islice(self._agenda.ahead(), _READ_AHEAD)
                ]
            if len(self._ahead) > _KEPT_AHEAD:
                self._ahead.clear()
            self._ahead |= await self._disk.run(self._outbox.blocks, wanted)
            data = self._ahead.pop((parcel.key, index), None)
        return None if data is None else Piece(data, [], [])

    def sent(self, load: Load, size_bytes: int) -> None:
        """A block is on its way."""
        load.sent_blocks += 1
        self._report.sent_bytes += size_bytes

    def waits(self, connection: Connection) -> bool:
        """Whether offers are open, or more is to go when some of what was sent is acknowledged, or
        when another connection breaks, or a stamp may be found for what the relay lets wait."""
        more = not self._agenda.is_empty()
        return (
            self._answered < len(self._offered)
            or (more and (connection.is_full or connection.unconfirmed))
            or any(other.unconfirmed for other in self._connections if other is not connection)
            or self._stamper.works_on(
                load.parcel.key for load in self._loads.values() if not (load.over or load.told)
            )
        )

    def over(self) -> None:
        """The session has ended, in whatever way, and its connections before it."""
        self._traffic.left(self.relay)
        self._report.half_sent += sum(
            not load.over and load.sent_blocks > 0 for load in self._loads.values()
        )

    # What became of it

    def drop(self, load: Load) -> None:
        """Its body is not here any more."""
        self._agenda.drop(load)

    def confirm(self, load: Load, indices: Iterable[int]) -> None:
        """Blocks are on the relay's disk."""
        self.went_on()
        self._agenda.confirm(load, indices)

    def went_on(self) -> None:
        """The relay has confirmed something."""
        self._report.went_on = True

    def half(self, load: Load) -> Said:
        """The relay has a part of it."""
        held = bitmap_of(load.spread.held(self.relay))
        # What goes until it speaks again is known to no disk if this is the last that is heard.
        sent = bitmap_of(
            load.spread.in_doubt(self.relay) | load.spread.ahead(self.relay, _READ_AHEAD)
        )
        return Said(load.parcel.key, Word.HALF, held.to_bytes(), sent.to_bytes())

    def had(self, load: Load) -> Said:
        """The relay had it before it was offered."""
        self._report.had += 1
        return self._holds(load)

    def took(self, load: Load) -> Said:
        """The relay has taken the whole of it."""
        self._report.taken += 1
        return self._holds(load)

    def purged(self, load: Load) -> Said:
        """The desk has purged it there."""
        self.drop(load)
        return Said(load.parcel.key, Word.PURGED)

    def refuse(self, load: Load, reason: str) -> None:
        """The relay does not take it, and keeps nothing of it."""
        self.drop(load)
        load.spread.forget(self.relay)
        self._report.refuse(load.parcel.key, reason)

    def refused(self, load: Load, verdict: int) -> None:
        """The relay gave this verdict."""
        self.refuse(load, str(error_for(verdict)))
        self._report.no_room |= verdict in _PASSING
        if verdict == Verdict.STAMP_WANTED:
            self._report.stamps_wanted += 1
            # Who was told of none when the session began starts with the least.
            day, effort = self._relay_day or self._traffic.today, self._effort or FIRST_EFFORT
            self._stamper.want(load.parcel, day, effort, refused=True)

    def _holds(self, load: Load) -> Said:
        self.drop(load)
        load.spread.hold_all(self.relay)
        return Said(load.parcel.key, Word.HOLDS)

    def receipt(self, frame: Receipt) -> list[Said]:
        """A custody receipt, verified; the words to keep. Raises a RemoteError."""
        verify_receipt(self.relay, frame)
        loads = (self._loads.get(parcel_id[:OFFER_BYTES]) for parcel_id in frame.ids)
        found = [load.parcel.key for load in loads if load is not None]
        self._report.signed += len(found)
        return [Said(key, Word.SIGNED) for key in found]
