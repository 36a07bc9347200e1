"""Plans: a seed gives the same one, and each says what its scenario says."""

from collections import Counter
from itertools import pairwise

import pytest
from tests.simulator.scenes import SMALL

from qanat_client.errors import BadInput
from qanat_protocol.kinds import Kind, Rank
from qanat_protocol.sizes import is_legal
from qanat_simulation.library import builtin_names, load
from qanat_simulation.link_presets import PRESETS
from qanat_simulation.plan import Plan, Role
from qanat_simulation.planning import make_plan
from qanat_simulation.scenario import ABROAD
from qanat_simulation.scenario_reading import parse
from qanat_simulation.variations import with_loss, with_mobile

KINDS = {Rank.URGENT: Kind.LETTER, Rank.LETTER: Kind.LETTER}


@pytest.fixture(scope="module")
def kazakhstan() -> Plan:
    return make_plan(load("kazakhstan-2022"), 7)


@pytest.mark.parametrize("name", builtin_names())
def test_every_scenario_that_comes_along_says_where_it_is_from(name: str) -> None:
    scenario = load(name)
    assert scenario.origin.sources
    assert scenario.origin.measured
    assert scenario.origin.placeholders
    assert any("made up for the simulation" in note for note in scenario.origin.notes)
    assert make_plan(scenario, 1).items


@pytest.mark.parametrize("name", builtin_names())
def test_a_plan_keeps_its_own_rules(name: str) -> None:
    plan = make_plan(load(name), 3)
    assert len({node.name for node in plan.nodes}) == len(plan.nodes)
    known = {node.name: node for node in plan.nodes}
    assert [line.start_s for line in plan.lines] == sorted(line.start_s for line in plan.lines)
    assert [each.at_s for each in plan.meetings] == sorted(each.at_s for each in plan.meetings)
    assert [item.number for item in plan.items] == list(range(len(plan.items)))
    assert [item.at_s for item in plan.items] == sorted(item.at_s for item in plan.items)
    for node in plan.nodes:
        own = [line for line in plan.lines if line.node == node.name]
        assert all(one.end_s <= other.start_s for one, other in pairwise(own))
        assert all(0 <= each.start_s < each.end_s <= plan.duration_s for each in own)
        if node.role in (Role.RELAY, Role.DESK):
            assert all(each.is_foreign == (node.place == ABROAD) for each in own)
    assert all(0 <= each.at_s <= plan.duration_s for each in plan.meetings)
    assert all(known[each.one].role is Role.COURIER for each in plan.meetings)
    for item in plan.items:
        assert known[item.source].role is Role.REPORTER
        assert is_legal(KINDS.get(item.rank, Kind.PART), item.body_bytes)
    letters = Counter(item.report for item in plan.items if item.rank <= Rank.LETTER)
    assert set(letters.values()) == {1}
    assert set(letters) == {item.report for item in plan.items}


def test_a_seed_gives_the_same_plan_and_another_seed_another() -> None:
    scenario = load("kazakhstan-2022")
    assert make_plan(scenario, 7) == make_plan(load("kazakhstan-2022"), 7)
    assert make_plan(scenario, 7) != make_plan(scenario, 8)


def test_kazakhstan_is_as_large_as_it_is_said_to_be(kazakhstan: Plan) -> None:
    roles = Counter(node.role for node in kazakhstan.nodes)
    assert roles[Role.REPORTER] == 500
    assert roles[Role.RELAY] == 5
    assert roles[Role.COURIER] > 10
    assert {node.place for node in kazakhstan.nodes if node.role is Role.REPORTER} == {
        "capital",
        "almaty",
    }
    pairs = {(each.one.split("_")[0], each.other.split(".")[0]) for each in kazakhstan.meetings}
    assert {("train", "capital"), ("train", "almaty"), ("bishkek", "almaty")} <= pairs


def online(plan: Plan, city: str, at_s: float) -> set[str]:
    return {
        each.node
        for each in plan.lines
        if each.node.startswith(f"{city}.") and each.start_s <= at_s < each.end_s
    }


def test_a_window_of_a_share_lets_that_share_of_people_through_and_always_the_same(
    kazakhstan: Plan,
) -> None:
    # Hours since the fourth of January at noon: nobody, a few, more, and at the end most of them.
    outage, window, after = (3600.0 * hours for hours in (60, 90, 200))
    few, more, most = (online(kazakhstan, "capital", at_s) for at_s in (outage, window, after))
    assert len(few) < 0.05 * 250
    # 60% of the fixed lines, which 60% of the people have.
    assert 0.25 * 250 < len(more) < 0.5 * 250
    assert len(most) > 0.8 * 250
    assert few <= more <= most


def test_a_window_that_is_national_gives_lines_that_are() -> None:
    text = SMALL.replace("2, 0],", '100, 0, "national"],')
    plan = make_plan(parse("small.toml", text.encode()), 1)
    national = [each for each in plan.lines if each.is_national]
    assert national
    # The edges are moved by half an hour at most.
    assert all(5.5 * 3600 <= each.start_s < each.end_s <= 12.5 * 3600 for each in national)


def test_the_edges_of_windows_are_drawn_and_the_same_for_a_city() -> None:
    text = SMALL.replace("with_fixed = 50", "with_fixed = 0").replace("2, 0],", "0, 0],")
    scenario = parse("small.toml", text.encode())
    edges = set()
    for seed in range(5):
        ends = {each.end_s for each in make_plan(scenario, seed).lines if "town" in each.node}
        first = min(ends)
        assert abs(first - 6 * 3600) <= 1800
        assert len(ends) == 2
        edges.add(first)
    assert len(edges) > 1


def test_couriers_meet_people_where_they_are_and_have_a_line_abroad() -> None:
    plan = make_plan(parse("small.toml", SMALL.encode()), 2)
    assert plan.meetings
    assert all(5 * 3600 <= each.at_s <= 11 * 3600 for each in plan.meetings)
    foreign = [each for each in plan.lines if each.node == "bus_1" and each.is_foreign]
    assert [(each.start_s, each.end_s) for each in foreign] == [(14 * 3600, 20 * 3600)]


def test_fewer_reporters_write_fewer_reports() -> None:
    scenario = load("kazakhstan-2022")
    plan = make_plan(scenario, 1, reporters=50)
    whole = make_plan(scenario, 1)
    places = Counter(node.place for node in plan.nodes if node.role is Role.REPORTER)
    assert places == {"capital": 25, "almaty": 25}
    reports = plan.items[-1].report / whole.items[-1].report
    assert 0.08 < reports < 0.12


def test_a_plan_of_some_days_ends_with_them() -> None:
    plan = make_plan(load("kazakhstan-2022"), 1, reporters=20, days=2)
    assert plan.duration_s == 2 * 86_400
    assert max(each.end_s for each in plan.lines) == plan.duration_s
    assert max(item.at_s for item in plan.items) < plan.duration_s


def test_a_plan_without_people_or_words_is_refused() -> None:
    scenario = load("kazakhstan-2022")
    with pytest.raises(BadInput, match="one reporter at least"):
        make_plan(scenario, 1, reporters=0)
    with pytest.raises(BadInput, match="nobody writes anything in the first"):
        make_plan(scenario, 1, reporters=1, days=0.0001)


def test_a_relay_that_flaps_comes_and_goes_as_often_as_it_is_said() -> None:
    text = SMALL.replace('place = "abroad"', 'place = "abroad"\nflaps_seconds = 10')
    plan = make_plan(parse("small.toml", text.encode()), 1)
    own = [each for each in plan.lines if each.node == "berlin"]
    assert len(own) == 86_400 / 20
    assert all(each.end_s - each.start_s == 10 for each in own)
    assert all(other.start_s - one.end_s == 10 for one, other in pairwise(own))


def test_lines_can_be_made_others_for_all() -> None:
    scenario = load("kazakhstan-2022")
    gprs = make_plan(with_mobile(scenario, PRESETS["gprs"]), 1, reporters=20)
    assert {each.up_bytes_s for each in gprs.lines if "." in each.node} == {2500, 31_250}
    lossy = make_plan(with_loss(scenario, 0.05), 1, reporters=20)
    people = {node.name for node in lossy.nodes if node.role in (Role.REPORTER, Role.COURIER)}
    assert {each.loss for each in lossy.lines if each.node in people} == {0.05}
    assert {each.loss for each in lossy.lines if each.node not in people} == {0.0}
