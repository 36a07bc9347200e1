"""Whatever a scenario file holds, it is a scenario or an error that names a line of it."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.simulator.scenes import SMALL

from qanat_simulation.fields import ScenarioWrong
from qanat_simulation.scenario_reading import parse

PIECES = [
    *"\"'[]{}#=.,\n\\ -",
    '"""',
    "'''",
    "[[city]]",
    "[city.x]",
    "[preset]",
    "nan",
    "inf",
    "-1",
    "1e400",
    "9" * 400,
    "2022-01-05",
    "true",
    "\x00",
    "\ufeff",
    "\r\n",
    "é",
]


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """The small scenario with some places replaced, taken out, or doubled."""
    text = SMALL
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 3, 10, 80])))
        between = draw(st.sampled_from([*PIECES, "", text[start:end] * 2]))
        text = text[:start] + between + text[end:]
    return text.encode()


def error_of(data: bytes) -> str | None:
    try:
        parse("x.toml", data)
    except ScenarioWrong as error:
        return str(error)
    return None


def obeys(data: bytes) -> None:
    error = error_of(data)
    if error is not None:
        found = re.match(r"x\.toml:(\d+): .", error)
        assert found, error
        assert 1 <= int(found[1]) <= data.count(b"\n") + 1


@settings(max_examples=600, deadline=None)
@given(data=spoiled())
def test_a_spoiled_scenario_is_one_or_an_error_with_its_line(data: bytes) -> None:
    obeys(data)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(data=b"city = 3")
@example(data=b"city = [3]")
@example(data=b"preset = 3")
@example(data=b"[preset]\nx = 3")
@example(data=b"a.b.c = 1\n[a.d]\n")
@example(data=b"title = nan")
@example(data=b"a = " + b"[" * 5000 + b"]" * 5000)
@example(data=b"a = " + b"9" * 5000)
@example(data=SMALL.replace("reporters = 6", "reporters = " + "9" * 400).encode())
@example(data=SMALL.replace("reporters = 6", "reporters = nan").encode())
@example(data=SMALL.replace("2, 0]", "inf, 0]").encode())
def test_any_bytes_are_a_scenario_or_an_error_with_its_line(data: bytes) -> None:
    obeys(data)
