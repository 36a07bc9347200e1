"""Which place of the table a reporter's free words mean. Never asks anybody, never drops a report.

The longest name that the words hold counts; what may as well mean another place says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import product
from typing import Final

from qanat_client.desk.places.table import Place, all_places, apart_km
from qanat_client.desk.places.words import (
    asked_forms,
    is_burmese,
    name_forms,
    place_words,
)

__all__ = ["NOWHERE", "Found", "find_place", "namesakes"]

_COUNTRIES_OF_LANGUAGES: Final = {
    "kk": ("KZ",),
    "ru": ("KZ", "BY"),
    "be": ("BY",),
    "fa": ("IR",),
    "my": ("MM",),
    "bn": ("BD",),
}
_SUBURB_KM: Final = 60.0
"""Two cities that are named together and lie no farther apart: the smaller says it more closely."""
_FAR_LARGER: Final = 10
"""A city with so many times the people of its namesake is meant, surely enough."""
_MAX_TEXT_LETTERS: Final = 2000
_PIECES: Final = re.compile(r"[,;،؛、။\n()/]+")
_SHORT_LETTERS: Final = 4
_KNOWN_BY_LETTERS: Final = {1: math.inf, 2: math.inf, 3: 100_000, 4: 20_000}
"""How many people a city has whose name of so few letters is not taken for another word."""
# Folded words that begin so are words of every day, and small towns too.
_ORDINARY: Final = re.compile("мост|мир|озер|побед|улкен|алга|горк|снов|верн|центр|дружб|октябр")

# A word beside one of these, folded, names a street or a square, not a city.
_BEFORE_WORDS: Final = """
ул улица улице улицы улицу проспект проспекте пр пер переулок мкр микрораион микрораионе
площадь площади имени им кафе школа гостиница
"""
_STREETS_BEFORE: Final = frozenset(_BEFORE_WORDS.split())
_BEHIND_WORDS: Final = """
кошеси кошесинде дангылы дангылында аланы аланында
street st str avenue ave square strasse platz hotel ward
"""
_STREETS_BEHIND: Final = frozenset(_BEHIND_WORDS.split())
# With these a short name still stands alone.
_BESIDE_TOWNS: Final = "г город городе в каласы каласында city town in"
_TOWN_WORDS: Final = frozenset(_BESIDE_TOWNS.split())


@dataclass(frozen=True, slots=True)
class Found:
    """`place` is the best of what was found, None where nothing was. Not `is_sure` where the words
    may as well mean another place. `name`: the words that name it, folded."""

    place: Place | None
    is_sure: bool = True
    name: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """The place's number, 0 where nothing was found."""
        return 0 if self.place is None else self.place.number


NOWHERE: Final = Found(None)


@dataclass(slots=True)
class _Node:
    """A word of names: the places that end here, and the words that go on."""

    places: list[Place] = field(default_factory=list)
    then: dict[str, _Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Span:
    """A run of words that is the name of all of these places."""

    start: int
    end: int
    places: tuple[Place, ...]


def _names_of(place: Place) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name in (*place.names.values(), *place.further):
        words = tuple(place_words(name))
        found |= {words, tuple(place_words(name.replace("-", "").replace("\u200c", "")))}
    return found - {()}


@cache
def _index() -> _Node:
    root = _Node()
    for place in all_places():
        for words in _names_of(place):
            for forms in product(*map(name_forms, words)):
                node = root
                for form in forms:
                    node = node.then.setdefault(form, _Node())
                if place not in node.places:
                    node.places.append(place)
    return root


@cache
def _burmese() -> Mapping[str, tuple[Place, ...]]:
    """Places by those of their names that may stand inside of a longer word."""
    found: dict[str, tuple[Place, ...]] = {}
    for place in all_places():
        for words in _names_of(place):
            if len(words) == 1 and is_burmese(words[0]):
                found[words[0]] = (*found.get(words[0], ()), place)
    return found


def _spans(words: Sequence[str]) -> Iterator[_Span]:
    """From the left, each as long as it can be."""
    at = 0
    while at < len(words):
        places, end = _longest(words, at)
        if not places and is_burmese(words[at]):
            places = _inside(words[at])
        if places:
            yield _Span(at, end, tuple(places))
        at = end


def _longest(words: Sequence[str], start: int) -> tuple[list[Place], int]:
    best: list[Place] = []
    end = start + 1
    nodes = [_index()]
    for at in range(start, len(words)):
        # What is written exactly so stands in front of what is only a form of it.
        nodes = [
            node.then[form]
            for form in asked_forms(words[at])
            for node in nodes
            if form in node.then
        ]
        if not nodes:
            break
        for node in nodes:
            if node.places:
                best, end = node.places, at + 1
                break
    return best, end


def _inside(word: str) -> list[Place]:
    names = [name for name in _burmese() if name in word]
    return list(_burmese()[max(names, key=len)]) if names else []


@lru_cache(maxsize=65_536)
def find_place(where: str, language: str = "") -> Found:
    """Where a report's words for its place lie. `language`: the tag that the report has."""
    pieces = [place_words(piece) for piece in _PIECES.split(where[:_MAX_TEXT_LETTERS])]
    found = [(words, span) for words in pieces for span in _spans(words)]
    found = [(words, span) for words, span in found if _may_be_meant(words, span)]
    if len(found) > 1:
        found = [(words, span) for words, span in found if not _is_a_street(words, span)] or found
    spans = [span for _, span in found]
    regions = [span for span in spans if all(place.is_region for place in span.places)]
    towns = [span for span in spans if span not in regions]
    if not towns:
        if not regions:
            return NOWHERE
        return _with_name(Found(regions[0].places[0], len(regions) == 1), found)
    within = {(place.country, place.region) for span in regions for place in span.places}
    named = [_within(span.places, within) for span in towns]
    if any(_lies(places, within) for places in named):
        named = [places for places in named if _lies(places, within)]
    countries = _COUNTRIES_OF_LANGUAGES.get(language.casefold().partition("-")[0], ())
    chosen = _chosen([_ranked(places, countries) for places in named], countries)
    return _with_name(chosen, found)


def _with_name(found: Found, spans: Iterable[tuple[Sequence[str], _Span]]) -> Found:
    name = [
        word
        for words, span in spans
        if found.place in span.places
        for word in words[span.start : span.end]
    ]
    return replace(found, name=tuple(name))


def _may_be_meant(words: Sequence[str], span: _Span) -> bool:
    """What is likely to be another word has to stand alone between commas."""
    if span.end - span.start > 1 or is_burmese(words[span.start]):
        return True
    word = words[span.start]
    population = max(place.population for place in span.places)
    is_likely = len(word) > _SHORT_LETTERS or population >= _KNOWN_BY_LETTERS[len(word)]
    if is_likely and not _ORDINARY.match(word):
        return True
    return all(other in _TOWN_WORDS for other in (*words[: span.start], *words[span.end :]))


def _is_a_street(words: Sequence[str], span: _Span) -> bool:
    before = words[span.start - 1] if span.start else ""
    behind = words[span.end] if span.end < len(words) else ""
    return before in _STREETS_BEFORE or behind in _STREETS_BEHIND or behind.isdecimal()


def _within(places: Sequence[Place], regions: Iterable[tuple[str, str]]) -> Sequence[Place]:
    found = [place for place in places if (place.country, place.region) in regions]
    return found or places


def _lies(places: Sequence[Place], regions: Iterable[tuple[str, str]]) -> bool:
    return any((place.country, place.region) in regions for place in places)


def _ranked(places: Sequence[Place], countries: Sequence[str]) -> list[Place]:
    return sorted(
        (place for place in places if not place.is_region),
        key=lambda place: (place.country not in countries, -place.population, place.number),
    )


def _chosen(named: Sequence[Sequence[Place]], countries: Sequence[str]) -> Found:
    """One of the cities that were named, each with its namesakes behind it."""
    best = {places[0]: places for places in named}
    largest = max(best, key=lambda place: (place.country in countries, place.population))
    near = [place for place in best if apart_km(place, largest) <= _SUBURB_KM]
    chosen = min(near, key=lambda place: (place.population, place.number))
    others = [
        place for place in best[chosen][1:] if place.country == chosen.country or not countries
    ]
    namesake = max((place.population for place in others), default=None)
    is_sure = len(near) == len(best) and (
        namesake is None or chosen.population >= _FAR_LARGER * max(namesake, 1)
    )
    return Found(chosen, is_sure)


@cache
def namesakes(place: Place) -> tuple[Place, ...]:
    """The other places that have one of the names by which this one is shown, the largest first."""
    found: set[Place] = set()
    for name in place.names.values():
        for span in _spans(place_words(name)):
            found.update(span.places)
    return tuple(
        sorted(
            (other for other in found if other != place and not other.is_region),
            key=lambda other: (-other.population, other.number),
        )
    )
