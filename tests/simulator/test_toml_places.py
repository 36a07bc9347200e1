"""Lines of TOML: every key and element is found where it stands, whatever stands around it."""

import tomllib
from pathlib import Path as File

import pytest

from qanat_simulation.toml_places import Path, places

TEXT = (
    r"""# a comment with [brackets] and "quotes"
title = "one # not a comment"
"quoted key" = 'it"""
    + "\n"
    + r'''[outer.inner]
rows = [
    ["a", 1], # first ]
    ["b\"]", 2],
    # between
    ["""many
lines ""quoted"" ]""", 3],
]
point = { x = 1, y = [1,
  2] }

[[city]]
name = "one"
[[city.window]]
a.b = 2021-01-01T00:00:00Z

[[city]]
name = 'C:\'
[[city.window]]
[[city.window]]
last = true
'''
)
TEXT = TEXT.replace('"quoted key" = \'it\n', "\"quoted key\" = 'it'\n")


def line_of(marker: str) -> int:
    return next(number for number, line in enumerate(TEXT.split("\n"), 1) if marker in line)


@pytest.mark.parametrize(
    ("path", "marker"),
    [
        (("title",), "title ="),
        (("quoted key",), "quoted key"),
        (("outer", "inner"), "[outer.inner]"),
        (("outer", "inner", "rows", 0), '["a", 1]'),
        (("outer", "inner", "rows", 1, 1), '["b'),
        (("outer", "inner", "rows", 2), '["""many'),
        (("outer", "inner", "rows", 2, 1), 'lines ""quoted'),
        (("outer", "inner", "point", "y", 1), "  2] }"),
        (("city", 0, "name"), '"one"'),
        (("city", 0, "window", 0, "a", "b"), "a.b"),
        (("city", 1, "name"), "C:"),
        (("city", 1, "window", 1, "last"), "last"),
    ],
)
def test_a_value_is_found_on_its_line(path: Path, marker: str) -> None:
    tomllib.loads(TEXT)
    assert places(TEXT)[path] == line_of(marker)


def paths_in(value: object, path: Path = ()) -> list[Path]:
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths_in(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += paths_in(inner, (*path, index))
    return found


def test_every_value_of_this_projects_own_file_has_a_line() -> None:
    text = (File(__file__).parents[2] / "pyproject.toml").read_text()
    found = places(text)
    # [tool.x] makes `tool` without a line of its own, and nothing but tables comes about that way.
    tables = {"coverage", "hatch", "pytest", "targets", "tool"}
    assert {path[-1] for path in paths_in(tomllib.loads(text)) if path not in found} == tables
    lines = text.split("\n")
    for path, line in found.items():
        if path and isinstance(path[-1], str):
            assert path[-1] in lines[line - 1], path
