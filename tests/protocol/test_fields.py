"""What tables ask of fields (SPEC 1)."""

import pytest

from qanat_protocol.errors import Malformed, RemoteError, UnknownVersion
from qanat_protocol.fields import (
    Field,
    array_of,
    binary,
    boolean,
    line,
    nil_or,
    row,
    text,
    uint,
    version,
)
from qanat_protocol.record import Value


@pytest.mark.parametrize(
    ("field", "value", "checked"),
    [
        (uint(), 0, 0),
        (uint(), 2**53 - 1, 2**53 - 1),
        (uint(3, 5), 3, 3),
        (uint(3, 5), 5, 5),
        (version(), 1, 1),
        (version(2), 2, 2),
        (boolean, False, False),
        (binary(2), b"ab", b"ab"),
        (binary(most=2), b"", b""),
        (binary(least=1, most=2), b"ab", b"ab"),
        (line(4), "қа", "қа"),
        (text(3), "\ta\n", "\ta\n"),
        (text(4), "\U0001f54a", "\U0001f54a"),
        (text(2), "\u00a0", "\u00a0"),
        (nil_or(uint()), None, None),
        (nil_or(uint()), 7, 7),
        (array_of(uint(), most=2), [], ()),
        (array_of(uint(), least=1, most=2), [1, 2], (1, 2)),
        (row(uint(), line(3)), [1, "a"], (1, "a")),
        (row(uint()), [1, "later", None], (1,)),
        (row(), [], ()),
    ],
)
def test_a_field_takes_what_its_table_allows(
    field: Field[object], value: Value, checked: object
) -> None:
    found = field(value)
    assert found == checked
    assert type(found) is type(checked)


def test_a_text_may_be_empty_and_may_have_lines() -> None:
    field = text(4)
    assert [field(value) for value in ("", "\ta\nb")] == ["", "\ta\nb"]
    for value in ("\ta\nbc", "\x00"):
        with pytest.raises(Malformed):
            field(value)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        (uint(), True, Malformed),
        (uint(), "1", Malformed),
        (uint(), None, Malformed),
        (uint(3, 5), 2, Malformed),
        (uint(3, 5), 6, Malformed),
        (version(), 2, UnknownVersion),
        (version(), 0, UnknownVersion),
        (version(), True, Malformed),
        (boolean, 1, Malformed),
        (binary(2), b"a", Malformed),
        (binary(2), b"abc", Malformed),
        (binary(2), "ab", Malformed),
        (binary(most=2), b"abc", Malformed),
        (binary(least=1, most=2), b"", Malformed),
        (line(3), "қа", Malformed),
        (line(3), b"a", Malformed),
        (line(9, least=1), "", Malformed),
        (line(9), "a\nb", Malformed),
        (line(9), "a\tb", Malformed),
        (line(9), "\x1b[31m", Malformed),
        (text(9), "a\rb", Malformed),
        (text(9), "\x00", Malformed),
        (text(9), "\x7f", Malformed),
        (text(9), "\x85", Malformed),
        (text(9), "\x9f", Malformed),
        (nil_or(uint()), "x", Malformed),
        (array_of(uint(), most=2), [1, 2, 3], Malformed),
        (array_of(uint(), least=1, most=2), [], Malformed),
        (array_of(uint(), most=2), [1, "x"], Malformed),
        (array_of(uint(), most=2), b"\x01", Malformed),
        (row(uint(), line(3)), [1], Malformed),
        (row(uint()), "a", Malformed),
        (row(version(), uint()), [9], UnknownVersion),
    ],
)
def test_a_field_refuses_everything_else(
    field: Field[object], value: Value, error: type[RemoteError]
) -> None:
    with pytest.raises(RemoteError) as refused:
        field(value)
    assert type(refused.value) is error


@pytest.mark.parametrize("field", [line(9), text(9)])
@pytest.mark.parametrize("half", ["\ud800", "a\udcff"])
def test_half_of_a_surrogate_pair_is_malformed_like_any_other_string(
    field: Field[str], half: str
) -> None:
    with pytest.raises(Malformed, match="not Unicode text"):
        field(half)
