"""Scenario files with a mistake: the error names the file, the line, and what may stand there."""

import re
from pathlib import Path

import pytest
from tests.simulator.scenes import SMALL

from qanat_simulation.fields import ScenarioWrong
from qanat_simulation.library import load
from qanat_simulation.planning import make_plan
from qanat_simulation.scenario_reading import parse

ROUTE = '["abroad", "2022-01-05T14:00", "2022-01-05T20:00"]'


def test_the_small_scenario_is_right() -> None:
    assert parse("small.toml", SMALL.encode()).title == "A small one"


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("title = ", "titel = ", "titel", "did you mean `title`?"),
        ('fixed = "dsl"', 'fixd = "dsl"', "fixd", "did you mean `fixed`?"),
        ("reporters = 6", 'reporters = "six"', '"six"', "is to be a number"),
        ("reporters = 6", "reporters = 6.5", "6.5", "whole number"),
        ("reporters = 6", "reporters = -1", "-1", "from 0 to 10000"),
        ("reporters = 6", "reporters = true", "true", "is to be a number"),
        ("2, 0],", "102, 0],", "102", "fixed % is to be from 0 to 100, not 102"),
        ("2, 0],", '2, "none"],', '"none"', "mobile % is to be a number"),
        ("2, 0],", '2, 0, "nat"],', '"nat"', 'may say "national"'),
        ("2, 0],", "2],", "2],", "a window is [start, end"),
        ("T12:00", "T05:00", "T05:00", "this window ends before it begins"),
        ("2022-01-05T12:00", "2022-01-35T12:00", "01-35", "time in UTC"),
        ("2022-01-05T06:00", "5 January", "5 January", "time in UTC"),
        ("2022-01-05T12:00", "2022-01-05 12:00", "05 12:00", "time in UTC"),
        (
            "2, 0],",
            '2, 0],\n    ["2022-01-05T11:00", "2022-01-05T13:00", 50, 50],',
            "T11:00",
            "begins before the one above it has ended",
        ),
        (
            "2, 0],",
            '2, 0],\n    ["2023-01-05T11:00", "2023-01-05T13:00", 50, 50],',
            "2023",
            "outside of the scenario's own start and end",
        ),
        ('fixed = "dsl"', 'fixed = "4g"', '"4g"', "no preset of a line '4g'"),
        ('city = "town"', 'city = "twon"', "twon", "did you mean 'town'?"),
        (ROUTE, ROUTE.replace("abroad", "abrod"), "abrod", "did you mean 'abroad'?"),
        (ROUTE, ROUTE.replace("T14", "T09"), "T09", "begins before the one above it has ended"),
        (ROUTE, '["abroad"]', '["abroad"]', "a stay of a `route` is"),
        ('place = "abroad"', 'place = "town"', "title", 'no [[relay]] has place = "abroad"'),
        ('name = "berlin"', 'name = "desk"', '"desk"', "and not 'desk'"),
        ('name = "berlin"', 'name = "a/b"', '"a/b"', "letters, digits and hyphens"),
        ("end = ", 'end = "2021-01-01T00:00" #', "end =", "ends before it begins"),
        ("end = ", 'end = "2022-09-01T00:00" #', "end =", "longer than 60 days"),
        ("photos = [1, 2]", "photos = [3, 2]", "[3, 2]", "is less than the least"),
        ("photos = [1, 2]", "photos = 3", "photos = 3", "is to be a list"),
        ('film = "720p"', 'film = "4k"', '"4k"', "there is no kind of film '4k'"),
        ("rtt_ms = 900", "rtt_m = 900", "rtt_m = 900", "did you mean `rtt_ms`?"),
        ("rtt_ms = 900", "", "[preset.bad]", "`rtt_ms` is missing here"),
        ("title = ", "headline = ", "headline", "`title` is missing here"),
        ("sources = [", "sources = [7, ", "[7", "is to be a list of texts"),
        ("title = ", "title ", "title ", "this is not TOML"),
        ("[desk]", "[desk]\nlines = 3", "lines = 3", "did you mean `line`?"),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, at: str, message: str) -> None:
    assert SMALL.count(old) >= 1
    text = SMALL.replace(old, new, 1)
    where = text.index(at, text.index(new) if at in new else 0)
    line = text.count("\n", 0, where) + 1
    with pytest.raises(ScenarioWrong) as caught:
        parse("some/small.toml", text.encode())
    assert str(caught.value).startswith(f"some/small.toml:{line}: "), str(caught.value)
    assert message in str(caught.value)


def test_two_cities_of_one_name_are_refused() -> None:
    text = SMALL + SMALL[SMALL.index("[[city]]") : SMALL.index("[[relay]]")]
    line = text[: text.rindex('name = "town"')].count("\n") + 1
    with pytest.raises(ScenarioWrong, match=rf":{line}: there is a place 'town' already"):
        parse("small.toml", text.encode())


def test_bytes_that_are_no_text_are_named_with_their_line() -> None:
    with pytest.raises(ScenarioWrong, match=r"small.toml:2: this is not UTF-8 text"):
        parse("small.toml", b'title = "x"\n# \xff\n')


def test_a_scenario_without_reporters_is_refused() -> None:
    text = SMALL.replace("reporters = 6", "reporters = 0")
    with pytest.raises(ScenarioWrong, match="has no reporters"):
        parse("small.toml", text.encode())


def test_a_name_that_nothing_has_is_answered_with_those_there_are() -> None:
    with pytest.raises(Exception, match=r"there is no scenario 'kazakstan'; there are bangladesh"):
        load("kazakstan")


def test_the_scenario_in_the_document_is_right_and_says_what_the_defaults_are() -> None:
    document = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text()
    text = document.partition("```toml\n")[2].partition("```")[0]
    told = parse("town.toml", text.encode())
    assert make_plan(told, 1).meetings
    # These stand there with the value that they have where they are left out.
    bare = re.sub(
        r"^(with_fixed|between|jitter_minutes|line|meets_couriers|stick_mb|urgent_percent"
        r"|text_bytes|photo\w*|film\w*) = .*\n",
        "",
        text,
        flags=re.MULTILINE,
    )
    assert bare.count("\n") == text.count("\n") - 16
    assert parse("town.toml", bare.encode()) == told
