"""The words of a place, and the forms in which a sentence has them.

Folded as the search folds them, but whole. In Burmese and the scripts of India, where the marks
make the word, they stay; Burmese has no spaces between words: a name may stand inside of one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

from qanat_client.desk.folding import whole_words_of

__all__ = ["REGION", "asked_forms", "is_burmese", "name_forms", "place_words"]

REGION: Final = "обл"
"""Stands for every word that says that a region is meant."""

_REGIONS: Final = re.compile(r"облыс\w*|област\w*|обл|region|oblast|oblys\w*|province")
_MARKED: Final = re.compile(r"[\u0900-\u0dff\u1000-\u109f]+")
_BURMESE: Final = re.compile(r"[\u1000-\u109f]+")

_VOWELS: Final = "аеиоуыэюяь"
_ADJECTIVE_ENDS: Final = ("ыи", "ии", "ое", "ая", "ее")
_CYRILLIC: Final = re.compile(r"[\u0430-\u045f]+")
_BENGALI: Final = re.compile(r"[\u0980-\u09ff]+")

# What stands behind a name that ends in a consonant or is not declined: Russian cases, Kazakh ones,
# who lives there. All as folded.
_CASE_WORDS: Final = """
а у е ы и ю я ом ем ои еи
да де та те дан ден тан тен нан нен га ге ка ке на не нын нин дын дин тын тин ны ни ды ди ты ти
дагы деги тагы теги лык лик дык дик тык тик лыктар дыктар тыктар ликтер диктер тиктер
"""
_BEHIND_A_NAME: Final = tuple(_CASE_WORDS.split())
# What stands instead of a name's last letters.
_INSTEAD_WORDS: Final = """
а е и о у ы ю я ь ои еи ою ею ом ем ам ах ами ям ях ями ого его ому ему ым им ую юю ых их
"""
_INSTEAD: Final = tuple(_INSTEAD_WORDS.split())
_BEHIND_BENGALI: Final = tuple(
    unicodedata.normalize("NFC", ending)
    for ending in ("য়", "তে", "র", "ের", "ে", "এর", "এ", "কে", "য়ের", "েরে")
)
_MIN_LETTERS: Final = 3
_OPEN: Final = "*"


def place_words(text: str) -> list[str]:
    """The words of a text as places are looked for in them."""
    found = []
    at = 0
    for marked in _MARKED.finditer(text := unicodedata.normalize("NFC", text)):
        found += whole_words_of(text[at : marked.start()])
        found.append(marked[0])
        at = marked.end()
    found += whole_words_of(text[at:])
    return [REGION if _REGIONS.fullmatch(word) else word for word in found]


def is_burmese(word: str) -> bool:
    """Whether a word may hold other words."""
    return _BURMESE.fullmatch(word) is not None


@cache
def name_forms(word: str) -> tuple[str, ...]:
    """What a word of a name is found by: itself, and what is left of it before another ending."""
    if not _CYRILLIC.fullmatch(word):
        return (word,)
    for ending in _ADJECTIVE_ENDS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_LETTERS:
            return word, word.removesuffix(ending) + _OPEN, word[:-1] + _OPEN
    if word[-1] in _VOWELS and len(word) > _MIN_LETTERS:
        return word, word[:-1] + _OPEN
    return (word,)


def asked_forms(word: str) -> Iterator[str]:
    """What a word of a report may be a form of, itself first."""
    yield word
    if _CYRILLIC.fullmatch(word):
        for ending in _BEHIND_A_NAME:
            if word.endswith(ending) and len(word) - len(ending) > _MIN_LETTERS:
                yield word.removesuffix(ending)
        for ending in _INSTEAD:
            if word.endswith(ending) and len(word) - len(ending) >= _MIN_LETTERS:
                yield word.removesuffix(ending) + _OPEN
    elif _BENGALI.fullmatch(word):
        for ending in _BEHIND_BENGALI:
            if word.endswith(ending) and len(word) - len(ending) >= _MIN_LETTERS - 1:
                yield word.removesuffix(ending)
    elif word.endswith("s") and len(word) > _MIN_LETTERS + 1:
        # Almaty's, Teherans.
        yield word[:-1]
    elif word.endswith("ی") and len(word) > _MIN_LETTERS:
        yield word[:-1]
