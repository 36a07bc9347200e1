"""What editors decided, as they read it on a terminal and as machine-readable values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qanat_client.desk.decision_log import Logged
from qanat_client.desk.decisions import Change, Confidence, Element, ReportState, What
from qanat_client.desk.standing import Incident, ReportStanding
from qanat_client.desk.words import time_words
from qanat_client.terminal import printable_line

__all__ = [
    "incident_words",
    "incidents_json",
    "logged_json",
    "logged_line",
    "marks_of",
    "standing_json",
    "standing_lines",
]

Incidents = Mapping[bytes, Incident]


def incident_words(incident: bytes, incidents: Incidents) -> str:
    """An incident's name and the beginning of its id."""
    name = incidents.get(incident, Incident()).name
    return f"{printable_line(name) or '(no name yet)'} ({incident.hex()[:8]})"


def marks_of(standing: ReportStanding) -> str:
    """A report's standing behind its line in a list: `checking, unread, starred #hospital`."""
    marks = [standing.state.name.lower()]
    if not standing.is_read:
        marks.append("unread")
    if standing.is_starred:
        marks.append("starred")
    tags = "".join(f" #{printable_line(tag)}" for tag in sorted(standing.tags))
    return ", ".join(marks) + tags


def standing_lines(standing: ReportStanding, incidents: Incidents) -> list[str]:
    """A report's standing on its page."""
    lines = [f"checked    {standing.state.name.lower()}{', starred' * standing.is_starred}"]
    for element, found in standing.elements.items():
        note = f": {printable_line(found.note)}" if found.note else ""
        lines.append(f"{element.name.lower():<10} {found.confidence.name.lower()}{note}")
    if standing.tags:
        lines.append(f"tags       {', '.join(map(printable_line, sorted(standing.tags)))}")
    lines += [
        f"incident   {incident_words(incident, incidents)}"
        for incident in sorted(standing.incidents)
    ]
    return lines


def standing_json(standing: ReportStanding, incidents: Incidents) -> dict[str, Any]:
    """The same for programs; every key is documented in docs/editors.md."""
    return {
        "state": standing.state.name.lower(),
        "read": standing.is_read,
        "starred": standing.is_starred,
        "tags": sorted(standing.tags),
        "elements": {
            element.name.lower(): {
                "confidence": found.confidence.name.lower(),
                "note": found.note,
            }
            for element, found in standing.elements.items()
        },
        "incidents": incidents_json(standing, incidents),
    }


def incidents_json(standing: ReportStanding, incidents: Incidents) -> list[dict[str, str]]:
    """The incidents that gather a report."""
    return [
        {"id": incident.hex(), "name": incidents.get(incident, Incident()).name}
        for incident in sorted(standing.incidents)
    ]


def _said(change: Change, incidents: Incidents) -> str:
    on = bool(change.number)
    match change.what:
        case What.STATE:
            return f"state: {ReportState(change.number).name.lower()}"
        case What.ELEMENT:
            note = f", {printable_line(change.words)}" if change.words else ""
            element = Element(change.part[0]).name.lower()
            return f"{element}: {Confidence(change.number).name.lower()}{note}"
        case What.STARRED:
            return "starred" if on else "star taken off"
        case What.TAG:
            tag = printable_line(change.part.decode())
            return f"tagged {tag}" if on else f"tag {tag} taken off"
        case What.READ:
            return "read" if on else "marked unread"
        case What.MUTED:
            return "its pseudonym muted" if on else "its pseudonym not muted any more"
        case What.INCIDENT:
            return f"incident named {printable_line(change.words)}"
        case What.GATHERED:
            into = incident_words(change.subject, incidents)
            return f"added to incident {into}" if on else f"taken out of incident {into}"
        case What.DELETED:
            return "incident deleted" if on else "incident brought back"


def logged_line(logged: Logged, incidents: Incidents) -> str:
    """One line of the log."""
    decision = logged.decision
    who = "this desk" if logged.is_ours else f"editor {decision.author.hex()[:8]}"
    return f"{time_words(decision.at_s)}  {who}  {_said(decision.change, incidents)}"


def logged_json(logged: Logged, incidents: Incidents) -> dict[str, Any]:
    """The same for programs."""
    decision = logged.decision
    return {
        "id": logged.decision_id.hex(),
        "author": decision.author.hex(),
        "ours": logged.is_ours,
        "clock": decision.clock,
        "at_s": decision.at_s,
        "what": decision.change.what.name.lower(),
        "words": _said(decision.change, incidents),
    }
