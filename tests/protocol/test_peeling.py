"""What is found in cells (SPEC section 18), honest ones and others."""

import numpy as np
import pytest
from tests.protocol.made_ids import KEY, ids

from qanat_protocol.peeling import Peeling
from qanat_protocol.sketch import (
    Numbers,
    Sketched,
    mixed,
    no_cells,
    pack_cells,
    places_of,
    read_cells,
    sum_cells,
)

NOTHING: Numbers = np.zeros(0, np.uint64)


@pytest.mark.parametrize("piece", [1, 16, 120])
@pytest.mark.parametrize(("there", "here"), [(20, 15), (40, 0), (0, 40)])
def test_what_differs_is_found_however_the_cells_come(there: int, here: int, piece: int) -> None:
    short_ids = Sketched(KEY, b"".join(ids(0, 200))).short_ids
    only_theirs, only_ours, common = np.split(short_ids, [there, there + here])
    sums, checks = sum_cells(np.concatenate([only_theirs, common]), 120)
    found = Peeling(np.concatenate([common, only_ours]))
    assert not found.is_complete
    for at in range(0, 120, piece):
        found.feed((sums[at : at + piece], checks[at : at + piece]))
    assert found.is_complete
    assert sorted(found.there.tolist()) == sorted(only_theirs.tolist())
    assert sorted(found.here.tolist()) == sorted(only_ours.tolist())


@pytest.mark.parametrize("ours", [NOTHING, np.array([5], np.uint64)])
def test_an_id_that_was_found_once_is_not_found_again(ours: Numbers) -> None:
    # An id that is in all of its cells but the first, or in the first alone.
    sums, checks = sum_cells(np.array([5], np.uint64), 20)
    assert np.count_nonzero(sums) > 1
    if len(ours):
        sums[1:], checks[1:] = 0, 0
    else:
        sums[0], checks[0] = 0, 0
    found = Peeling(ours)
    found.feed((sums, checks))
    assert not found.is_complete
    assert found.there.tolist() == found.here.tolist() == [5]


def test_an_id_is_not_found_where_it_does_not_belong() -> None:
    _, places = places_of(np.array([5], np.uint64), 20)
    sums, checks = no_cells(20)
    strange = min(set(range(20)) - set(places.tolist()))
    sums[strange], checks[strange] = 5, mixed(np.array([5], np.uint64))[0]
    found = Peeling(NOTHING)
    found.feed((sums, checks))
    assert len(found.there) == len(found.here) == 0


def planted(short_id: int, count: int) -> bytes:
    """Cells of a set in which two ids have this one short id, beside those of `ids(0, 100)`."""
    short_ids = Sketched(KEY, b"".join(ids(0, 100))).short_ids
    twice = np.array([short_id, short_id], np.uint64)
    both = [sum_cells(some, count) for some in (short_ids, twice)]
    return pack_cells((both[0][0] + both[1][0], both[0][1] + both[1][1]))


def test_two_ids_with_one_short_id_are_not_taken_for_none() -> None:
    found = Peeling(Sketched(KEY, b"".join(ids(0, 100))).short_ids)
    found.feed(read_cells(planted(77, 64)))
    assert not found.is_complete
    assert not len(found.there)


def test_cells_that_lie_are_never_peeled_without_end() -> None:
    # Cells of one id each, which make each other whole again.
    one = np.array([5, 7, 9], np.uint64)
    sums, checks = sum_cells(one, 4)
    for cells in ((sums * np.uint64(3), checks), no_cells(4), (sums, checks)):
        found = Peeling(np.zeros(0, np.uint64))
        found.feed(cells)
        found.feed((np.full(50, 5, np.uint64), np.full(50, 0, np.uint64)))
        assert len(found.there) + len(found.here) <= 2 * found.count
