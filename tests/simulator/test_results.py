"""Results: what is measured of a system, and that being late or lost never looks better."""

import json
from math import inf
from pathlib import Path

import pytest
from tests.simulator.scenes import line, plan_of, silent

from qanat_protocol.kinds import Rank
from qanat_simulation.classes import Class
from qanat_simulation.direct import deliver_directly
from qanat_simulation.flooding import flood
from qanat_simulation.optimum import Optimum, find_optimum
from qanat_simulation.outcome import Outcome
from qanat_simulation.plan import Plan
from qanat_simulation.plots import draw
from qanat_simulation.report import as_json, as_text, duration, report_of
from qanat_simulation.results import ClassResult, measure

HOUR = 3600.0
NODES = {"ada": "reporter", "far": "relay abroad", "desk": "desk abroad"}


def plan() -> Plan:
    """Ten letters, one a minute, and a line that is always there."""
    lines = [line("ada", 0, HOUR, 1e5, 1e5)]
    lines += [line(name, 0, HOUR, 1e6, 1e6, is_foreign=True) for name in ("far", "desk")]
    items = [("ada", 60.0 * minute, Rank.LETTER, 4096) for minute in range(10)]
    return plan_of(NODES, lines, [], items, HOUR)


def optimum() -> Optimum:
    return find_optimum(plan(), silent, step_s=60)


def letters(arrived_s: dict[int, float]) -> ClassResult:
    (found,) = measure(plan(), Outcome("some", arrived_s, {}), optimum())
    return found


def test_a_system_that_is_as_fast_as_can_be_has_all_of_the_optimum_at_every_moment() -> None:
    found = letters({number: 60.0 * number + 0.05 for number in range(10)})
    assert (found.delivered, found.of_optimum, found.worst_of_optimum) == (1.0, 1.0, 1.0)
    assert found.median_s == pytest.approx(0.05)


def test_a_system_that_is_late_is_less_at_its_worst_moment_and_whole_at_the_end() -> None:
    found = letters({number: 60.0 * number + 300 for number in range(10)})
    assert (found.delivered, found.of_optimum) == (1.0, 1.0)
    assert found.worst_of_optimum == 0.0
    assert found.median_s == 300


def test_what_never_arrives_is_a_delay_without_end() -> None:
    found = letters({number: 60.0 * number for number in range(6)})
    assert found.arrived == 6
    assert found.delivered == found.of_optimum == 0.6
    assert found.median_s == 0
    assert found.p95_s == inf
    assert letters({}).median_s == inf


def test_what_arrives_after_the_end_has_not_arrived() -> None:
    assert letters(dict.fromkeys(range(10), HOUR + 1)).delivered == 0


def test_the_moments_that_count_begin_when_a_tenth_is_there() -> None:
    # Only the first letter is late: nine of ten are there when the optimum has all.
    late = {number: 60.0 * number + 0.05 for number in range(10)} | {0: 3000.0}
    found = letters(late)
    assert found.worst_of_optimum == 0.0
    assert found.worst_at_s == 60


def test_a_film_on_its_way_is_no_lag_beside_what_is_whole_in_the_optimum() -> None:
    # It takes the line 570 s: after one minute the optimum has a tenth of it, and nobody a film.
    lines = [line("ada", 0, HOUR, 1e5, 1e5)]
    lines += [line(name, 0, HOUR, 1e6, 1e6, is_foreign=True) for name in ("far", "desk")]
    film = plan_of(NODES, lines, [], [("ada", 0.0, Rank.ORIGINAL, 57_000_000)], HOUR)
    best = find_optimum(film, silent, step_s=60)
    for at_s, of_whole in ((570.1, 1.0), (700.0, 0.0)):
        (found,) = measure(film, Outcome("some", {0: at_s}, {}), best)
        assert found.worst_of_optimum == 0.0
        assert found.worst_of_whole == of_whole


def test_a_class_of_which_nothing_can_arrive_has_no_share_of_the_optimum() -> None:
    cut = plan_of(NODES, [], [], [("ada", 0.0, Rank.LETTER, 4096)], HOUR)
    (found,) = measure(cut, Outcome("some", {}, {}), find_optimum(cut, silent, step_s=60))
    assert (found.delivered, found.of_optimum, found.worst_of_optimum) == (0.0, None, None)


def test_durations_are_told_in_a_unit_that_suits() -> None:
    told = [duration(seconds) for seconds in (0.25, 100, 7199, 7200, 86_400, 172_800, inf)]
    assert told == ["0.2 s", "100.0 s", "120 min", "2.0 h", "24.0 h", "2.0 d", "never"]


def test_a_report_names_every_system_and_is_json_without_infinities(tmp_path: Path) -> None:
    small = plan()
    outcomes = [system(small, silent) for system in (flood, deliver_directly)]
    outcomes.append(Outcome("nothing", {}, {}))
    report = report_of("A small one", small, optimum(), outcomes)
    text = as_text(report)
    for system in ("optimum", "flooding", "direct", "nothing"):
        assert f"  {system}" in text
    assert "10 letters, 41.0 kB" in text
    assert "never" in text
    facts = json.loads(json.dumps(as_json(report), allow_nan=False))
    assert facts["systems"]["nothing"]["letters"]["median_s"] is None
    assert facts["systems"]["direct"]["letters"]["delivered"] == 1.0
    assert facts["burdens"]["direct"]["ada"]["sent_bytes"] == 40_960
    assert set(facts["systems"]["optimum"]) == {Class.LETTER.value}


def test_drawings_are_written_in_both_forms_and_are_the_same_each_time(tmp_path: Path) -> None:
    small = plan()
    report = report_of("A small one", small, optimum(), [deliver_directly(small, silent)])
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        names = {path.name for path in draw(report, folder)}
        assert names == {
            f"small-{what}.{kind}"
            for what in ("delivery", "delays", "burdens")
            for kind in ("png", "svg")
        }
    for name in sorted(path.name for path in folders[0].iterdir()):
        one, two = ((folder / name).read_bytes() for folder in folders)
        assert one == two
        assert one.startswith((b"\x89PNG", b"<?xml"))
