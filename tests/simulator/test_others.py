"""Flooding and direct delivery on small plans whose outcome can be worked out by hand."""

from tests.simulator.scenes import line, plan_of, silent

from qanat_protocol.kinds import Rank
from qanat_simulation.direct import deliver_directly
from qanat_simulation.flooding import flood
from qanat_simulation.library import load
from qanat_simulation.optimum import find_optimum
from qanat_simulation.outcome import Burden
from qanat_simulation.plan import Line, Meeting
from qanat_simulation.planning import make_plan

HOUR = 3600
NODES = {
    "ada": "reporter",
    "bob": "reporter",
    "cab": "courier",
    "near": "relay",
    "far": "relay abroad",
    "desk": "desk abroad",
}


def abroad() -> list[Line]:
    return [line(name, 0, HOUR, 1e6, 1e6, is_foreign=True) for name in ("far", "desk")]


def test_direct_delivery_takes_what_the_own_line_takes_oldest_first() -> None:
    lines = [line("ada", 0, HOUR, 100, 0), *abroad()]
    items = [("ada", 0.0, Rank.ORIGINAL, 9000), ("ada", 30.0, Rank.LETTER, 3000)]
    found = deliver_directly(plan_of(NODES, lines, [], items, HOUR), silent)
    # From the first minute's end 6000 bytes a minute, and one more minute from relay to desk.
    assert found.arrived_s == {0: 240.0, 1: 240.0}
    assert found.burdens["ada"] == Burden(12_000, 0, 12_000)
    assert found.burdens["far"] == Burden(12_000, 12_000, 12_000)
    assert found.burdens["desk"] == Burden(0, 12_000, 12_000)


def test_direct_delivery_knows_no_courier_and_no_relay_in_the_country() -> None:
    lines = [
        line("ada", 0, 600, 100, 100, is_national=True),
        line("near", 0, HOUR, 1e6, 1e6),
        line("cab", 1200, HOUR, 1e6, 1e6, is_foreign=True),
        *abroad(),
    ]
    items = [("ada", 0.0, Rank.LETTER, 4096), ("bob", 0.0, Rank.LETTER, 4096)]
    plan = plan_of(NODES, lines, [Meeting(900, "cab", "bob", 10_000)], items, HOUR)
    assert deliver_directly(plan, silent).arrived_s == {}
    # Flooding takes one through the relay that the national line reaches, which reaches the desk,
    # and one over the border to the relay there.
    assert flood(plan, silent).arrived_s == {0: 180.0, 1: 1320.0}


def test_flooding_fills_a_stick_with_what_is_oldest() -> None:
    lines = [line("cab", 1200, HOUR, 1e6, 1e6, is_foreign=True), *abroad()]
    items = [("ada", 0.0, Rank.ORIGINAL, 9000), ("ada", 60.0, Rank.URGENT, 4096)]
    met = [Meeting(900, "cab", "ada", 10_000), Meeting(960, "cab", "ada", 3096)]
    found = flood(plan_of(NODES, lines, met[:1], items, HOUR), silent)
    assert set(found.arrived_s) == {0}
    # A second hand-over goes on where the first one ended.
    assert set(flood(plan_of(NODES, lines, met, items, HOUR), silent).arrived_s) == {0, 1}


def test_flooding_gives_people_what_others_wrote() -> None:
    lines = [line(name, 0, HOUR, 1e6, 1e6) for name in ("ada", "bob")]
    items = [("ada", 0.0, Rank.LETTER, 4096)]
    found = flood(plan_of(NODES, [*lines, *abroad()], [], items, HOUR), silent)
    assert found.burdens["bob"] == Burden(0, 4096, 4096)


def test_no_two_stand_in_line_behind_a_third_for_ever() -> None:
    # The relay takes 100 bytes a second, and each of the two could fill it.
    lines = [line(name, 0, HOUR, 100, 0) for name in ("ada", "bob")]
    lines += [
        line("far", 0, HOUR, 1e6, 100, is_foreign=True),
        line("desk", 0, HOUR, 0, 1e6, is_foreign=True),
    ]
    items = [(name, 0.0, Rank.ORIGINAL, 60_000) for name in ("ada", "bob")]
    arrived = deliver_directly(plan_of(NODES, lines, [], items, HOUR), silent).arrived_s
    assert abs(arrived[0] - arrived[1]) <= 120


def test_the_others_are_the_same_each_time_and_never_better_than_the_optimum() -> None:
    plan = make_plan(load("kazakhstan-2022"), 4, reporters=30)
    best = find_optimum(plan, silent)
    everything = sum(curve[-1] for curve in best.delivered_bytes.values())
    for system in (flood, deliver_directly):
        found = system(plan, silent)
        assert found == system(plan, silent)
        came = sum(plan.items[number].body_bytes for number in found.arrived_s)
        assert 0 < came <= everything
        assert len(found.arrived_s) <= len(plan.items)


def test_a_line_that_comes_and_goes_within_a_minute_carries_what_it_can() -> None:
    lines = [line("ada", at_s, at_s + 10, 100, 0) for at_s in range(0, HOUR, 20)]
    items = [("ada", 0.0, Rank.LETTER, 6000)]
    # 30 seconds a minute: two minutes to the relay, from the first minute's end.
    plan = plan_of(NODES, [*lines, *abroad()], [], items, HOUR)
    assert deliver_directly(plan, silent).arrived_s == {0: 240.0}
