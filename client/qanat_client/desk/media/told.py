"""What the worker says of a file in JSON, checked before anybody reads it. Never raises anything
but NotShown, whatever a worker that was taken over says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from qanat_client.desk.media.asking import Form, NotShown
from qanat_client.terminal import printable_line

__all__ = ["Told", "parse_forms", "parse_particulars", "parse_print"]

MAX_GROUPS: Final = 16
MAX_VALUES: Final = 60
MAX_TEXT: Final = 300
_HASH: Final = re.compile("[0-9a-f]{64}")
_BROKE: Final = "its decoder broke"


@dataclass(frozen=True, slots=True)
class Told:
    """What a file says of itself, printable: groups of names and values, a place, a time."""

    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    place: tuple[float, float] | None
    taken: str
    device: str

    def json(self) -> dict[str, Any]:
        """For the app."""
        value: dict[str, Any] = {
            "groups": [
                {"name": name, "values": [{"name": key, "value": words} for key, words in values]}
                for name, values in self.groups
            ]
        }
        if self.place is not None:
            value["place"] = {"lat": self.place[0], "lon": self.place[1]}
        if self.taken:
            value["taken"] = self.taken
        if self.device:
            value["device"] = self.device
        return value


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise NotShown(_BROKE) from None
    if not isinstance(value, dict):
        raise NotShown(_BROKE)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise NotShown(_BROKE)
    # Half a character, which nothing else could write.
    return printable_line(value.encode(errors="replace").decode())


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise NotShown(_BROKE)
    return value


def _pair(value: Any) -> tuple[str, str]:
    found = _list(value, 2)
    if len(found) != 2:
        raise NotShown(_BROKE)
    return _text(found[0]), _text(found[1])


def _degrees(value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotShown(_BROKE)
    # Compared first: an integer may be larger than any float.
    if not -most <= value <= most:
        raise NotShown(_BROKE)
    return float(value)


def parse_particulars(data: bytes) -> Told:
    """What a file says of itself. Raises NotShown."""
    value = _object(data)
    groups = []
    for group in _list(value.get("groups"), MAX_GROUPS):
        if not isinstance(group, dict):
            raise NotShown(_BROKE)
        values = tuple(_pair(pair) for pair in _list(group.get("values"), MAX_VALUES))
        groups.append((_text(group.get("name")), values))
    place = None
    if value.get("place") is not None:
        found = _list(value["place"], 2)
        if len(found) != 2:
            raise NotShown(_BROKE)
        place = _degrees(found[0], 90.0), _degrees(found[1], 180.0)
    return Told(tuple(groups), place, _text(value.get("taken")), _text(value.get("device")))


def parse_forms(data: bytes) -> dict[Form, str]:
    """As what a file can be shown, each with why it can't, "" where it can. Raises NotShown."""
    value = _object(data)
    if not value.keys() <= {Form.PICTURE, Form.FILM, Form.SOUND}:
        raise NotShown(_BROKE)
    return {Form(name): _text(why_not) for name, why_not in value.items()}


def parse_print(data: bytes) -> tuple[bytes, int]:
    """A perceptual hash of 32 bytes and its quality. Raises NotShown."""
    value = _object(data)
    digits, quality = value.get("hash"), value.get("quality")
    if not isinstance(digits, str) or not _HASH.fullmatch(digits):
        raise NotShown(_BROKE)
    if isinstance(quality, bool) or not isinstance(quality, int) or not 0 <= quality <= 100:
        raise NotShown(_BROKE)
    return bytes.fromhex(digits), quality
