"""Which reports may belong to one, and why: for an editor to look at, never decided here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from qanat_client.desk.faults import readable
from qanat_client.desk.inbox import report_in
from qanat_client.desk.places.table import place_numbered
from qanat_client.desk.relating.candidates import (
    MAX_APART_S,
    Entry,
    entries,
    entry_of,
    nearest_by_place,
    same_files,
    sharing_words,
)
from qanat_client.desk.relating.decided import gathered_with, muted_authors
from qanat_client.desk.relating.keys import city_in, place_keys
from qanat_client.desk.vault import Vault
from qanat_client.terminal import printable_line
from qanat_protocol.report import Report

__all__ = ["Kind", "NearPicture", "Reason", "Related", "Suggestion", "related"]

NearPicture = tuple[bytes, int, int]
"""A report, the number of its file, and how many of 256 bits of its picture differ."""

SUGGESTED: Final = 20
MOST_OF_ONE_PSEUDONYM: Final = 3
"""What one person sends again and again does not push out what others say."""
LOOKED_AT: Final = 200
"""Of those that share words, the best; so that a flood of the same words costs nothing."""

PDQ_BITS: Final = 256
_HALF_AFTER_S: Final = 3 * 3600

# How far each kind alone can carry a suggestion; together they come near to 1.
_SAME_FILE: Final = 0.95
_NEAR_PICTURE: Final = 0.9
_WORDS: Final = 0.8
_PLACE: Final = 0.4
_TIME: Final = 0.35
_MIN_WORDS: Final = 0.2
"""Less than that every other report of the same language shares."""
_WORDS_NAMED: Final = 5


class Kind(StrEnum):
    """What speaks for a suggestion."""

    SAME_FILE = "same_file"
    NEAR_PICTURE = "near_picture"
    WORDS = "words"
    PLACE = "place"
    TIME = "time"


_OF_A_PAIR: Final = frozenset({Kind.WORDS, Kind.PLACE, Kind.TIME})


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for it, in words; `weight` from 0 to 1."""

    kind: Kind
    words: str
    weight: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A report that may belong to another; `score` from 0 to 1, the reasons strongest first."""

    report_id: bytes
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """The suggestions, the best first. `together`: left out, for an incident gathers both."""

    suggestions: tuple[Suggestion, ...] = ()
    together: int = 0


def related(
    vault: Vault, report_id: bytes, *, near: Iterable[NearPicture] = (), most: int = SUGGESTED
) -> Related:
    """What may belong to this report; nothing as long as it is not catalogued.

    Left out: what corrects or withdraws it or the other way round, and muted pseudonyms.
    """
    own = entry_of(vault, report_id)
    if own is None:
        return Related()
    report = report_in(vault, report_id)
    words = sharing_words(vault, own, report)
    best = sorted(words, key=lambda number: -_words_weight(words[number]))[:LOOKED_AT]
    files = {
        other: Reason(Kind.SAME_FILE, f"the same file: {printable_line(name)}", _SAME_FILE)
        for other, name in readable({}, same_files, vault, report_id, report).items()
    }
    for other, file, bits in near:
        files.setdefault(other, _near_reason(file, bits))
    numbers = {*best, *nearest_by_place(vault, own)}
    found = {entry.report_id: entry for entry in entries(vault, numbers=sorted(numbers))}
    missing = [other for other in files if other not in found]
    found |= {entry.report_id: entry for entry in entries(vault, ids=missing)}
    for other in {report_id, *_linked(vault, report_id, report)}:
        found.pop(other, None)
    weighed = []
    for entry in found.values():
        pair = _Pair(own, report, entry, words.get(entry.number, {}))
        weights = pair.weights()
        if entry.report_id in files:
            reason = files[entry.report_id]
            weights[reason.kind] = reason.weight
        if _is_enough(weights):
            weighed.append((_score(weights.values()), pair, weights))
    weighed.sort(key=lambda each: (-each[0], -each[1].other.number))
    chosen, together = _chosen(vault, report_id, (pair.other for _, pair, _ in weighed), most)
    suggestions = []
    for score, pair, weights in weighed:
        other = pair.other.report_id
        if other in chosen:
            reasons = [
                Reason(kind, pair.words(kind), weight)
                for kind, weight in weights.items()
                if kind in _OF_A_PAIR
            ]
            reasons += [files[other]] if other in files else []
            reasons.sort(key=lambda reason: -reason.weight)
            suggestions.append(Suggestion(other, score, tuple(reasons)))
    return Related(tuple(suggestions), together)


def _near_reason(file: int, bits: int) -> Reason:
    return Reason(
        Kind.NEAR_PICTURE,
        f"file {file + 1} there is nearly the same picture ({bits} of {PDQ_BITS} bits differ)",
        _NEAR_PICTURE * max(0.0, 1 - bits / (PDQ_BITS / 2)),
    )


def _linked(vault: Vault, report_id: bytes, report: Report) -> list[bytes]:
    """What the report refers to, and what refers to it: that is shown with it in any case."""
    query = "SELECT id FROM reports WHERE refers = ?"
    return [
        *(other for (other,) in readable([], vault.rows, query, report_id)),
        *(other for other in (report.corrects, report.withdraws) if other is not None),
    ]


def _words_weight(shared: Mapping[str, float]) -> float:
    # Cubed: a dozen words that every tenth report has are less than one that two reports have.
    together = sum(rarity**3 for rarity in shared.values())
    return _WORDS * together / (together + 1)


@dataclass(frozen=True, slots=True)
class _Pair:
    """The report that is asked about, another, and what is between them."""

    own: Entry
    report: Report
    other: Entry
    shared: Mapping[str, float]

    @property
    def are_written(self) -> bool:
        """Whether both were written by a clock that can be right; else both have their arrival."""
        return all(entry.at_s != entry.arrived_s for entry in (self.own, self.other))

    @property
    def apart_s(self) -> int:
        """How far apart they were written, or arrived."""
        if self.are_written:
            return abs(self.own.at_s - self.other.at_s)
        return abs(self.own.arrived_s - self.other.arrived_s)

    def weights(self) -> dict[Kind, float]:
        """How much speaks for it, by kind; only what speaks for it."""
        found = {}
        if (weight := _words_weight(self.shared)) >= _MIN_WORDS:
            found[Kind.WORDS] = weight
        if same := self.own.same_place(self.other):
            found[Kind.PLACE] = _PLACE * same
        if (apart_s := self.apart_s) <= MAX_APART_S:
            found[Kind.TIME] = _TIME * 2 ** (-apart_s / _HALF_AFTER_S)
        return found

    def words(self, kind: Kind) -> str:
        """Why, for people."""
        match kind:
            case Kind.WORDS:
                rarest = sorted(self.shared, key=lambda word: (-self.shared[word], word))
                named = ", ".join(map(printable_line, rarest[:_WORDS_NAMED]))
                more = len(rarest) - _WORDS_NAMED
                return f"shares {named}" + (f" and {more} more" if more > 0 else "")
            case Kind.PLACE:
                return f"the same place: {self._place_words()}"
            case _:
                how = "written" if self.are_written else "arrived"
                return f"{how} {_span_words(self.apart_s)} apart"

    def _place_words(self) -> str:
        """What of the place both have; the city's name where the other calls it otherwise."""
        common = self.own.common_place(self.other)
        city = place_numbered(city_in(common))
        name = self.own.words - self.own.parts
        also = ""
        if city is not None:
            if not name & self.other.words:
                also = f" ({city.names['en']})"
            common |= name
        words = [word for word in self.report.where.split() if common & {*place_keys(word)}]
        return printable_line(" ".join(words).strip(" ,;.")) + also


def _span_words(span_s: int) -> str:
    minutes = round(span_s / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes} minute{'s' * (minutes > 1)}"
    return f"{round(span_s / 3600)} hours"


def _is_enough(kinds: Collection[Kind]) -> bool:
    """Place and time each say nothing alone: half the country writes in the same hour."""
    return bool(set(kinds) - {Kind.PLACE, Kind.TIME}) or {Kind.PLACE, Kind.TIME} <= set(kinds)


def _score(weights: Iterable[float]) -> float:
    left = 1.0
    for weight in weights:
        left *= 1 - weight
    return round(1 - left, 4)


def _chosen(
    vault: Vault, report_id: bytes, found: Iterable[Entry], most: int
) -> tuple[set[bytes], int]:
    """The ids of those that are suggested; how many are gathered with it already."""
    gathered = gathered_with(vault, report_id)
    muted = muted_authors(vault)
    chosen: set[bytes] = set()
    of_one: dict[bytes, int] = {}
    together = 0
    for entry in found:
        if entry.author in muted:
            continue
        if entry.report_id in gathered:
            together += 1
            continue
        of_one[entry.author] = of_one.get(entry.author, 0) + 1
        if of_one[entry.author] <= MOST_OF_ONE_PSEUDONYM and len(chosen) < most:
            chosen.add(entry.report_id)
    return chosen, together
