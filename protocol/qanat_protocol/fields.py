"""What a document's table asks of its fields (SPEC 1, "in tables"). A Field takes one value of a
record and returns it checked, or raises Malformed; a document's own Fields may raise what its table
names instead."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

from qanat_protocol.errors import Malformed, UnknownVersion
from qanat_protocol.limits import MAX_INT
from qanat_protocol.record import Value

__all__ = [
    "Field",
    "array_of",
    "binary",
    "boolean",
    "line",
    "nil_or",
    "row",
    "text",
    "uint",
    "version",
]

T = TypeVar("T")
Field: TypeAlias = Callable[[Value], T]

_NOT_IN_A_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOT_IN_A_LINE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def uint(least: int = 0, most: int = MAX_INT) -> Field[int]:
    """An integer from least to most. A boolean is none."""

    def check(value: Value) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Malformed("a field is not an integer")
        if not least <= value <= most:
            raise Malformed(f"{value} is not from {least} to {most}")
        return value

    return check


def version(known: int = 1) -> Field[int]:
    """The version in a document's first field; UnknownVersion for another number."""

    integer = uint()

    def check(value: Value) -> int:
        number = integer(value)
        if number != known:
            raise UnknownVersion(f"version {number}; this program reads version {known}")
        return number

    return check


def boolean(value: Value) -> bool:
    """True or false; itself the Field, as it has no limits."""
    if not isinstance(value, bool):
        raise Malformed("a field is not a boolean")
    return value


def binary(exact: int | None = None, *, least: int = 0, most: int | None = None) -> Field[bytes]:
    """`bin<exact>`, or `bin<=most` of at least `least` bytes."""
    low, high = (exact, exact) if exact is not None else (least, most)
    assert high is not None, "a binary has a limit"

    def check(value: Value) -> bytes:
        if not isinstance(value, bytes):
            raise Malformed("a field is not a binary")
        if not low <= len(value) <= high:
            raise Malformed(f"a binary of {len(value):,} bytes; {low:,} to {high:,} are allowed")
        return value

    return check


def line(most: int, *, least: int = 0) -> Field[str]:
    """A text of least to most UTF-8 bytes without any control character."""
    return _string(_NOT_IN_A_LINE, least, most)


def text(most: int, *, least: int = 0) -> Field[str]:
    """A text of least to most UTF-8 bytes without control characters but line feed and tab."""
    return _string(_NOT_IN_A_TEXT, least, most)


def _string(forbidden: re.Pattern[str], least: int, most: int) -> Field[str]:
    def check(value: Value) -> str:
        if not isinstance(value, str):
            raise Malformed("a field is not a string")
        try:
            size_bytes = len(value.encode())
        except UnicodeEncodeError as error:
            # No record holds half a surrogate pair; a file name from a disk may.
            raise Malformed("a string is not Unicode text") from error
        if not least <= size_bytes <= most:
            raise Malformed(f"a string of {size_bytes:,} bytes; {least:,} to {most:,} are allowed")
        if found := forbidden.search(value):
            raise Malformed(f"a string holds the control character U+{ord(found[0]):04X}")
        return value

    return check


def nil_or(field: Field[T]) -> Field[T | None]:
    """Nil, or what the field takes."""

    def check(value: Value) -> T | None:
        return None if value is None else field(value)

    return check


def array_of(field: Field[T], *, least: int = 0, most: int) -> Field[tuple[T, ...]]:
    """An array of least to most values, each of which the field takes."""

    def check(value: Value) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Malformed("a field is not an array")
        if not least <= len(value) <= most:
            raise Malformed(f"an array of {len(value):,}; {least:,} to {most:,} are allowed")
        return tuple(map(field, value))

    return check


def row(*fields: Field[Any]) -> Field[tuple[Any, ...]]:
    """An array that begins with these fields, checked in order; what follows them is ignored.

    Takes a whole record (what `unpack` returns) as well as a row inside of one.
    """

    def check(value: Value) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Malformed("a field is not an array")
        checked = tuple([field(item) for field, item in zip(fields, value, strict=False)])
        if len(checked) < len(fields):
            raise Malformed(f"an array of {len(value)} fields where {len(fields)} belong")
        return checked

    return check
