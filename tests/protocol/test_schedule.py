"""What goes first (SPEC 17): what it promises, and that it agrees with what it says it does."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol.kinds import Rank
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.schedule import AGING_DAYS, Queue

RANKS = st.sampled_from(Rank)
DAYS = st.integers(-3, 5 * AGING_DAYS)
LEFT = st.integers(0, 5)
KEYS = st.integers(0, 9)


@dataclass(frozen=True)
class Item:
    """What was said of a thing that waits; `number` grows with each that begins to wait."""

    key: int
    rank: Rank
    flow: Hashable
    order: tuple[int, ...]
    left_bytes: int
    wanted: bool
    waited_days: int
    number: int

    @property
    def weeks(self) -> int:
        return max(0, self.waited_days) // AGING_DAYS

    @property
    def group(self) -> tuple[int, bool]:
        aged = max(Rank.LETTER, self.rank - self.weeks)
        return (min(self.rank, aged), not self.wanted)

    @property
    def lane(self) -> Hashable:
        return (self.flow, self.rank)


@dataclass
class Model:
    """The specification: everything is looked at each time."""

    items: dict[int, Item] = field(default_factory=dict)
    levels: dict[Hashable, int] = field(default_factory=dict)
    accounts: dict[tuple[Hashable, Hashable], int] = field(default_factory=dict)

    def account(self, item: Item) -> int:
        return self.accounts[item.group, item.lane]

    def place(self, item: Item) -> tuple[object, ...]:
        is_letter = item.rank <= Rank.LETTER
        within = (0, 0) if is_letter else (-item.weeks, item.left_bytes)
        return (item.group, self.account(item), item.rank, *within, item.order, item.number)

    def in_order(self) -> list[int]:
        return [item.key for item in sorted(self.items.values(), key=self.place)]

    def add(self, item: Item) -> None:
        lane = (item.group, item.lane)
        if all((each.group, each.lane) != lane for each in self.items.values()):
            level = self.levels.get(item.group, 0)
            self.accounts[lane] = max(self.accounts.get(lane, 0), level)
        self.items[item.key] = item

    def sent(self, key: int, size_bytes: int) -> None:
        item = self.items[key]
        level = max(self.account(item), self.levels.get(item.group, 0))
        self.levels[item.group] = level
        self.accounts[item.group, item.lane] = level + size_bytes
        self.items[key] = replace(item, left_bytes=item.left_bytes - size_bytes)
        if self.items[key].left_bytes <= 0:
            self.discard(key)

    def discard(self, key: int) -> None:
        group = self.items.pop(key).group
        if all(item.group != group for item in self.items.values()):
            self.levels.pop(group, None)
            for lane in [lane for lane in self.accounts if lane[0] == group]:
                del self.accounts[lane]


@given(st.data())
def test_a_queue_does_what_the_specification_says(data: st.DataObject) -> None:
    queue: Queue[int] = Queue()
    model = Model()
    numbers = count()
    for _ in range(data.draw(st.integers(0, 60))):
        key = data.draw(KEYS)
        if key not in model.items:
            item = Item(
                key,
                data.draw(RANKS),
                data.draw(st.integers(0, 2)),
                (data.draw(st.integers(0, 2)),),
                data.draw(LEFT),
                data.draw(st.booleans()),
                data.draw(DAYS),
                next(numbers),
            )
            add(queue, item)
            model.add(item)
            continue
        match data.draw(st.sampled_from(["sent", "first sent", "update", "discard"])):
            case "sent":
                size_bytes = data.draw(LEFT)
                queue.sent(key, size_bytes)
                model.sent(key, size_bytes)
            case "first sent":
                first = queue.first()
                assert first is not None
                queue.sent(first, 1)
                model.sent(first, 1)
            case "update":
                left_bytes = data.draw(st.none() | LEFT)
                wanted = data.draw(st.none() | st.booleans())
                queue.update(key, wanted=wanted, left_bytes=left_bytes)
                item = model.items[key]
                if left_bytes is not None:
                    item = model.items[key] = replace(item, left_bytes=left_bytes)
                if wanted is not None and wanted != item.wanted:
                    model.discard(key)
                    model.add(replace(item, wanted=wanted, number=next(numbers)))
            case "discard":
                queue.discard(key)
                model.discard(key)
        order = model.in_order()
        assert list(queue) == order
        assert queue.first() == (order[0] if order else None)
        allowed = data.draw(st.sets(KEYS))
        best = next((key for key in order if key in allowed), None)
        assert queue.first(allowed.__contains__) == best
        assert len(queue) == len(order)
        assert all((key in queue) == (key in order) for key in range(10))


def add(queue: Queue[int], item: Item) -> None:
    queue.add(
        item.key,
        rank=item.rank,
        flow=item.flow,
        order=item.order,
        left_bytes=item.left_bytes,
        wanted=item.wanted,
        waited_days=item.waited_days,
    )


def put(
    queue: Queue[str],
    key: str,
    rank: Rank,
    *,
    flow: str = "a report",
    order: int = 0,
    blocks: int = 1,
    wanted: bool = False,
    days: int = 0,
) -> None:
    queue.add(
        key,
        rank=rank,
        flow=flow,
        order=(order,),
        left_bytes=blocks * BLOCK_BYTES,
        wanted=wanted,
        waited_days=days,
    )


def sent(
    queue: Queue[str], most: int = 1000, allow: Callable[[str], bool] | None = None
) -> list[str]:
    """What goes, block by block."""
    found: list[str] = []
    while len(found) < most and (key := queue.first(allow)) is not None:
        queue.sent(key, BLOCK_BYTES)
        found.append(key)
    return found


def places(keys: Iterable[str], key: str) -> list[int]:
    return [place for place, each in enumerate(keys) if each == key]


def test_the_most_valuable_goes_first() -> None:
    queue: Queue[str] = Queue()
    for rank in reversed(Rank):
        put(queue, rank.name, rank)
    assert sent(queue) == ["URGENT", "LETTER", "THUMBNAIL", "PREVIEW", "ORIGINAL"]
    assert not queue
    assert queue.first() is None


def test_a_letter_passes_a_film_at_the_next_block() -> None:
    queue: Queue[str] = Queue()
    put(queue, "film", Rank.ORIGINAL, blocks=100)
    assert sent(queue, 3) == ["film"] * 3
    put(queue, "letter", Rank.LETTER)
    assert sent(queue, 3) == ["letter", "film", "film"]


def test_letters_of_a_flow_go_by_age_however_long_they_are() -> None:
    queue: Queue[str] = Queue()
    put(queue, "second", Rank.LETTER, order=2)
    put(queue, "first", Rank.LETTER, order=1, blocks=3)
    assert sent(queue) == ["first"] * 3 + ["second"]


def test_letters_of_many_flows_go_by_age_while_none_was_given_anything() -> None:
    queue: Queue[str] = Queue()
    for order in (3, 1, 2):
        put(queue, f"letter {order}", Rank.LETTER, flow=f"report {order}", order=order)
    assert sent(queue) == ["letter 1", "letter 2", "letter 3"]


def test_what_is_nearly_there_goes_first() -> None:
    queue: Queue[str] = Queue()
    put(queue, "long", Rank.ORIGINAL, order=1, blocks=5)
    put(queue, "short", Rank.ORIGINAL, order=2, blocks=4)
    assert sent(queue, 1) == ["short"]
    queue.update("long", left_bytes=2 * BLOCK_BYTES)
    assert sent(queue) == ["long"] * 2 + ["short"] * 3


def test_one_film_does_not_starve_the_photo_of_another_report() -> None:
    queue: Queue[str] = Queue()
    put(queue, "film", Rank.ORIGINAL, flow="one", blocks=100)
    put(queue, "photo", Rank.ORIGINAL, flow="another", blocks=5, order=1)
    assert places(sent(queue), "photo")[-1] < 10


def test_a_film_that_was_first_is_not_starved_by_photos_that_follow() -> None:
    queue: Queue[str] = Queue()
    put(queue, "film", Rank.ORIGINAL, flow="one", blocks=20)
    gone: list[str] = []
    for number in range(40):
        put(queue, f"photo {number}", Rank.ORIGINAL, flow="another")
        gone += sent(queue, 1)
    assert gone.count("film") == 20


def test_a_flow_that_begins_later_has_nothing_to_catch_up() -> None:
    queue: Queue[str] = Queue()
    put(queue, "early", Rank.ORIGINAL, flow="one", blocks=200)
    sent(queue, 100)
    put(queue, "late", Rank.ORIGINAL, flow="another", blocks=200)
    assert 9 <= sent(queue, 20).count("late") <= 11


def test_a_flow_that_might_not_go_has_nothing_to_catch_up() -> None:
    queue: Queue[str] = Queue()
    put(queue, "free", Rank.ORIGINAL, flow="one", blocks=200)
    put(queue, "held back", Rank.ORIGINAL, flow="another", blocks=200)
    sent(queue, 100, lambda key: key == "free")
    assert 9 <= sent(queue, 20).count("held back") <= 11


def test_what_goes_out_of_turn_counts_for_its_flow() -> None:
    queue: Queue[str] = Queue()
    put(queue, "photo", Rank.ORIGINAL, flow="one", order=1)
    put(queue, "film", Rank.ORIGINAL, flow="one", order=2, blocks=5)
    put(queue, "other", Rank.ORIGINAL, flow="another", order=3)
    queue.sent("film", BLOCK_BYTES)
    assert sent(queue, 2) == ["other", "photo"]


def test_a_flow_that_pauses_is_no_better_off_for_it() -> None:
    queue: Queue[str] = Queue()
    put(queue, "film", Rank.ORIGINAL, flow="one", blocks=200)
    gone: list[str] = []
    for _ in range(50):
        put(queue, "again", Rank.ORIGINAL, flow="another")
        gone += sent(queue, 1)
        queue.discard("again")
    assert 24 <= gone.count("film") <= 26


def test_a_class_in_which_nothing_waits_forgets_who_was_given_what() -> None:
    queue: Queue[str] = Queue()
    put(queue, "much", Rank.ORIGINAL, flow="one", blocks=100)
    sent(queue)
    put(queue, "more", Rank.ORIGINAL, flow="one", order=1)
    put(queue, "other", Rank.ORIGINAL, flow="another", order=2)
    assert sent(queue) == ["more", "other"]


@pytest.mark.parametrize("rank", [Rank.THUMBNAIL, Rank.PREVIEW, Rank.ORIGINAL])
def test_nothing_starves(rank: Rank) -> None:
    # Each day brings more letters, thumbnails, previews and smaller files of the same flow than
    # can go on that day.
    begun_day = 0
    for day in range(begun_day, begun_day + 100):
        queue: Queue[str] = Queue()
        put(queue, "old", rank, blocks=7, days=day - begun_day)
        for number in range(20):
            for other in Rank:
                if other is not Rank.URGENT:
                    put(queue, f"{other} {number}", other, order=1 + number)
        if "old" in sent(queue, 10):
            assert day - begun_day <= AGING_DAYS * (rank - Rank.LETTER)
            return
    pytest.fail("it never went")


@given(st.integers(0, 10**6), st.sampled_from([rank for rank in Rank if rank is not Rank.URGENT]))
def test_nothing_ever_passes_an_urgent_letter(days: int, rank: Rank) -> None:
    queue: Queue[str] = Queue()
    put(queue, "old", rank, days=days, wanted=True)
    put(queue, "urgent", Rank.URGENT)
    assert sent(queue) == ["urgent", "old"]


def test_an_old_film_beside_the_letters_holds_each_up_by_a_block_at_most() -> None:
    queue: Queue[str] = Queue()
    put(queue, "film", Rank.ORIGINAL, blocks=1000, days=365)
    for number in range(5):
        put(queue, f"letter {number}", Rank.LETTER, order=10 + number)
    assert sent(queue, 10)[::2] == [f"letter {number}" for number in range(5)]


def test_a_week_older_goes_before_nearly_there() -> None:
    queue: Queue[str] = Queue()
    put(queue, "new", Rank.ORIGINAL, days=4 * AGING_DAYS)
    put(queue, "old", Rank.ORIGINAL, days=5 * AGING_DAYS, blocks=3)
    assert sent(queue) == ["old"] * 3 + ["new"]


def test_a_clock_that_was_set_back_makes_nothing_wait_longer() -> None:
    queue: Queue[str] = Queue()
    put(queue, "first", Rank.ORIGINAL, days=-100, order=1)
    put(queue, "second", Rank.ORIGINAL, order=2)
    assert sent(queue) == ["first", "second"]


def test_wanted_moves_the_queue() -> None:
    queue: Queue[str] = Queue()
    put(queue, "film", Rank.ORIGINAL, flow="one", blocks=3)
    put(queue, "other", Rank.ORIGINAL, flow="another", blocks=9)
    queue.update("other", wanted=True)
    assert sent(queue, 4) == ["other"] * 4
    queue.update("other", wanted=False)
    assert sent(queue, 1) == ["film"]


def test_what_is_told_again_not_to_be_wanted_keeps_its_place() -> None:
    queue: Queue[str] = Queue()
    put(queue, "first", Rank.ORIGINAL)
    put(queue, "second", Rank.ORIGINAL)
    queue.update("first", wanted=False)
    assert sent(queue) == ["first", "second"]


def test_nothing_is_wanted_that_is_not_said_to_be() -> None:
    queue: Queue[str] = Queue()
    queue.add("film", rank=Rank.ORIGINAL, flow="a report", order=(1,), left_bytes=1)
    put(queue, "wanted", Rank.ORIGINAL, order=2, wanted=True)
    assert sent(queue) == ["wanted", "film"]


def test_what_is_wanted_goes_before_others_of_its_class_and_no_other() -> None:
    queue: Queue[str] = Queue()
    put(queue, "preview", Rank.PREVIEW)
    put(queue, "film", Rank.ORIGINAL)
    put(queue, "wanted", Rank.ORIGINAL, flow="another", blocks=2, wanted=True)
    assert sent(queue) == ["preview", "wanted", "wanted", "film"]


def test_what_may_not_go_is_passed_over() -> None:
    queue: Queue[str] = Queue()
    put(queue, "first", Rank.LETTER)
    put(queue, "second", Rank.ORIGINAL)
    assert queue.first(lambda key: key != "first") == "second"
    assert queue.first(lambda key: False) is None
    assert list(queue) == ["first", "second"]


def test_what_has_nothing_left_is_told_once() -> None:
    queue: Queue[str] = Queue()
    put(queue, "whole", Rank.LETTER, blocks=0)
    assert queue.first() == "whole"
    queue.sent("whole", 0)
    assert "whole" not in queue


def test_what_does_not_wait_can_be_discarded_again() -> None:
    queue: Queue[str] = Queue()
    put(queue, "letter", Rank.LETTER)
    queue.discard("letter")
    queue.discard("letter")
    assert len(queue) == 0


def test_what_often_changes_its_place_does_not_fill_the_memory() -> None:
    queue: Queue[str] = Queue()
    put(queue, "first", Rank.ORIGINAL, blocks=1)
    put(queue, "film", Rank.ORIGINAL, blocks=10)
    for left_bytes in range(10_000, 20_000):
        queue.update("film", left_bytes=BLOCK_BYTES + left_bytes)
    (lane,) = queue._groups[2 * Rank.ORIGINAL + 1].lanes.values()
    assert len(lane.items.entries) < 30
