"""On which line of a TOML text each key and element stands, for errors; tomllib does not tell.

Only for texts that tomllib has read: what is not TOML is found by it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Path", "places"]

Path = tuple[str | int, ...]
"""How a value is reached: keys, and indexes of elements."""

_BLANK: Final = " \t\r\n"
_BARE_ENDS: Final = ",]}#\r\n"
_QUOTES: Final = "\"'"


def places(text: str) -> dict[Path, int]:
    """The line (from 1) of every header, key and element."""
    return _Scan(text).run()


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text + "\n"
        self._at = 0
        self._line = 1
        self._found: dict[Path, int] = {(): 1}
        self._sizes: dict[Path, int] = {}
        """How many elements each array of tables has so far."""

    def run(self) -> dict[Path, int]:
        table: Path = ()
        while self._next() is not None:
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, count: int = 1) -> str:
        taken = self._text[self._at : self._at + count]
        self._line += taken.count("\n")
        self._at += count
        return taken

    def _next(self) -> str | None:
        """Go to what is neither blank nor a comment; None at the end."""
        while sign := self._peek():
            if sign == "#":
                self._take(self._text.index("\n", self._at) - self._at)
            elif sign in _BLANK:
                self._take()
            else:
                return sign
        return None

    def _header(self) -> Path:
        line = self._line
        is_array = self._text.startswith("[[", self._at)
        self._take(1 + is_array)
        keys = self._keys("]")
        self._take(1 + is_array)
        path: Path = ()
        for key in keys[:-1]:
            path += (key,)
            if path in self._sizes:
                path += (self._sizes[path] - 1,)
        path += (keys[-1],)
        if is_array:
            index = self._sizes[path] = self._sizes.get(path, 0) + 1
            self._found.setdefault(path, line)
            path += (index - 1,)
        self._found[path] = line
        return path

    def _keys(self, end: str) -> list[str]:
        """The parts of a dotted key; stops at `end`."""
        keys = []
        part = ""
        while (sign := self._peek()) != end:
            if sign in _QUOTES:
                part = self._string()[1:-1]
            elif sign == ".":
                keys.append(part)
                part = ""
                self._take()
            else:
                part += self._take().strip()
        return [*keys, part]

    def _pair(self, table: Path) -> None:
        line = self._line
        path = (*table, *self._keys("="))
        self._take()
        self._found[path] = line
        self._value(path)

    def _string(self) -> str:
        start = self._at
        quote = self._peek()
        if self._text.startswith(quote * 3, self._at):
            quote *= 3
        self._take(len(quote))
        while not self._text.startswith(quote, self._at):
            self._take(2 if quote[0] == '"' and self._peek() == "\\" else 1)
        self._take(len(quote))
        # A text may end in one or two quotes before the three that close it.
        while len(quote) == 3 and self._peek() == quote[0]:
            self._take()
        return self._text[start : self._at]

    def _value(self, path: Path) -> None:
        sign = self._next()
        if sign == "[":
            self._elements(path)
        elif sign == "{":
            self._take()
            while self._next() != "}":
                if self._peek() == ",":
                    self._take()
                    continue
                self._pair(path)
            self._take()
        elif sign is not None and sign in _QUOTES:
            self._string()
        else:
            while self._peek() not in _BARE_ENDS:
                self._take()

    def _elements(self, path: Path) -> None:
        self._take()
        index = 0
        while self._next() != "]":
            if self._peek() == ",":
                self._take()
                continue
            self._found[*path, index] = self._line
            self._value((*path, index))
            index += 1
        self._take()
