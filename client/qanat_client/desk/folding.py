"""Texts as the search sees them: what people write in different ways becomes the same words.

One law for what is indexed and for what is looked for. Case, accents and the marks of Arabic go;
letters that keyboards and languages exchange for each other become one; a word ends after eight
letters, which takes off most of what Russian and Kazakh put behind it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

__all__ = ["WORD_LETTERS", "fold", "words_of"]

WORD_LETTERS: Final = 8
"""Of a longer word the rest is not looked at."""

_SAME: Final = {
    # Letters of Kazakh, for which many write the Russian ones beside them.
    "ә": "а", "ғ": "г", "қ": "к", "ң": "н", "ө": "о", "ұ": "у", "ү": "у", "һ": "х", "і": "и",
    # And of Ukrainian, Belarusian, Uzbek and Tajik.
    "є": "е", "ґ": "г", "ҳ": "х", "ҷ": "ч",
    # Persian and Urdu have their own forms of Arabic letters, and keyboards mix them.
    "ك": "ک", "ڪ": "ک", "ي": "ی", "ى": "ی", "ې": "ی", "ۍ": "ی", "ے": "ی", "ة": "ه", "ہ": "ه",
    "ھ": "ه", "ە": "ه", "ۃ": "ه", "ٱ": "ا", "ء": "",
    # Latin letters that do not come apart into a letter and a mark.
    "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ə": "a",
    # Inside a word, where it is written or left out.
    "'": "", "’": "", "ʼ": "", "ʻ": "", "ʹ": "", "`": "", "ـ": "",
}  # fmt: skip

# What stands between words; the low line is none of them, but no letter either.
_WORDS: Final = re.compile(r"[^\W_]+")


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    """What is left of one character; nothing of marks and of what has no width."""
    found = []
    for part in unicodedata.normalize("NFKD", character.casefold()):
        piece = _SAME.get(part, part)
        if not piece or unicodedata.category(piece[0]) in ("Mn", "Mc", "Me", "Cf"):
            continue
        digit = unicodedata.decimal(piece, None) if len(piece) == 1 else None
        found.append(piece if digit is None else str(digit))
    left = "".join(found)
    # A letter that came out of another form may be a capital or have a mark of its own.
    return left if left == character else "".join(map(_folded, left))


class _Table(dict[int, str]):
    """For `str.translate`: each character is folded when it is first met."""

    def __missing__(self, code: int) -> str:
        return _folded(chr(code))


_TABLE: Final = _Table()


def fold(text: str) -> str:
    """A text in which everything that the search takes for the same is the same."""
    return text.translate(_TABLE)


def words_of(text: str) -> list[str]:
    """The words of a text, folded, each as far as it counts, in their order."""
    return [word[:WORD_LETTERS] for word in _WORDS.findall(fold(text))]
