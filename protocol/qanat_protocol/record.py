"""Records: msgpack in the one canonical form (SPEC 1). Decides what bytes are well formed, never
what they mean; `fields` checks what a document's table asks of them."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgpack

from qanat_protocol.errors import LocalMalformed, Malformed, TooLarge
from qanat_protocol.limits import MAX_DEPTH, MAX_INT, MAX_VALUES

__all__ = ["Packable", "Value", "pack", "pack_checked", "unpack"]

Value: TypeAlias = "bytes | str | int | bool | list[Value] | None"
"""What a record's field may be."""

Packable: TypeAlias = (
    "bytes | bytearray | memoryview | str | int | bool | Sequence[Packable] | None"
)
"""What may be given to `pack`; every Value is one."""

_CONSTANT, _UINT, _BIN, _STR, _ARRAY = range(5)

_CONSTANTS: Final = (None, False, True)
# Head byte -> (type, bytes of the number behind it, the least number that needs this head); where
# no number follows, the number that the head itself says.
_HEADS: Final = {
    **{head: (_UINT, 0, head) for head in range(0x80)},
    **{0x90 + count: (_ARRAY, 0, count) for count in range(0x10)},
    **{0xA0 + length: (_STR, 0, length) for length in range(0x20)},
    0xC0: (_CONSTANT, 0, 0),
    0xC2: (_CONSTANT, 0, 1),
    0xC3: (_CONSTANT, 0, 2),
    0xC4: (_BIN, 1, 0),
    0xC5: (_BIN, 2, 1 << 8),
    0xC6: (_BIN, 4, 1 << 16),
    0xCC: (_UINT, 1, 1 << 7),
    0xCD: (_UINT, 2, 1 << 8),
    0xCE: (_UINT, 4, 1 << 16),
    0xCF: (_UINT, 8, 1 << 32),
    0xD9: (_STR, 1, 1 << 5),
    0xDA: (_STR, 2, 1 << 8),
    0xDB: (_STR, 4, 1 << 16),
    0xDC: (_ARRAY, 2, 1 << 4),
    0xDD: (_ARRAY, 4, 1 << 16),
}
# What `pack` takes whatever its value is.
_OF_ANY_VALUE: Final = (bool, bytes, bytearray, memoryview)


def pack(fields: Sequence[Packable]) -> bytes:
    """The canonical bytes of a record. LocalMalformed for what a record cannot hold."""
    if (count := _count_packable(fields, depth=1)) > MAX_VALUES:
        raise LocalMalformed(f"{count:,} values; a record holds at most {MAX_VALUES:,}")
    return pack_checked(fields)


def pack_checked(fields: Sequence[Packable]) -> bytes:
    """As `pack`, of what a document's Fields have taken: no value is looked at again."""
    packed: bytes = msgpack.packb(fields)
    return packed


def _count_packable(fields: Sequence[Packable], depth: int) -> int:
    """How many values the arrays hold; LocalMalformed for what is none."""
    count = len(fields)
    if depth > MAX_DEPTH:
        raise LocalMalformed(f"arrays nest deeper than {MAX_DEPTH}")
    for value in fields:
        # One isinstance with a tuple is a third of the time of the same patterns in a match.
        if value is None or isinstance(value, _OF_ANY_VALUE):
            continue
        if isinstance(value, int):
            if not 0 <= value <= MAX_INT:
                raise LocalMalformed(f"{value} is not an integer from 0 to 2^53 - 1")
        elif isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise LocalMalformed("a string is not Unicode text") from error
        elif isinstance(value, (list, tuple)):
            count += _count_packable(value, depth + 1)
        else:
            raise LocalMalformed(f"a record cannot hold a {type(value).__name__}")
    return count


def unpack(data: bytes | bytearray | memoryview, *, max_bytes: int) -> list[Value]:
    """The fields of a record of at most max_bytes; TooLarge beyond them, else Malformed.

    Accepts exactly what repacks to the same bytes. Nothing is allocated from a claimed length.
    """
    if len(data) > max_bytes:
        raise TooLarge(f"a record of {len(data):,} bytes; at most {max_bytes:,} are taken")
    held = bytes(data)
    if not held or not (0x90 <= held[0] <= 0x9F or held[0] in (0xDC, 0xDD)):
        raise Malformed("a record does not begin with an array")
    try:
        (value,), end = _Reader(held).values(0, 1, depth=0)
    except IndexError as error:
        raise Malformed("a record ends too early") from error
    if end != len(held):
        raise Malformed(f"{len(held) - end:,} bytes behind the end of a record")
    assert isinstance(value, list)
    return value


class _Reader:
    """One record as it is read: its bytes, and how many more values its arrays may hold."""

    __slots__ = ("_data", "_values_left")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._values_left = MAX_VALUES

    def values(self, at: int, count: int, depth: int) -> tuple[list[Value], int]:
        """So many values from an offset on, inside `depth` arrays, and the offset behind them.
        IndexError where the bytes end in front of one."""
        data, size = self._data, len(self._data)
        values: list[Value] = []
        for _ in range(count):
            head = data[at]
            if head not in _HEADS:
                raise Malformed(
                    f"a map, float, extension or negative integer (0x{head:02x}) in a record"
                )
            kind, width, number = _HEADS[head]
            at += 1
            if width:
                least, number = number, int.from_bytes(data[at : at + width])
                at += width
                if at > size:
                    raise Malformed("a record ends too early")
                if number < least:
                    raise Malformed("a number is not in its shortest encoding")
            if kind == _UINT:
                if number > MAX_INT:
                    raise Malformed(f"{number} is above 2^53 - 1")
                values.append(number)
                continue
            if kind == _CONSTANT:
                values.append(_CONSTANTS[number])
                continue
            # Every element of an array takes a byte at least.
            if number > size - at:
                raise Malformed(f"{number:,} claimed where {size - at:,} bytes are left")
            if kind == _ARRAY:
                array, at = self._array(at, number, depth + 1)
                values.append(array)
                continue
            held = data[at : at + number]
            at += number
            values.append(held if kind == _BIN else _text(held))
        return values, at

    def _array(self, at: int, count: int, depth: int) -> tuple[list[Value], int]:
        if depth > MAX_DEPTH:
            raise Malformed(f"arrays nest deeper than {MAX_DEPTH}")
        self._values_left -= count
        if self._values_left < 0:
            raise Malformed(f"a record holds more than {MAX_VALUES:,} values")
        return self.values(at, count, depth)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a string is not UTF-8") from error
