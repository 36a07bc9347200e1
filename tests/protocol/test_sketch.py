"""Sketches (SPEC section 18): vectors hold the numbers, this the laws."""

import numpy as np
import pytest
from tests.protocol.made_ids import KEY, ids

from qanat_protocol.errors import LocalMalformed
from qanat_protocol.sketch import Sketched, Summing, no_cells, pack_cells, places_of, sum_cells


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


def test_the_empty_set_has_no_ids_and_no_fingerprint() -> None:
    empty = Sketched(KEY)
    assert empty.fingerprint == bytes(32)
    assert len(empty.short_ids) == 0
    assert pack_cells(sum_cells(empty.short_ids, 5)) == bytes(60)


def test_the_cells_of_more_ids_than_are_summed_at_once_add_up() -> None:
    short_ids = np.arange(1, 70_001, dtype=np.uint64)
    one, other = (sum_cells(some, 20) for some in (short_ids[:30_000], short_ids[30_000:]))
    added = one[0] + other[0], one[1] + other[1]
    assert pack_cells(sum_cells(short_ids, 20)) == pack_cells(added)


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_an_id_is_in_the_cells_where_its_places_are(count: int) -> None:
    short_ids = Sketched(KEY, b"".join(ids(0, 100))).short_ids
    whose, places = places_of(short_ids, count)
    sums, _ = no_cells(count)
    np.add.at(sums, places, short_ids[whose])
    assert sums.tolist() == sum_cells(short_ids, count)[0].tolist()


def test_the_farthest_cells_are_where_the_rule_says() -> None:
    # So that the generator's first state is 3, whose root is 2.
    short_id = 3 * pow(0xDA942042E4DD58B5, -1, 2**64) % 2**64
    second = 3_221_225_471  # ceil(1.5 * (2^32 / 2 - 1)), in whole numbers
    _, places = places_of(np.array([short_id], np.uint64), second + 1)
    assert places.tolist() == [0, second]


def test_what_is_no_row_of_ids_and_no_key_is_our_own_mistake() -> None:
    with pytest.raises(LocalMalformed):
        Sketched(KEY, bytes(33))
    with pytest.raises(LocalMalformed):
        Sketched(bytes(15))
