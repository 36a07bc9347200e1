"""What a relay knows under each desk's tags, as sketches (SPEC section 18): kept in memory, one for
each tag, which stands for a week, read from the store when a desk asks first and then added to.

Who may be told is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qanat_protocol.estimate import Balance, balance_of, no_balance
from qanat_protocol.limits import HASH_BYTES, HEAD_BYTES, OFFER_BYTES, SKETCH_KEY_BYTES
from qanat_protocol.sketch import Cells, Sketched, no_cells, sum_cells
from qanat_relay.store.interface import Known, Store

T = TypeVar("T")

MAX_SKETCHED = 4_000_000
"""Ids that are kept in memory, 44 bytes each. A desk that has more of them gets lists instead."""

MAX_TAGS = 1024
"""Tags that are kept in memory, some 40 desks; those that were asked for longest ago go first."""

PAGE = 8192
"""Rows that are read at once: some ten milliseconds in which numbers can't be dealt anew."""

LEAST_CACHED = 2048
"""Cells that are kept of each tag's set: as many as most answers need."""


class _Keyed:
    """The ids of a tag under the key of a day. Only grows."""

    def __init__(self, key: bytes) -> None:
        self.sketched = Sketched(key)
        self._cells = no_cells(0)

    def take(self, ids: bytes) -> None:
        new = self.sketched.add(ids)
        cells = sum_cells(new, len(self._cells[0]))
        self._cells = self._cells[0] + cells[0], self._cells[1] + cells[1]

    def cells(self, known: int, count: int) -> Cells:
        """The first cells of the first `known` ids."""
        if len(self._cells[0]) < count:
            most = max(LEAST_CACHED, 1 << (count - 1).bit_length())
            self._cells = sum_cells(self.sketched.short_ids, most)
        newer = sum_cells(self.sketched.short_ids[known:], count)
        return self._cells[0][:count] - newer[0], self._cells[1][:count] - newer[1]


class KnownTag:
    """What is known under a tag. `after`: the arrival up to which it was read; `is_doubtful`: some
    of what comes behind it may have been read before."""

    def __init__(self) -> None:
        self.after = 0
        self.is_doubtful = False
        self.balance = no_balance()
        self.keyed_count = 0
        self._keyed: _Keyed | None = None
        self._pieces: list[bytes] = []
        self._expiry_days: list[NDArray[np.uint32]] = []

    def __len__(self) -> int:
        return sum(map(len, self._expiry_days))

    @property
    def ids(self) -> bytes:
        """32 bytes each, one after the other, in the order in which they were read."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def take(self, rows: Sequence[Known], day: int) -> None:
        """Add what has not expired on that day and is not here."""
        expiry_days = {row.parcel_id: row.expiry_day for row in rows if row.expiry_day >= day}
        for parcel_id in self._here(expiry_days) if self.is_doubtful and expiry_days else ():
            del expiry_days[parcel_id]
        ids = b"".join(expiry_days)
        self._pieces.append(ids)
        self._expiry_days.append(np.fromiter(expiry_days.values(), np.uint32, len(expiry_days)))
        self.balance += balance_of(ids)
        self.after = rows[-1].arrival

    def drop_expired(self, day: int) -> None:
        """Forget what is carried no longer on that day, and the key of the day before."""
        self._keyed = None
        days = np.concatenate([np.zeros(0, np.uint32), *self._expiry_days])
        left = days >= day
        if not left.all():
            rows = np.frombuffer(self.ids, np.uint8).reshape(-1, HASH_BYTES)
            self._pieces, self._expiry_days = [rows[left].tobytes()], [days[left]]
            self.balance = balance_of(self.ids)

    def under(self, key: bytes) -> _Keyed:
        """All of it under the key of the day."""
        if self._keyed is None:
            self._keyed, self.keyed_count = _Keyed(key), 0
        ids = self.ids
        self._keyed.take(ids[self.keyed_count * HASH_BYTES :])
        self.keyed_count = len(ids) // HASH_BYTES
        return self._keyed

    def _here(self, ids: Iterable[bytes]) -> list[bytes]:
        """Those of some ids that are here."""
        begins = np.frombuffer(self.ids, ">u8").reshape(-1, 4)[:, 0]
        asked = set(ids)
        alike = np.isin(begins, np.frombuffer(b"".join(asked), ">u8")[::4])
        places = np.flatnonzero(alike) * HASH_BYTES
        return [
            found for at in places.tolist() if (found := self.ids[at : at + HASH_BYTES]) in asked
        ]


class View:
    """What was known under some tags at a moment, for one session; what came later is not in it."""

    def __init__(self, day: int, key: bytes, tags: Iterable[KnownTag]) -> None:
        """For `Sketches.view` alone."""
        self.day = day
        self.key = key
        self._parts = [(tag.ids, tag.under(key), tag.keyed_count) for tag in tags]
        self.fingerprint = Sketched.joined(keyed.sketched for _, keyed, _ in self._parts)

    def __len__(self) -> int:
        return sum(count for *_, count in self._parts)

    def cells(self, bits: int, prefix: int, end: int) -> Cells:
        """The cells before `end` of the ids that begin with these bits."""
        sums, checks = no_cells(end)
        for ids, keyed, count in self._parts:
            if bits:
                chosen = keyed.sketched.short_ids[:count][_beginning(ids, bits, prefix)]
                some = sum_cells(chosen, end)
            else:
                some = keyed.cells(count, end)
            sums += some[0]
            checks += some[1]
        return sums, checks

    def begin_with(self, bits: int, prefix: int, most: int) -> list[bytes]:
        """Offers of the ids that begin with these bits, at most so many."""
        found: list[bytes] = []
        for ids, *_ in self._parts:
            places = np.flatnonzero(_beginning(ids, bits, prefix))[: most - len(found)]
            found += _offers(ids, places.tolist())
        return found

    def with_heads(self, heads: Sequence[bytes]) -> list[bytes]:
        """Offers of the ids whose short ids begin so."""
        wanted = np.array([int.from_bytes(head) for head in heads], np.uint64)
        found: list[bytes] = []
        for ids, keyed, count in self._parts:
            begins = keyed.sketched.short_ids[:count] >> np.uint64(64 - 8 * HEAD_BYTES)
            found += _offers(ids, np.flatnonzero(np.isin(begins, wanted)).tolist())
        return found


class Sketches:
    """What a relay knows. One for a relay; `today` gives its day."""

    def __init__(self, store: Store, today: Callable[[], int]) -> None:
        self._store = store
        self._today = today
        self._tags: dict[bytes, KnownTag] = {}
        self._day = -1
        self._key = b""
        self._era = store.era
        self._turn = asyncio.Lock()

    async def view(self, tags: Sequence[bytes]) -> tuple[View, Balance] | None:
        """What is known under these tags and has not expired; None where it is too much to keep.

        Nothing lacks that had an arrival when it was asked for.
        """
        return await self._alone(self._view(tags))

    async def work(self, job: Callable[[], T]) -> T:
        """Do something with a view, beside everything else but other work on sketches."""
        return await self._alone(asyncio.to_thread(job))

    async def _alone(self, job: Coroutine[None, None, T]) -> T:
        """Do one after the other. A session that ends meanwhile leaves nothing half done."""

        async def run() -> T:
            async with self._turn:
                return await job

        task = asyncio.create_task(run())
        # Where nobody waits any more, nobody asks what became of it.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(task)

    async def _view(self, tags: Sequence[bytes]) -> tuple[View, Balance] | None:
        await self._begin_day(self._today())
        newest = await self._store.newest()
        found = []
        for tag in dict.fromkeys(tags):
            if (known := await self._catch_up(tag, newest)) is not None:
                found.append(known)
            self._make_room(len(found))
            if sum(map(len, found)) > MAX_SKETCHED:
                return None
        view = await asyncio.to_thread(View, self._day, self._key, found)
        return view, sum((known.balance for known in found), no_balance())

    async def _begin_day(self, day: int) -> None:
        """Another day, another key: nobody learns short ids for longer."""
        if day != self._day:
            self._day, self._key = day, secrets.token_bytes(SKETCH_KEY_BYTES)
            for known in self._tags.values():
                await asyncio.to_thread(known.drop_expired, day)

    async def _catch_up(self, tag: bytes, newest: int) -> KnownTag | None:
        """Read what came since the last time; None where nothing is there. `newest`: the last
        arrival when it was asked for."""
        known = self._tags.pop(tag, None) or KnownTag()
        # What was evicted and has come again has another number now.
        known.is_doubtful = len(known) > 0
        try:
            while True:
                await self._follow_era([*self._tags.values(), known])
                rows = await self._store.list_known(tag, known.after, PAGE)
                if self._era != self._store.era:
                    continue
                if not rows or len(known) > MAX_SKETCHED:
                    break
                known.is_doubtful |= rows[-1].arrival > newest
                await asyncio.to_thread(known.take, rows, self._day)
        finally:
            if known.after or len(known):
                # The last in the row: that which was asked for last.
                self._tags[tag] = known
        return known if len(known) else None

    async def _follow_era(self, tags: Sequence[KnownTag]) -> None:
        """Where numbers were dealt anew, some of what was read has one behind `after` now."""
        if self._era != self._store.era:
            numbers = await self._store.resume([known.after for known in tags], self._era)
            for known, after in zip(tags, numbers, strict=True):
                known.after, known.is_doubtful = after, True
            self._era = self._store.era

    def _make_room(self, needed: int) -> None:
        """Let go of what was asked for longest ago, but not of the newest `needed`."""
        while len(self._tags) > needed and (
            len(self._tags) > MAX_TAGS or sum(map(len, self._tags.values())) > MAX_SKETCHED
        ):
            del self._tags[next(iter(self._tags))]


def _beginning(ids: bytes, bits: int, prefix: int) -> NDArray[np.bool_]:
    begins = np.frombuffer(ids, ">u4").reshape(-1, HASH_BYTES // 4)[:, 0].astype(np.uint64)
    shift = 32 - bits
    begin: NDArray[np.bool_] = begins >> np.uint64(shift) == prefix >> shift
    return begin


def _offers(ids: bytes, places: Iterable[int]) -> list[bytes]:
    return [ids[at * HASH_BYTES : at * HASH_BYTES + OFFER_BYTES] for at in places]
