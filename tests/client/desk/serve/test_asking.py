"""What a request may hold: known fields of bounded values; else it is refused by what is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.client.desk.newsroom import Newsroom
from tests.client.desk.serve.window import Window, window_on

from qanat_client.desk.filters import STATES
from qanat_client.desk.serve.asking import MAX_BODY_BYTES, Asked, parse_asked
from qanat_client.desk.serve.deciding import KINDS
from qanat_client.desk.serve.routes import ROUTES
from qanat_client.errors import BadInput

ASKED_WITH_A_BODY = [path for method, path, _ in ROUTES if method == "POST"]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["state", "tag", "element", "00" * 32, "00" * 16, "checking", "high"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = (
    *("words", "states", "tags", "places", "languages", "alias", "since_s", "until_s", "incident"),
    *("unread", "muted", "grouped", "before", "limit", "changes", "what", "report", "element"),
    *("value", "note", "tag", "name", "reports", "text", "want", "texts", "corrects", "picture"),
    *("token", "language", "title"),
)
bodies = st.dictionaries(st.sampled_from(NAMES), json_values, max_size=6)


def read_everything(asked: Asked) -> None:
    """Each way to read a field, whatever it is called."""
    asked.text("text", "", most_bytes=10)
    asked.texts("tags", most=3, most_bytes=10)
    asked.flag("unread", None)
    asked.number("limit", 1, least=1, most=9)
    asked.numbers("want", most=3)
    asked.choices("states", STATES)
    asked.key("incident", 16, None)
    asked.keys("reports", 32, most=3)
    for each in asked.objects("changes", most=3):
        each.choice("what", KINDS)
        each.done()
    asked.choice("value", STATES)
    asked.done()


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
def test_any_bytes_are_an_object_or_bad_input(body: bytes) -> None:
    with suppress(BadInput):
        read_everything(parse_asked(body))


@given(bodies)
def test_any_json_is_read_or_bad_input(value: dict[str, Any]) -> None:
    with suppress(BadInput):
        read_everything(parse_asked(json.dumps(value).encode()))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"limit": NaN}',
        b'{"limit": Infinity}',
        b'{"limit": 1e400}',
        b'{"limit": ' + b"9" * 5000 + b"}",
        b'{"words": "\\ud800"}',
        b'{"words": "a\\u0000b"}',
        b'{"words": "\xff"}',
        b'{"words": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"__proto__": 1}',
        b'{"limit": true}',
        b'{"limit": 0}',
        b'{"limit": 201}',
        b'{"limit": 5.0}',
        b'{"unread": "yes"}',
        b'{"unread": 1}',
        b'{"states": "new"}',
        b'{"states": ["perfect"]}',
        b'{"states": [["new"]]}',
        b'{"incident": "zz"}',
        b'{"incident": "' + "０".encode() * 32 + b'"}',
        b'{"before": -1}',
        b'{"before": 9007199254740993}',
        b'{"words": "?!"}',
        b'{"alias": "nobody-here"}',
        b'{"tags": ' + json.dumps(["x"] * 51).encode() + b"}",
        b'{"places": ["' + b"x" * 1025 + b'"]}',
    ],
)
async def test_a_request_that_is_wrong_is_refused_in_a_sentence(
    newsroom: Newsroom, body: bytes
) -> None:
    newsroom.settle()
    async with window_on(newsroom) as window:
        said = await window.ask("POST", "/api/inbox", data=body)
        assert (said.status, list(said.value)) == (400, ["error"])
        assert 0 < len(said.value["error"]) < 300


async def test_only_plain_json_of_a_bounded_size_is_taken(newsroom: Newsroom) -> None:
    newsroom.settle()
    async with window_on(newsroom) as window:
        for path in ASKED_WITH_A_BODY:
            for headers in (
                {"Content-Type": "text/plain"},
                {"Content-Type": "application/x-www-form-urlencoded"},
                {"Content-Encoding": "gzip"},
            ):
                place = path.replace("{id}", "00" * 32)
                said = await window.ask("POST", place, data=b"{}", headers=headers)
                assert (said.status, "application/json" in said.value["error"]) == (400, True)
        large = b'{"words": "' + b"x" * MAX_BODY_BYTES + b'"}'
        for path in ("/api/login", "/api/inbox", "/api/decide"):
            said = await window.ask("POST", path, data=large)
            assert (said.status, "larger" in said.value["error"]) == (413, True)


async def test_a_body_that_does_not_say_its_size_is_cut_off_too(newsroom: Newsroom) -> None:
    newsroom.settle()
    async with window_on(newsroom) as window:

        async def pieces() -> Any:
            for _ in range(2 * MAX_BODY_BYTES // 65_536):
                yield b"x" * 65_536

        headers = {
            "Authorization": f"Bearer {window.session}",
            "Content-Type": "application/json",
        }
        address = f"{window.address}/api/inbox"
        async with window.http.post(address, data=pieces(), headers=headers) as answer:
            assert answer.status == 413


async def test_whatever_is_asked_is_never_a_failure_of_the_program(newsroom: Newsroom) -> None:
    newsroom.settle()
    async with window_on(newsroom) as window:
        await ask_anything(window)


async def ask_anything(window: Window) -> None:
    """Many requests of random fields, each answered or refused."""
    values: list[dict[str, Any]] = []

    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(bodies)
    def collect(value: dict[str, Any]) -> None:
        values.append(value)

    collect()
    for value in values:
        for path in ASKED_WITH_A_BODY:
            body = json.dumps(value).encode()
            said = await window.ask("POST", path.replace("{id}", "00" * 32), data=body)
            assert said.status in (200, 400, 403, 404, 409), (path, value, said.body)
