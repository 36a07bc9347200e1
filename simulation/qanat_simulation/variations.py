"""A scenario with one thing changed: how many people, what their lines are like."""

from __future__ import annotations

from dataclasses import replace

from qanat_client.errors import BadInput
from qanat_simulation.link_presets import Preset
from qanat_simulation.scenario import Scenario

__all__ = ["with_loss", "with_mobile", "with_reporters"]


def with_mobile(scenario: Scenario, preset: Preset) -> Scenario:
    """All mobile lines are of this kind."""
    cities = tuple(replace(city, mobile=preset) for city in scenario.cities)
    return replace(scenario, cities=cities)


def with_loss(scenario: Scenario, share: float) -> Scenario:
    """All lines of people lose this share of their packets, each way."""
    cities = tuple(
        replace(
            city, fixed=replace(city.fixed, loss=share), mobile=replace(city.mobile, loss=share)
        )
        for city in scenario.cities
    )
    couriers = tuple(
        replace(courier, line=replace(courier.line, loss=share)) for courier in scenario.couriers
    )
    return replace(scenario, cities=cities, couriers=couriers)


def with_reporters(scenario: Scenario, reporters: int) -> Scenario:
    """So many, spread over the cities as they were, who write so much more or less. Raises BadInput
    for none."""
    if reporters < 1:
        raise BadInput("a simulation needs one reporter at least")
    ratio = reporters / scenario.reporters
    cities = []
    before = after = 0
    for city in scenario.cities:
        before += city.reporters
        count = round(before * ratio) - after
        after += count
        cities.append(replace(city, reporters=count))
    inhabited = {city.name for city in cities if city.reporters}
    bursts = [
        replace(burst, reports=max(1, round(burst.reports * ratio)))
        for burst in scenario.bursts
        if burst.city in inhabited
    ]
    return replace(scenario, cities=tuple(cities), bursts=tuple(bursts))
