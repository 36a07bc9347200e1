"""What a request says, read strictly: JSON of known fields with bounded values, or a clear refusal.

Every error is a BadInput that names the field; nothing else is ever raised.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NoReturn, TypeVar

from aiohttp import web

from qanat_client.desk.serve.refusals import TooLarge
from qanat_client.errors import BadInput

__all__ = ["MAX_BODY_BYTES", "Asked", "asked", "key_of", "parse_asked"]

MAX_BODY_BYTES: Final = 1_048_576
"""More than any request without a picture has."""

MAX_BODY_S: Final = 60.0
"""It comes from this machine."""

MAX_NUMBER: Final = 2**53
"""JSON's numbers are exact up to here."""

_MANY: Final = 10_000
_HEX: Final = re.compile("[0-9a-fA-F]*")
_Choice = TypeVar("_Choice", bound=Enum)
_Absent: Final[Any] = object()


class Asked:
    """One JSON object, field by field. `done` refuses what was not read."""

    def __init__(self, fields: Mapping[str, Any], where: str = "") -> None:
        self._fields = dict(fields)
        self._where = where

    def _take(self, name: str, default: Any) -> Any:
        found = self._fields.pop(name, None)
        if found is not None:
            return found
        if default is _Absent:
            raise BadInput(f"{self._where}{name} is missing")
        return None

    def _wrong(self, name: str, what: str) -> NoReturn:
        raise BadInput(f"{self._where}{name} is not {what}")

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._fields.get(name) is not None

    def text(self, name: str, default: Any = _Absent, *, most_bytes: int = 65_536) -> str:
        """A text of at most so many bytes in UTF-8; `default` where it is absent or null."""
        found = self._take(name, default)
        if found is None:
            return default  # type: ignore[no-any-return]
        return self._text(name, found, most_bytes)

    def _text(self, name: str, found: Any, most_bytes: int) -> str:
        if not isinstance(found, str):
            self._wrong(name, "a text")
        try:
            size_bytes = len(found.encode())
        except UnicodeEncodeError:
            self._wrong(name, "text: it holds half a character")
        if size_bytes > most_bytes:
            self._wrong(name, f"short enough: {size_bytes:,} bytes, at most {most_bytes:,}")
        if "\0" in found:
            self._wrong(name, "text: it holds a NUL")
        return found

    def texts(self, name: str, *, most: int = 100, most_bytes: int = 1024) -> tuple[str, ...]:
        """A list of texts; empty where it is absent or null."""
        return tuple(self._text(name, each, most_bytes) for each in self._list(name, most))

    def _list(self, name: str, most: int) -> list[Any]:
        found = self._take(name, None)
        if found is None:
            return []
        if not isinstance(found, list):
            self._wrong(name, "a list")
        if len(found) > most:
            self._wrong(name, f"short enough: {len(found):,} entries, at most {most:,}")
        return found

    def flag(self, name: str, default: Any = _Absent) -> bool:
        """True or false; `default` where it is absent or null."""
        found = self._take(name, default)
        if found is None:
            return default  # type: ignore[no-any-return]
        if not isinstance(found, bool):
            self._wrong(name, "true or false")
        return found

    def number(
        self, name: str, default: Any = _Absent, *, least: int = 0, most: int = MAX_NUMBER
    ) -> int:
        """A whole number; `default` where it is absent or null."""
        found = self._take(name, default)
        if found is None:
            return default  # type: ignore[no-any-return]
        return self._number(name, found, least, most)

    def _number(self, name: str, found: Any, least: int, most: int) -> int:
        if not isinstance(found, int) or isinstance(found, bool):
            self._wrong(name, "a whole number")
        if not least <= found <= most:
            self._wrong(name, f"from {least} to {most}")
        return found

    def numbers(self, name: str, *, most: int, largest: int = MAX_NUMBER) -> tuple[int, ...]:
        """A list of whole numbers from 0; empty where it is absent or null."""
        return tuple(self._number(name, each, 0, largest) for each in self._list(name, most))

    def choice(self, name: str, choices: Mapping[str, _Choice]) -> _Choice:
        """One of these names, and what it stands for."""
        return self._chosen(name, self._take(name, _Absent), choices)

    def choices(self, name: str, choices: Mapping[str, _Choice]) -> frozenset[_Choice]:
        """A list of these names; empty where it is absent or null."""
        found = self._list(name, _MANY)
        return frozenset(self._chosen(name, each, choices) for each in found)

    def _chosen(self, name: str, found: Any, choices: Mapping[str, _Choice]) -> _Choice:
        if not isinstance(found, str) or found not in choices:
            self._wrong(name, f"one of {', '.join(choices)}")
        return choices[found]

    def key(self, name: str, size_bytes: int, default: Any = _Absent) -> bytes:
        """An id of so many bytes in hexadecimal digits; `default` where it is absent or null."""
        found = self._take(name, default)
        if found is None:
            return default  # type: ignore[no-any-return]
        return self._key(name, found, size_bytes)

    def _key(self, name: str, found: Any, size_bytes: int) -> bytes:
        key = _bytes(found, size_bytes)
        if key is None:
            self._wrong(name, f"an id of {2 * size_bytes} hexadecimal digits")
        return key

    def keys(self, name: str, size_bytes: int, *, most: int = _MANY) -> tuple[bytes, ...]:
        """A list of ids; empty where it is absent or null."""
        return tuple(self._key(name, each, size_bytes) for each in self._list(name, most))

    def boxes(self, name: str, *, most: int) -> tuple[tuple[float, float, float, float], ...]:
        """A list of [x, y, width, height] in parts of 1; empty where it is absent or null."""
        return tuple(self._box(name, each) for each in self._list(name, most))

    def _box(self, name: str, found: Any) -> tuple[float, float, float, float]:
        if not isinstance(found, list) or len(found) != 4:
            self._wrong(name, "a list of [x, y, width, height]")
        for part in found:
            is_number = isinstance(part, int | float) and not isinstance(part, bool)
            if not is_number or not 0 <= part <= 1:
                self._wrong(name, "in parts of 1")
        x, y, width, height = map(float, found)
        return x, y, width, height

    def objects(self, name: str, *, most: int = _MANY) -> list[Asked]:
        """A list of objects; empty where it is absent or null."""
        found = []
        for number, each in enumerate(self._list(name, most)):
            if not isinstance(each, dict):
                self._wrong(name, "a list of objects")
            found.append(Asked(each, f"{self._where}{name}[{number}]."))
        return found

    def done(self) -> None:
        """Raise BadInput where a field is left that nobody asked for."""
        if self._fields:
            name = ascii(min(self._fields))[:40]
            raise BadInput(f"{self._where}{name} is no field of this request")


def _bytes(digits: Any, size_bytes: int) -> bytes | None:
    if isinstance(digits, str) and len(digits) == 2 * size_bytes and _HEX.fullmatch(digits):
        return bytes.fromhex(digits)
    return None


def key_of(digits: str, size_bytes: int) -> bytes:
    """An id of so many bytes in an address. Raises BadInput."""
    key = _bytes(digits, size_bytes)
    if key is None:
        raise BadInput(f"an id here has {2 * size_bytes} hexadecimal digits")
    return key


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadInput("the request's JSON names a field twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise BadInput(f"the request's JSON holds {name}, which is no number")


def parse_asked(body: bytes) -> Asked:
    """The JSON object in a body. Raises BadInput."""
    try:
        found = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise BadInput("the request is not UTF-8") from None
    except (ValueError, RecursionError):
        raise BadInput("the request is not JSON") from None
    if not isinstance(found, dict):
        raise BadInput("the request's JSON is not an object")
    return Asked(found)


async def asked(request: web.Request, *, most_bytes: int = MAX_BODY_BYTES) -> Asked:
    """What a request says. Raises BadInput, TooLarge."""
    if request.content_type != "application/json" or "Content-Encoding" in request.headers:
        raise BadInput("a request here is plain JSON: Content-Type: application/json")
    body = bytearray()
    if (request.content_length or 0) > most_bytes:
        raise TooLarge(f"the request is larger than {most_bytes:,} bytes")
    try:
        async with asyncio.timeout(MAX_BODY_S):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > most_bytes:
                    raise TooLarge(f"the request is larger than {most_bytes:,} bytes")
    except TimeoutError:
        raise BadInput(f"the request was not whole after {MAX_BODY_S:.0f} s") from None
    return parse_asked(bytes(body))
