"""When whose line works. A window of p percent is one in which the same share p of people, always
the same ones, has a line: who is online in a bad window is online in every better one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from qanat_simulation.link_presets import Preset
from qanat_simulation.plan import Line
from qanat_simulation.scenario import City

__all__ = ["CityLines", "Person", "Span", "constant_lines", "flapping", "lines_of", "without"]

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Person:
    """How likely somebody's lines are cut: each from 0 to 1, online where it is below the share
    that works; None: has no such line at all."""

    fixed: float | None
    mobile: float | None

    @classmethod
    def drawn(cls, city: City, chance: Random) -> Person:
        """Somebody of this city, who has one kind of line at least if anybody has."""
        fixed, mobile = chance.random(), chance.random()
        has_fixed = chance.random() < city.with_fixed
        has_mobile = chance.random() < city.with_mobile
        if not has_fixed and not has_mobile:
            has_fixed, has_mobile = city.with_fixed > 0, city.with_mobile > 0
        return cls(fixed if has_fixed else None, mobile if has_mobile else None)


@dataclass(frozen=True, slots=True)
class _Level:
    """The share of lines of one kind that works over a stretch."""

    start_s: float
    end_s: float
    share: float
    is_national: bool


class CityLines:
    """The lines of one city, the edges of its windows drawn once for all who live there."""

    def __init__(self, city: City, duration_s: float, chance: Random) -> None:
        edges = sorted({edge for each in city.windows for edge in (each.start_s, each.end_s)})
        self._kinds = []
        for kind, preset in enumerate((city.fixed, city.mobile)):
            moved = _jittered(edges, city.jitter_s, duration_s, chance)
            levels = _levels(city, kind, moved, duration_s)
            self._kinds.append((levels, preset))

    def lines(self, node: str, person: Person, present: Sequence[Span]) -> list[Line]:
        """A person's lines while they are here: the best of those that work."""
        offers: list[tuple[Span, Preset, bool]] = []
        for draw, (levels, preset) in zip((person.fixed, person.mobile), self._kinds, strict=True):
            if draw is not None:
                offers += [
                    ((level.start_s, level.end_s), preset, level.is_national)
                    for level in levels
                    if draw < level.share
                ]
        return lines_of(node, offers, present)


def _jittered(
    edges: Sequence[float], jitter_s: float, duration_s: float, chance: Random
) -> dict[float, float]:
    """Each edge and where it is moved to; their order stays."""
    moved: dict[float, float] = {}
    last = 0.0
    for edge in edges:
        last = min(duration_s, max(last, round(edge + chance.uniform(-jitter_s, jitter_s))))
        moved[edge] = last
    return moved


def _levels(city: City, kind: int, moved: dict[float, float], duration_s: float) -> list[_Level]:
    found: list[_Level] = []
    free_s = 0.0
    for window in city.windows:
        start_s, end_s = moved[window.start_s], moved[window.end_s]
        found.append(_Level(free_s, start_s, city.between[kind], False))
        share = (window.fixed, window.mobile)[kind]
        found.append(_Level(start_s, end_s, share, window.is_national))
        free_s = end_s
    found.append(_Level(free_s, duration_s, city.between[kind], False))
    return [level for level in found if level.start_s < level.end_s]


def lines_of(
    node: str,
    offers: Sequence[tuple[Span, Preset, bool]],
    present: Sequence[Span],
    *,
    is_foreign: bool = False,
) -> list[Line]:
    """One line at a time out of (when, rates, national) that may overlap: the whole network before
    a national one, then the faster. Only while present."""
    edges = sorted(
        {edge for span, _, _ in offers for edge in span} | {e for s in present for e in s}
    )
    found: list[Line] = []
    for start_s, end_s in pairwise(edges):
        if not any(here[0] <= start_s and end_s <= here[1] for here in present):
            continue
        working = [
            (not is_national, preset.up_bytes_s, preset)
            for (begins, ends), preset, is_national in offers
            if begins <= start_s and end_s <= ends
        ]
        if not working:
            continue
        is_whole, _, best = max(working, key=lambda offer: offer[:2])
        line = Line(
            node=node,
            start_s=start_s,
            end_s=end_s,
            up_bytes_s=best.up_bytes_s,
            down_bytes_s=best.down_bytes_s,
            rtt_s=best.rtt_s,
            loss=best.loss,
            is_national=not is_whole,
            is_foreign=is_foreign,
        )
        last = found[-1] if found else None
        if last and last.end_s == start_s and replace(last, start_s=start_s, end_s=end_s) == line:
            line = replace(line, start_s=found.pop().start_s)
        found.append(line)
    return found


def constant_lines(
    node: str,
    preset: Preset,
    duration_s: float,
    *,
    down: Iterable[Span] = (),
    national: Sequence[Span] = (),
    is_foreign: bool = False,
) -> list[Line]:
    """A line that works but for some spans; in others it reaches the country only."""
    up = without([(0.0, duration_s)], down)
    whole = without(up, national)
    offers = [(span, preset, False) for span in whole]
    offers += [(span, preset, True) for span in without(up, whole)]
    return lines_of(node, offers, [(0.0, duration_s)], is_foreign=is_foreign)


def flapping(lines: Iterable[Line], each_s: float) -> list[Line]:
    """The same lines, but that they work for so long, then don't for so long, and so on."""
    found = []
    for line in lines:
        start_s = line.start_s
        while start_s < line.end_s:
            found.append(replace(line, start_s=start_s, end_s=min(line.end_s, start_s + each_s)))
            start_s += 2 * each_s
    return found


def without(spans: Sequence[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of spans; both are ordered and don't overlap among themselves."""
    left = list(spans)
    for begins, ends in taken:
        left = [
            part
            for start_s, end_s in left
            for part in ((start_s, min(end_s, begins)), (max(start_s, ends), end_s))
            if part[0] < part[1]
        ]
    return left
