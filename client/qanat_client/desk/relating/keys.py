"""Words by which reports are compared: of places, and of what is counted. The same word in another
form, and a name in Latin, Cyrillic or Arabic letters, has the same key.

Made when a report is catalogued: a change here needs a migration that catalogues anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from qanat_client.desk.folding import beginnings_of, words_of
from qanat_client.desk.places.matching import Found
from qanat_client.desk.relating.counted import CONCEPTS, EXACT, NOBODY

__all__ = ["city_in", "counted_keys", "is_concept", "place_keys", "place_parts"]

# Of folded words. Where people write a sound in two ways in Latin letters, it is one here.
_LATIN: Final = str.maketrans({
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
    "у": "u", "ф": "f", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ы": "y",
    "ь": "", "э": "e", "ю": "yu", "я": "ya", "q": "k", "w": "v",
    # Arabic and Persian, as far as it writes vowels.
    "ا": "a", "ب": "b", "پ": "p", "ت": "t", "ث": "s", "ج": "dzh", "چ": "ch", "ح": "h", "خ": "h",
    "د": "d", "ذ": "z", "ر": "r", "ز": "z", "ژ": "zh", "س": "s", "ش": "sh", "ص": "s", "ض": "z",
    "ط": "t", "ظ": "z", "ع": "", "غ": "g", "ف": "f", "ق": "k", "ک": "k", "گ": "g", "ل": "l",
    "م": "m", "ن": "n", "و": "u", "ه": "h", "ی": "y",
})  # fmt: skip
# Of places, in Latin letters: where one is, where one goes to, where one comes from, whose it is.
_CASE_WORDS: Final = "nyn nin dyn din tyn tin nan nen dan den tan ten da de ta te ga ge ka ke"
_CASES: Final = tuple(_CASE_WORDS.split())
_VOWELS: Final = "aeiouy"
_KEY_LETTERS: Final = 6
_MIN_LETTERS_LEFT: Final = 4
_CONCEPT_SIGN: Final = "="
_CITY_SIGN: Final = "@"


@lru_cache(maxsize=4096)
def _key(word: str) -> str:
    """A folded word in Latin letters, without what tells its case, as far as it counts."""
    latin = word.translate(_LATIN).replace("kh", "h")
    for case in _CASES:
        if latin.endswith(case) and len(latin) - len(case) >= _MIN_LETTERS_LEFT:
            latin = latin.removesuffix(case)
            break
    while len(latin) > _MIN_LETTERS_LEFT and latin[-1] in _VOWELS:
        latin = latin[:-1]
    return latin[:_KEY_LETTERS]


@lru_cache(maxsize=4096)
def place_keys(place: str) -> tuple[str, ...]:
    """The keys of a place, in their order, each once."""
    keys = dict.fromkeys(map(_key, words_of(place)))
    return tuple(key for key in keys if len(key) > 1 or key.isdigit())


def place_parts(place: str, found: Found) -> tuple[str, ...]:
    """The same with one key of its city in front, in place of the words that name it in whichever
    language; only where it is sure which city that is."""
    keys = place_keys(place)
    if not (found.number and found.is_sure):
        return keys
    name = {key for word in found.name for key in place_keys(word)}
    return (f"{_CITY_SIGN}{found.number}", *(key for key in keys if key not in name))


def city_in(parts: Iterable[str]) -> int:
    """The number of the city in a place's parts, 0 where there is none."""
    return next((int(part[1:]) for part in parts if part.startswith(_CITY_SIGN)), 0)


def _stem(word: str) -> str:
    """A folded word without all its endings."""
    while (shorter := "".join(beginnings_of(word))) != word:
        word = shorter
    return _key(word)


def counted_keys(what: str) -> frozenset[str]:
    """The keys of what a figure counts: `wounded people` has that of `раненых`.

    Words that say only that people are counted go, where there is any other.
    """
    keys, nobody = set(), set()
    for word in words_of(what):
        concept = _concept_of(word)
        if concept is not None:
            keys.add(_CONCEPT_SIGN + concept)
        elif word.startswith(NOBODY):
            nobody.add(_stem(word))
        else:
            keys.add(_stem(word))
    return frozenset(keys or nobody)


def is_concept(key: str) -> bool:
    """Whether the key stands for a word in several languages."""
    return key.startswith(_CONCEPT_SIGN)


def _concept_of(word: str) -> str | None:
    for concept, beginnings in CONCEPTS.items():
        if word.startswith(beginnings) or word in EXACT[concept]:
            return concept
    return None
