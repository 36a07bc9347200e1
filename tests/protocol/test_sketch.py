"""Sketches, estimates and what is found by them: vectors hold the numbers, this the laws."""

import hashlib
import os
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol import reconciliation
from qanat_protocol.errors import LocalMalformed, UnexpectedFrame
from qanat_protocol.estimate import balance_of, estimate_difference, pack_balance
from qanat_protocol.frames import Bisect, Cells, Frame, Lack, Sketch
from qanat_protocol.limits import MAX_CELLS, MAX_LACKS
from qanat_protocol.peeling import Peeling
from qanat_protocol.reconciliation import (
    MAX_EXPECTED,
    MAX_QUESTIONS,
    MAX_TAKEN_CELLS,
    Reconciliation,
    cells_for,
)
from qanat_protocol.sketch import Sketched, Summing, no_cells, pack_cells, sum_cells

KEY = bytes(range(16))


def ids(first: int, end: int) -> list[bytes]:
    return [hashlib.sha256(number.to_bytes(4)).digest() for number in range(first, end)]


class Other:
    """The side that answers: honest, unless a test says otherwise."""

    def __init__(self, theirs: Sequence[bytes], *, few: int = 32) -> None:
        self.ids = list(theirs)
        self.few = few
        self.listed: list[bytes] = []
        self.lacks: list[bytes] = []
        self.told_cells = 0
        self.questions = 0

    def sketch(self, expected: int, cells: int) -> Sketch:
        keyed = Sketched(KEY, b"".join(self.ids))
        return Sketch(0, 19_000, KEY, keyed.fingerprint, expected, cells)

    def answer(self, question: Bisect) -> Cells:
        self.questions += 1
        shift = 32 - question.bits
        begin = int.from_bytes(question.prefix) >> shift
        chosen = [one for one in self.ids if int.from_bytes(one[:4]) >> shift == begin]
        if not question.count or (question.bits and len(chosen) < self.few):
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


sizes = st.integers(0, 60)


@given(sizes, sizes, st.integers(0, 200), st.sampled_from([0, 1, 30, 100]), st.booleans())
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
    if not other.listed:
        assert set(found.absent) == set(ids(common, common + here))


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


def test_thousands_are_asked_for_in_frames_of_which_the_last_has_room() -> None:
    other = Other(ids(0, MAX_LACKS))
    found = Reconciliation(other.sketch(MAX_LACKS, 0), b"")
    said = found.begin()
    frames: list[Frame] = []
    while not found.is_over:
        frames = [f for q in said if isinstance(q, Bisect) for f in found.hear(other.answer(q))]
        said = frames
    assert [len(f.heads) for f in frames if isinstance(f, Lack)] == [MAX_LACKS, 0]


def test_sets_that_are_too_different_are_listed() -> None:
    other = Other(ids(0, 40))
    found = Reconciliation(other.sketch(MAX_EXPECTED + 1, 0), b"")
    assert found.begin() == [Bisect(0, 0, bytes(4), 0, 0)]
    assert found.hear(Cells(0, 0, b"")) == [Lack(0, ())]
    assert found.is_over


def planted(short_id: int, count: int) -> bytes:
    """Cells of a set in which two ids have this one short id, beside those of `ids(0, 100)`."""
    short_ids = Sketched(KEY, b"".join(ids(0, 100))).short_ids
    twice = np.array([short_id, short_id], np.uint64)
    both = [sum_cells(some, count) for some in (short_ids, twice)]
    return pack_cells((both[0][0] + both[1][0], both[0][1] + both[1][1]))


def test_two_ids_with_one_short_id_are_not_taken_for_none() -> None:
    found = Peeling(Sketched(KEY, b"".join(ids(0, 100))).short_ids)
    packed = np.frombuffer(planted(77, 64), [("sum", ">u8"), ("check", ">u4")])
    found.feed((packed["sum"].astype(np.uint64), packed["check"].astype(np.uint64)))
    assert not found.is_complete
    assert not len(found.there)


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
    assert other.told_cells <= MAX_TAKEN_CELLS + MAX_TAKEN_CELLS // 2
    assert other.questions <= 2 * MAX_QUESTIONS


def test_a_side_that_asks_without_end_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "MAX_QUESTIONS", 40)
    other = Liar(ids(0, 50), few=0)
    found = Reconciliation(other.sketch(50, 0), b"".join(ids(0, 5000)))
    talk(found, other)
    assert other.questions <= 60
    assert set(ids(0, 50)) <= set(other.listed)


def test_prefixes_that_are_long_enough_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "_MAX_BITS", 2)
    other = Liar(ids(0, 50), few=0)
    found = Reconciliation(other.sketch(5, 0), b"".join(ids(0, 5000)))
    talk(found, other)
    assert sorted(other.listed) == sorted(ids(0, 50))


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


def test_cells_that_lie_are_never_peeled_without_end() -> None:
    # Cells of one id each, which make each other whole again.
    one = np.array([5, 7, 9], np.uint64)
    sums, checks = sum_cells(one, 4)
    for cells in ((sums * np.uint64(3), checks), no_cells(4), (sums, checks)):
        found = Peeling(np.zeros(0, np.uint64))
        found.feed(cells)
        found.feed((np.full(50, 5, np.uint64), np.full(50, 0, np.uint64)))
        assert len(found.there) + len(found.here) <= 2 * found.count


def test_cells_are_the_same_however_they_are_asked_for() -> None:
    short_ids = Sketched(KEY, b"".join(ids(0, 500))).short_ids
    whole = sum_cells(short_ids, 300)
    summing = Summing(short_ids)
    parts = [summing.extend(count) for count in (1, 0, 99, 200)]
    assert pack_cells(whole) == b"".join(map(pack_cells, parts))


def test_the_cells_and_the_fingerprint_of_two_sets_add_up() -> None:
    both, one, other = (
        Sketched(KEY, b"".join(some)) for some in (ids(0, 90), ids(0, 40), ids(40, 90))
    )
    assert Sketched.joined([one, other]) == both.fingerprint
    cells = [sum_cells(some.short_ids, 50) for some in (one, other)]
    added = cells[0][0] + cells[1][0], cells[0][1] + cells[1][1]
    assert pack_cells(added) == pack_cells(sum_cells(both.short_ids, 50))
    one.add(b"".join(ids(40, 90)))
    assert one.fingerprint == both.fingerprint


@pytest.mark.parametrize("there", [0, 1, 10, 500, 5000])
def test_an_estimate_tells_about_how_many_differ(there: int) -> None:
    ours, theirs = ids(0, 3000), ids(0, 2900) + ids(10_000, 10_000 + there)
    differing = there + 100
    told = estimate_difference(
        balance_of(b"".join(ours)), pack_balance(balance_of(b"".join(theirs)))
    )
    # Four times its standard error.
    assert abs(told - differing) <= 0.36 * differing
    equal = pack_balance(balance_of(b"".join(reversed(ours))))
    assert estimate_difference(balance_of(b"".join(ours)), equal) == 0


def test_what_is_no_row_of_ids_and_no_key_is_our_own_mistake() -> None:
    with pytest.raises(LocalMalformed):
        Sketched(KEY, bytes(33))
    with pytest.raises(LocalMalformed):
        Sketched(bytes(15))
    with pytest.raises(LocalMalformed):
        balance_of(bytes(31))
