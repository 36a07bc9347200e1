"""Commands that show what has come: list, show, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qanat_client.desk.context import Context
from qanat_client.desk.desk import Desk
from qanat_client.desk.export import FORMATS, export
from qanat_client.desk.inbox import inbox, item_of, set_aside
from qanat_client.desk.words import (
    counted,
    json_of,
    line_of,
    page_of,
    set_aside_line,
    time_words,
    verdict_name,
)
from qanat_client.terminal import Exit, human_size
from qanat_protocol.days import iso

__all__ = ["export_inbox", "list_inbox", "show"]


def _alarms(desk: Desk) -> list[dict[str, Any]]:
    return [
        {
            "parcel_id": parcel_id.hex(),
            "relay": desk.relay_name(relay),
            "what": kind,
            "day": iso(day),
        }
        for parcel_id, relay, kind, day in desk.vault.rows(
            "SELECT parcel_id, relay, kind, day FROM alarms ORDER BY day, parcel_id"
        )
    ]


def _aside_values(desk: Desk) -> list[dict[str, Any]]:
    return [
        {
            "parcel_id": entry.parcel_id.hex(),
            "verdict": verdict_name(entry.verdict),
            "detail": entry.detail,
            "arrived_s": entry.arrived_s,
            "relay": desk.relay_name(entry.relay),
        }
        for entry in set_aside(desk.vault)
    ]


def list_inbox(context: Context) -> int:
    """One line for each report."""
    arguments, terminal = context.arguments, context.terminal
    with context.desk() as desk:
        items = [] if arguments.set_aside else inbox(desk.vault)
        aside = set_aside(desk.vault)
        alarms = _alarms(desk)
        for item in items:
            terminal.say(line_of(item))
        if not items and not arguments.set_aside:
            terminal.say("no reports yet; fetch them with: qanat-desk pull")
        if arguments.all or arguments.set_aside:
            for entry in aside:
                terminal.say(f"set aside  {set_aside_line(entry)}")
        elif aside:
            terminal.say(f"{len(aside)} set aside; see qanat-desk list --set-aside")
        for alarm in alarms:
            terminal.warn(
                f"ALARM {alarm['day']} {alarm['relay']}: {alarm['parcel_id'][:8]} {alarm['what']}"
            )
        terminal.result(
            {
                "reports": [json_of(item) for item in items],
                "set_aside": _aside_values(desk),
                "alarms": alarms,
            }
        )
    return Exit.DONE


def show(context: Context) -> int:
    """Everything about one report."""
    with context.desk() as desk:
        item = item_of(desk.vault, context.arguments.id)
        context.terminal.say(page_of(item, desk.relay_name))
        context.terminal.result(json_of(item))
    return Exit.DONE


def export_inbox(context: Context) -> int:
    """Write the inbox, readable, to a folder."""
    arguments, terminal = context.arguments, context.terminal
    folder: Path = arguments.output
    formats = (arguments.format,) if arguments.format else FORMATS
    with context.desk() as desk, context.counting("exported") as advance:
        done = export(desk, folder, formats=formats, all_renditions=arguments.all, advance=advance)
    terminal.say(
        f"{counted(done.reports, 'report')} and {counted(done.files, 'new file')}"
        f" ({human_size(done.size_bytes)}) of {time_words(int(context.clock()))} in {folder}"
    )
    if done.kept:
        terminal.say(f"there already, unchanged: {counted(done.kept, 'file')}")
    for line in done.missing:
        terminal.say(f"missing: {line}")
    terminal.warn(
        "What was exported is readable by whoever gets hold of that folder. Delete it when it is"
        " not needed any more."
    )
    terminal.result(
        {
            "folder": str(folder),
            "documents": [str(path) for path in done.documents],
            "reports": done.reports,
            "files": done.files,
            "files_there_already": done.kept,
            "size_bytes": done.size_bytes,
            "missing": done.missing,
        }
    )
    return Exit.DONE
