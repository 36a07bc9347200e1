"""What a relay is asked about openings: no more than it has not told, and all of that."""

from collections.abc import Mapping
from hashlib import sha256

import pytest

from qanat_client.reporter.openings import Openings
from qanat_protocol.frames import OpenedInterest, Welcome

DAY = 20_460
DESK, OTHER_DESK = b"d" * 32, b"e" * 32
IDS = [sha256(number.to_bytes(2)).digest() for number in range(1200)]


def welcome(day: int = DAY, bits: int = 10) -> Welcome:
    return Welcome(1, day, bytes(16), 2**32, 0, bits, 0)


def parcels(count: int, desk: bytes = DESK) -> list[tuple[bytes, bytes]]:
    return [(parcel_id, desk) for parcel_id in IDS[:count]]


def session(
    greeting: Welcome,
    unopened: list[tuple[bytes, bytes]],
    told: Mapping[bytes, int] | None = None,
    today: int = DAY,
) -> Openings:
    return Openings(greeting, unopened, told or {}, today=today, number=7)


def asked(openings: Openings) -> list[tuple[int, int]]:
    """Since when, and by how many prefixes."""
    return [(frame.since, len(frame.prefixes)) for frame in openings.interests]


def test_what_a_relay_told_it_is_asked_for_since_then_and_new_parcels_with_it() -> None:
    first = session(welcome(), parcels(3))
    assert asked(first) == [(0, 3)]
    told = first.all_told()
    assert told == {DESK: DAY}
    later = session(welcome(DAY + 5), [(IDS[9], DESK), *parcels(3)], told, DAY + 5)
    assert asked(later) == [(DAY - 2, 4)]
    assert later.all_told() == {DESK: DAY + 5}
    # Each is kept once.
    assert later.all_told() == {}
    same_day = session(welcome(DAY + 5), parcels(3), {DESK: DAY + 5}, DAY + 5)
    assert asked(same_day) == [(DAY + 3, 3)]
    assert same_day.all_told() == {}


def test_a_relay_whose_clock_went_back_is_asked_for_all() -> None:
    openings = session(welcome(), parcels(2), {DESK: DAY + 1})
    assert asked(openings) == [(0, 2)]
    assert openings.all_told() == {DESK: DAY}


def test_a_day_near_the_first_is_no_number_below_it() -> None:
    assert asked(session(welcome(1), parcels(1), {DESK: 1}, 1)) == [(0, 1)]


def test_where_nothing_waits_nothing_is_asked_or_kept() -> None:
    openings = session(welcome(), [], {DESK: DAY - 1})
    assert openings.interests == []
    assert openings.all_told() == {}


@pytest.mark.parametrize("day", [0, DAY - 2, DAY + 2, 2**32 - 1])
def test_no_day_is_kept_by_which_a_relay_would_know_whoever_comes_again(day: int) -> None:
    openings = session(welcome(day), parcels(2))
    assert asked(openings) == [(0, 2)]
    assert openings.all_told() == {}


@pytest.mark.parametrize(("bits", "given"), [(0, 0), (3, 3), (10, 10), (32, 10)])
def test_prefixes_are_as_short_as_ever(bits: int, given: int) -> None:
    heads = {int.from_bytes(parcel_id[:4]) >> (32 - given) for parcel_id in IDS[:40]}
    prefixes = tuple((head << (32 - given)).to_bytes(4) for head in sorted(heads))
    openings = session(welcome(bits=bits), parcels(40))
    assert openings.interests == [OpenedInterest(7, given, prefixes, 0)]


def test_all_desks_are_asked_about_since_the_first_of_their_days() -> None:
    both = [*parcels(2), (IDS[5], OTHER_DESK)]
    openings = session(welcome(), both, {DESK: DAY - 1, OTHER_DESK: DAY - 4})
    assert asked(openings) == [(DAY - 6, 3)]
    assert openings.all_told() == dict.fromkeys((DESK, OTHER_DESK), DAY)
    # A desk of which it was asked nothing yet, and one of which nothing waits.
    assert asked(session(welcome(), both, {DESK: DAY - 1})) == [(0, 3)]
    told = {DESK: DAY - 1, OTHER_DESK: DAY - 4}
    assert asked(session(welcome(), parcels(2), told)) == [(DAY - 3, 2)]


def test_where_not_all_could_be_asked_all_is_asked_again() -> None:
    openings = session(welcome(), [*parcels(1200), (IDS[0], OTHER_DESK)])
    assert asked(openings) == [(0, 64)] * 8
    assert [frame.number for frame in openings.interests] == list(range(7, 15))
    assert openings.all_told() == {OTHER_DESK: DAY}
    fewer = session(welcome(bits=7), parcels(1200))
    assert asked(fewer) == [(0, 64)] * 2
    assert fewer.all_told() == {DESK: DAY}


def test_where_an_interest_may_have_been_cut_short_all_is_asked_again() -> None:
    most, more = (session(welcome(bits=7), parcels(1200)) for _ in range(2))
    one, other = (frame.prefixes[0] for frame in most.interests)
    for _ in range(8191):
        for prefix in (one, other):
            assert not most.heard(prefix + bytes(28))
            assert not more.heard(prefix + bytes(28))
    more.heard(other + b"\1" * 28)
    assert most.all_told() == {DESK: DAY}
    assert more.all_told() == {}


def test_what_was_not_believed_is_asked_for_again() -> None:
    openings = session(welcome(), parcels(2))
    assert openings.heard(IDS[1])
    assert not openings.heard(IDS[2])
    openings.weighed(IDS[1], is_true=False)
    assert openings.all_told() == {}
    openings.weighed(IDS[1], is_true=True)
    assert openings.all_told() == {DESK: DAY}
