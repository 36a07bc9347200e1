"""The worst that can befall relays and lines: nothing that was written honestly is lost by it."""

from __future__ import annotations

from dataclasses import replace

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
from qanat_relay.config import Config
from qanat_simulation.engine import Conditions
from qanat_simulation.plan import Item, Line

YEAR_S = 365 * 86_400.0


def some_items() -> list[Item]:
    return [each for letter in letters("a", 3) for each in with_film(letter, MIB)]


def flapping(node: str, line: Line, until_s: float, period_s: float) -> list[Line]:
    """There for a period, away for a period."""
    count = int(until_s / (2 * period_s))
    return [
        between(line, node, 2 * period_s * number, 2 * period_s * number + period_s)
        for number in range(count)
    ]


def test_a_line_that_only_goes_one_way_carries_nothing_and_loses_nothing() -> None:
    deaf = between(replace(SLOW, down_bytes_s=0.0), "a", 0.0, HOUR_S)
    mute = between(replace(SLOW, up_bytes_s=0.0), "a", HOUR_S, 2 * HOUR_S)
    whole = between(SLOW, "a", 2 * HOUR_S, 3 * HOUR_S)
    items = some_items()
    outcome = live(made_plan(3, items, [deaf, mute, whole]))
    assert outcome.arrived_s.keys() == numbers(items)
    assert min(outcome.arrived_s.values()) > 2 * HOUR_S


def test_a_relay_that_comes_and_goes_every_ten_seconds_delivers() -> None:
    lines = [
        between(SLOW, "a", 0.0, 4 * HOUR_S),
        *flapping("moody", FAST, 4 * HOUR_S, 10.0),
    ]
    letter = letters("a", 1, at_s=100.0)
    # Written again and again, as a person would look whether it went.
    more = [
        replace(letter[0], number=number, report=number, at_s=100.0 + 600.0 * number)
        for number in range(12)
    ]
    outcome = live(made_plan(4, more, lines, relays=["moody"], elsewhere=["moody"]))
    assert outcome.arrived_s.keys() >= numbers(more[:-1])


def test_a_relay_that_flaps_beside_a_steady_one_holds_nothing_up() -> None:
    lines = [between(SLOW, "a", 0.0, 2 * HOUR_S), *flapping("moody", FAST, 2 * HOUR_S, 10.0)]
    items = some_items()
    plan = made_plan(2, items, lines, relays=["steady", "moody"], elsewhere=["moody"])
    outcome = live(plan)
    assert outcome.arrived_s.keys() == numbers(items)
    assert max(outcome.arrived_s[number] for number in (0, 1, 2)) < 120.0


def test_relays_that_are_cut_off_from_each_other_bring_all_once_they_are_not() -> None:
    # The reporter reaches only the relay in the country, the desk only the one abroad.
    host = replace(FAST, is_national=True, is_foreign=False)
    items = some_items()
    plan = made_plan(
        4,
        items,
        [
            between(replace(SLOW, is_national=True), "a", 0.0, HOUR_S),
            between(host, "host", 0.0, 2 * HOUR_S),
            between(replace(host, is_national=False), "host", 2 * HOUR_S, 4 * HOUR_S),
        ],
        relays=["abroad", "host"],
        elsewhere=["host"],
    )
    outcome = live(plan)
    assert outcome.arrived_s.keys() == numbers(items)
    assert min(outcome.arrived_s.values()) > 2 * HOUR_S
    assert outcome.burdens["abroad"].received_bytes > 3 * MIB


def test_clocks_that_are_years_apart_lose_nothing() -> None:
    items = [*some_items(), *letters("b", 2, first=100)]
    lines = [between(SLOW, name, 0.0, 2 * HOUR_S) for name in "ab"]
    conditions = Conditions(
        clock_off_s={"ahead": 9 * YEAR_S, "behind": -9 * YEAR_S, "a": -3 * YEAR_S}
    )
    plan = made_plan(2, items, lines, relays=["right", "ahead", "behind"])
    outcome = live(plan, conditions)
    assert outcome.arrived_s.keys() == numbers(items)


def test_a_lying_relay_in_an_honest_mesh_loses_nothing() -> None:
    items = [*some_items(), *letters("b", 2, first=100)]
    windows = [
        between(SLOW, name, at_s, at_s + 300.0) for name in "ab" for at_s in (HOUR_S, 2 * HOUR_S)
    ]
    plan = made_plan(4, items, windows, relays=["one", "liar", "two"])
    outcome = live(plan, Conditions(liars=frozenset(["liar"])))
    assert outcome.arrived_s.keys() == numbers(items)
    assert outcome.burdens["liar"].most_stored_bytes == 0


def test_two_relays_that_run_with_one_stolen_key_lose_nothing() -> None:
    items = [*some_items(), *letters("b", 2, first=100)]
    lines = [between(SLOW, name, HOUR_S, 2 * HOUR_S) for name in "ab"]
    plan = made_plan(3, items, lines, relays=["true", "thief", "other"])
    outcome = live(plan, Conditions(same_keys={"thief": "true"}))
    assert outcome.arrived_s.keys() == numbers(items)


def test_a_full_relay_refuses_and_the_others_take_what_it_cannot() -> None:
    items = some_items()
    small = Config(
        capacity_bytes=4 * LETTER_BYTES,
        partial_bytes=4 * LETTER_BYTES,
        largest_body_bytes=4 * LETTER_BYTES,
        sessions_max=64,
    )
    lines = [between(SLOW, "a", HOUR_S, 2 * HOUR_S)]
    outcome = live(made_plan(3, items, lines), Conditions(configs={"here": small}))
    assert outcome.arrived_s.keys() == numbers(items)
    assert 0 < outcome.burdens["here"].most_stored_bytes <= 4 * LETTER_BYTES


def test_what_a_full_relay_alone_refused_goes_when_another_one_comes() -> None:
    items = letters("a", 8)
    small = Config(
        capacity_bytes=2 * (LETTER_BYTES + 1024),
        partial_bytes=LETTER_BYTES,
        largest_body_bytes=LETTER_BYTES,
    )
    plan = made_plan(
        4,
        items,
        [
            between(SLOW, "a", HOUR_S, HOUR_S + 60.0),
            between(SLOW, "a", 3 * HOUR_S, 3 * HOUR_S + 60.0),
            between(replace(FAST, is_foreign=False), "late", 2 * HOUR_S, 4 * HOUR_S),
        ],
        relays=["full", "late"],
        elsewhere=["late"],
    )
    outcome = live(plan, Conditions(configs={"full": small}))
    early = [number for number, at_s in outcome.arrived_s.items() if at_s < 2 * HOUR_S]
    assert len(early) == 2
    assert outcome.arrived_s.keys() == numbers(items)
    assert {item.rank for item in items} == {Rank.LETTER}
