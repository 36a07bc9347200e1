"""Words and whole fields that an export must not show, in every text of a report.

A word is found in any case and in every way of writing that the search takes for the same. What
the program itself writes (ids, hashes, times, headings) is not looked through.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from qanat_client.desk.folding import fold
from qanat_client.errors import BadInput

__all__ = ["BLACK", "FIELDS", "BlackOut"]

BLACK: Final = "█████"
"""Always as long, so that it does not tell how long the word was."""

MIN_NUMBER_DIGITS: Final = 5
"""Such a number is found however its digits are grouped: it may be a telephone's."""

FIELDS: Final = (
    "text", "what", "where", "when", "language", "figures", "files", "names", "written", "arrived",
    "basis", "pseudonym", "tags", "notes",
)  # fmt: skip
"""What can be left out whole; `names` are the files'."""

_LETTERS: Final = re.compile(r"[^\W_]+")
# Keys whose values are the program's own: hexadecimal digits, days, words of a closed list.
_OURS: Final = frozenset({
    "id", "short_id", "from", "author", "basis", "state", "sha256", "parcel_id", "verdict",
    "rendition", "corrects", "withdraws", "how", "day", "hash", "relay", "receipt", "letters",
    "confidence", "written_day", "document",
})  # fmt: skip


def _pattern(word: str) -> re.Pattern[str]:
    """What finds a word or several in a row in a folded text, whatever stands between them."""
    pieces = _LETTERS.findall(fold(word))
    if not pieces:
        raise BadInput(f"there is no letter or digit in {word!r} to black out")
    between = r"[\W_]*"
    spelled = [
        between.join(piece)
        if piece.isdigit() and len(piece) >= MIN_NUMBER_DIGITS
        else re.escape(piece)
        for piece in pieces
    ]
    return re.compile(between.join(spelled))


def _is_inside(character: str) -> bool:
    """Whether the character belongs to a word: letters, digits, their marks, what has no width."""
    return character.isalnum() or unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


class BlackOut:
    """What is blacked out. Raises BadInput for a word without letters and for an unknown field."""

    def __init__(self, words: Iterable[str] = (), fields: Iterable[str] = ()) -> None:
        self._patterns = {word: _pattern(word) for word in words}
        self.fields = frozenset(fields)
        if unknown := self.fields.difference(FIELDS):
            raise BadInput(f"there is no field {min(unknown)!r}; there are {', '.join(FIELDS)}")
        self.found: dict[str, int] = dict.fromkeys(self._patterns, 0)
        """How often each word was found so far."""

    def text(self, text: str) -> str:
        """A text with every word that has one of these in it blacked out whole."""
        folded = fold(text)
        if not any(pattern.search(folded) for pattern in self._patterns.values()):
            return text
        # Where each character of the folded text comes from.
        places = [at for at, character in enumerate(text) for _ in fold(character)]
        spans = []
        for word, pattern in self._patterns.items():
            end = 0
            for match in pattern.finditer(folded):
                self.found[word] += 1
                first, last = places[match.start()], places[match.end() - 1] + 1
                # A word that holds it many times is walked through once.
                if last > end:
                    begin, end = _widened(text, first, last)
                    spans.append((begin, end))
        pieces, done = [], 0
        for begin, end in sorted(spans):
            if begin >= done:
                pieces += [text[done:begin], BLACK]
            done = max(done, end)
        return "".join([*pieces, text[done:]])

    def value(self, value: Any) -> Any:
        """The same through all texts of a machine-readable report or a part of it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, Mapping):
            return {
                key: each if key in _OURS else self.value(each)
                for key, each in self._without_fields(value).items()
            }
        return value

    def _without_fields(self, value: Mapping[str, Any]) -> dict[str, Any]:
        kept = dict(value)
        for field in self.fields:
            for key, blank in _BLANKS[field].items():
                if key in kept:
                    kept[key] = blank
        if "names" in self.fields and "media_type" in kept and "name" in kept:
            kept["name"] = BLACK
        return kept


def _widened(text: str, begin: int, end: int) -> tuple[int, int]:
    """From the beginning to the end of the words that this is part of: no ending is left over."""
    while begin > 0 and _is_inside(text[begin - 1]):
        begin -= 1
    while end < len(text) and _is_inside(text[end]):
        end += 1
    return begin, end


_BLANKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"text": BLACK},
    "what": {"what": BLACK},
    "where": {"where": BLACK},
    "when": {"when": BLACK},
    "language": {"language": ""},
    "figures": {"figures": []},
    "files": {"files": []},
    "names": {},
    "written": {"written_s": None, "written_day": None},
    "arrived": {"arrived_s": None},
    "basis": {"basis": "not said"},
    "pseudonym": {"from": BLACK, "author": BLACK, "alias": BLACK},
    "tags": {"tags": []},
    "notes": {"note": BLACK},
}
