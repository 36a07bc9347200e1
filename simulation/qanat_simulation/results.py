"""What systems came to, beside the optimum: shares, delays and burdens, by class. Draws nothing.

A system is measured at every moment at which the optimum is, and what never arrived counts as a
delay without end: nothing looks better for being late or lost.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from typing import Final

from qanat_simulation.classes import Class, class_of
from qanat_simulation.optimum import Optimum
from qanat_simulation.outcome import Outcome
from qanat_simulation.plan import Item, Plan

__all__ = ["ClassResult", "Curve", "curve_of", "delays", "items_of", "measure", "optimum_result"]

_COUNTS_FROM: Final = 0.1
"""Moments are compared from when the optimum has this share of all that it delivers: before, one
item more or less would be most of it."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A step curve: from times_s[n] on, sums[n] bytes are there."""

    times_s: Sequence[float]
    sums: Sequence[float]

    def at(self, at_s: float) -> float:
        """The bytes that are there by a time."""
        place = bisect_right(self.times_s, at_s)
        return self.sums[place - 1] if place else 0.0


@dataclass(frozen=True, slots=True)
class ClassResult:
    """One class under one system.

    delivered: the share of the written bytes that reached the desk. of_optimum: of what the optimum
    has delivered at the end, the share that this system has too; worst_of_optimum: the same at the
    moment at which it is least, at_s; worst_of_whole: the same beside the whole items of the
    optimum's own flow. None where there is no optimum, or it delivers nothing.
    median_s, p95_s: delays of all that was written, infinite where it never arrived.
    """

    kind: Class
    written: int
    arrived: int
    delivered: float
    of_optimum: float | None
    worst_of_optimum: float | None
    worst_at_s: float | None
    worst_of_whole: float | None
    median_s: float
    p95_s: float


def items_of(plan: Plan, kind: Class) -> list[Item]:
    """The items of a class."""
    return [item for item in plan.items if class_of(item.rank) is kind]


def curve_of(plan: Plan, outcome: Outcome, kind: Class) -> Curve:
    """The bytes of whole items of a class that the desk has by any time."""
    arrived = sorted(
        (outcome.arrived_s[item.number], item.body_bytes)
        for item in items_of(plan, kind)
        if item.number in outcome.arrived_s
    )
    return Curve([at_s for at_s, _ in arrived], [*accumulate(size for _, size in arrived)])


def delays(plan: Plan, outcome: Outcome, kind: Class) -> list[float]:
    """Of every item of a class, the least first; infinite where it never arrived."""
    return sorted(
        outcome.arrived_s.get(item.number, inf) - item.at_s for item in items_of(plan, kind)
    )


def measure(plan: Plan, outcome: Outcome, optimum: Optimum | None) -> list[ClassResult]:
    """Every class of which something was written."""
    found = []
    for kind in Class:
        items = items_of(plan, kind)
        if not items:
            continue
        curve = curve_of(plan, outcome, kind)
        at_end = worst = worst_at_s = whole = None
        if optimum is not None:
            best = optimum.delivered_bytes[kind]
            at_end, worst, worst_at_s = _beside(curve, optimum.times_s, best)
            flow = curve_of(plan, optimum.outcome, kind)
            _, whole, _ = _beside(curve, optimum.times_s, [flow.at(s) for s in optimum.times_s])
        found.append(
            ClassResult(
                kind=kind,
                written=len(items),
                arrived=len(curve.times_s),
                delivered=curve.at(plan.duration_s) / sum(item.body_bytes for item in items),
                of_optimum=at_end,
                worst_of_optimum=worst,
                worst_at_s=worst_at_s,
                worst_of_whole=whole,
                median_s=_quantile(delays(plan, outcome, kind), 0.5),
                p95_s=_quantile(delays(plan, outcome, kind), 0.95),
            )
        )
    return found


def _beside(
    curve: Curve, times_s: Sequence[float], best: Sequence[float]
) -> tuple[float | None, float | None, float | None]:
    """What the system has of the best at the end, at its worst moment, and when that is."""
    if not best[-1]:
        return None, None, None
    shares = [
        (curve.at(at_s) / most, at_s)
        for at_s, most in zip(times_s, best, strict=True)
        if most >= max(_COUNTS_FROM * best[-1], 1)
    ]
    return shares[-1][0], *min(shares)


def optimum_result(plan: Plan, optimum: Optimum) -> list[ClassResult]:
    """The optimum in the same terms; parts of items count in its share."""
    found = []
    for kind in Class:
        items = items_of(plan, kind)
        if not items:
            continue
        delivered = optimum.delivered_bytes[kind][-1] / sum(item.body_bytes for item in items)
        waited = delays(plan, optimum.outcome, kind)
        found.append(
            ClassResult(
                kind=kind,
                written=len(items),
                arrived=sum(each < inf for each in waited),
                delivered=min(1.0, delivered),
                of_optimum=None,
                worst_of_optimum=None,
                worst_at_s=None,
                worst_of_whole=None,
                median_s=_quantile(waited, 0.5),
                p95_s=_quantile(waited, 0.95),
            )
        )
    return found


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
