"""A scenario as values: who lives where, when which share of lines works, who travels, when people
write. Times are seconds since its start, shares are from 0 to 1. Draws nothing, reads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from qanat_simulation.link_presets import Preset

__all__ = [
    "ABROAD",
    "DESK",
    "Burst",
    "City",
    "Courier",
    "Desk",
    "Origin",
    "RelaySite",
    "Scenario",
    "Stay",
    "Window",
]

DESK: Final = "desk"

ABROAD: Final = "abroad"
"""The place of whatever is outside of the shutdown."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where facts come from, and which of them are none. sources: whoever reported them. measured:
    levels that somebody measured. placeholders: what is assumed. notes: what else is known."""

    sources: tuple[str, ...]
    measured: str
    placeholders: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch in which this share of fixed and mobile lines works; is_national: only for what is
    in the country."""

    start_s: float
    end_s: float
    fixed: float
    mobile: float
    is_national: bool


@dataclass(frozen=True, slots=True)
class City:
    """with_fixed, with_mobile: the share of people who have such a line at all. between: the shares
    of them that work outside of the windows, fixed and mobile. jitter_s: how far each edge of a
    window may lie from where it is written."""

    name: str
    utc_offset_s: float
    fixed: Preset
    mobile: Preset
    with_fixed: float
    with_mobile: float
    between: tuple[float, float]
    windows: tuple[Window, ...]
    jitter_s: float
    reporters: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class RelaySite:
    """A relay. down, national: when it has no line, and one within the country only. flaps_s: if
    not 0, its line comes and goes, each for so long."""

    name: str
    place: str
    line: Preset
    down: tuple[tuple[float, float], ...]
    national: tuple[tuple[float, float], ...]
    flaps_s: float


@dataclass(frozen=True, slots=True)
class Desk:
    """The one desk, abroad. down: when it has no line."""

    line: Preset
    down: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Stay:
    """A courier is in a place for a while; between stays they travel and meet nobody."""

    place: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Courier:
    """Some who travel the same road, each so much later than the one before. stick_bytes: what one
    hand-over can move each way. meets_a_day: how many reporters each meets on a day in a city.
    line: what they have abroad; in a city they have what people there have."""

    name: str
    count: int
    apart_s: float
    stays: tuple[Stay, ...]
    stick_bytes: int
    meets_a_day: int
    meets_couriers: bool
    line: Preset


@dataclass(frozen=True, slots=True)
class Burst:
    """People of a city write so many reports, at any moment of the stretch. with_photos,
    with_films: the share of reports that has some. The pairs are least and most."""

    city: str
    start_s: float
    end_s: float
    reports: int
    urgent: float
    text_bytes: tuple[float, float]
    with_photos: float
    photos: tuple[float, float]
    photo_bytes: tuple[float, float]
    with_films: float
    film_s: tuple[float, float]
    film_bytes_s: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """name: what it is called by. start: what time is 0."""

    name: str
    title: str
    origin: Origin
    start: datetime
    duration_s: float
    cities: tuple[City, ...]
    relays: tuple[RelaySite, ...]
    desk: Desk
    couriers: tuple[Courier, ...]
    bursts: tuple[Burst, ...]

    @property
    def reporters(self) -> int:
        """How many there are in all cities."""
        return sum(city.reporters for city in self.cities)
