"""Changes to records that leave them records: values are replaced, repeated, swapped, dropped.

What a record holds in a binary may be a record again, and is changed inside. Draws from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgpack

__all__ = ["mutate_record"]

Mutate = Callable[[bytes, int], bytes]
"""The fuzzer's own mutation of plain bytes, up to a length."""

_INTEGERS = (0, 1, 2, 127, 128, 255, 256, 512, 2**16 - 1, 2**16, 2**31, 2**32 - 1, 2**32, 2**53 - 1)
_OTHERS: tuple[Any, ...] = (None, True, False, 0, 1, b"", "", [], b"\0", "a", [0])
_DEEPEST = 3
"""How many binaries deep a change may go: a card's statement, in a document, in a list."""


def _tree(data: bytes) -> list[Any] | None:
    if not data or not (0x90 <= data[0] <= 0x9F or data[0] in (0xDC, 0xDD)):
        return None
    try:
        value = msgpack.unpackb(data, strict_map_key=False)
    # What msgpack raises is no closed list, and none of it matters here.
    except Exception:  # noqa: BLE001
        return None
    return value if isinstance(value, list) else None


class _Change:
    def __init__(self, source: Random, mutate: Mutate) -> None:
        self._source = source
        self._mutate = mutate

    def of_list(self, values: list[Any], depth: int) -> None:
        """Change one thing in an array, most often deep inside."""
        source = self._source
        if not values or source.random() < 0.15:
            self._rearrange(values)
            return
        at = source.randrange(len(values))
        if isinstance(values[at], list) and source.random() < 0.8:
            self.of_list(values[at], depth)
        elif source.random() < 0.08:
            values[at] = source.choice((*_OTHERS, *values))
        else:
            values[at] = self._of_leaf(values[at], depth)

    def _rearrange(self, values: list[Any]) -> None:
        source = self._source
        at = source.randrange(len(values) + 1)
        match source.randrange(4):
            case 0 if values:
                del values[at - 1]
            case 1 if values:
                values.insert(at, source.choice(values))
            case 2 if len(values) > 1:
                one, other = source.sample(range(len(values)), 2)
                values[one], values[other] = values[other], values[one]
            case _:
                values.insert(at, source.choice(_OTHERS))

    def _of_leaf(self, value: Any, depth: int) -> Any:
        source = self._source
        match value:
            case bool():
                return not value
            case int():
                near = value + source.choice((-1, 1, 2, -2, 256))
                return source.choice((*_INTEGERS, max(0, near), max(0, near)))
            case bytes():
                return self._of_bytes(value, depth)
            case str():
                return self._mutate(value.encode(), len(value.encode()) + 64).decode(
                    errors="replace" if source.random() < 0.1 else "ignore"
                )
            case _:
                return source.choice(_OTHERS)

    def _of_bytes(self, value: bytes, depth: int) -> bytes:
        source = self._source
        inner = _tree(value) if depth < _DEEPEST and source.random() < 0.85 else None
        if inner is not None:
            self.of_list(inner, depth + 1)
            return _packed(inner) or value
        if value and source.random() < 0.5:
            # A key or hash of the right length that is another one.
            changed = bytearray(value)
            for _ in range(source.choice((1, 1, 2, 8))):
                changed[source.randrange(len(changed))] = source.choice(
                    (0, 1, 0x7F, 0x80, 0xFF, source.randrange(256))
                )
            return bytes(changed)
        return self._mutate(value, len(value) + 128)


def _packed(values: list[Any]) -> bytes | None:
    try:
        packed: bytes = msgpack.packb(values, use_bin_type=True)
    except (ValueError, OverflowError, TypeError, UnicodeEncodeError):
        return None
    return packed


def mutate_record(data: bytes, max_bytes: int, seed: int, mutate: Mutate) -> bytes:
    """Another input of at most max_bytes, made from a record; plain bytes where it is none."""
    source = Random(seed)
    values = _tree(data) if source.random() < 0.9 else None
    if values is None:
        return mutate(data, max_bytes)
    change = _Change(source, mutate)
    for _ in range(source.choice((1, 1, 1, 2, 3, 5))):
        change.of_list(values, 0)
    made = _packed(values)
    return made if made is not None and len(made) <= max_bytes else mutate(data, max_bytes)
