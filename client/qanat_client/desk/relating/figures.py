"""Figures side by side: what one report counts, and what others say of the same place and time.

One person is one source however often they write. What was corrected, withdrawn or rejected is
shown and does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from qanat_client.desk.inbox import Item, items_of
from qanat_client.desk.relating.candidates import Entry, entries, entry_of, nearest
from qanat_client.desk.relating.decided import (
    gathered_in,
    gathered_with,
    muted_authors,
    rejected_reports,
)
from qanat_client.desk.relating.keys import counted_keys, is_concept, place_keys
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

    Others are compared where they name a word of the same place and were written within a day, or
    where an incident gathers them with it. Muted pseudonyms are left out. Only what is catalogued
    is found.
    """
    (item,) = items_of(vault, [report_id])
    own = entry_of(vault, report_id)
    rejected = rejected_reports(vault)
    compared = []
    for figure in item.report.figures:
        ids: list[bytes] = []
        is_cut = False
        if own is not None:
            ids, is_cut = _of_this_place_and_time(vault, own, counted_keys(figure.what))
        ids += sorted(gathered_with(vault, report_id) - {report_id, *ids})
        mine = _said(item, figure, rejected)
        others = [
            said
            for said in _all_said(vault, ids, rejected)
            if _are_one_thing(counted_keys(said.what), counted_keys(figure.what))
        ]
        compared.append(_compared(figure.what, mine, others, is_cut=is_cut))
    return compared


def figures_of_incident(vault: Vault, incident: bytes) -> list[Comparison]:
    """Every thing that an incident's reports count; what most reports count first."""
    things: list[tuple[frozenset[str], list[Said]]] = []
    ids = sorted(gathered_in(vault, incident))
    for said in _all_said(vault, ids, rejected_reports(vault)):
        keys = counted_keys(said.what)
        known = next((thing for thing in things if _are_one_thing(thing[0], keys)), None)
        if known is None:
            known = (keys, [])
            things.append(known)
        known[1].append(said)
    things.sort(key=lambda thing: -len(thing[1]))
    return [_compared(_usual_words(said), None, said) for _, said in things]


def _usual_words(said: Sequence[Said]) -> str:
    words = [each.what for each in said]
    return max(dict.fromkeys(words), key=words.count)


def _of_this_place_and_time(
    vault: Vault, own: Entry, keys: frozenset[str]
) -> tuple[list[bytes], bool]:
    """Who counts something like it there and then; whether there may be more."""
    place = set(place_keys(own.place))
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
    return [entry.report_id for entry in there if place & {*place_keys(entry.place)}], is_cut


def _are_one_thing(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether two figures count the same: dead are no wounded, and wounded soldiers not all."""
    concepts = frozenset(filter(is_concept, some)), frozenset(filter(is_concept, others))
    if any(concepts):
        return concepts[0] == concepts[1]
    return bool(some and others) and (some <= others or others <= some)


def _all_said(vault: Vault, ids: Sequence[bytes], rejected: set[bytes]) -> list[Said]:
    """The figures of these reports, the newest first, without muted pseudonyms'."""
    muted = muted_authors(vault)
    items = [item for item in items_of(vault, ids) if item.report.author not in muted]
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
    judged = tuple(_judged(said, mine, others) for said in others)
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


def _judged(said: Said, mine: Said | None, others: Sequence[Said]) -> Said:
    if mine is not None:
        agrees = said.range.meets(mine.range)
    else:
        author = said.item.report.author
        rest = {
            other.item.report.author: other.range.meets(said.range)
            for other in reversed(others)
            if other.why_not is None and other.item.report.author != author
        }
        agrees = 2 * sum(rest.values()) >= len(rest)
    return Said(said.item, said.what, said.range, said.why_not, agrees)
