"""The effort that a relay asks for: rises with what is paid, falls with calm, and settles."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol.stamp import FIRST_EFFORT, MAX_EFFORT
from qanat_relay.admission.effort import Period, next_effort

CALM = Period(pressed=False, paid=0, places=100)
efforts = st.just(0) | st.integers(FIRST_EFFORT, MAX_EFFORT)


def after(effort: int, *seen: Period) -> list[int]:
    """The effort after each of the periods."""
    found = []
    for period in seen:
        effort = next_effort(effort, period)
        found.append(effort)
    return found


def test_a_relay_with_room_asks_for_nothing() -> None:
    assert after(0, *[CALM] * 5) == [0] * 5
    # Neither is it moved by who pays unasked.
    assert after(0, Period(pressed=False, paid=10**12, places=1)) == [0]


def test_pressure_begins_with_the_least_effort() -> None:
    assert next_effort(0, Period(pressed=True, paid=10**15, places=1)) == FIRST_EFFORT


def test_a_flood_that_pays_nothing_raises_nothing() -> None:
    seen = after(0, *[Period(pressed=True, paid=0, places=100)] * 50)
    assert set(seen) == {FIRST_EFFORT}


def test_an_effort_falls_to_nothing_once_it_is_calm() -> None:
    seen = after(1000 * FIRST_EFFORT, *[CALM] * 30)
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 0
    # Never to less than a stamp that is worth looking for.
    assert all(effort == 0 or effort >= FIRST_EFFORT for effort in seen)


@pytest.mark.parametrize("hashes", [10**7, 10**9, 10**11])
@pytest.mark.parametrize("begins", [0, FIRST_EFFORT, 10**12])
def test_a_flood_that_pays_what_it_can_is_met_from_one_side(hashes: int, begins: int) -> None:
    """The same computers pay the same in each period, whatever is asked for."""
    places = 100
    settles = max(FIRST_EFFORT, hashes // places)
    seen = after(begins, *[Period(pressed=True, paid=hashes, places=places)] * 60)
    assert 0.98 * settles <= seen[-1] <= 1.02 * settles + 1
    ways = [b - a for a, b in pairwise(seen) if abs(b - a) > settles // 100]
    assert all(way > 0 for way in ways) or all(way < 0 for way in ways)
    # As many come at that effort as there is room for.
    assert hashes // seen[-1] <= places * 1.02


def test_an_effort_doubles_in_a_period_at_most() -> None:
    seen = after(FIRST_EFFORT, *[Period(pressed=True, paid=10**18, places=1)] * 40)
    assert all(following <= 2 * effort for effort, following in pairwise(seen))
    assert seen[-1] == MAX_EFFORT


@given(efforts, st.booleans(), st.integers(0, 2**70), st.integers(0, 10**9))
def test_whatever_is_seen_the_effort_is_one_that_a_stamp_can_show(
    effort: int, pressed: bool, paid: int, places: int
) -> None:
    found = next_effort(effort, Period(pressed, paid, places))
    assert found == 0 or FIRST_EFFORT <= found <= MAX_EFFORT
