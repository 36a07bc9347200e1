"""Two sides that find what their sets differ in (SPEC section 18), also where one of them lies."""

import os
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.protocol.made_ids import KEY, ids

from qanat_protocol import reconciliation
from qanat_protocol.errors import UnexpectedFrame
from qanat_protocol.frames import Bisect, Cells, Frame, Lack, Sketch
from qanat_protocol.limits import MAX_CELLS, MAX_LACKS
from qanat_protocol.reconciliation import (
    MAX_EXPECTED,
    MAX_QUESTIONS,
    MAX_TAKEN_CELLS,
    Reconciliation,
    cells_for,
)
from qanat_protocol.sketch import Sketched, pack_cells, sum_cells


class Other:
    """The side that answers: honest, unless a test says otherwise."""

    def __init__(self, theirs: Sequence[bytes], *, few: int = 32) -> None:
        self.ids = list(theirs)
        self.few = few
        self.listed: list[bytes] = []
        self.lacks: list[bytes] = []
        self.told_cells = 0
        self.asked: list[Bisect] = []
        self.lists = 0

    def sketch(self, expected: int, cells: int) -> Sketch:
        keyed = Sketched(KEY, b"".join(self.ids))
        return Sketch(0, 19_000, KEY, keyed.fingerprint, expected, cells)

    def answer(self, question: Bisect) -> Cells:
        self.asked.append(question)
        shift = 32 - question.bits
        begin = int.from_bytes(question.prefix) >> shift
        chosen = [one for one in self.ids if int.from_bytes(one[:4]) >> shift == begin]
        if not question.count or (question.bits and len(chosen) < self.few):
            self.lists += 1
            self.listed += chosen
            return Cells(0, question.first, b"")
        return Cells(0, question.first, self.cells(chosen, question))

    def cells(self, chosen: Sequence[bytes], question: Bisect) -> bytes:
        end = question.first + question.count
        sums, checks = sum_cells(Sketched(KEY, b"".join(chosen)).short_ids, end)
        self.told_cells += question.count
        return pack_cells((sums[question.first :], checks[question.first :]))

    def found(self, heads: Sequence[bytes]) -> set[bytes]:
        short_ids = Sketched(KEY, b"".join(self.ids)).short_ids.astype(">u8").tobytes()
        by_head = {short_ids[8 * n : 8 * n + 5]: one for n, one in enumerate(self.ids)}
        return {by_head[head] for head in heads}


class Liar(Other):
    """Its cells are of nothing."""

    def cells(self, chosen: Sequence[bytes], question: Bisect) -> bytes:
        self.told_cells += question.count
        return os.urandom(12 * question.count)


def talk(found: Reconciliation, other: Other, first: int = 0) -> int:
    """Let both talk until it is over; how many round trips it took."""
    said: list[Frame] = found.begin()
    if first:
        said += found.hear(other.answer(Bisect(0, 0, bytes(4), 0, first)))
    trips = 1
    while not found.is_over:
        questions = [frame for frame in said if isinstance(frame, Bisect)]
        other.lacks += [head for f in said if isinstance(f, Lack) for head in f.heads]
        assert questions, "it waits for nothing"
        trips += 1
        said = [frame for question in questions for frame in found.hear(other.answer(question))]
    other.lacks += [head for f in said if isinstance(f, Lack) for head in f.heads]
    return trips


def short_ids(some: Iterable[bytes]) -> list[int]:
    found: list[int] = Sketched(KEY, b"".join(some)).short_ids.tolist()
    return sorted(found)


sizes = st.integers(0, 60)


@given(sizes, sizes, st.integers(0, 200), st.sampled_from([0, 1, 30, 100]), st.booleans())
# Nothing to list for what is asked to be listed.
@example(0, 22, 0, 1, False)
def test_any_two_sets_are_reconciled(
    there: int, here: int, common: int, expected: int, tells: bool
) -> None:
    ours = ids(0, common + here)
    other = Other(ids(0, common) + ids(1000, 1000 + there))
    count = cells_for(expected) if tells else 0
    found = Reconciliation(other.sketch(expected, count), b"".join(ours))
    talk(found, other, count)
    missing = set(ids(1000, 1000 + there))
    assert other.found(other.lacks) | set(other.listed) - set(ours) == missing
    assert set(found.absent) <= set(ids(common, common + here))
    if not other.lists:
        assert set(found.absent) == set(ids(common, common + here))
        assert sorted(found.there.tolist()) == short_ids(missing)
        assert sorted(found.here.tolist()) == short_ids(found.absent)


def test_what_is_thought_absent_is_not_asked_for() -> None:
    ours, elsewhere = ids(0, 100), ids(200, 220)
    other = Other(ours + elsewhere[:5] + ids(300, 310))
    found = Reconciliation(other.sketch(15, 0), b"".join(ours), b"".join(elsewhere))
    talk(found, other)
    assert other.found(other.lacks) == set(ids(300, 310))
    assert set(found.present) == set(elsewhere[:5])
    assert found.absent == []


def test_equal_sets_need_no_cell() -> None:
    other = Other(ids(0, 50))
    found = Reconciliation(other.sketch(0, 0), b"".join(reversed(ids(0, 50))))
    assert found.begin() == [Lack(0, ())]
    assert found.is_over


def test_cells_that_come_though_the_sets_are_equal_are_taken_and_forgotten() -> None:
    other = Other(ids(0, 50))
    found = Reconciliation(other.sketch(3, 12), b"".join(ids(0, 50)))
    assert found.begin() == [Lack(0, ())]
    assert not found.is_over
    assert found.hear(other.answer(Bisect(0, 0, bytes(4), 0, 12))) == []
    assert found.is_over


@pytest.mark.parametrize(
    ("count", "heads"), [(MAX_LACKS - 1, [MAX_LACKS - 1]), (MAX_LACKS, [MAX_LACKS, 0])]
)
def test_thousands_are_asked_for_in_frames_of_which_the_last_has_room(
    count: int, heads: list[int]
) -> None:
    other = Other(ids(0, count))
    found = Reconciliation(other.sketch(count, 0), b"")
    said = found.begin()
    frames: list[Frame] = []
    while not found.is_over:
        frames = [f for q in said if isinstance(q, Bisect) for f in found.hear(other.answer(q))]
        said = frames
    assert [len(f.heads) for f in frames if isinstance(f, Lack)] == heads


def test_sets_that_are_too_different_are_listed() -> None:
    other = Other(ids(0, 40))
    found = Reconciliation(other.sketch(MAX_EXPECTED + 1, 0), b"")
    assert found.begin() == [Bisect(0, 0, bytes(4), 0, 0)]
    assert found.hear(Cells(0, 0, b"")) == [Lack(0, ())]
    assert found.is_over


def test_more_cells_than_a_frame_has_are_asked_for_in_several_frames() -> None:
    whole = cells_for(MAX_EXPECTED)
    found = Reconciliation(Other(ids(0, 40)).sketch(MAX_EXPECTED, 0), b"")
    assert found.begin() == [
        Bisect(0, 0, bytes(4), at, min(MAX_CELLS, whole - at)) for at in range(0, whole, MAX_CELLS)
    ]


class Planted(Other):
    """Two of its ids have the same short id, and the ids differ in their first bit."""

    def cells(self, chosen: Sequence[bytes], question: Bisect) -> bytes:
        self.told_cells += question.count
        end = question.first + question.count
        short_ids = Sketched(KEY, b"".join(chosen)).short_ids
        twins = [one in chosen for one in self.ids[:2]]
        short_ids[: sum(twins)] = 77
        sums, checks = sum_cells(short_ids, end)
        return pack_cells((sums[question.first :], checks[question.first :]))


def test_a_planted_collision_is_found_by_taking_the_sets_apart() -> None:
    twins = [b"\x00" * 32, b"\xff" * 32]
    ours = ids(0, 200)
    other = Planted(twins + ours)
    found = Reconciliation(other.sketch(2, 0), b"".join(ours))
    talk(found, other)
    assert sorted(set(found.there.tolist())) == [77]
    assert len(found.there) == 2


def test_halves_are_asked_for_half_as_much_and_listed_where_few_ids_begin_so() -> None:
    ours = [bytes([0, n, *bytes(30)]) for n in range(31)]
    ours += [bytes([128, n, *bytes(30)]) for n in range(32)]
    for expected, half in ((2, 1), (3, 2)):
        other = Liar(ids(0, 50), few=0)
        talk(Reconciliation(other.sketch(expected, 0), b"".join(ours)), other)
        assert [question for question in other.asked if question.bits == 1][:2] == [
            Bisect(0, 1, bytes(4), 0, 0),
            Bisect(0, 1, b"\x80\0\0\0", 0, cells_for(half)),
        ]


@pytest.mark.parametrize("expected", [0, 10, MAX_EXPECTED, 10**6])
@pytest.mark.parametrize("known", [0, 5000])
def test_cells_that_never_fit_end_in_a_list_and_cost_no_more_than_the_limits(
    expected: int, known: int
) -> None:
    ours = ids(0, known)
    other = Liar(ids(0, 50), few=0)
    count = min(cells_for(expected), MAX_CELLS) if expected else 0
    found = Reconciliation(other.sketch(expected, count), b"".join(ours))
    talk(found, other, count)
    assert set(ids(0, 50)) <= set(other.listed)
    assert other.lacks == []
    assert other.told_cells <= MAX_TAKEN_CELLS
    # The first cells come unasked.
    assert len(other.asked) - bool(count) <= MAX_QUESTIONS


@pytest.mark.parametrize("most", [1, 2, 3, 5, 40])
def test_the_last_question_that_may_be_asked_has_all_listed(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(reconciliation, "MAX_QUESTIONS", most)
    other = Liar(ids(0, 50), few=0)
    talk(Reconciliation(other.sketch(10, 0), b"".join(ids(0, 5000))), other)
    assert len(other.asked) == most
    assert [question for question in other.asked if not question.count] == [
        Bisect(0, 0, bytes(4), 0, 0)
    ]
    assert other.listed == ids(0, 50)


@pytest.mark.parametrize("first", [0, cells_for(10)])
@pytest.mark.parametrize(("most", "taken"), [(412, 412), (411, 352)])
def test_as_many_cells_are_taken_as_may_be_and_none_more(
    monkeypatch: pytest.MonkeyPatch, most: int, taken: int, first: int
) -> None:
    # The last 60 of 412 are asked for alone.
    monkeypatch.setattr(reconciliation, "MAX_TAKEN_CELLS", most)
    other = Liar(ids(0, 50), few=0)
    found = Reconciliation(other.sketch(10, first), b"".join(ids(0, 5000)))
    talk(found, other, first)
    assert other.told_cells == taken
    assert other.listed == ids(0, 50)


def test_prefixes_that_are_long_enough_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "_MAX_BITS", 2)
    other = Liar(ids(0, 50), few=0)
    found = Reconciliation(other.sketch(5, 0), b"".join(ids(0, 5000)))
    talk(found, other)
    assert sorted(other.listed) == sorted(ids(0, 50))
    assert {question.bits for question in other.asked} == {0, 1, 2}
    assert all((question.bits == 2) == (not question.count) for question in other.asked)


def test_cells_that_answer_no_question_are_unexpected() -> None:
    other = Other(ids(0, 50))
    found = Reconciliation(other.sketch(50, 0), b"")
    with pytest.raises(UnexpectedFrame):
        found.hear(Cells(0, 0, bytes(12)))
    (question,) = found.begin()
    assert isinstance(question, Bisect)
    for wrong in (
        Cells(1, 0, bytes(12 * question.count)),
        Cells(0, 1, bytes(12 * question.count)),
        Cells(0, 0, bytes(12 * (question.count - 1))),
    ):
        asked = Reconciliation(other.sketch(50, 0), b"")
        asked.begin()
        with pytest.raises(UnexpectedFrame):
            asked.hear(wrong)
