"""What a session handed in, from then until it is durable and acknowledged (SPEC section 17).

Nothing is acknowledged that is not durable. While one commit runs the next ones gather, and
whoever sends faster than the disk takes waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from qanat_protocol.frames import Ack, AckEntry, AckStatus, Error, Receipt
from qanat_protocol.receipt import MAX_RECEIPT_IDS, sign_receipt
from qanat_protocol.verdicts import Verdict
from qanat_relay.arrivals import Arrival
from qanat_relay.logs import log
from qanat_relay.node import Node
from qanat_relay.store.interface import (
    Outcome,
    PutBlocks,
    PutRun,
    StoreError,
    StoreFull,
    Write,
    parcels_in,
)
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

HANDED_MAX = 6
"""Batches of a session that the store has: while some are written the next are there already."""

MAX_UNSETTLED = 1024
"""Transfers without a final status, the newest of a session, that are looked at again before END:
64 are open at once, and a sender that was told what is here may be done with many more."""

ENTRY_BYTES = 512
"""What a waiting header or tombstone is taken to weigh."""


_TAKEN = frozenset({AckStatus.STORED, AckStatus.HAVE})


@dataclass(slots=True)
class _Batch:
    """What the next commit will hold, and the refusals that are told with it."""

    arrivals: dict[int, Arrival] = field(default_factory=dict)
    runs: list[tuple[int, PutRun]] = field(default_factory=list)
    """With the handle of their first parcels."""
    parcels_in_runs: int = 0
    marks: list[Write] = field(default_factory=list)
    refusals: list[AckEntry] = field(default_factory=list)
    size_bytes: int = 0

    def __len__(self) -> int:
        others = len(self.arrivals) + len(self.marks) + len(self.refusals)
        return self.parcels_in_runs + others


@dataclass(slots=True)
class _Handed:
    """A batch that the store has been given."""

    batch: _Batch
    arrivals: list[Arrival]
    puts: list[PutBlocks]
    writing: asyncio.Task[list[Outcome]]


class Custody:
    """One session's waiting writes. `run` commits and acknowledges; the rest feeds it.

    `close` is told of each transfer that has its final status or from which nothing more can come.
    """

    def __init__(self, node: Node, voice: Voice, close: Callable[[Arrival], None]) -> None:
        self._node = node
        self._voice = voice
        self._close = close
        self._batch = _Batch()
        self._handed: deque[_Handed] = deque()
        self._commits = 0
        self._taken: dict[bytes, None] = {}
        self._unsettled: dict[int, Arrival] = {}
        self._lost_marks: Verdict | None = None
        self._finishing = False
        self._waiting = 0
        self._waiting_bytes = 0
        self.source: bytes | None = None
        """The peer that the session is with: it is told, and signed for, no more than it needs."""
        self.stored = 0
        """Parcels that came whole and were not here."""
        self.lost = False
        """Whether something was not kept for a reason that passes: a disk that did not answer."""
        self.ended = asyncio.Event()
        self._wake = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be committed or acknowledged."""
        return bool(len(self._batch) or self._handed)

    def put(self, arrival: Arrival, size_bytes: int) -> None:
        """Commit what waits of a transfer; 0 bytes where it only asks."""
        self._batch.arrivals.setdefault(arrival.handle, arrival)
        self._grow(size_bytes or ENTRY_BYTES)

    def put_run(self, first: int, run: PutRun) -> None:
        """Commit parcels that are complete; `first` is the handle of the first of them."""
        self._batch.runs.append((first, run))
        self._batch.parcels_in_runs += len(run.ids)
        self._grow(len(run.ids) * run.front.body_size)

    def mark(self, write: Write) -> None:
        """Commit a tombstone or stamp."""
        self._batch.marks.append(write)
        self._grow(ENTRY_BYTES)

    def refuse(self, handle: int, verdict: Verdict) -> None:
        """Tell with the next commit that a transfer is refused."""
        self._batch.refusals.append(AckEntry(handle, AckStatus.REFUSED, verdict))
        self._grow(ENTRY_BYTES)

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
        try:
            await self._commit_all()
        finally:
            self.ended.set()

    async def _commit_all(self) -> None:
        while True:
            self._wake.clear()
            if len(self._batch) and self._may_hand_over():
                self._hand_over()
            if self._handed and self._handed[0].writing.done():
                handed = self._handed[0]
                await self._acknowledge(self._outcome(handed))
                await self._tell_of_lost_marks()
                self._handed.popleft()
                self._shrink(len(handed.batch), handed.batch.size_bytes)
            elif self._handed or not self._finishing:
                await self._wake.wait()
            else:
                return

    def _may_hand_over(self) -> bool:
        """Whether the disk has nothing of this session, or will soon have nothing to do."""
        batch = self._batch
        enough = len(batch) >= MAX_WAITING // 8 or batch.size_bytes >= MAX_WAITING_BYTES // 8
        return not self._handed or (enough and len(self._handed) < HANDED_MAX)

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
                await asyncio.wait([handed.writing for handed in self._handed])
        finally:
            self._shrink(self._waiting, self._waiting_bytes)

    def receipts(self) -> Iterator[Receipt]:
        """The custody receipts of what was taken since they were last asked for (SPEC 13)."""
        taken, self._taken = list(self._taken), {}
        yield from receipts_for(self._node, self._node.today(), taken)

    def _grow(self, size_bytes: int) -> None:
        self._batch.size_bytes += size_bytes
        self._waiting_bytes += size_bytes
        self._node.waiting.size_bytes += size_bytes
        self._check_space()
        self._wake.set()

    def _shrink(self, count: int, size_bytes: int) -> None:
        self._waiting -= count
        self._waiting_bytes -= size_bytes
        self._node.waiting.size_bytes -= size_bytes
        self._check_space()

    def _check_space(self) -> None:
        crowded = self._node.waiting.size_bytes >= MAX_WAITING_TOGETHER_BYTES
        most_bytes = MIN_WAITING_BYTES if crowded else MAX_WAITING_BYTES
        waiting = self._waiting + len(self._batch)
        if self._waiting_bytes < most_bytes and waiting < MAX_WAITING:
            self._space.set()
        else:
            self._space.clear()

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, _Batch()
        self._waiting += len(batch)
        arrivals = list(batch.arrivals.values())
        puts = [arrival.take() for arrival in arrivals]
        runs = [run for _, run in batch.runs]
        # A task of its own: a session that is ended must not take back what the disk is given.
        writing = asyncio.create_task(self._write([*runs, *puts, *batch.marks]))
        writing.add_done_callback(lambda _: self._wake.set())
        self._handed.append(_Handed(batch, arrivals, puts, writing))

    def _outcome(self, handed: _Handed) -> list[AckEntry]:
        outcomes, batch = handed.writing.result(), handed.batch
        self._commits += 1
        entries = []
        for first, run in batch.runs:
            told, outcomes = outcomes[: len(run.ids)], outcomes[len(run.ids) :]
            entries += self._entries(first, run, told)
        for arrival, put, outcome in zip(handed.arrivals, handed.puts, outcomes, strict=False):
            if not arrival.settled:
                entries += self._entry(arrival, put, outcome)
        stored = sum(entry.status is AckStatus.STORED for entry in entries)
        self.stored += stored
        marks = outcomes[len(handed.puts) :]
        if stored or any(outcome.status is AckStatus.STORED for outcome in marks):
            self._node.news.tell(self.source)
        return entries + batch.refusals

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

    async def _write(self, writes: Sequence[Write]) -> list[Outcome]:
        if not writes:
            return []
        try:
            return await self._node.store.write(writes, today=self._node.today())
        except StoreFull:
            verdict = Verdict.REFUSED_FULL
        except StoreError as error:
            log.error("the store refused a commit: %s", type(error).__name__)
            verdict = Verdict.BUSY
        self.lost = self.lost or verdict is Verdict.BUSY
        if any(not isinstance(write, PutBlocks | PutRun) for write in writes):
            # No ACK tells of these; without a word their sender would take them for kept.
            self._lost_marks = verdict
        return [Outcome(AckStatus.REFUSED, verdict)] * sum(map(parcels_in, writes))

    async def _acknowledge(self, entries: list[AckEntry]) -> None:
        for first in range(0, len(entries), MAX_TOLD):
            await self._voice.say(Ack(self._commits, tuple(entries[first : first + MAX_TOLD])))
        await self._sign_in_time()

    async def _sign_in_time(self) -> None:
        if len(self._taken) >= MAX_RECEIPT_IDS:
            await self._voice.say(*self.receipts())

    async def _tell_of_lost_marks(self) -> None:
        if self._lost_marks is not None:
            verdict, self._lost_marks = self._lost_marks, None
            await self._voice.say(Error(verdict, "OPENED, PURGE and STAMP were not kept"))


def receipts_for(node: Node, day: int, ids: Sequence[bytes]) -> Iterator[Receipt]:
    """Receipts over any number of parcel ids, 512 in each."""
    for first in range(0, len(ids), MAX_RECEIPT_IDS):
        yield sign_receipt(node.keys.signing, day, ids[first : first + MAX_RECEIPT_IDS])
