"""Two ways to do the same amount of work, timed in turns. Knows nothing of what the work is."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Absent", "Comparison", "Result", "measure", "result_of", "smallest"]

Timed = Callable[[], float]
"""Does the work once and returns the seconds it took, without its preparation."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against a limit that it cannot beat by much: the same work with nothing around it.

    amount: units of work in one turn; unit: what a rate counts, or "s" for the time of one.
    turns: how many a round has; many short ones stand noise better than a long one. aim: the ratio
    that is wanted. details: further facts, asked for at the end.
    """

    name: str
    limit: str
    unit: str
    amount: float
    ours: Timed
    bare: Timed
    turns: int = 1
    aim: float | None = None
    details: Callable[[], dict[str, float]] = dict


@dataclass(frozen=True, slots=True)
class Result:
    """unit: "letters/s" and the like, of which more is better; "s", "MB" or "bytes", of which less
    is. ours and bare are medians over the turns. ratio is the median of those of single turns,
    `low` and `high` their quartiles: each turn compares what ran within one moment. It is above 1
    where ours is better. aim: the least ratio that is wanted.
    """

    name: str
    limit: str
    unit: str
    ours: float
    bare: float
    ratio: float
    low: float
    high: float
    turns: int
    aim: float | None = None
    details: dict[str, float] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """Whether the aim was reached; None where there is none."""
        return None if self.aim is None else self.ratio >= self.aim


@dataclass(frozen=True, slots=True)
class Absent:
    """What could not be measured here, and why."""

    name: str
    why: str


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
    return [_measured(*pair) for pair in zip(comparisons, times, strict=True)]


def _turn(comparison: Comparison, number: int) -> tuple[float, float]:
    """The seconds of ours and of bare. Every second time bare goes first, so that neither always
    finds what the other left behind."""
    if number % 2:
        bare_s = comparison.bare()
        return comparison.ours(), bare_s
    return comparison.ours(), comparison.bare()


def _measured(comparison: Comparison, taken: Sequence[tuple[float, float]]) -> Result:
    amount = comparison.amount
    if comparison.unit == "s":
        unit, pairs = "s", [(ours_s / amount, bare_s / amount) for ours_s, bare_s in taken]
    else:
        unit = f"{comparison.unit}/s"
        pairs = [(amount / ours_s, amount / bare_s) for ours_s, bare_s in taken]
    return result_of(
        comparison.name,
        comparison.limit,
        unit,
        pairs,
        aim=comparison.aim,
        details=comparison.details(),
    )


def result_of(
    name: str,
    limit: str,
    unit: str,
    pairs: Sequence[tuple[float, float]],
    *,
    aim: float | None = None,
    details: dict[str, float] | None = None,
) -> Result:
    """pairs: ours and the limit of each turn, in `unit`."""
    more_is_better = unit.endswith("/s")
    ratios = [ours / bare if more_is_better else bare / ours for ours, bare in pairs]
    low, _, high = statistics.quantiles(ratios, method="inclusive") if ratios[1:] else ratios * 3
    return Result(
        name,
        limit,
        unit,
        ours=statistics.median(ours for ours, _ in pairs),
        bare=statistics.median(bare for _, bare in pairs),
        ratio=statistics.median(ratios),
        low=low,
        high=high,
        turns=len(pairs),
        aim=aim,
        details=details or {},
    )


def smallest(name: str, unit: str, amounts: Sequence[float], most: float) -> Result:
    """What is to stay below an amount in every turn: the largest one counts."""
    worst = max(amounts)
    ratio = most / worst
    return Result(name, "the aim", unit, worst, most, ratio, ratio, ratio, len(amounts), aim=1.0)
