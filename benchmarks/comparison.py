"""Two ways to do the same amount of work, timed in turns. Knows nothing of what the work is."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Comparison", "Result", "measure"]

Timed = Callable[[], float]
"""Does the work once and returns the seconds it took, without its preparation."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against a limit that it cannot beat by much: the same work with nothing around it.

    amount: units of work in one turn; unit: what a rate counts. turns: how many a round has; many
    short ones stand noise better than a long one. details: further facts, asked for at the end.
    """

    name: str
    limit: str
    unit: str
    amount: float
    ours: Timed
    bare: Timed
    turns: int = 1
    details: Callable[[], dict[str, float]] = dict


@dataclass(frozen=True, slots=True)
class Result:
    """Rates are medians in units a second. The ratio is the median of those of single turns, ours
    to bare, `low` and `high` their quartiles: each turn compares what ran within one moment."""

    name: str
    limit: str
    unit: str
    ours: float
    bare: float
    ratio: float
    low: float
    high: float
    turns: int
    details: dict[str, float] = field(default_factory=dict)


def measure(
    comparisons: Sequence[Comparison], rounds: int, note: Callable[[str], None]
) -> list[Result]:
    """Take one turn of each to warm it up, then go `rounds` times through all of them."""
    times: list[list[tuple[float, float]]] = [[] for _ in comparisons]
    for number in range(rounds + 1):
        for comparison, taken in zip(comparisons, times, strict=True):
            note(f"round {number} of {rounds}: {comparison.name}")
            if number:
                taken.extend(_turn(comparison, turn) for turn in range(comparison.turns))
            else:
                _turn(comparison, 0)
    return [
        _result(comparison, taken) for comparison, taken in zip(comparisons, times, strict=True)
    ]


def _turn(comparison: Comparison, number: int) -> tuple[float, float]:
    """The seconds of ours and of bare. Every second time bare goes first, so that neither always
    finds what the other left behind."""
    if number % 2:
        bare_s = comparison.bare()
        return comparison.ours(), bare_s
    return comparison.ours(), comparison.bare()


def _result(comparison: Comparison, taken: Sequence[tuple[float, float]]) -> Result:
    ratios = [bare_s / ours_s for ours_s, bare_s in taken]
    low, _, high = statistics.quantiles(ratios, method="inclusive") if taken[1:] else ratios * 3
    return Result(
        comparison.name,
        comparison.limit,
        comparison.unit,
        ours=comparison.amount / statistics.median(ours_s for ours_s, _ in taken),
        bare=comparison.amount / statistics.median(bare_s for _, bare_s in taken),
        ratio=statistics.median(ratios),
        low=low,
        high=high,
        turns=len(taken),
        details=comparison.details(),
    )
