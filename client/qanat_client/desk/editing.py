"""Commands by which editors decide: mark, incident, log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from secrets import token_bytes
from typing import Any, Final

from qanat_client.desk.context import Context
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import (
    INCIDENT_BYTES,
    Change,
    Confidence,
    Element,
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
from qanat_client.desk.filters import STATES
from qanat_client.desk.inbox import Item, item_of
from qanat_client.desk.reading import catalogued, shown, tell_reports
from qanat_client.desk.relating.incidents import contents_of, media_json
from qanat_client.desk.relating.words import aliases_in, figures_json, figures_lines
from qanat_client.desk.standing import Incident, ReportStanding
from qanat_client.desk.standing_words import (
    incident_words,
    logged_json,
    logged_line,
    standing_json,
)
from qanat_client.desk.words import counted
from qanat_client.errors import BadInput
from qanat_client.terminal import Exit, printable_line

__all__ = [
    "CONFIDENCES",
    "ELEMENTS",
    "incident_add",
    "incident_create",
    "incident_delete",
    "incident_list",
    "incident_name",
    "incident_remove",
    "incident_rename",
    "incident_show",
    "log",
    "mark",
]

ELEMENTS: Final = {element.name.lower(): element for element in Element}
CONFIDENCES: Final = {confidence.name.lower(): confidence for confidence in Confidence}


def _items(desk: Desk, ids: list[str]) -> list[Item]:
    return list(
        {item.report_id: item for item in (item_of(desk.vault, id_) for id_ in ids)}.values()
    )


def _changes(context: Context, item: Item, standing: ReportStanding) -> Iterator[Change]:
    """What the options of `mark` say of one report."""
    arguments, report_id = context.arguments, item.report_id
    if arguments.state is not None:
        yield set_state(report_id, STATES[arguments.state])
    for name, element in ELEMENTS.items():
        given = getattr(arguments, name)
        if given is not None:
            known = standing.elements.get(element)
            note = arguments.note
            if note is None:
                note = known.note if known else ""
            yield assess(report_id, element, CONFIDENCES[given], note)
    if arguments.star is not None:
        yield star(report_id, arguments.star)
    if arguments.read is not None:
        yield mark_read(report_id, arguments.read)
    for words in arguments.tag:
        yield tag(report_id, tag_of(words))
    for words in arguments.untag:
        yield tag(report_id, tag_of(words), is_added=False)
    if arguments.mute is not None:
        yield mute(item.report.author, arguments.mute)


def mark(context: Context) -> int:
    """Decide something about reports."""
    arguments, terminal = context.arguments, context.terminal
    if arguments.note is not None and not any(getattr(arguments, name) for name in ELEMENTS):
        raise BadInput("a note belongs to --source, --date, --place or --content: give one of them")
    with context.desk() as desk:
        items = _items(desk, arguments.ids)
        decisions = decision_log(desk)
        ids = [item.report_id for item in items]
        before = decisions.standing_of(ids)
        changes = [
            change
            for item in items
            for change in _changes(context, item, before.of(item.report_id))
        ]
        if not changes:
            raise BadInput("say what to mark: --state, --star, --tag and others; see mark --help")
        made = decisions.record(changes)
        standing = decisions.standing_of(ids)
        if made:
            terminal.say(f"{counted(made, 'decision')} signed and kept")
        else:
            terminal.say("it stood like this already")
        terminal.result(
            {
                "decisions": made,
                "reports": [
                    {
                        "id": report_id.hex(),
                        "decided": standing_json(standing.of(report_id), standing.incidents),
                    }
                    for report_id in ids
                ],
            }
        )
    return Exit.DONE


def log(context: Context) -> int:
    """Every change of one report."""
    with context.desk() as desk:
        item = item_of(desk.vault, context.arguments.id)
        decisions = decision_log(desk)
        incidents = decisions.standing_of([item.report_id]).incidents
        history = decisions.history(item.report_id, item.report.author)
        for logged in history:
            context.terminal.say(logged_line(logged, incidents))
        if not history:
            context.terminal.say(f"nothing was decided about {item.short_id} yet")
        context.terminal.result(
            {
                "id": item.report_id.hex(),
                "log": [logged_json(logged, incidents) for logged in history],
            }
        )
    return Exit.DONE


def _value(incident: bytes, found: Incident) -> dict[str, Any]:
    return {
        "id": incident.hex(),
        "name": found.name,
        "reports": [report_id.hex() for report_id in sorted(found.reports)],
        "deleted": found.is_deleted,
    }


def _line(incident: bytes, incidents: Mapping[bytes, Incident]) -> str:
    found = incidents[incident]
    reports = counted(len(found.reports), "report")
    return f"{incident_words(incident, incidents)}: {'deleted' if found.is_deleted else reports}"


def _change(context: Context, desk: Desk, incident: bytes, changes: list[Change]) -> int:
    decisions = decision_log(desk)
    decisions.record(decisions.with_returns(changes))
    incidents = decisions.incidents()
    context.terminal.say(_line(incident, incidents))
    context.terminal.result(_value(incident, incidents[incident]))
    return Exit.DONE


def incident_create(context: Context) -> int:
    """A new incident, with these reports in it."""
    arguments = context.arguments
    with context.desk() as desk:
        name = incident_name(arguments.name)
        incident = token_bytes(INCIDENT_BYTES)
        gathered = [gather(incident, item.report_id) for item in _items(desk, arguments.ids)]
        for other, alike in decision_log(desk).incidents_like(name).items():
            context.terminal.say(
                f"there is an incident {printable_line(alike)} ({other.hex()[:8]}) already;"
                " this one is another"
            )
        return _change(context, desk, incident, [name_incident(incident, name), *gathered])


def incident_name(given: str) -> str:
    """An incident's name as it is kept, in one line. Raises BadInput for none."""
    name = " ".join(given.split())
    if not name:
        raise BadInput("an incident needs a name, such as 'Shooting on the square'")
    return name


def incident_rename(context: Context) -> int:
    """Another name for an incident."""
    arguments = context.arguments
    with context.desk() as desk:
        incident = decision_log(desk).incident_named(arguments.incident)
        return _change(
            context, desk, incident, [name_incident(incident, incident_name(arguments.name))]
        )


def incident_delete(context: Context) -> int:
    """An incident less, in which no report is; a report that is gathered into it brings it back."""
    with context.desk() as desk:
        decisions = decision_log(desk)
        incident = decisions.incident_named(context.arguments.incident)
        return _change(context, desk, incident, [decisions.deletion(incident)])


def incident_add(context: Context) -> int:
    """More reports in an incident."""
    return _gather(context, is_added=True)


def incident_remove(context: Context) -> int:
    """Fewer reports in an incident; they stay in the inbox."""
    return _gather(context, is_added=False)


def _gather(context: Context, *, is_added: bool) -> int:
    arguments = context.arguments
    with context.desk() as desk:
        incident = decision_log(desk).incident_named(arguments.incident)
        items = _items(desk, arguments.ids)
        changes = [gather(incident, item.report_id, is_added) for item in items]
        return _change(context, desk, incident, changes)


def incident_list(context: Context) -> int:
    """Every incident, or those that were deleted."""
    terminal = context.terminal
    with context.desk() as desk:
        incidents = decision_log(desk).incidents()
        order = sorted(
            (
                incident
                for incident, found in incidents.items()
                if found.is_deleted is context.arguments.deleted
            ),
            key=lambda incident: (incidents[incident].name, incident),
        )
        for incident in order:
            terminal.say(_line(incident, incidents))
        if not order and context.arguments.deleted:
            terminal.say("none was deleted")
        elif not order:
            terminal.say("no incidents yet; begin one: qanat-desk incident create NAME [ID...]")
        terminal.result(
            {"incidents": [_value(incident, incidents[incident]) for incident in order]}
        )
    return Exit.DONE


def incident_show(context: Context) -> int:
    """The reports of one incident, in the order of arrival, and what they count."""
    with context.desk() as desk:
        catalogued(context, desk)
        decisions = decision_log(desk)
        incident = decisions.incident_named(context.arguments.incident)
        incidents = decisions.incidents()
        contents = contents_of(desk, incident)
        ids = [item.report_id for item in contents.items]
        reports = shown(desk, [*ids, *contents.lost])
        aliases = aliases_in(desk.vault, contents.figures)
        context.terminal.say(_line(incident, incidents))
        tell_reports(context, reports)
        for line in figures_lines(contents.figures, aliases):
            context.terminal.say(line)
        context.terminal.result(
            _value(incident, incidents[incident])
            | {
                "reports": [report.value for report in reports],
                "figures": figures_json(contents.figures, aliases)["rows"],
                "media": media_json(contents.items),
                "log": [logged_json(logged, incidents) for logged in contents.log],
            }
        )
    return Exit.DONE
