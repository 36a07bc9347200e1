"""What must come of plans that can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from tests.simulator_engine.hand_made import (
    FAST,
    HOUR_S,
    LETTER_BYTES,
    MIB,
    SLOW,
    between,
    letters,
    live,
    made_plan,
    numbers,
    with_film,
)

from qanat_protocol.kinds import Rank
from qanat_simulation.plan import Item, Meeting

WIRE = 1.06
"""Beside a block: what stands around it in frames, packets and records."""

SOON_S = 10.0
"""A desk that watches has what comes at once: what is left is the lines'."""


def test_a_letter_on_a_good_line_is_at_the_desk_within_seconds() -> None:
    items = letters("a", 1, at_s=100.0)
    outcome = live(made_plan(1, items, [between(SLOW, "a", 0.0, HOUR_S)]))
    assert 100.0 < outcome.arrived_s[0] < 100.0 + SOON_S


def test_a_letter_waits_for_a_line_and_goes_with_its_first_seconds() -> None:
    items = letters("a", 5)
    outcome = live(made_plan(2, items, [between(SLOW, "a", HOUR_S, HOUR_S + 10.0)]))
    assert outcome.arrived_s.keys() == numbers(items)
    assert all(HOUR_S < at_s < HOUR_S + SOON_S for at_s in outcome.arrived_s.values())


def test_a_window_carries_what_its_rate_allows_and_no_more() -> None:
    # 60 s of 50 kB/s: two copies of the letter, and 2.8 MB of the film at the best.
    window = between(SLOW, "a", HOUR_S, HOUR_S + 60.0)
    for film_bytes, arrives in ((2 * MIB, True), (3 * MIB, False)):
        items = with_film(letters("a", 1)[0], film_bytes)
        outcome = live(made_plan(2, items, [window], relays=["here"]))
        assert (1000 in outcome.arrived_s) is arrives
        sent_bytes = outcome.burdens["a"].sent_bytes
        assert sent_bytes <= 60.0 * window.up_bytes_s
        assert sent_bytes >= min(film_bytes, 0.9 * 60.0 * window.up_bytes_s)


def test_a_film_goes_on_in_the_next_window_where_the_first_one_ended() -> None:
    items = with_film(letters("a", 1)[0], 3 * MIB)
    windows = [between(SLOW, "a", at_s, at_s + 45.0) for at_s in (HOUR_S, 2 * HOUR_S)]
    outcome = live(made_plan(3, items, windows, relays=["here"]))
    assert 2 * HOUR_S < outcome.arrived_s[1000] < 2 * HOUR_S + 45.0 + SOON_S
    assert outcome.burdens["a"].sent_bytes < WIRE * 3 * MIB + 300_000


def test_letters_of_all_reports_go_before_any_film() -> None:
    items = [each for letter in letters("a", 4) for each in with_film(letter, MIB)]
    outcome = live(made_plan(3, items, [between(SLOW, "a", HOUR_S, HOUR_S + 15.0)]))
    assert outcome.arrived_s.keys() == {0, 1, 2, 3}


def test_what_is_small_of_a_report_comes_before_what_is_large() -> None:
    sizes = {Rank.LETTER: LETTER_BYTES, Rank.THUMBNAIL: 16_384, Rank.PREVIEW: 131_072}
    items = [
        Item(number, 0, "a", 0.0, rank, size)
        for number, (rank, size) in enumerate([*sizes.items(), (Rank.ORIGINAL, 2 * MIB)])
    ]
    outcome = live(made_plan(2, items, [between(SLOW, "a", 0.0, 2 * HOUR_S)], relays=["here"]))
    assert list(outcome.arrived_s) == [0, 1, 2, 3]
    assert sorted(outcome.arrived_s.values()) == list(outcome.arrived_s.values())


def test_a_courier_brings_what_was_handed_to_them() -> None:
    items = with_film(letters("a", 1)[0], 2 * MIB)
    plan = made_plan(
        4,
        items,
        [between(FAST, "bus", 3 * HOUR_S, 4 * HOUR_S)],
        couriers=["bus"],
        meetings=[Meeting(HOUR_S, "a", "bus", 2**30)],
    )
    outcome = live(plan)
    assert outcome.arrived_s.keys() == {0, 1000}
    assert all(3 * HOUR_S < at_s < 3 * HOUR_S + 3 * SOON_S for at_s in outcome.arrived_s.values())


def test_a_stick_that_is_too_small_for_a_film_carries_the_letters() -> None:
    items = [each for letter in letters("a", 3) for each in with_film(letter, 2 * MIB)]
    plan = made_plan(
        4,
        items,
        [between(FAST, "bus", 3 * HOUR_S, 4 * HOUR_S)],
        couriers=["bus"],
        meetings=[Meeting(HOUR_S, "a", "bus", 3 * MIB)],
    )
    outcome = live(plan)
    assert outcome.arrived_s.keys() == {0, 1, 2, 1000}
    assert outcome.burdens["bus"].received_bytes > 2 * MIB


def test_a_relay_in_the_country_hands_on_when_it_is_reached() -> None:
    national = between(SLOW, "a", HOUR_S, HOUR_S + 60.0)
    national = replace(national, is_national=True)
    host_cut = between(FAST, "host", 0.0, 2 * HOUR_S)
    host_cut = replace(host_cut, is_national=True, is_foreign=False)
    host_back = replace(between(host_cut, "host", 2 * HOUR_S, 3 * HOUR_S), is_national=False)
    items = letters("a", 2)
    plan = made_plan(
        3,
        items,
        [national, host_cut, host_back],
        relays=["abroad", "host"],
        elsewhere=["host"],
    )
    outcome = live(plan)
    assert outcome.arrived_s.keys() == {0, 1}
    assert all(2 * HOUR_S < at_s < 2 * HOUR_S + 120.0 for at_s in outcome.arrived_s.values())


def test_what_the_desk_opened_is_let_go_of_by_who_sent_it() -> None:
    # The later windows are asked for news, and carry no letter again.
    items = letters("a", 1)
    windows = [between(SLOW, "a", at_s, at_s + 30.0) for at_s in (HOUR_S, 2 * HOUR_S, 3 * HOUR_S)]
    outcome = live(made_plan(4, items, windows))
    alone = live(made_plan(4, items, windows[:1]))
    asked_bytes = outcome.burdens["a"].sent_bytes - alone.burdens["a"].sent_bytes
    assert asked_bytes < 2 * 2 * LETTER_BYTES


def test_a_round_in_which_nothing_can_be_given_costs_what_one_did_that_was_held() -> None:
    # The desk has opened the letter by the second window: the first such round is held.
    windows = [between(SLOW, "a", hours * HOUR_S, hours * HOUR_S + 30.0) for hours in range(1, 5)]
    sent_bytes = [
        live(made_plan(6, letters("a", 1), windows[:count])).burdens["a"].sent_bytes
        for count in (1, 2, 3, 4)
    ]
    held, counted, again = (after - before for before, after in pairwise(sent_bytes))
    assert held > 2 * 1024
    assert counted == again
    assert abs(counted / held - 1) < 0.05
