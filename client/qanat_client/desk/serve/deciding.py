"""What an editor decides in a window: read strictly, then signed and kept, all of it or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from qanat_client.desk.decision_log import DecisionLog, decision_log
from qanat_client.desk.decisions import (
    INCIDENT_BYTES,
    Change,
    Confidence,
    Element,
    ReportState,
    What,
    assess,
    gather,
    mark_read,
    mute,
    name_incident,
    set_state,
    star,
    tag,
    tag_of,
)
from qanat_client.desk.desk import Desk
from qanat_client.desk.editing import CONFIDENCES, ELEMENTS, incident_name
from qanat_client.desk.filters import STATES
from qanat_client.desk.serve.asking import Asked, asked
from qanat_client.desk.serve.refusals import NotFound
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.standing import Standing
from qanat_protocol.limits import HASH_BYTES

__all__ = ["decide", "incident_there", "report_there"]

MAX_CHANGES: Final = 2000
KINDS: Final = {what.name.lower(): what for what in What}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change as a window asks for it; the fields that its kind has. `note`: None keeps the one
    that stands."""

    what: What
    report: bytes = b""
    incident: bytes = b""
    is_on: bool = True
    state: ReportState = ReportState.NEW
    element: Element = Element.SOURCE
    confidence: Confidence = Confidence.UNKNOWN
    note: str | None = None
    words: str = ""


def _read(given: Asked) -> Wanted:
    what = given.choice("what", KINDS)
    match what:
        case What.STATE:
            wanted = Wanted(
                what, given.key("report", HASH_BYTES), state=given.choice("value", STATES)
            )
        case What.ELEMENT:
            wanted = Wanted(
                what,
                given.key("report", HASH_BYTES),
                element=given.choice("element", ELEMENTS),
                confidence=given.choice("value", CONFIDENCES),
                note=given.text("note", None),
            )
        case What.TAG:
            wanted = Wanted(
                what,
                given.key("report", HASH_BYTES),
                words=tag_of(given.text("tag", most_bytes=1024)),
                is_on=given.flag("value", True),
            )
        case What.STARRED | What.READ | What.MUTED:
            wanted = Wanted(what, given.key("report", HASH_BYTES), is_on=given.flag("value", True))
        case What.INCIDENT:
            wanted = Wanted(
                what,
                incident=given.key("incident", INCIDENT_BYTES),
                words=incident_name(given.text("name", most_bytes=1024)),
            )
        case What.DELETED:
            wanted = Wanted(what, incident=given.key("incident", INCIDENT_BYTES))
        case _:
            wanted = Wanted(
                what,
                given.key("report", HASH_BYTES),
                given.key("incident", INCIDENT_BYTES),
                given.flag("value", True),
            )
    given.done()
    return wanted


def report_there(desk: Desk, report_id: bytes) -> bytes:
    """The author of a report. Raises NotFound where there is none with this id."""
    author = desk.vault.value("SELECT author FROM reports WHERE id = ?", report_id)
    if author is None:
        raise NotFound(f"there is no report {report_id.hex()}")
    return bytes(author)


def incident_there(desk: Desk, incident: bytes, *, or_deleted: bool = False) -> None:
    """Raise NotFound where there is no incident with this id, or it was deleted."""
    found = desk.vault.value(
        "SELECT 1 FROM registers WHERE what = ? AND subject = ?", int(What.INCIDENT), incident
    )
    if found is None:
        raise NotFound(f"there is no incident {incident.hex()}")
    if not or_deleted and decision_log(desk).is_deleted(incident):
        raise NotFound("this incident was deleted; adding a report to it brings it back")


@dataclass(frozen=True, slots=True)
class Known:
    """What stood before the changes: the reports' authors, and what is in force."""

    decisions: DecisionLog
    authors: Mapping[bytes, bytes]
    standing: Standing


def _change(wanted: Wanted, known: Known) -> Change:
    match wanted.what:
        case What.STATE:
            return set_state(wanted.report, wanted.state)
        case What.ELEMENT:
            note = wanted.note
            if note is None:
                earlier = known.standing.of(wanted.report).elements.get(wanted.element)
                note = earlier.note if earlier else ""
            return assess(wanted.report, wanted.element, wanted.confidence, note)
        case What.TAG:
            return tag(wanted.report, wanted.words, wanted.is_on)
        case What.STARRED:
            return star(wanted.report, wanted.is_on)
        case What.READ:
            return mark_read(wanted.report, wanted.is_on)
        case What.MUTED:
            return mute(known.authors[wanted.report], wanted.is_on)
        case What.INCIDENT:
            return name_incident(wanted.incident, wanted.words)
        case What.GATHERED:
            return gather(wanted.incident, wanted.report, wanted.is_on)
        case What.DELETED:
            return known.decisions.deletion(wanted.incident)


def _decide(desk: Desk, wanted: Sequence[Wanted]) -> dict[str, Any]:
    reports = list(dict.fromkeys(each.report for each in wanted if each.report))
    authors = {report_id: report_there(desk, report_id) for report_id in reports}
    for what, incident in dict.fromkeys((each.what, each.incident) for each in wanted):
        if incident:
            incident_there(desk, incident, or_deleted=what is not What.INCIDENT)
    decisions = decision_log(desk)
    known = Known(decisions, authors, decisions.standing_of(reports))
    changes = decisions.with_returns(_change(each, known) for each in wanted)
    return {"decisions": decisions.record(changes)}


async def decide(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/decide."""
    body = await asked(request)
    wanted = [_read(each) for each in body.objects("changes", most=MAX_CHANGES)]
    body.done()
    return await serving.vault_work(_decide, wanted)
