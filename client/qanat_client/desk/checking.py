"""Commands that set reports beside each other: related, figures."""

from __future__ import annotations

from typing import Final

from qanat_client.desk.context import Context
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.inbox import item_of
from qanat_client.desk.reading import catalogued, shown
from qanat_client.desk.relating.figures import figures_of, figures_of_incident
from qanat_client.desk.relating.suggestions import SUGGESTED, related
from qanat_client.desk.relating.words import (
    aliases_in,
    figures_json,
    figures_lines,
    reasons_line,
    suggestion_json,
)
from qanat_client.errors import BadInput
from qanat_client.terminal import Exit

__all__ = ["FIGURES", "RELATED", "SUGGESTED", "figures", "related_reports"]

RELATED: Final = """\
Which reports may belong to one, and why: words that few others have, the same place, written or
arrived at the same time, the same file. Nothing is decided by it: gather what belongs together
with qanat-desk incident."""

FIGURES: Final = """\
What one report counts beside what others say of the same place and time, or all that an
incident's reports count. One pseudonym is one source however often it writes. What was corrected,
withdrawn or rejected is shown and does not count."""


def related_reports(context: Context) -> int:
    """What may belong to one report."""
    terminal = context.terminal
    with context.desk() as desk:
        catalogued(context, desk)
        item = item_of(desk.vault, context.arguments.id)
        # numpy takes as long to load as most commands take in all.
        from qanat_client.desk.media.near import near_pictures

        near = near_pictures(desk.vault, item.report_id)
        found = related(desk.vault, item.report_id, near=near, most=context.arguments.limit)
        suggestions = found.suggestions
        reports = shown(desk, [suggestion.report_id for suggestion in suggestions])
        for report, suggestion in zip(reports, suggestions, strict=True):
            terminal.say(report.line)
            terminal.say(f"  {reasons_line(suggestion)}")
        if not suggestions:
            terminal.say(f"nothing here seems to belong to {item.short_id}")
        if found.together:
            terminal.say(f"{found.together:,} more in an incident with it already")
        terminal.result(
            {
                "id": item.report_id.hex(),
                "suggestions": [
                    {"report": report.value} | suggestion_json(suggestion)
                    for report, suggestion in zip(reports, suggestions, strict=True)
                ],
                "together": found.together,
            }
        )
    return Exit.DONE


def figures(context: Context) -> int:
    """Figures side by side."""
    arguments, terminal = context.arguments, context.terminal
    if (arguments.id is None) == (arguments.incident is None):
        raise BadInput("name a report, or an incident with --incident, one of the two")
    with context.desk() as desk:
        catalogued(context, desk)
        if arguments.id is None:
            incident = decision_log(desk).incident_named(arguments.incident)
            compared = figures_of_incident(desk.vault, incident)
        else:
            compared = figures_of(desk.vault, item_of(desk.vault, arguments.id).report_id)
        aliases = aliases_in(desk.vault, compared)
        for line in figures_lines(compared, aliases):
            terminal.say(line)
        if not compared:
            terminal.say("nothing is counted there")
        terminal.result(figures_json(compared, aliases))
    return Exit.DONE
