"""The one thread that writes: it takes what all sessions handed over and commits it as a group.
Nothing is answered before COMMIT has returned; what fails is answered by name and not done."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from qanat_protocol.errors import QanatError
from qanat_relay.events import Event
from qanat_relay.logs import tell
from qanat_relay.store import tally as tallies
from qanat_relay.store.checkpointer import Checkpointer
from qanat_relay.store.commits import Commits
from qanat_relay.store.errors import StoreClosed, StoreError, StoreFull
from qanat_relay.store.failures import named
from qanat_relay.store.files import PAGE_BYTES
from qanat_relay.store.group import Group
from qanat_relay.store.interface import Outcome, Write
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.offers import RECENT_MAX, Recent
from qanat_relay.store.putting import check_put
from qanat_relay.store.room import Room
from qanat_relay.store.shortness import Shortness
from qanat_relay.store.work import Work

GROUP_BYTES = 8 * 2**20
"""Bodies in one commit: as much as is put back at once, a fraction of a second on a slow card."""

GROUP_CALLS = 512
"""Calls in one commit."""


@dataclass(frozen=True, slots=True)
class WriteCall:
    """A call of `Store.write`, to be answered with an outcome for each write."""

    writes: Sequence[Write]
    size_bytes: int
    today: int
    answer: asyncio.Future[list[Outcome]]


@dataclass(frozen=True, slots=True)
class StepCall:
    """A step of something else that writes, in a transaction of its own."""

    step: Callable[[Work], object]
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class CareCall:
    """Care of the database as a whole, outside of a transaction of the writer's."""

    care: Callable[[sqlite3.Connection], object]
    answer: asyncio.Future[Any]


Call = WriteCall | StepCall | CareCall


class Writer:
    """Owns the writing connection and its thread. All methods are for the event loop's thread."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        beside: sqlite3.Connection,
        limits: StoreLimits,
        recent_max: int = RECENT_MAX,
    ) -> None:
        """Both connections may write, and are the writer's alone; `close` closes them."""
        self._connection = connection
        self._checkpointer = Checkpointer(beside)
        self.limits = limits
        *_, path = connection.execute("PRAGMA database_list").fetchone()
        self._path = Path(path)
        self._shortness = Shortness(connection, self._path)
        self._recent = Recent(connection, recent_max)
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._ended: str | None = None
        self.ended = asyncio.Event()
        """Set when its thread has ended."""
        self.commits = Commits()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def recent(self) -> Mapping[bytes, int]:
        """Rows of parcels that the table `offer` lacks; for `find_parcel`."""
        return self._recent.arrivals

    def limit(self, limits: StoreLimits) -> None:
        """As `Store.limit`."""
        self.limits = limits

    async def write(self, writes: Sequence[Write], today: int) -> list[Outcome]:
        """As `Store.write`."""
        size_bytes = sum(map(check_put, writes))
        answer: asyncio.Future[list[Outcome]] = self._loop.create_future()
        await self._hand_over(WriteCall(writes, size_bytes, today, answer))
        return answer.result()

    async def step(self, step: Callable[[Work], Any]) -> Any:
        """Run a step in a transaction; returns what it returned once that is on disk."""
        return await self._hand_over(StepCall(step, self._loop.create_future()))

    def at_once_bytes(self, most_bytes: int) -> int:
        """How much of that one step should write."""
        return self._shortness.at_once_bytes(most_bytes)

    async def fill_offers(self) -> None:
        """Put all that is known by heart into the table of offers, where there is room for it."""
        await self.care(lambda _: self._settle())

    async def care(self, care: Callable[[sqlite3.Connection], Any]) -> Any:
        """Let something see to the database between two transactions; returns what it returns."""
        return await self._hand_over(CareCall(care, self._loop.create_future()))

    async def close(self) -> None:
        """Finish what was handed over; what comes later is refused."""
        if self._ended is None:
            self._ended = "the store is closed"
            self._calls.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _hand_over(self, call: Call) -> Any:
        if self._ended is not None:
            raise StoreClosed(self._ended)
        self._calls.put(call)
        # A caller that is cancelled loses the answer, never the write.
        return await asyncio.shield(call.answer)

    def _run(self) -> None:
        calls: list[Call] = []
        waiting: Call | None = None
        more = True
        try:
            while more and (first := waiting or self._calls.get()) is not None:
                calls, waiting, more = self._gather(first)
                changes = self._connection.total_changes
                self._commit(calls)
                self._checkpointer.note(self._logged_bytes(calls, changes))
                calls = []
                if self._recent.is_full:
                    self._settle()
            self._settle()
        finally:
            # The last to be closed puts the log back into the file, and is the one that writes.
            self._checkpointer.close()
            self._connection.close()
            unanswered = calls if waiting is None else [*calls, waiting]
            self._loop.call_soon_threadsafe(self._end, unanswered)

    def _logged_bytes(self, calls: Sequence[Call], changes: int) -> int:
        """What they brought into the log, about. changes: of rows, before them."""
        if _is_write(calls[0]):
            return sum(call.size_bytes for call in calls if _is_write(call))
        return (self._connection.total_changes - changes) * PAGE_BYTES

    def _gather(self, first: Call) -> tuple[list[Call], Call | None, bool]:
        """One group, what was taken from the queue beyond it, and whether to go on after it."""
        group = [first]
        if not _is_write(first):
            return group, None, True
        size_bytes = first.size_bytes
        most_bytes = self._shortness.at_once_bytes(GROUP_BYTES)
        while len(group) < GROUP_CALLS and size_bytes < most_bytes:
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                break
            if call is None:
                return group, None, False
            if not _is_write(call):
                return group, call, True
            group.append(call)
            size_bytes += call.size_bytes
        return group, None, True

    def _commit(self, calls: Sequence[Call]) -> None:
        error = self._try(calls)
        if error is None:
            return
        if not isinstance(error, StoreFull) or len(calls) == 1 or self._shortness.is_cornered():
            self._answer_all(calls, error)
            return
        # One of them was too large for the disk, perhaps: no letter beside it is to pay for it.
        # But each try puts the log back, so that what is no smaller than one that failed has none.
        least_bytes: int | None = None
        for call in filter(_is_write, calls):
            if least_bytes is not None and call.size_bytes >= least_bytes:
                self._answer_all([call], error)
            elif failure := self._try([call]):
                self._answer_all([call], failure)
                if isinstance(failure, StoreFull):
                    least_bytes, error = call.size_bytes, failure

    def _try(self, calls: Sequence[Call]) -> StoreError | None:
        """Commit and answer them; why that could not be, and nothing is answered, or None."""
        try:
            results = self._transact(calls)
        except sqlite3.Error as error:
            failure = named(error)
        except StoreError as error:
            failure = error
        else:
            self._loop.call_soon_threadsafe(_resolve, calls, results)
            return None
        self.commits.note_failure()
        self._undo()
        return failure

    def _transact(self, calls: Sequence[Call]) -> Sequence[object]:
        if isinstance(calls[0], CareCall):
            self._make_way(of_anything=True)
            self._checkpointer.rest()
            return [calls[0].care(self._connection)]
        self._make_way(of_anything=isinstance(calls[0], StepCall))
        began_s = time.monotonic()
        self._connection.execute("BEGIN IMMEDIATE")
        tally = tallies.load(self._connection)
        before = replace(tally)
        (swept_day,) = self._connection.execute("SELECT swept_day FROM store").fetchone()
        limits = self.limits
        room = Room(self._connection, limits, self._path)
        room.measure()
        work = Work(
            self._connection,
            tally,
            room,
            limits,
            swept_day or 0,
            recent=self._recent.arrivals,
            moved=self._recent.moved,
        )
        results: list[Any] = [call.step(work) for call in calls if isinstance(call, StepCall)]
        if not results:
            group = Group([(call.writes, call.today) for call in calls if _is_write(call)])
            group.apply(work, self._recent)
            results = group.outcomes
        if tally != before or tally.tags.changes:
            # A sweep that finds nothing to do leaves no trace of its hour in the log.
            tallies.save(self._connection, tally)
        self._connection.execute("COMMIT")
        self.commits.note(began_s, room.evicted, room.displaced)
        self._recent.moved.clear()
        return results

    def _make_way(self, *, of_anything: bool) -> None:
        """Raises StoreFull where what stands in the log has no room in the database: somebody reads
        in it for so long, or others have filled the disk."""
        is_cornered = self._shortness.is_cornered()
        if is_cornered or self._shortness.is_log_in_the_way(of_anything=of_anything):
            self._checkpointer.rest()
            self._shortness.cut_log()
            if is_cornered and self._shortness.is_cornered():
                raise StoreFull("the relay's disk is full: its log has no room in its database")

    def _settle(self) -> None:
        """Fill the table of offers. Where that fails all stays as it is, until the next time."""
        try:
            self._make_way(of_anything=True)
            self._recent.settle(self._connection)
        except (sqlite3.Error, StoreFull) as error:
            self._roll_back()
            self._recent.put_off()
            kind = error if isinstance(error, StoreFull) else named(error)
            tell(Event.INDEX_BEHIND, error_kind=type(kind).__name__)

    def _undo(self) -> None:
        self._roll_back()
        self._recent.restore()

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors, a full disk for one.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _answer_all(self, calls: Sequence[Call], error: QanatError) -> None:
        self._loop.call_soon_threadsafe(_fail, calls, error)

    def _end(self, unanswered: Sequence[Call]) -> None:
        """The thread is gone: by `close`, or by a mistake of ours that it has told by itself."""
        self._ended = self._ended or "the store's writer has ended; restart qanat-relay"
        self.ended.set()
        left = list(unanswered)
        while not self._calls.empty():
            call = self._calls.get_nowait()
            if call is not None:
                left.append(call)
        _fail(left, StoreClosed(self._ended))


def _is_write(call: Call) -> TypeGuard[WriteCall]:
    return isinstance(call, WriteCall)


def _resolve(calls: Sequence[Call], results: Sequence[Any]) -> None:
    for call, result in zip(calls, results, strict=True):
        if not call.answer.done():
            call.answer.set_result(result)


def _fail(calls: Sequence[Call], error: QanatError) -> None:
    for call in calls:
        if not call.answer.done():
            call.answer.set_exception(error)
