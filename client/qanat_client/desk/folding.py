"""Texts as the search sees them: what people write in different ways becomes the same words.

One law for what is indexed and for what is looked for. Case, accents and the marks of Arabic go;
letters that keyboards and languages exchange for each other become one; a word ends after eight
letters. What is looked for also loses its ending, so that one form of a word finds the others.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

__all__ = ["WORD_LETTERS", "beginnings_of", "fold", "whole_words_of", "words_of"]

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

# What a word that is looked for may end with and the same word elsewhere may not, folded: of
# Kazakh and Russian nouns and adjectives, of English and German ones. The longest first.
_ENDING_WORDS: Final = """
лардан лерден дардан дерден тардан терден ларда лерде дарда дерде тарда терде
ларга лерге дарга дерге тарга терге лардын лердин дардын дердин тардын тердин
ларын лерин дарын дерин тарын терин лар лер дар дер тар тер
дан ден тан тен нан нен нын нин дын дин тын тин да де та те га ге ка ке
ами ями ыми ими ого его ому ему ах ях ам ям ых их ов ев ом ем
ings ing eds ed ers er ies es s en ern
"""
_ENDINGS: Final = tuple(sorted(_ENDING_WORDS.split(), key=len, reverse=True))
_VOWELS: Final = "аеиоуыэюяьaeiouy"
_MIN_LETTERS_LEFT: Final = 4
_MAX_VOWELS: Final = 2

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
    return [word[:WORD_LETTERS] for word in whole_words_of(text)]


def whole_words_of(text: str) -> list[str]:
    """The words of a text, folded, whole, in their order."""
    return _WORDS.findall(fold(text))


def beginnings_of(text: str) -> list[str]:
    """What the words of a search begin with: folded, without an ending, as far as they count.

    Where nothing is taken off that is the word itself.
    """
    return [_without_ending(word)[:WORD_LETTERS] for word in whole_words_of(text)]


def _without_ending(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_LETTERS_LEFT:
            # "ss" is no plural.
            return word if word.endswith("ss") else word.removesuffix(ending)
    for _ in range(_MAX_VOWELS):
        if len(word) > _MIN_LETTERS_LEFT and word[-1] in _VOWELS:
            word = word[:-1]
    return word
