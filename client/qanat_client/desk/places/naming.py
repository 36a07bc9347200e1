"""How a city is named in a filter: by its name, with its number where others have that name."""

from __future__ import annotations

import re
from typing import Final

from qanat_client.desk.places.matching import find_place, namesakes
from qanat_client.desk.places.table import Place, place_numbered
from qanat_client.errors import BadInput

__all__ = ["NO_CITY", "city_named", "name_of"]

NO_CITY: Final = "none"
"""Stands for the reports whose words name no place of the table."""

_NUMBER_BEHIND: Final = re.compile(r"(?:^|\s)([0-9]{3,9})$")


def name_of(place: Place) -> str:
    """What `city_named` knows this place by: `Almaty`, or `Aksu 1524298`."""
    name = place.names["en"]
    return (
        name
        if find_place(name).place is place and not namesakes(place)
        else f"{name} {place.number}"
    )


def city_named(words: str) -> int:
    """The number of a place by its name in any of its languages, 0 for `none`. Raises BadInput."""
    if words.strip().casefold() == NO_CITY:
        return 0
    numbered = _NUMBER_BEHIND.search(words)
    place = place_numbered(int(numbered[1])) if numbered else None
    place = place or find_place(words).place
    if place is None:
        raise BadInput(f"there is no {words.strip()[:40]!r} in the table of cities")
    return place.number
