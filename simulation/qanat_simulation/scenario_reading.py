"""From a scenario file to a Scenario, or to an error that names the line. docs/simulation.md says
how such a file is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from qanat_simulation.fields import Table, read_table
from qanat_simulation.link_presets import PRESETS, Preset, preset
from qanat_simulation.scenario import (
    ABROAD,
    DESK,
    Burst,
    City,
    Courier,
    Desk,
    Origin,
    RelaySite,
    Scenario,
    Stay,
    Window,
)
from qanat_simulation.spans import Clock, Span, check_order

__all__ = ["parse"]

_MAX_PEOPLE: Final = 10_000
_MAX_REPORTS: Final = 100_000
_MAX_TEXT_BYTES: Final = 100_000
_MAX_FILM_S: Final = 450
"""At 1080p just below the largest part there is."""

_FILMS: Final = {"720p": 60_000_000 / 60, "1080p": 130_000_000 / 60}
"""Bytes of a second of film: a minute is about 60 and 130 MB."""


def parse(name: str, data: bytes) -> Scenario:
    """name: the file's, for errors and for the scenario. Raises ScenarioWrong."""
    table = read_table(name, data)
    clock = Clock(table)
    presets = PRESETS | {
        each: _own_preset(own) for each, own in table.named_tables("preset").items()
    }
    title, origin = table.text("title"), _origin(table)
    cities: dict[str, City] = {}
    for each in table.tables("city", least=1):
        city = _city(each, clock, presets)
        if city.name in cities or city.name == ABROAD:
            each.wrong(f"there is a place {city.name!r} already", "name")
        cities[city.name] = city
    scenario = Scenario(
        name=name.replace("\\", "/").rpartition("/")[2].removesuffix(".toml"),
        title=title,
        origin=origin,
        start=clock.start,
        duration_s=clock.duration_s,
        cities=tuple(cities.values()),
        relays=_relays(table, clock, presets, cities),
        desk=_desk(table.table("desk"), clock, presets),
        couriers=_couriers(table, clock, presets, cities),
        bursts=tuple(_burst(each, clock, cities) for each in table.tables("burst", least=1)),
    )
    table.close()
    if not 0 < scenario.reporters <= _MAX_PEOPLE:
        table.wrong(f"the cities have {scenario.reporters:,} reporters; from 1 to {_MAX_PEOPLE:,}")
    return scenario


def _share(table: Table, key: str, default: float | None = None) -> float:
    return table.number(key, 0, 100, default) / 100


def _own_preset(table: Table) -> Preset:
    made = preset(
        table.number("down_kbit", 1, 10_000_000),
        table.number("up_kbit", 1, 10_000_000),
        table.number("rtt_ms", 0, 60_000),
        table.number("loss_percent", 0, 50, 0),
    )
    table.close()
    return made


def _line(table: Table, key: str, presets: Mapping[str, Preset], default: str) -> Preset:
    return presets[table.chosen(key, presets, "preset of a line", default)]


def _origin(table: Table) -> Origin:
    return Origin(
        table.texts("sources", ()),
        table.text("measured", ""),
        table.text("placeholders", ""),
        table.texts("notes", ()),
    )


def _city(table: Table, clock: Clock, presets: Mapping[str, Preset]) -> City:
    fixed, mobile = (
        table.in_range(value, "`between`", 0, 100, "between", index) / 100
        for index, value in enumerate(_two(table, "between", (100, 100)))
    )
    city = City(
        name=_name(table),
        utc_offset_s=3600 * table.number("utc_offset_hours", -12, 14, 0),
        fixed=_line(table, "fixed", presets, "dsl"),
        mobile=_line(table, "mobile", presets, "3g"),
        with_fixed=_share(table, "with_fixed", 50),
        with_mobile=_share(table, "with_mobile", 100),
        between=(fixed, mobile),
        windows=_windows(table, clock),
        jitter_s=60 * table.number("jitter_minutes", 0, 600, 60),
        reporters=table.whole("reporters", 0, _MAX_PEOPLE),
        origin=_origin(table),
    )
    table.close()
    return city


def _name(table: Table) -> str:
    """A name that nodes are called by; what else makes up those is not in it."""
    name = table.text("name")
    if not re.fullmatch(r"[A-Za-z0-9-]{1,40}", name) or name == DESK:
        table.wrong(
            f"`name` is to be of letters, digits and hyphens, 40 at most, and not {DESK!r}", "name"
        )
    return name


def _two(table: Table, key: str, default: tuple[float, float]) -> tuple[object, ...]:
    row = table.rows(key, default)
    if len(row) != 2:
        table.wrong(f"`{key}` is to be [fixed %, mobile %]", key)
    return row


def _windows(table: Table, clock: Clock) -> tuple[Window, ...]:
    found: list[Window] = []
    spans: list[Span] = []
    for index, row in enumerate(table.rows("windows")):
        here = ("windows", index)
        if not isinstance(row, list) or not 4 <= len(row) <= 5:
            table.wrong(
                'a window is [start, end, fixed %, mobile %], and may end in "national"', *here
            )
        start_s, end_s = clock.span(table, row[:2], "this window", ((*here, 0), (*here, 1)))
        spans.append((start_s, end_s))
        check_order(table, spans, *here)
        fixed, mobile = (
            table.in_range(value, f"the window's {kind} %", 0, 100, *here) / 100
            for kind, value in zip(("fixed", "mobile"), row[2:4], strict=True)
        )
        if row[4:] not in ([], ["national"]):
            table.wrong('behind its percents a window may say "national", and nothing else', *here)
        found.append(Window(start_s, end_s, fixed, mobile, len(row) == 5))
    return tuple(found)


def _relays(
    table: Table, clock: Clock, presets: Mapping[str, Preset], cities: Mapping[str, City]
) -> tuple[RelaySite, ...]:
    found: dict[str, RelaySite] = {}
    for each in table.tables("relay", least=1):
        site = RelaySite(
            _name(each),
            each.chosen("place", [*cities, ABROAD], "place"),
            _line(each, "line", presets, "server"),
            clock.spans(each, "down"),
            clock.spans(each, "national"),
            _flaps_s(each),
        )
        if site.name in found:
            each.wrong(f"there is a relay {site.name!r} already", "name")
        if site.place == ABROAD and site.national:
            each.wrong("a relay abroad has no national line", "national")
        found[site.name] = site
        each.close()
    if not any(site.place == ABROAD for site in found.values()):
        table.wrong(f'no [[relay]] has place = "{ABROAD}": nothing could ever reach the desk')
    return tuple(found.values())


def _flaps_s(table: Table) -> float:
    """0 where it is not given: whoever writes it means at least a second."""
    return table.number("flaps_seconds", 1, 86_400) if "flaps_seconds" in table else 0.0


def _desk(table: Table, clock: Clock, presets: Mapping[str, Preset]) -> Desk:
    desk = Desk(_line(table, "line", presets, "server"), clock.spans(table, "down"))
    table.close()
    return desk


def _couriers(
    table: Table, clock: Clock, presets: Mapping[str, Preset], cities: Mapping[str, City]
) -> tuple[Courier, ...]:
    found: dict[str, Courier] = {}
    for each in table.tables("courier"):
        courier = Courier(
            name=_name(each),
            count=each.whole("count", 1, 1000, 1),
            apart_s=3600 * each.number("hours_apart", 0, 1000, 24),
            stays=_stays(each, clock, cities),
            stick_bytes=1_000_000 * each.whole("stick_mb", 1, 1_000_000, 250),
            meets_a_day=each.whole("meets_a_day", 0, 1000),
            meets_couriers=each.flag("meets_couriers", True),
            line=_line(each, "line", presets, "wifi"),
        )
        if courier.name in found:
            each.wrong(f"there is a courier {courier.name!r} already", "name")
        found[courier.name] = courier
        each.close()
    return tuple(found.values())


def _stays(table: Table, clock: Clock, cities: Mapping[str, City]) -> tuple[Stay, ...]:
    found: list[Stay] = []
    for index, row in enumerate(table.rows("route")):
        here = ("route", index)
        if not isinstance(row, list) or len(row) != 3:
            table.wrong("a stay of a `route` is [place, from, to]", *here)
        place = row[0]
        if place not in (*cities, ABROAD):
            table.unknown(str(place), [*cities, ABROAD], "place", *here)
        span = clock.span(table, row[1:], "this stay", ((*here, 1), (*here, 2)))
        found.append(Stay(place, *span))
        check_order(table, [(stay.start_s, stay.end_s) for stay in found], *here)
    if not found:
        table.wrong("this `route` has no stay", "route")
    return tuple(found)


def _burst(table: Table, clock: Clock, cities: Mapping[str, City]) -> Burst:
    start_s, end_s = clock.fields(table, "this burst")
    photo_least, photo_most = table.pair("photo_kb", 1, 100_000, (800, 4000))
    film_s = table.pair("film_seconds", 1, _MAX_FILM_S, (5, 30))
    film = table.chosen("film", _FILMS, "kind of film", "720p")
    burst = Burst(
        city=table.chosen("city", cities, "city"),
        start_s=start_s,
        end_s=end_s,
        reports=table.whole("reports", 1, _MAX_REPORTS),
        urgent=_share(table, "urgent_percent", 10),
        text_bytes=table.pair("text_bytes", 1, _MAX_TEXT_BYTES, (300, 3000)),
        with_photos=_share(table, "photo_percent", 30),
        photos=table.pair("photos", 1, 20, (1, 3)),
        photo_bytes=(1000 * photo_least, 1000 * photo_most),
        with_films=_share(table, "film_percent", 5),
        film_s=film_s,
        film_bytes_s=_FILMS[film],
    )
    if cities[burst.city].reporters == 0:
        table.wrong(f"nobody writes in {burst.city!r}: it has no reporters", "city")
    table.close()
    return burst
