"""Who meets whom: couriers with reporters of the city that they are in, and with each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from qanat_simulation.plan import Meeting
from qanat_simulation.scenario import ABROAD, Courier, Stay

__all__ = ["Traveller", "meetings", "travellers"]

_DAY_S: Final = 86_400
_HOUR_S: Final = 3600
_AWAKE: Final = (8 * _HOUR_S, 21 * _HOUR_S)
"""When people meet, in their city's own time."""


@dataclass(frozen=True, slots=True)
class Traveller:
    """One courier: a node of the plan. stays: ordered, inside of the plan."""

    name: str
    courier: Courier
    stays: tuple[Stay, ...]

    def present(self, place: str) -> list[tuple[float, float]]:
        """When they are in a place."""
        return [(stay.start_s, stay.end_s) for stay in self.stays if stay.place == place]


def travellers(couriers: Sequence[Courier], duration_s: float) -> list[Traveller]:
    """Each courier with their own timetable, as far as it lies in the plan."""
    found = []
    for courier in couriers:
        for index in range(courier.count):
            late_s = index * courier.apart_s
            stays = tuple(
                Stay(
                    stay.place,
                    max(0.0, stay.start_s + late_s),
                    min(duration_s, stay.end_s + late_s),
                )
                for stay in courier.stays
                if stay.start_s + late_s < duration_s and stay.end_s + late_s > 0
            )
            if stays:
                found.append(Traveller(f"{courier.name}_{index + 1}", courier, stays))
    return found


def meetings(
    seed: int,
    couriers: Sequence[Traveller],
    hours: Mapping[str, float],
    people: Mapping[str, Sequence[str]],
) -> list[Meeting]:
    """hours: how late in its own day each city is at time 0, in seconds. people: the reporters of
    each city. A courier meets so many of them on each day, any of them
    alike, and each other courier who is there, once."""
    found: list[Meeting] = []
    for traveller in couriers:
        chance = Random(f"{seed}/meetings/{traveller.name}")
        for stay in traveller.stays:
            if stay.place == ABROAD:
                continue
            for start_s, end_s in _days(stay, hours[stay.place]):
                count = traveller.courier.meets_a_day * (end_s - start_s) / (_AWAKE[1] - _AWAKE[0])
                known = people[stay.place]
                for other in chance.sample(known, min(len(known), round(count))):
                    at_s = round(chance.uniform(start_s, end_s))
                    found.append(
                        Meeting(at_s, traveller.name, other, traveller.courier.stick_bytes)
                    )
    found += _hand_overs(seed, couriers, hours)
    return sorted(found, key=lambda each: (each.at_s, each.one, each.other))


def _days(stay: Stay, begun_s: float) -> Iterator[tuple[float, float]]:
    """The waking hours of each day of a stay; begun_s: the local time of day at time 0."""
    day = int((stay.start_s + begun_s) // _DAY_S)
    while (morning_s := day * _DAY_S + _AWAKE[0] - begun_s) < stay.end_s:
        start_s = max(stay.start_s, morning_s)
        end_s = min(stay.end_s, day * _DAY_S + _AWAKE[1] - begun_s)
        if end_s > start_s:
            yield start_s, end_s
        day += 1


def _hand_overs(
    seed: int, couriers: Sequence[Traveller], hours: Mapping[str, float]
) -> Iterator[Meeting]:
    for index, one in enumerate(couriers):
        for other in couriers[index + 1 :]:
            if not (one.courier.meets_couriers and other.courier.meets_couriers):
                continue
            chance = Random(f"{seed}/hand-over/{one.name}/{other.name}")
            for mine in one.stays:
                for theirs in other.stays:
                    together = Stay(
                        mine.place, max(mine.start_s, theirs.start_s), min(mine.end_s, theirs.end_s)
                    )
                    if mine.place != theirs.place or mine.place == ABROAD:
                        continue
                    for start_s, end_s in _days(together, hours[mine.place]):
                        at_s = round(chance.uniform(start_s, end_s))
                        smaller = min(one.courier.stick_bytes, other.courier.stick_bytes)
                        yield Meeting(at_s, one.name, other.name, smaller)
