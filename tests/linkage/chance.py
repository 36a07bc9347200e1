"""How much better than chance an order of the parcels tells which of them belong together.

Two parcels are compared only with two others of which the same is known anyway (day, kind, desk,
relays); chance is what labels tell that are dealt out anew among such parcels.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log, log2, sqrt
from random import Random

from tests.linkage.adversary import Order

Pair = tuple[int, int]
"""Numbers of two names, the lower first."""

DEALS = 100
_FARTHEST = 40.0
_GROUP = 1 << 20
_BINS = 2 * int(_FARTHEST) + 1


@dataclass(frozen=True)
class Question:
    """Which pairs of these names are asked about, and which of them belong together.

    known: of each name, what is no secret; foreign: whether a pair is of the half of the sources
    whose reports the adversary did not send himself.
    """

    names: Sequence[bytes]
    pairs: Sequence[Pair]
    together: Sequence[Pair]
    known: Mapping[bytes, Hashable]
    foreign: Callable[[Pair], bool]
    number_of: dict[Pair, int] = field(init=False)
    like: list[list[int]] = field(init=False)
    """The numbers of the pairs of which the same is known."""

    def __post_init__(self) -> None:
        like: defaultdict[Hashable, list[int]] = defaultdict(list)
        for number, (one, other) in enumerate(self.pairs):
            like[self.known[self.names[one]], self.known[self.names[other]]].append(number)
        object.__setattr__(self, "number_of", {pair: at for at, pair in enumerate(self.pairs)})
        object.__setattr__(self, "like", list(like.values()))

    def deal(self, rng: Random) -> list[int]:
        """The pairs that belong together if who is who is dealt anew among those known alike."""
        alike: defaultdict[Hashable, list[int]] = defaultdict(list)
        for number, name in enumerate(self.names):
            alike[self.known[name]].append(number)
        new = [0] * len(self.names)
        for some in alike.values():
            for old, now in zip(some, rng.sample(some, len(some)), strict=True):
                new[old] = now
        dealt = [(new[one], new[other]) for one, other in self.together]
        numbers = (self.number_of.get((min(pair), max(pair))) for pair in dealt)
        return [number for number in numbers if number is not None]


@dataclass(frozen=True, slots=True)
class Advantage:
    """auc: how often a pair that belongs together looks more so than a like pair that does not.
    deviations: how many standard deviations of chance that is away from 0.5.
    precision: how many of the foremost pairs, as many as there are true ones, are true; base: how
    many of any pairs are."""

    auc: float
    deviations: float
    precision: float
    base: float


def closeness(question: Question, orders: Iterable[Order]) -> list[float]:
    """Of each pair, how close it lies in these orders, one of each relay; 0 where none shows it.

    One less for each doubling of the distance.
    """
    total = [0.0] * len(question.pairs)
    shown = [0] * len(question.pairs)
    steps = [log2(1 + distance) for distance in range(1 << 16)]
    for order in orders:
        ranks = _ranks(order)
        places = [ranks.get(name) for name in question.names]
        for number, (one, other) in enumerate(question.pairs):
            here, there = places[one], places[other]
            if here is None or there is None:
                continue
            distance = abs(here - there)
            if distance < len(steps):
                shown[number] += 1
                total[number] += steps[distance]
    return [
        _FARTHEST - value / count if count else 0.0
        for value, count in zip(total, shown, strict=True)
    ]


def _ranks(order: Order) -> dict[bytes, int]:
    groups: defaultdict[int, set[int]] = defaultdict(set)
    for group, place in order.values():
        groups[group].add(place)
    rank = {
        (group, place): first * _GROUP + number
        for first, (group, some) in enumerate(groups.items())
        for number, place in enumerate(sorted(some))
    }
    return {name: rank[place] for name, place in order.items()}


def judge(question: Question, values: Sequence[float], rng: Random) -> Advantage:
    """Measure what a value of each pair tells."""
    scores = _among_like(question, values)
    auc = _mean([scores[question.number_of[pair]] for pair in question.together])
    dealt = [_mean([scores[at] for at in question.deal(rng)]) for _ in range(DEALS)]
    middle = _mean(dealt)
    spread = sqrt(_mean([(value - middle) ** 2 for value in dealt])) or 1e-9
    true = {question.number_of[pair] for pair in question.together}
    order = sorted(range(len(values)), key=lambda number: (-values[number], rng.random()))
    return Advantage(
        auc=0.5 + auc - middle,
        deviations=(auc - middle) / spread,
        precision=len(true.intersection(order[: len(true)])) / len(true),
        base=len(true) / len(values),
    )


def combine(question: Question, features: Sequence[Sequence[float]]) -> list[float]:
    """All features together, each weighed by what it tells of the other half of the sources:
    whoever reads the disks can have sent reports of his own."""
    half = [question.foreign(pair) for pair in question.pairs]
    true = {question.number_of[pair] for pair in question.together}
    combined = [0.0] * len(half)
    for values in features:
        bins = [int(2 * value) for value in values]
        weights = [_weights(bins, half, side, true) for side in (False, True)]
        for number, (side, at) in enumerate(zip(half, bins, strict=True)):
            combined[number] += weights[not side][at]
    return combined


def _weights(bins: list[int], half: list[bool], side: bool, true: set[int]) -> list[float]:
    right, every = [0.5] * _BINS, [0.5 * len(bins) / max(1, len(true))] * _BINS
    for number, at in enumerate(bins):
        if half[number] is side:
            every[at] += 1
            right[at] += number in true
    return [
        log(one / sum(right) * sum(every) / other) for one, other in zip(right, every, strict=True)
    ]


def _among_like(question: Question, values: Sequence[float]) -> list[float]:
    """Each pair's place, 0 to 1, among the pairs of which the same is known."""
    scores = [0.5] * len(values)
    for numbers in question.like:
        some = sorted(values[number] for number in numbers)
        for number in numbers:
            low, high = bisect_left(some, values[number]), bisect_right(some, values[number])
            scores[number] = (low + high) / 2 / len(some)
    return scores


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.5
