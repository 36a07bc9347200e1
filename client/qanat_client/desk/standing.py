"""What is in force: decisions folded into the standing of reports, incidents and pseudonyms.

The same decisions give the same standing in whatever order and however often they came: of each
register the one with the highest (clock, id) counts, and a set is one register for each member.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qanat_client.desk.decisions import (
    Change,
    Confidence,
    Decision,
    Element,
    ReportState,
    What,
)

__all__ = ["Assessment", "Incident", "ReportStanding", "Standing", "fold", "standing_of"]


@dataclass(frozen=True, slots=True)
class Assessment:
    """How sure the desk is of one element of a report."""

    confidence: Confidence = Confidence.UNKNOWN
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReportStanding:
    """What editors decided about one report; `incidents` by their ids."""

    state: ReportState = ReportState.NEW
    is_read: bool = False
    is_starred: bool = False
    tags: frozenset[str] = frozenset()
    elements: Mapping[Element, Assessment] = field(default_factory=dict)
    incidents: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Incident:
    """Reports that belong together. The name is empty as long as only its reports are known.

    Deleted is one of which an editor said so and in which no report is: where somebody gathered one
    without knowing of that, it is there, and so is the report.
    """

    name: str = ""
    reports: frozenset[bytes] = frozenset()
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it. A report about which nothing was decided is in no table."""

    reports: Mapping[bytes, ReportStanding]
    incidents: Mapping[bytes, Incident]
    muted: frozenset[bytes]

    def of(self, report_id: bytes) -> ReportStanding:
        """A report's, as it begins where nothing was decided."""
        return self.reports.get(report_id, _UNTOUCHED)


_UNTOUCHED = ReportStanding()


def fold(decisions: Iterable[tuple[bytes, Decision]]) -> Standing:
    """The standing after these (id, decision), given in any order and any of them repeatedly."""
    newest: dict[tuple[What, bytes, bytes], tuple[int, bytes, Change]] = {}
    for identity, decision in decisions:
        register = decision.change.register
        known = newest.get(register)
        if known is None or (decision.clock, identity) > known[:2]:
            newest[register] = (decision.clock, identity, decision.change)
    return standing_of(change for _, _, change in newest.values())


@dataclass(slots=True)
class _Gathering:
    """A report's standing while it is put together."""

    state: ReportState = ReportState.NEW
    is_read: bool = False
    is_starred: bool = False
    tags: set[str] = field(default_factory=set)
    elements: dict[Element, Assessment] = field(default_factory=dict)
    incidents: set[bytes] = field(default_factory=set)

    def done(self) -> ReportStanding:
        return ReportStanding(
            self.state,
            self.is_read,
            self.is_starred,
            frozenset(self.tags),
            # In one order, so that equal standings are also shown alike.
            dict(sorted(self.elements.items())),
            frozenset(self.incidents),
        )


def standing_of(in_force: Iterable[Change]) -> Standing:
    """The standing that these changes make, one for each register."""
    reports: dict[bytes, _Gathering] = {}
    names: dict[bytes, str] = {}
    gathered: dict[bytes, set[bytes]] = {}
    deleted: set[bytes] = set()
    muted: set[bytes] = set()
    for change in in_force:
        subject, part, number = change.subject, change.part, change.number
        if change.what is What.MUTED:
            if number:
                muted.add(subject)
        elif change.what is What.INCIDENT:
            names[subject] = change.words
        elif change.what is What.DELETED:
            if number:
                deleted.add(subject)
        elif change.what is What.GATHERED:
            members = gathered.setdefault(subject, set())
            report = reports.setdefault(part, _Gathering())
            if number:
                members.add(part)
                report.incidents.add(subject)
        else:
            _take(reports.setdefault(subject, _Gathering()), change)
    return Standing(
        reports={report_id: report.done() for report_id, report in reports.items()},
        incidents={
            incident: _incident(
                names.get(incident, ""), gathered.get(incident, set()), incident in deleted
            )
            for incident in names.keys() | gathered.keys()
        },
        muted=frozenset(muted),
    )


def _incident(name: str, reports: set[bytes], is_deleted: bool) -> Incident:
    return Incident(name, frozenset(reports), is_deleted and not reports)


def _take(report: _Gathering, change: Change) -> None:
    match change.what:
        case What.STATE:
            report.state = ReportState(change.number)
        case What.READ:
            report.is_read = bool(change.number)
        case What.STARRED:
            report.is_starred = bool(change.number)
        case What.ELEMENT:
            assessment = Assessment(Confidence(change.number), change.words)
            report.elements[Element(change.part[0])] = assessment
        case What.TAG if change.number:
            report.tags.add(change.part.decode())
