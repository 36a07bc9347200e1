"""What a session handed in, from then until it is durable and acknowledged (SPEC section 17).

Nothing is acknowledged that is not durable. While one commit runs the next ones gather, and
whoever sends faster than the disk takes waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from qanat_protocol.frames import Ack, AckEntry, AckStatus, Error, Receipt
from qanat_protocol.receipt import MAX_RECEIPT_IDS
from qanat_protocol.verdicts import Verdict
from qanat_relay.arrivals import Arrival, Charge
from qanat_relay.batch import Batch, Handed, RunIn
from qanat_relay.committing import commit
from qanat_relay.node import Node
from qanat_relay.receipts import receipts_for
from qanat_relay.store.interface import Outcome, PutBlocks, PutRun, Write
from qanat_relay.voice import Voice

MAX_WAITING_BYTES = 16 * 2**20
"""Unacknowledged bytes of a session: two of a fast disk's commits."""

MAX_WAITING_TOGETHER_BYTES = 64 * 2**20
"""Unacknowledged bytes of all sessions. Beyond it each has MIN_WAITING_BYTES."""

MIN_WAITING_BYTES = 2**20

MAX_WAITING = 4096
"""Unacknowledged transfers and tombstones of a session: some are on their way to the disk while
others gather."""

MAX_TOLD = 512
"""Entries of one ACK."""

LAZY_S = 1.0
"""How long a refusal waits that is not urgent."""

LAZY_MAX = 32
"""And for how many others: half of what a sender may have open."""

MAX_UNTOLD = 65_536
"""Entries that a peer has not yet been told: some megabytes. Others reach MAX_WAITING before."""

HANDED_MAX = 6
"""Batches of a session that the store has: while some are written the next are there already."""

MAX_UNSETTLED = 1024
"""Transfers without a final status, the newest of a session, that are looked at again before END:
64 are open at once, and a sender that was told what is here may be done with many more."""

ENTRY_BYTES = 512
"""What a waiting header or tombstone is taken to weigh."""

_PASSING = frozenset({Verdict.REFUSED_FULL, Verdict.REFUSED_QUOTA})
_TAKEN = frozenset({AckStatus.STORED, AckStatus.HAVE})


@dataclass(frozen=True, slots=True)
class _Untold:
    """What came of a commit and is still to be said; the room that it takes until then."""

    commit: int
    entries: list[AckEntry]
    count: int
    size_bytes: int


class Custody:
    """One session's waiting writes. `run` commits and acknowledges; the rest feeds it.

    `close` is told of each transfer that has its final status or from which nothing more can come.
    """

    def __init__(self, node: Node, voice: Voice, close: Callable[[Arrival], None]) -> None:
        self._node = node
        self._voice = voice
        self._close = close
        self._batch = Batch()
        self._handed: deque[Handed] = deque()
        self._untold: deque[_Untold] = deque()
        self._commits = 0
        self._taken: dict[bytes, None] = {}
        self._unsettled: dict[int, Arrival] = {}
        self._lost_marks: Verdict | None = None
        self._finishing = False
        self._waiting = 0
        self._waiting_bytes = 0
        self._queued_bytes = 0
        """What of it the disk does not have yet."""
        self.source: bytes | None = None
        """The peer that the session is with: it is told, and signed for, no more than it needs."""
        self.stored = 0
        """Parcels that came whole and were not here."""
        self.lost = False
        """Whether something was not kept for a reason that passes: a disk that did not answer."""
        self.lacked_room = False
        """Whether something was refused for want of room, which may be there later."""
        self.ended = asyncio.Event()
        self._untold_entries = 0
        self._lazy: asyncio.TimerHandle | None = None
        self._committed = False
        self._to_tell = asyncio.Event()
        self._wake = asyncio.Event()
        self._calm = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be committed or acknowledged."""
        return bool(len(self._batch) or self._handed or self._untold)

    def put(self, arrival: Arrival, size_bytes: int) -> None:
        """Commit what waits of a transfer; 0 bytes where it only asks."""
        self._batch.arrivals.setdefault(arrival.handle, arrival)
        self._grow(size_bytes or ENTRY_BYTES)

    def put_run(self, first: int, run: PutRun, charge: Charge) -> None:
        """Commit parcels that are complete; `first` is the handle of the first of them."""
        self._batch.runs.append(RunIn(first, run, charge))
        self._batch.parcels_in_runs += len(run.ids)
        self._grow(len(run.ids) * run.front.body_size)

    def mark(self, write: Write) -> None:
        """Commit a tombstone or stamp."""
        self._batch.marks.append(write)
        self._grow(ENTRY_BYTES)

    def refuse(self, handle: int, verdict: Verdict, *, is_urgent: bool = True) -> None:
        """Tell with the next commit that a transfer is refused. What is not urgent may wait
        for more of it: a message costs more than all that is in it."""
        self._node.counts.note_refusal(verdict)
        self._batch.refusals.append(AckEntry(handle, AckStatus.REFUSED, verdict))
        self._grow(ENTRY_BYTES, is_urgent=is_urgent)
        if not is_urgent and self._lazy is None:
            self._lazy = asyncio.get_running_loop().call_later(LAZY_S, self._wake.set)

    async def sign_for(self, ids: Iterable[bytes]) -> None:
        """Let the receipts speak of these too: parcels that were offered and are on the disk."""
        if self.source is not None:
            return
        self._taken.update(dict.fromkeys(ids))
        await self._sign_in_time()

    def ask_again(self) -> None:
        """Look once more at every transfer without a final status: other sessions may have brought
        what it lacked. To be called when the session has nothing more to hand in."""
        unsettled, self._unsettled = self._unsettled, {}
        for arrival in unsettled.values():
            self.put(arrival, 0)

    async def room(self) -> None:
        """Return when the session may hand in more."""
        await self._space.wait()

    async def run(self) -> None:
        """Commit and acknowledge until `finish`. Raises LinkLost when nobody hears."""
        telling = asyncio.create_task(self._tell_all())
        committing = asyncio.create_task(self._commit_all())
        try:
            await asyncio.wait({telling, committing}, return_when=asyncio.FIRST_EXCEPTION)
            for task in (telling, committing):
                if task.done():
                    task.result()
        finally:
            telling.cancel()
            committing.cancel()
            await asyncio.wait({telling, committing})
            self.ended.set()

    async def _commit_all(self) -> None:
        while True:
            self._wake.clear()
            if len(self._batch) and self._may_hand_over():
                self._hand_over()
            if self._handed and self._handed[0].is_done:
                self._settle(self._handed.popleft())
            elif self._handed or not self._finishing:
                await self._wake.wait()
            else:
                self._committed = True
                self._to_tell.set()
                return

    def _settle(self, handed: Handed) -> None:
        entries = self._outcome(handed)
        count, size_bytes = len(handed.batch), handed.batch.size_bytes
        self._count_done(size_bytes)
        if self.source is not None:
            # A peer gives and is given at once. Were it not read until it has heard all of this,
            # and it did not read us for the same reason, both would wait for ever.
            self._shrink(count, size_bytes)
            count = size_bytes = 0
        self._untold.append(_Untold(self._commits, entries, count, size_bytes))
        self._untold_entries += len(entries)
        self._check_space()
        self._to_tell.set()

    async def _tell_all(self) -> None:
        while self._untold or not self._committed:
            self._to_tell.clear()
            if not self._untold:
                await self._to_tell.wait()
                continue
            untold = self._untold[0]
            await self._acknowledge(untold)
            await self._tell_of_lost_marks()
            self._untold.popleft()
            self._untold_entries -= len(untold.entries)
            self._shrink(untold.count, untold.size_bytes)
            self._calm.set()

    def _may_hand_over(self) -> bool:
        """Whether the disk has nothing of this session, or will soon have nothing to do."""
        batch = self._batch
        enough = len(batch) >= MAX_WAITING // 8 or batch.size_bytes >= MAX_WAITING_BYTES // 8
        return not self._handed or (enough and len(self._handed) < HANDED_MAX)

    async def settled(self) -> None:
        """Return when nothing waits: all that came so far is committed and acknowledged."""
        while self.is_busy:
            self._calm.clear()
            await self._calm.wait()

    def finish(self) -> None:
        """Let `run` return when all that came is committed and acknowledged."""
        self._finishing = True
        self._wake.set()

    async def keep_rest(self) -> None:
        """Commit what still waits, with nobody left to tell."""
        try:
            if len(self._batch):
                self._hand_over()
            if self._handed:
                await asyncio.wait([each.writing for each in self._handed if each.writing])
        finally:
            self._count_done(self._queued_bytes)
            self._shrink(self._waiting, self._waiting_bytes)

    def receipts(self) -> Iterator[Receipt]:
        """The custody receipts of what was taken since they were last asked for (SPEC 13)."""
        taken, self._taken = list(self._taken), {}
        yield from receipts_for(self._node, self._node.today(), taken)

    def _grow(self, size_bytes: int, *, is_urgent: bool = True) -> None:
        self._batch.size_bytes += size_bytes
        self._waiting_bytes += size_bytes
        self._queued_bytes += size_bytes
        self._node.waiting.size_bytes += size_bytes
        self._node.waiting.queued_bytes += size_bytes
        self._check_space()
        if is_urgent or len(self._batch.refusals) >= LAZY_MAX:
            self._wake.set()

    def _shrink(self, count: int, size_bytes: int) -> None:
        self._waiting -= count
        self._waiting_bytes -= size_bytes
        self._node.waiting.size_bytes -= size_bytes
        self._check_space()

    def _count_done(self, size_bytes: int) -> None:
        self._queued_bytes -= size_bytes
        self._node.waiting.queued_bytes -= size_bytes
        self._node.waiting.done_bytes += size_bytes

    def _check_space(self) -> None:
        crowded = self._node.waiting.size_bytes >= MAX_WAITING_TOGETHER_BYTES
        most_bytes = MIN_WAITING_BYTES if crowded else MAX_WAITING_BYTES
        waiting = self._waiting + len(self._batch)
        hears = self._untold_entries < MAX_UNTOLD
        if hears and self._waiting_bytes < most_bytes and waiting < MAX_WAITING:
            self._space.set()
        else:
            self._space.clear()

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, Batch()
        if self._lazy is not None:
            self._lazy.cancel()
            self._lazy = None
        self._waiting += len(batch)
        handed = Handed(batch)
        # A task of its own: a session that is ended must not take back what the disk is given.
        handed.writing = asyncio.create_task(self._write(handed))
        handed.writing.add_done_callback(lambda _: self._wake.set())
        self._handed.append(handed)

    async def _write(self, handed: Handed) -> list[Outcome]:
        committed = await commit(self._node, self.source, handed)
        self.lost |= committed.verdict is Verdict.BUSY
        if committed.verdict is not None and handed.batch.marks:
            # No ACK tells of tombstones and stamps.
            self._lost_marks = committed.verdict
        return committed.outcomes

    def _outcome(self, handed: Handed) -> list[AckEntry]:
        assert handed.writing is not None, "it was begun"
        outcomes, batch = handed.writing.result(), handed.batch
        self._commits += 1
        entries = []
        for came in batch.runs:
            count = len(came.run.ids)
            entries += self._entries(came.first, came.run, outcomes[:count])
            outcomes = outcomes[count:]
        for arrival, put, outcome in zip(handed.arrivals, handed.puts, outcomes, strict=False):
            if not arrival.settled:
                entries += self._entry(arrival, put, outcome)
        self.stored += sum(entry.status is AckStatus.STORED for entry in entries)
        entries += batch.refusals
        self.lacked_room |= any(
            entry.status is AckStatus.REFUSED and entry.value in _PASSING for entry in entries
        )
        return entries

    def _entries(self, first: int, run: PutRun, outcomes: list[Outcome]) -> list[AckEntry]:
        if self.source is None:
            self._taken.update(
                (parcel_id, None)
                for parcel_id, outcome in zip(run.ids, outcomes, strict=True)
                if outcome.status in _TAKEN
            )
        return [
            AckEntry(handle, outcome.status, outcome.value)
            for handle, outcome in enumerate(outcomes, first)
        ]

    def _entry(self, arrival: Arrival, put: PutBlocks, outcome: Outcome) -> list[AckEntry]:
        if outcome.status is AckStatus.PARTIAL:
            return self._entry_so_far(arrival, len(put.blocks))
        arrival.settled = True
        self._unsettled.pop(arrival.handle, None)
        self._close(arrival)
        if outcome.status in _TAKEN and self.source is None:
            self._taken[arrival.header.parcel_id] = None
        return [AckEntry(arrival.handle, outcome.status, outcome.value)]

    def _entry_so_far(self, arrival: Arrival, came: int) -> list[AckEntry]:
        self._unsettled[arrival.handle] = arrival
        if len(self._unsettled) > MAX_UNSETTLED:
            del self._unsettled[next(iter(self._unsettled))]
        if not came:
            return []
        if arrival.complete:
            self._close(arrival)
        # Of this transfer alone: its sender knows by it which of its blocks are on the disk.
        arrival.durable += came
        return [AckEntry(arrival.handle, AckStatus.PARTIAL, arrival.durable)]

    async def _acknowledge(self, untold: _Untold) -> None:
        for first in range(0, len(untold.entries), MAX_TOLD):
            some = tuple(untold.entries[first : first + MAX_TOLD])
            await self._voice.say(Ack(untold.commit, some))
        await self._sign_in_time()

    async def _sign_in_time(self) -> None:
        if len(self._taken) >= MAX_RECEIPT_IDS:
            await self._voice.say(*self.receipts())

    async def _tell_of_lost_marks(self) -> None:
        if self._lost_marks is not None:
            verdict, self._lost_marks = self._lost_marks, None
            await self._voice.say(Error(verdict, "OPENED, PURGE and STAMP were not kept"))
