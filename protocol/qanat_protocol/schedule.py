"""What goes first (SPEC 17): the order of what waits, block by block. No clock; sends nothing.

Any order that looks at one thing alone lets something starve. So flows (reports of an outbox,
mailboxes of a relay) share a class by the bytes that they were given, and waiting counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterator
from itertools import count
from typing import Any, Final, Generic, TypeVar

from qanat_protocol.kinds import Rank

__all__ = ["AGING_DAYS", "Queue"]

AGING_DAYS: Final = 7
"""A thing that waited so long counts one class better: with four classes behind the urgent
letters, an original goes beside letters after three weeks, while its receipts still matter."""

_SPARE_ENTRIES: Final = 16
"""Replaced entries that a heap may hold beyond as many as there are live ones."""

_LETTER: Final = int(Rank.LETTER)
"""Ranks are plain integers here: members of an enumeration are hashed and compared slowly."""

K = TypeVar("K", bound=Hashable)


class _Member:
    """Something that stands in a heap with one entry; entries that it gave up are skipped."""

    __slots__ = ("entry",)

    entry: tuple[Any, ...] | None


class _Heap:
    """Members by their entries, the least first. An entry is a tuple that ends in its member."""

    __slots__ = ("entries", "live")

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self.live = 0

    def put(self, member: _Member, entry: tuple[Any, ...]) -> None:
        self.live += member.entry is None
        member.entry = entry
        heapq.heappush(self.entries, entry)
        if len(self.entries) > 2 * self.live + _SPARE_ENTRIES:
            self.entries = [each for each in self.entries if each[-1].entry is each]
            heapq.heapify(self.entries)

    def drop(self, member: _Member) -> None:
        member.entry = None
        self.live -= 1

    def least(self) -> tuple[Any, ...]:
        """The entry of the first member; there must be one."""
        entries = self.entries
        while entries[0][-1].entry is not entries[0]:
            heapq.heappop(entries)
        return self.entries[0]


class _Item(_Member, Generic[K]):
    """One thing that waits. Its entry says what comes before what within a lane, and of lanes that
    were given equally much."""

    __slots__ = (
        "flow",
        "group",
        "key",
        "lane",
        "left_bytes",
        "number",
        "order",
        "rank",
        "wanted",
        "weeks",
    )

    key: K
    number: int
    rank: int
    flow: Hashable
    order: tuple[int, ...]
    weeks: int
    wanted: bool
    left_bytes: int
    group: _Group[K]
    lane: _Lane[K]

    def as_entry(self) -> tuple[Any, ...]:
        # Letters by age, and all of them small: what is left of one makes no difference.
        if self.rank <= _LETTER:
            return (self.rank, self.order, self.number, self)
        # What is nearly there first, but a week older before that, or small ones could keep
        # coming for ever.
        return (self.rank, -self.weeks, self.left_bytes, self.order, self.number, self)


class _Lane(_Member, Generic[K]):
    """What waits of one flow in one group, and the bytes that it was given there."""

    __slots__ = ("account", "items", "place")

    def __init__(self, place: tuple[Hashable, int], account: int) -> None:
        self.place = place
        self.account = account
        self.items = _Heap()
        self.entry = None


class _Group(Generic[K]):
    """What waits in one class, wanted or not: its lanes, the one that was given least first."""

    __slots__ = ("accounts", "lanes", "level", "order")

    def __init__(self) -> None:
        self.lanes: dict[tuple[Hashable, int], _Lane[K]] = {}
        self.order = _Heap()
        self.level = 0
        """What the lane that was given something last had then. Nobody starts below it or is
        charged from below it, so nobody has anything to catch up."""
        self.accounts: dict[tuple[Hashable, int], int] = {}
        """Of lanes in which nothing waits at the moment."""

    def add(self, item: _Item[K]) -> None:
        # What became old enough for the letters shares with them, and never holds them up.
        place = (item.flow, item.rank)
        lane = self.lanes.get(place)
        if lane is None:
            account = max(self.accounts.pop(place, 0), self.level)
            lane = self.lanes[place] = _Lane(place, account)
        item.group, item.lane, item.entry = self, lane, None
        self.put(item)

    def put(self, item: _Item[K]) -> None:
        """Stand where it belongs by what is left of it."""
        item.lane.items.put(item, item.as_entry())
        self._line_up(item.lane)

    def drop(self, item: _Item[K]) -> None:
        lane = item.lane
        lane.items.drop(item)
        if lane.items.live:
            self._line_up(lane)
            return
        self.order.drop(lane)
        del self.lanes[lane.place]
        self.accounts[lane.place] = lane.account
        if not self.lanes:
            self.accounts.clear()
            self.level = 0

    def charge(self, item: _Item[K], size_bytes: int) -> None:
        lane = item.lane
        self.level = max(self.level, lane.account)
        lane.account = self.level + size_bytes

    def _line_up(self, lane: _Lane[K]) -> None:
        """Put a lane where its account and its first item belong."""
        first = lane.items.least()
        now = lane.entry
        if now is None or now[0] != lane.account or now[1] is not first:
            self.order.put(lane, (lane.account, first, lane))

    def first(self) -> _Item[K]:
        """The first item; there must be one."""
        item: _Item[K] = self.order.least()[1][-1]
        return item

    def items(self) -> Iterator[_Item[K]]:
        """All items in their order, found one by one."""
        # A heap is a tree: behind the least come its two children. The same for the items of each
        # lane that was passed, under the lane's account. (account, item's entry, 0 or 1 for a lane
        # or an item, heap, place in it); of two the entry or the place differs.
        ahead: list[tuple[int, Any, int, _Heap, int]] = []
        _look(ahead, self.order, 0, None)
        while ahead:
            account, _, is_item, heap, index = heapq.heappop(ahead)
            under = account if is_item else None
            _look(ahead, heap, 2 * index + 1, under)
            _look(ahead, heap, 2 * index + 2, under)
            entry = heap.entries[index]
            member = entry[-1]
            if member.entry is not entry:
                continue
            if is_item:
                yield member
            else:
                _look(ahead, member.items, 0, account)


def _look(
    ahead: list[tuple[int, Any, int, _Heap, int]], heap: _Heap, index: int, under: int | None
) -> None:
    if index >= len(heap.entries):
        return
    entry = heap.entries[index]
    if under is None:
        account, first, _ = entry
        heapq.heappush(ahead, (account, first, 0, heap, index))
    else:
        heapq.heappush(ahead, (under, entry, 1, heap, index))


class Queue(Generic[K]):
    """What waits, by key: which of it goes next, asked before each block (SPEC 17).

    Nothing here takes longer than the logarithm of how many wait, but for those that `allow`
    turns down. A key is whatever its caller knows a thing by.
    """

    def __init__(self) -> None:
        self._items: dict[K, _Item[K]] = {}
        self._groups: list[_Group[K]] = [_Group() for _ in range(2 * len(Rank))]
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[K]:
        """The keys in the order of their next blocks; nothing may change meanwhile.

        What follows the first is near to what will go next, so that it can be read from a disk.
        """
        for group in self._groups:
            if group.lanes:
                for item in group.items():
                    yield item.key

    def add(
        self,
        key: K,
        *,
        rank: Rank,
        flow: Hashable,
        order: tuple[int, ...],
        left_bytes: int,
        wanted: bool = False,
        waited_days: int = 0,
    ) -> None:
        """Let something wait that does not yet.

        `flow`: whom it is for, or what it belongs to; flows take turns. `order`: where it stands
        among those of its flow that are alike, the oldest lowest. `left_bytes`: what is to be sent
        of it; if that is nothing, it is still told once. `wanted`: somebody asked for this.
        `waited_days`: since it came here.
        """
        item: _Item[K] = _Item()
        item.key, item.rank, item.flow, item.order = key, int(rank), flow, order
        item.weeks = max(0, waited_days // AGING_DAYS)
        item.left_bytes = left_bytes
        self._items[key] = item
        self._enter(item, wanted=wanted)

    def first(self, allow: Callable[[K], bool] | None = None) -> K | None:
        """The key whose next block is worth most, of those that may go; None if none may."""
        if allow is not None:
            return next(filter(allow, self), None)
        for group in self._groups:
            if group.lanes:
                return group.first().key
        return None

    def sent(self, key: K, size_bytes: int) -> None:
        """A block of this is on its way; what has nothing left leaves.

        Best told when the block is chosen: connections that share a queue then take turns.
        """
        item = self._items[key]
        item.group.charge(item, size_bytes)
        item.left_bytes -= size_bytes
        if item.left_bytes > 0:
            item.group.put(item)
        else:
            del self._items[key]
            item.group.drop(item)

    def update(self, key: K, *, wanted: bool | None = None, left_bytes: int | None = None) -> None:
        """Somebody asked for it, or it turned out that more or less of it is to be sent."""
        item = self._items[key]
        if left_bytes is not None:
            item.left_bytes = left_bytes
            item.group.put(item)
        if wanted is not None and wanted is not item.wanted:
            item.group.drop(item)
            self._enter(item, wanted=wanted)

    def discard(self, key: K) -> None:
        """It does not wait any more, if it did."""
        item = self._items.pop(key, None)
        if item is not None:
            item.group.drop(item)

    def _enter(self, item: _Item[K], *, wanted: bool) -> None:
        item.wanted = wanted
        item.number = next(self._numbers)
        self._groups[2 * _class_of(item.rank, item.weeks) + (not wanted)].add(item)


def _class_of(rank: int, weeks: int) -> int:
    # Nothing becomes better than a letter by waiting.
    return min(rank, max(_LETTER, rank - weeks))
