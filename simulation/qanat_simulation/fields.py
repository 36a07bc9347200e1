"""Reads fields of a scenario file strictly: what is missing, unknown, of another type or out of
its range is told with the file's name and the line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from qanat_client.errors import BadInput
from qanat_simulation.toml_places import Path, places

__all__ = ["ScenarioWrong", "Table", "read_table"]


_LARGE: Final = 1e18
"""Numbers from here on are not shown: what TOML allows has thousands of digits."""


class ScenarioWrong(BadInput):
    """The scenario file can't be used: the message names the line and what may stand there."""


def read_table(name: str, data: bytes) -> Table:
    """A whole file; name: how errors call it."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScenarioWrong(f"{name}:{line}: this is not UTF-8 text") from None
    try:
        values = tomllib.loads(text)
        lines = places(text)
    except RecursionError:
        raise ScenarioWrong(f"{name}:1: its lists stand in each other too deeply") from None
    except ValueError as error:
        # tomllib.TOMLDecodeError says "... (at line 3, column 7)"; a number of thousands of digits
        # is another ValueError, without a place.
        reason, _, place = str(error).partition(" (at ")
        number = re.match(r"line (\d+),", place)
        at = number[1] if number else str(text.count("\n") + 1)
        raise ScenarioWrong(f"{name}:{at}: this is not TOML: {reason}") from None
    return Table(name, lines, (), values)


class Table:
    """One table of the file. Every field is asked for once; `close` refuses those that nobody
    asked for."""

    def __init__(
        self, name: str, lines: Mapping[Path, int], path: Path, values: Mapping[str, Any]
    ) -> None:
        self._name = name
        self._lines = lines
        self._path = path
        self._values = values
        self._asked: set[str] = set()

    def wrong(self, what: str, *path: str | int) -> NoReturn:
        """Refuse the file because of what stands at `path` below this table."""
        whole: Path = (*self._path, *path)
        while whole not in self._lines:
            whole = whole[:-1]
        raise ScenarioWrong(f"{self._name}:{self._lines[whole]}: {what}")

    def __contains__(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._values

    def _get(self, key: str, default: Any) -> Any:
        self._asked.add(key)
        if key in self._values:
            return self._values[key]
        if default is None:
            near = get_close_matches(key, self._values, 1)
            if near:
                self.wrong(f"`{near[0]}` is not known here; did you mean `{key}`?", near[0])
            self.wrong(f"`{key}` is missing here")
        return default

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self._get(key, default)
        if not isinstance(value, str) or (not value.strip() and value != default):
            self.wrong(f'`{key}` is to be a text, such as {key} = "..."', key)
        return value

    def chosen(
        self, key: str, known: Collection[str], what: str, default: str | None = None
    ) -> str:
        """A name out of those that are known; what: what it names."""
        value = self.text(key, default)
        if value != default and value not in known:
            self.unknown(value, known, what, key)
        return value

    def unknown(self, value: str, known: Collection[str], what: str, *path: str | int) -> NoReturn:
        """Refuse a name that nothing is called by."""
        near = get_close_matches(value, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known) or 'none'}"
        self.wrong(f"there is no {what} {value!r}{hint}", *path)

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts."""
        values = self.rows(key, default)
        for index, value in enumerate(values):
            if not isinstance(value, str) or not value.strip():
                self.wrong(f"`{key}` is to be a list of texts", key, index)
        return tuple(values)

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """A number from low to high."""
        return self.in_range(self._get(key, default), f"`{key}`", low, high, key)

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from low to high."""
        value = self.number(key, low, high, default)
        if value != int(value):
            self.wrong(f"`{key}` is to be a whole number, not {value:g}", key)
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            self.wrong(f"`{key}` is to be true or false", key)
        return value

    def pair(
        self, key: str, low: float, high: float, default: tuple[float, float]
    ) -> tuple[float, float]:
        """[least, most], each from low to high."""
        row = self.rows(key, default)
        if len(row) != 2:
            self.wrong(f"`{key}` is to be [least, most]", key)
        least, most = (
            self.in_range(value, f"`{key}`", low, high, key, index)
            for index, value in enumerate(row)
        )
        if most < least:
            self.wrong(f"`{key}`: the most, {most:g}, is less than the least, {least:g}", key)
        return least, most

    def in_range(
        self, value: object, what: str, low: float, high: float, *path: str | int
    ) -> float:
        """The value, if it is a number from low to high."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(f"{what} is to be a number from {low:g} to {high:g}", *path)
        if not low <= value <= high:
            shown = f", not {value:g}" if abs(value) < _LARGE else ""
            self.wrong(f"{what} is to be from {low:g} to {high:g}{shown}", *path)
        return float(value)

    def rows(self, key: str, default: tuple[Any, ...] | None = None) -> tuple[Any, ...]:
        """A list of whatever."""
        value = self._get(key, default)
        if not isinstance(value, list | tuple):
            self.wrong(f"`{key}` is to be a list", key)
        return tuple(value)

    def time(self, key: str) -> datetime:
        """A time in UTC."""
        return self.as_time(self._get(key, None), f"`{key}`", key)

    def as_time(self, value: object, what: str, *path: str | int) -> datetime:
        """The value, if it is a time in UTC written as "2022-01-05T10:30"."""
        hint = f'{what} is to be a time in UTC, such as "2022-01-05T10:30"'
        if not isinstance(value, str):
            self.wrong(hint, *path)
        try:
            return datetime.strptime(value, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
        except ValueError:
            self.wrong(f"{hint}, not {value!r}", *path)

    def table(self, key: str) -> Table:
        """The table [key]; an empty one where there is none."""
        value = self._get(key, {})
        if not isinstance(value, dict):
            self.wrong(f"`{key}` is to be a table: [{key}]", key)
        return Table(self._name, self._lines, (*self._path, key), value)

    def named_tables(self, key: str) -> dict[str, Table]:
        """The tables [key.NAME] by name."""
        outer = self.table(key)
        return {name: outer.table(name) for name in outer._values}

    def tables(self, key: str, *, least: int = 0) -> list[Table]:
        """The tables [[key]] in their order."""
        values = self._get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            self.wrong(f"`{key}` is to be written as tables: [[{key}]]", key)
        if len(values) < least:
            self.wrong(f"there is no [[{key}]]: a scenario needs at least {least}")
        return [
            Table(self._name, self._lines, (*self._path, key, index), value)
            for index, value in enumerate(values)
        ]

    def close(self) -> None:
        """Refuse fields that nobody asked for: one that is misspelt must not be passed over."""
        for key in self._values:
            if key not in self._asked:
                near = get_close_matches(key, self._asked, 1)
                hint = (
                    f"did you mean `{near[0]}`?"
                    if near
                    else f"known: {', '.join(sorted(self._asked))}"
                )
                self.wrong(f"`{key}` is not known here; {hint}", key)
