"""The table of places: cities and regions with their names, as `tools.cities` made it.

From GeoNames (geonames.org), licensed CC BY 4.0; `cities/README.md` has the credit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

__all__ = [
    "CITIES",
    "FIXED_COLUMNS",
    "Place",
    "all_places",
    "apart_km",
    "place_numbered",
    "region_of",
]

CITIES: Final = Path(__file__).with_name("cities")
FIXED_COLUMNS: Final = ("id", "kind", "region", "lat", "lon", "population")
"""In front of a column for each language; the last has further names, between semicolons."""

_KM_IN_A_DEGREE: Final = 111.2


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A city or a region of a country. `number` is GeoNames', small where it has none.

    `names`: what it is called, by language; `further`: how it is or was written as well.
    """

    number: int
    country: str
    region: str
    is_region: bool
    lat: float
    lon: float
    population: int
    names: Mapping[str, str]
    further: tuple[str, ...]


@cache
def all_places() -> tuple[Place, ...]:
    """Every place of the table."""
    return tuple(place for path in sorted(CITIES.glob("*.tsv")) for place in _read(path.stem, path))


def _read(country: str, path: Path) -> Iterator[Place]:
    head, *lines = path.read_text("utf-8").splitlines()
    languages = head.split("\t")[len(FIXED_COLUMNS) : -1]
    for line in lines:
        number, kind, region, lat, lon, population, *names, further = line.split("\t")
        yield Place(
            int(number),
            country,
            region,
            kind == "region",
            float(lat),
            float(lon),
            int(population),
            {language: name for language, name in zip(languages, names, strict=True) if name},
            tuple(filter(None, further.split(";"))),
        )


@cache
def _by_number() -> Mapping[int, Place]:
    return {place.number: place for place in all_places()}


def place_numbered(number: int) -> Place | None:
    """The place with this number, or None."""
    return _by_number().get(number)


@cache
def _regions() -> Mapping[tuple[str, str], Place]:
    return {(place.country, place.region): place for place in all_places() if place.is_region}


def region_of(city: Place) -> Place | None:
    """The region in which a city lies, None where the table has none, as for the largest cities."""
    return None if city.is_region else _regions().get((city.country, city.region))


def apart_km(one: Place, other: Place) -> float:
    """How far two places are from each other, near enough for places of one country."""
    north = one.lat - other.lat
    east = (one.lon - other.lon) * math.cos(math.radians((one.lat + other.lat) / 2))
    return _KM_IN_A_DEGREE * math.hypot(north, east)
