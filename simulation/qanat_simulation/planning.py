"""From a scenario and a seed to a Plan: the same ones give the same plan, on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

from qanat_client.errors import BadInput
from qanat_simulation.outages import CityLines, Person, constant_lines, flapping, lines_of
from qanat_simulation.plan import Line, Node, Plan, Role
from qanat_simulation.scenario import ABROAD, DESK, City, Scenario
from qanat_simulation.travel import Traveller, meetings, travellers
from qanat_simulation.variations import with_reporters
from qanat_simulation.writing import items

__all__ = ["make_plan"]

_DAY_S: Final = 86_400


def make_plan(
    scenario: Scenario, seed: int, *, reporters: int | None = None, days: float | None = None
) -> Plan:
    """reporters: so many instead of those of the scenario; they write so much more or less. days:
    only so long. Raises BadInput where that leaves nobody or nothing."""
    if reporters is not None:
        scenario = with_reporters(scenario, reporters)
    duration_s = scenario.duration_s if days is None else min(scenario.duration_s, days * _DAY_S)
    cities = {city.name: city for city in scenario.cities}
    people = {
        name: [f"{name}.{number + 1}" for number in range(city.reporters)]
        for name, city in cities.items()
    }
    couriers = travellers(scenario.couriers, duration_s)
    lines = {
        name: CityLines(city, duration_s, Random(f"{seed}/edges/{name}"))
        for name, city in cities.items()
    }
    found: list[Line] = []
    for name, city in cities.items():
        for reporter in people[name]:
            person = Person.drawn(city, Random(f"{seed}/person/{reporter}"))
            found += lines[name].lines(reporter, person, [(0.0, duration_s)])
    for traveller in couriers:
        found += _lines_of_traveller(seed, traveller, cities, lines)
    for site in scenario.relays:
        steady = constant_lines(
            site.name,
            site.line,
            duration_s,
            down=site.down,
            national=site.national,
            is_foreign=site.place == ABROAD,
        )
        found += flapping(steady, site.flaps_s) if site.flaps_s else steady
    found += constant_lines(
        DESK, scenario.desk.line, duration_s, down=scenario.desk.down, is_foreign=True
    )
    midnight = scenario.start.replace(hour=0, minute=0)
    begun_s = (scenario.start - midnight).total_seconds()
    hours = {name: begun_s + city.utc_offset_s for name, city in cities.items()}
    written = items(seed, scenario.bursts, people, duration_s)
    if not written:
        raise BadInput(f"nobody writes anything in the first {duration_s / _DAY_S:g} days")
    return Plan(
        name=scenario.name,
        seed=seed,
        duration_s=duration_s,
        nodes=(
            *(Node(name, Role.REPORTER, city) for city, names in people.items() for name in names),
            *(Node(each.name, Role.COURIER, each.stays[0].place) for each in couriers),
            *(Node(site.name, Role.RELAY, site.place) for site in scenario.relays),
            Node(DESK, Role.DESK, ABROAD),
        ),
        lines=tuple(sorted(found, key=lambda line: (line.start_s, line.node))),
        meetings=tuple(meetings(seed, couriers, hours, people)),
        items=tuple(written),
    )


def _lines_of_traveller(
    seed: int, traveller: Traveller, cities: Mapping[str, City], lines: Mapping[str, CityLines]
) -> list[Line]:
    """In a city what somebody of that city has, abroad their own line."""
    found: list[Line] = []
    for place in sorted({stay.place for stay in traveller.stays}):
        present = traveller.present(place)
        if place == ABROAD:
            offers = [(span, traveller.courier.line, False) for span in present]
            found += lines_of(traveller.name, offers, present, is_foreign=True)
        else:
            person = Person.drawn(cities[place], Random(f"{seed}/person/{traveller.name}/{place}"))
            found += lines[place].lines(traveller.name, person, present)
    return found
