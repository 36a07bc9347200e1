"""Every committed vector against qanat_protocol, and against the script that makes them."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.make_vectors.__main__ import VECTORS, committed, files
from tests.protocol.vector_operations import OPERATIONS, STREAMS, Given, read_bytes

from qanat_protocol.errors import ProtocolError
from qanat_protocol.verdicts import Verdict

_PATHS = sorted(committed())


@pytest.mark.parametrize("path", _PATHS)
def test_a_vector_gives_its_verdict_and_its_output(path: str) -> None:
    scenario = json.loads((VECTORS / path).read_text(encoding="ascii"))
    told: dict[str, Any] = {}
    verdict = Verdict.OK
    detail = ""
    try:
        OPERATIONS[scenario["operation"]](Given(scenario["input"]), told)
    except ProtocolError as error:
        verdict, detail = error.verdict, str(error)
    assert verdict.name.lower() == scenario["verdict"], detail or scenario["comment"]
    if verdict is not Verdict.OK and scenario["operation"] not in STREAMS:
        assert scenario["output"] == told == {}
    for name, expected in scenario["output"].items():
        # What is null is too long to be shown; that it was read without an error is what counts.
        if expected is not None:
            assert told[name] == _plain(expected), name


def _plain(value: Any) -> Any:
    """The value with binaries in pieces written out."""
    if isinstance(value, dict) and set(value) == {"pieces"}:
        return read_bytes(value).hex()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def test_the_committed_vectors_are_what_the_script_makes() -> None:
    made = files()
    assert set(_PATHS) == set(made)
    stale = [path for path in _PATHS if (VECTORS / path).read_text(encoding="ascii") != made[path]]
    assert stale == [], "run python -m tests.make_vectors"


def test_every_operation_of_the_vectors_is_explained_and_run() -> None:
    folders = {Path(path).parts[0] for path in _PATHS}
    assert folders == set(OPERATIONS)
    readme = (VECTORS / "README.md").read_text(encoding="utf-8")
    missing = [folder for folder in sorted(folders) if f"`{folder}`" not in readme]
    assert missing == []


def test_the_vectors_bring_about_every_verdict_that_the_protocol_alone_can_give() -> None:
    given = {json.loads((VECTORS / path).read_text())["verdict"] for path in _PATHS}
    assert given <= {verdict.name.lower() for verdict in Verdict}
    # The others are a store's or a relay's own to give.
    assert {verdict.name.lower() for verdict in Verdict if verdict <= Verdict.CUT} <= given
