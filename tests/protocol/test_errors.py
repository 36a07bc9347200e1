"""The tree of errors and the closed list of verdicts (SPEC 20)."""

import re
from pathlib import Path

import pytest

from qanat_protocol import errors
from qanat_protocol.errors import (
    BadName,
    BadRoot,
    Busy,
    Cut,
    LocalBadName,
    LocalError,
    Malformed,
    ProtocolError,
    QanatError,
    RemoteError,
    error_for,
    our_own,
)
from qanat_protocol.verdicts import Verdict

SPEC = Path(__file__).parents[2] / "protocol" / "SPEC.md"
REFUSALS = [verdict for verdict in Verdict if verdict is not Verdict.OK]


def test_the_verdicts_are_those_of_the_specification() -> None:
    section = SPEC.read_text().partition("## 20. Verdicts")[2].partition("## 21.")[0]
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", section, flags=re.MULTILINE)
    assert [(int(number), name.upper()) for number, name in rows] == [
        (verdict.value, verdict.name) for verdict in Verdict
    ]


@pytest.mark.parametrize("verdict", REFUSALS)
def test_every_verdict_has_one_error_of_its_name(verdict: Verdict) -> None:
    error = error_for(verdict, "why")
    assert error.verdict is verdict
    assert type(error).__name__ == "".join(word.title() for word in verdict.name.split("_"))
    assert str(error) == "why"
    assert repr(error) == f"{type(error).__name__}('why')"
    assert [kind.verdict for kind in RemoteError.__subclasses__()].count(verdict) == 1


def test_a_verdict_that_is_not_in_the_list_is_shown_and_treated_as_busy() -> None:
    assert str(error_for(99)) == "verdict 99"
    error = error_for(200, "later")
    assert isinstance(error, Busy)
    assert str(error) == "verdict 200: later"


def test_a_refusal_that_says_ok_is_malformed() -> None:
    assert isinstance(error_for(0), Malformed)
    assert str(error_for(0, "hm")) == "hm"


@pytest.mark.parametrize("kind", [*RemoteError.__subclasses__(), *LocalError.__subclasses__()])
def test_an_error_without_a_message_speaks_by_its_docstring(kind: type[ProtocolError]) -> None:
    assert kind.__doc__
    assert str(kind()) == kind.__doc__.partition("\n")[0]
    assert str(kind()).endswith(".")
    assert issubclass(kind, QanatError)


def test_a_local_twin_carries_the_verdict_of_its_remote_error() -> None:
    for twin in LocalError.__subclasses__():
        remote = getattr(errors, twin.__name__.removeprefix("Local"))
        assert twin.verdict is remote.verdict


def test_what_our_own_check_refuses_is_a_local_error() -> None:
    with pytest.raises(LocalBadName, match="no slash") as refused, our_own():
        raise BadName("no slash")
    assert isinstance(refused.value.__cause__, BadName)


def test_an_error_without_a_local_twin_passes_our_own_check_as_it_is() -> None:
    with pytest.raises(Cut), our_own():
        raise Cut


def test_our_own_check_is_silent_where_all_is_well() -> None:
    with our_own():
        pass


def test_a_bad_root_names_its_transfer() -> None:
    assert BadRoot("block 3", handle=7).handle == 7
    assert BadRoot().handle is None
