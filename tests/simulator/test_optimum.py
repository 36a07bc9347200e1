"""The optimum: what it says of tiny plans is what trying every possibility finds."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.brute_force import UNIT, every_outcome
from tests.simulator.scenes import line, plan_of, silent

from qanat_protocol.kinds import Rank
from qanat_simulation.classes import Class
from qanat_simulation.library import load
from qanat_simulation.optimum import Optimum, find_optimum
from qanat_simulation.plan import Line, Meeting, Plan
from qanat_simulation.planning import make_plan

SECONDS = 3
NODES = {
    "ada": "reporter",
    "bob": "reporter",
    "cab": "courier",
    "near": "relay",
    "far": "relay abroad",
    "desk": "desk abroad",
}
RATES = st.sampled_from([1, 2, 0]).map(lambda count: float(count * UNIT))
SPANS = st.tuples(st.integers(0, SECONDS - 1), st.integers(1, SECONDS)).filter(
    lambda span: span[0] < span[1]
)


@st.composite
def plans(draw: st.DrawFn, *, tight: bool) -> Plan:
    """Two people, a courier who may be abroad, and a desk with a narrow line if it is tight."""
    lines: list[Line] = []
    for name in ("ada", "bob", "cab", "near"):
        if draw(st.sampled_from([True, True, False])):
            start, end = draw(SPANS)
            kind = draw(st.sampled_from(["", "is_national", "is_foreign"]))
            if name != "cab" and kind == "is_foreign":
                kind = ""
            flags = {kind: True} if kind else {}
            lines.append(line(name, start, end, draw(RATES), draw(RATES), **flags))
    most, far = (UNIT, 0) if tight else (10 * UNIT, 10 * UNIT)
    lines.append(line("far", 0, SECONDS, 10 * UNIT, far, is_foreign=True))
    lines.append(line("desk", *draw(SPANS), 10 * UNIT, most, is_foreign=True))
    pairs = [("ada", "bob"), ("ada", "cab"), ("bob", "cab")]
    meetings = [
        Meeting(at_s, *draw(st.sampled_from(pairs)), UNIT * draw(st.integers(1, 2)))
        for at_s in draw(st.lists(st.integers(0, SECONDS - 1), max_size=2))
    ]
    items = [
        (source, float(at_s), rank, UNIT)
        for source, at_s, rank in draw(
            st.lists(
                st.tuples(
                    st.sampled_from(["ada", "bob"]),
                    st.integers(0, SECONDS - 1),
                    st.sampled_from([Rank.LETTER, Rank.ORIGINAL]),
                ),
                min_size=1,
                max_size=3,
            )
        )
    ]
    return plan_of(NODES, lines, meetings, items, SECONDS)


def units_by(found: Optimum, kind: Class, at_s: float) -> float:
    """What the optimum had of a class at a time at which a stretch ends."""
    return found.delivered_bytes[kind][found.times_s.index(at_s)] / UNIT


def check(plan: Plan) -> None:
    found = find_optimum(plan, silent, step_s=1)
    ranks = sorted({item.rank for item in plan.items})
    desk = [node.name for node in plan.nodes].index("desk")
    best: list[dict[Rank, int]] = []
    for second, states in enumerate(every_outcome(plan), 1):
        # The most of the first class, and then of the next.
        most = dict(zip(ranks, max(held[desk] for held in states), strict=True))
        best.append(most)
        letters = most.get(Rank.LETTER, 0)
        assert units_by(found, Class.LETTER, second) == letters, second
    if len(ranks) == 1 and ranks[0] is Rank.ORIGINAL:
        curve = [units_by(found, Class.ORIGINAL, second) for second in range(1, SECONDS + 1)]
        assert curve == [most[Rank.ORIGINAL] for most in best]
    assert units_by(found, Class.ORIGINAL, SECONDS) == best[-1].get(Rank.ORIGINAL, 0)
    if all(item.body_bytes == UNIT for item in plan.items):
        assert len(found.outcome.arrived_s) == sum(best[-1].values())
    for item in plan.items:
        if item.number in found.outcome.arrived_s:
            assert item.at_s <= found.outcome.arrived_s[item.number] <= plan.duration_s


@settings(max_examples=150, deadline=None)
@given(plan=plans(tight=False))
def test_the_optimum_is_what_trying_everything_finds(plan: Plan) -> None:
    check(plan)


@settings(max_examples=150, deadline=None)
@given(plan=plans(tight=True))
def test_the_optimum_is_right_where_the_lines_abroad_are_narrow(plan: Plan) -> None:
    check(plan)


def abroad(intake: float = 100 * UNIT) -> list[Line]:
    return [
        line("far", 0, SECONDS, 100 * UNIT, 0, is_foreign=True),
        line("desk", 0, SECONDS, 100 * UNIT, intake, is_foreign=True),
    ]


def letters(plan: Plan) -> tuple[float, ...]:
    found = find_optimum(plan, silent, step_s=1)
    check(plan)
    return tuple(units_by(found, Class.LETTER, second) for second in range(1, SECONDS + 1))


def test_a_narrow_line_abroad_is_shared_by_all() -> None:
    lines = [line(name, 0, 1, 2 * UNIT, 0) for name in ("ada", "bob")]
    items = [(name, 0.0, Rank.LETTER, 2 * UNIT) for name in ("ada", "bob")]
    assert letters(plan_of(NODES, [*lines, *abroad(3 * UNIT)], [], items, SECONDS)) == (3, 3, 3)


def test_what_cannot_leave_at_once_may_wait_at_a_relay_whose_line_lasts() -> None:
    items = [("ada", 0.0, Rank.LETTER, 2 * UNIT)]
    for name, expected in (("near", (1, 2, 2)), ("bob", (1, 1, 1))):
        lines = [line("ada", 0, 1, 2 * UNIT, 0), line(name, 0, 3, UNIT, UNIT), *abroad(UNIT)]
        if name == "bob":
            # A relay that takes nothing makes no way from one person to another.
            lines.append(line("near", 0, 3, 0, 0))
        assert letters(plan_of(NODES, lines, [], items, SECONDS)) == expected


def test_a_national_line_reaches_a_relay_in_the_country_and_nobody_abroad() -> None:
    ada = line("ada", 0, 1, UNIT, UNIT, is_national=True)
    items = [("ada", 0.0, Rank.LETTER, UNIT)]
    near = line("near", 0, 3, UNIT, UNIT)
    for inside, expected in (([], (0, 0, 0)), ([near], (1, 1, 1))):
        assert letters(plan_of(NODES, [ada, *inside, *abroad()], [], items, SECONDS)) == expected


def test_a_courier_takes_over_the_border_what_a_relay_in_the_country_has() -> None:
    national = [line(name, 0, 1, UNIT, UNIT, is_national=True) for name in ("ada", "near", "cab")]
    items = [("ada", 0.0, Rank.LETTER, UNIT)]
    for kind, expected in (("is_foreign", (0, 1, 1)), ("is_national", (0, 0, 0))):
        lines = [*national, line("cab", 1, 3, UNIT, UNIT, **{kind: True}), *abroad()]
        assert letters(plan_of(NODES, lines, [], items, SECONDS)) == expected


def test_a_national_line_does_not_reach_a_courier_abroad() -> None:
    national = [line(name, 0, 1, UNIT, UNIT, is_national=True) for name in ("ada", "near")]
    lines = [*national, line("cab", 0, 3, UNIT, UNIT, is_foreign=True), *abroad()]
    items = [("ada", 0.0, Rank.LETTER, UNIT)]
    assert letters(plan_of(NODES, lines, [], items, SECONDS)) == (0, 0, 0)


def test_a_courier_carries_what_a_stick_holds_until_there_is_a_line() -> None:
    lines = [line("cab", 2, 3, 10 * UNIT, 0, is_foreign=True), *abroad()]
    met = [Meeting(1, "cab", "ada", 2 * UNIT)]
    items = [("ada", 0.0, Rank.LETTER, UNIT), ("ada", 1.0, Rank.LETTER, 2 * UNIT)]
    assert letters(plan_of(NODES, lines, met, items, SECONDS)) == (0, 0, 2)


def test_letters_go_before_originals_and_originals_take_the_rest() -> None:
    lines = [line("ada", 0, 3, UNIT, 0), *abroad()]
    items = [("ada", 0.0, Rank.ORIGINAL, 3 * UNIT), ("ada", 1.0, Rank.LETTER, UNIT)]
    found = find_optimum(plan_of(NODES, lines, [], items, SECONDS), silent, step_s=1)
    assert [units_by(found, Class.LETTER, second) for second in (1, 2, 3)] == [0, 1, 1]
    assert [units_by(found, Class.ORIGINAL, second) for second in (1, 2, 3)] == [1, 1, 2]
    assert found.outcome.arrived_s == {1: 2.0}


def test_a_line_that_comes_and_goes_every_ten_seconds_makes_no_more_stretches_than_are_of_use() -> (
    None
):
    day_s = 86_400
    flapping = [
        line("far", start, start + 10, 100 * UNIT, 100 * UNIT, is_foreign=True)
        for start in range(0, day_s, 20)
    ]
    lines = [line("ada", 0, day_s, UNIT, 0), *flapping]
    lines.append(line("desk", 0, day_s, 0, 100 * UNIT, is_foreign=True))
    items = [("ada", 0.0, Rank.LETTER, 100 * UNIT)]
    found = find_optimum(plan_of(NODES, lines, [], items, day_s), silent)
    assert len(found.times_s) <= 400
    assert found.outcome.arrived_s == {0: 100.0}


def test_a_plan_has_one_optimum() -> None:
    plan = make_plan(load("kazakhstan-2022"), 5, reporters=20)
    found = find_optimum(plan, silent)
    assert found == find_optimum(plan, silent)
    for kind in Class:
        curve = found.delivered_bytes[kind]
        assert list(curve) == sorted(curve)
        assert curve[-1] > 0
