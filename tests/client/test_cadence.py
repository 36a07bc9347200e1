"""When a watch may go to the network, by a clock that the test holds."""

from __future__ import annotations

import random

from qanat_client.reporter.cadence import AT_ONCE, MOST_TRIES, ONE_IN_S, Cadence


def test_a_network_that_comes_is_used_without_a_pause() -> None:
    cadence = Cadence(lambda: 0.5)
    assert cadence.pause_s(1000.0) == 0
    cadence.begun(1000.0)
    assert cadence.pause_s(1000.1) == 0


def test_what_fails_is_tried_again_soon_less_and_less_often_and_not_for_ever() -> None:
    cadence = Cadence(lambda: 0.0)
    pauses = [cadence.again_in_s() for _ in range(MOST_TRIES)]
    assert pauses == [0.5, 1, 2, 4, 8, 16]
    assert cadence.again_in_s() is None
    cadence.came()
    assert cadence.again_in_s() == 0.5


def test_no_pause_is_shorter_than_said_or_longer_by_more_than_a_quarter() -> None:
    for chance in (0.0, 0.3, 1.0):
        assert 20.0 <= Cadence(lambda chance=chance: chance).late(20.0) <= 25.0  # type: ignore[misc]


def test_a_first_contact_and_all_its_tries_need_no_pause_between_them() -> None:
    cadence, now_s = Cadence(lambda: 0.0), 0.0
    for _ in range(1 + MOST_TRIES):
        assert cadence.pause_s(now_s) == 0
        cadence.begun(now_s)
        now_s += cadence.again_in_s() or 0


def test_a_network_that_flaps_for_a_day_is_tried_twice_a_minute() -> None:
    draw = random.Random(5)
    cadence, now_s, contacts = Cadence(draw.random), 0.0, 0
    while now_s < 86_400:
        cadence.came()
        if (pause_s := cadence.pause_s(now_s)) > 0:
            now_s += pause_s
        cadence.begun(now_s)
        contacts += 1
        now_s += draw.random()
    assert contacts <= AT_ONCE + 86_400 / ONE_IN_S + 1


def test_after_a_quiet_time_everything_may_happen_at_once_again() -> None:
    cadence = Cadence(lambda: 0.0)
    for _ in range(AT_ONCE):
        cadence.begun(0.0)
    assert cadence.pause_s(0.0) == ONE_IN_S
    assert cadence.pause_s(ONE_IN_S) == 0
    cadence.begun(AT_ONCE * ONE_IN_S * 2)
    assert cadence.pause_s(AT_ONCE * ONE_IN_S * 2) == 0
