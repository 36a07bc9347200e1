"""Parsers as they must not be, each careless in one way. Fuzzing finds each within a short run.

What is wrong shows only behind several comparisons, so that chance alone would not find it.
"""

from __future__ import annotations

from tests.fuzz.target import Shape, Target
from tests.protocol.samples import parses_or_refuses

from qanat_protocol.errors import Malformed
from qanat_protocol.record import pack, unpack

__all__ = ["TARGETS"]


def _read_count(data: bytes) -> bytes:
    if data[:1] != b"Q":
        raise Malformed("no magic")
    if data[1:2] != b"N":
        raise Malformed("half a magic")
    if data[2:3] != b"T":
        raise Malformed("most of a magic")
    # The length of what is there is not looked at: an IndexError.
    return data[4 : 4 + data[3]]


def _read_claimed(data: bytes) -> bytes:
    if len(data) < 4 or data[0] != 0xA5:
        raise Malformed("no magic")
    # Allocated from a claimed size.
    return bytes(int.from_bytes(data[1:4], "big") << 16)


def _read_field(data: bytes) -> str:
    fields = unpack(data, max_bytes=4096)
    if len(fields) != 3 or not isinstance(fields[1], list):
        raise Malformed("no row")
    # A field of any type: an AttributeError where it is no binary.
    return fields[1][0].decode() if fields[1] else ""  # type: ignore[union-attr]


def _index(data: bytes) -> None:
    parses_or_refuses(_read_count, data)


def _memory(data: bytes) -> None:
    parses_or_refuses(_read_claimed, data)


def _field(data: bytes) -> None:
    parses_or_refuses(_read_field, data)


TARGETS = (
    Target("careless-index", _index, lambda: [b"seed"], max_bytes=64, brief_runs=50_000),
    Target("careless-memory", _memory, lambda: [b"\xa5\0\0\0"], max_bytes=64, brief_runs=20_000),
    Target(
        "careless-field", _field, lambda: [pack([1, [b"a"], 2])], Shape.RECORD, brief_runs=5_000
    ),
)
