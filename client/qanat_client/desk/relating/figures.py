"""Figures side by side: what one report counts, and what others say of the same place and time.

One person is one source however often they write. What was corrected, withdrawn or rejected is
shown and does not count.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from qanat_client.desk.inbox import Item, items_of, readable_items
from qanat_client.desk.relating.candidates import Entry, entries, entry_of, nearest
from qanat_client.desk.relating.decided import (
    gathered_in,
    gathered_with,
    muted_authors,
    rejected_reports,
)
from qanat_client.desk.relating.keys import counted_keys, is_concept
from qanat_client.desk.vault import Vault
from qanat_protocol.report import Basis, Figure

__all__ = ["Comparison", "Range", "Said", "figures_of", "figures_of_incident"]

SAME_TIME_S: Final = 86_400
"""Further apart, two figures are of two events or of two states of one."""
COMPARED: Final = 60
"""As many on either side in time are compared."""


@dataclass(frozen=True, slots=True)
class Range:
    """From the lowest to the highest number that somebody thinks possible."""

    minimum: int
    maximum: int

    def meets(self, other: Range) -> bool:
        """Whether both can be right."""
        return self.minimum <= other.maximum and other.minimum <= self.maximum


@dataclass(frozen=True, slots=True)
class Said:
    """A figure of one report. `why_not`: why it does not count, or None where it does.

    `agrees`: with the report that is asked about; in an incident with half of the other sources
    or more.
    """

    item: Item
    what: str
    range: Range
    why_not: str | None
    agrees: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is said of one thing that is counted. `mine`: of the report that is asked about.

    The numbers from `lowest` on are of what counts, `mine` included: `overlap` is what all of it
    has in common. Sources are pseudonyms; `agreeing` are others than the one that is asked about.
    `is_cut`: there may be more that are further apart in time.
    """

    what: str
    mine: Said | None
    others: tuple[Said, ...]
    lowest: int | None
    highest: int | None
    overlap: Range | None
    sources: int
    agreeing: int
    first_hand: int
    rumour: int
    is_cut: bool = False


def figures_of(vault: Vault, report_id: bytes) -> list[Comparison]:
    """Every figure of a report beside those of others, newest first.

    Others are compared where they name the same city or a word of the same place and were written
    within a day, or where an incident gathers them with it. Muted pseudonyms are left out. Only
    what is catalogued is found.
    """
    (item,) = items_of(vault, [report_id])
    own = entry_of(vault, report_id)
    rejected = rejected_reports(vault)
    gathered = gathered_with(vault, report_id) - {report_id}
    there: list[tuple[set[bytes], bool]] = []
    for figure in item.report.figures:
        ids: set[bytes] = set()
        is_cut = False
        if own is not None:
            ids, is_cut = _of_this_place_and_time(vault, own, counted_keys(figure.what))
        there.append((ids | gathered, is_cut))
    # Read once for all figures: each may be compared with those of the same reports.
    everything = _all_said(vault, sorted(set().union(*(ids for ids, _ in there))), rejected)
    compared = []
    for figure, (ids, is_cut) in zip(item.report.figures, there, strict=True):
        thing = _thing(figure.what)
        others = [
            said
            for said in everything
            if said.item.report_id in ids and _are_one(_thing(said.what), thing)
        ]
        mine = _said(item, figure, rejected)
        compared.append(_compared(figure.what, mine, others, is_cut=is_cut))
    return compared


def figures_of_incident(vault: Vault, incident: bytes) -> list[Comparison]:
    """Every thing that an incident's reports count; what most reports count first."""
    found: list[list[Said]] = []
    by_thing: dict[_Thing, list[Said]] = {}
    by_key: dict[str, list[_Thing]] = {}
    ids = sorted(gathered_in(vault, incident))
    for said in _all_said(vault, ids, rejected_reports(vault)):
        thing = _thing(said.what)
        known = thing if thing in by_thing else _known(by_key, thing)
        if known is not None:
            by_thing[known].append(said)
            continue
        found.append([said])
        if thing.keys:
            by_thing[thing] = found[-1]
        for key in thing.keys:
            by_key.setdefault(key, []).append(thing)
    found.sort(key=lambda all_said: -len(all_said))
    return [_compared(_usual_words(all_said), None, all_said) for all_said in found]


def _known(by_key: Mapping[str, Sequence[_Thing]], thing: _Thing) -> _Thing | None:
    """One that counts the same; only what has a word in common can."""
    near = (other for key in sorted(thing.keys) for other in by_key.get(key, ()))
    return next((other for other in near if _are_one(other, thing)), None)


def _usual_words(said: Sequence[Said]) -> str:
    return Counter(each.what for each in said).most_common(1)[0][0]


def _of_this_place_and_time(
    vault: Vault, own: Entry, keys: frozenset[str]
) -> tuple[set[bytes], bool]:
    """Who counts something like it there and then; whether there may be more."""
    numbers: set[int] = set()
    is_cut = False
    for key in sorted(filter(is_concept, keys)) or sorted(keys):
        found = list(
            nearest(vault, "catalogue_figures", key, own.at_s, apart_s=SAME_TIME_S, most=COMPARED)
        )
        is_cut |= len(found) >= COMPARED
        numbers.update(found)
    numbers.discard(own.number)
    there = entries(vault, numbers=sorted(numbers))
    return {entry.report_id for entry in there if own.common_place(entry)}, is_cut


@dataclass(frozen=True, slots=True)
class _Thing:
    """What a figure counts: all keys of its words, and those that stand for a concept."""

    keys: frozenset[str]
    concepts: frozenset[str]


@lru_cache(maxsize=8192)
def _thing(what: str) -> _Thing:
    keys = counted_keys(what)
    return _Thing(keys, frozenset(filter(is_concept, keys)))


def _are_one(some: _Thing, other: _Thing) -> bool:
    """Whether two figures count the same: dead are no wounded, and wounded soldiers not all."""
    if some.concepts or other.concepts:
        return some.concepts == other.concepts
    return bool(some.keys and other.keys) and (some.keys <= other.keys or other.keys <= some.keys)


def _all_said(vault: Vault, ids: Sequence[bytes], rejected: set[bytes]) -> list[Said]:
    """The figures of these reports, the newest first, without muted pseudonyms' and without those
    that can't be read."""
    muted = muted_authors(vault)
    items = [item for item in readable_items(vault, ids)[0] if item.report.author not in muted]
    items.sort(key=lambda item: (-item.arrived_s, item.report_id))
    return [_said(item, figure, rejected) for item in items for figure in item.report.figures]


def _said(item: Item, figure: Figure, rejected: set[bytes]) -> Said:
    why_not = None
    if item.is_withdrawn:
        why_not = "withdrawn"
    elif item.is_corrected:
        why_not = "corrected"
    elif item.report_id in rejected:
        why_not = "rejected"
    return Said(item, figure.what, Range(figure.minimum, figure.maximum), why_not)


def _compared(
    what: str, mine: Said | None, others: Sequence[Said], *, is_cut: bool = False
) -> Comparison:
    if mine is not None:
        judged = tuple(replace(said, agrees=said.range.meets(mine.range)) for said in others)
    else:
        among = _Among(others)
        judged = tuple(replace(said, agrees=among.agrees(said)) for said in others)
    counting = [said for said in judged if said.why_not is None]
    everything = [mine, *counting] if mine is not None and mine.why_not is None else counting
    lowest = min((said.range.minimum for said in everything), default=None)
    highest = max((said.range.maximum for said in everything), default=None)
    overlap = None
    if everything:
        common = Range(
            max(said.range.minimum for said in everything),
            min(said.range.maximum for said in everything),
        )
        overlap = common if common.minimum <= common.maximum else None
    own = set() if mine is None else {mine.item.report.author}
    # Of one who said several things the newest counts.
    newest = {said.item.report.author: said for said in reversed(counting)}
    return Comparison(
        what,
        mine,
        judged,
        lowest,
        highest,
        overlap,
        sources=len(_authors(everything)),
        agreeing=sum(said.agrees for author, said in newest.items() if author not in own),
        first_hand=len(_authors(said for said in everything if _basis(said) is Basis.SEEN)),
        rumour=len(_authors(said for said in everything if _basis(said) is Basis.HEARD)),
        is_cut=is_cut,
    )


def _authors(said: Iterable[Said]) -> set[bytes]:
    return {each.item.report.author for each in said}


def _basis(said: Said) -> Basis:
    return said.item.report.basis


class _Among:
    """What counts of several sources, of each the newest: who agrees with half of the others."""

    def __init__(self, everything: Sequence[Said]) -> None:
        self._newest = {
            said.item.report.author: said.range
            for said in reversed(everything)
            if said.why_not is None
        }
        self._minima = sorted(span.minimum for span in self._newest.values())
        self._maxima = sorted(span.maximum for span in self._newest.values())

    def agrees(self, said: Said) -> bool:
        """With half of the other sources or more. Takes no look at each of them."""
        span = said.range
        above = len(self._minima) - bisect_right(self._minima, span.maximum)
        below = bisect_left(self._maxima, span.minimum)
        others = len(self._newest)
        meeting = others - above - below
        own = self._newest.get(said.item.report.author)
        if own is not None:
            others -= 1
            meeting -= own.meets(span)
        return 2 * meeting >= others
