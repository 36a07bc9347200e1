"""The command pull: once, or again and again, and what it tells."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from qanat_client.desk.context import Context
from qanat_client.desk.desk import Desk, refresh
from qanat_client.desk.outgoing import STATUS_REFUSED, Outbox
from qanat_client.desk.pull import PullResult, choose_relays, pull, pull_lock
from qanat_client.desk.words import counted, verdict_name
from qanat_client.errors import BadInput
from qanat_client.terminal import Exit, human_size, printable_line
from qanat_protocol.card import RelayEntry
from qanat_protocol.verdicts import Verdict

__all__ = ["pull_command", "pull_now"]

MIN_EVERY_S = 1

ROUND_S = 600
"""How long one relay may hold up the next round of a watch; what is left comes in that one."""


def _tell(context: Context, desk: Desk, result: PullResult) -> None:
    terminal, opened = context.terminal, result.opened
    for relay, said in result.relays.items():
        state = (
            f"{counted(said.parcels, 'parcel')}, {human_size(said.size_bytes)}"
            if said.size_bytes
            else "nothing new"
        )
        complaint = f": {printable_line(said.complaint)}" if said.complaint else ""
        reached = "not reached" if said.failed and not said.refused else "reached"
        terminal.say(f"{desk.relay_name(relay)}  {reached}, {state}{complaint}")
    terminal.say(
        f"{counted(opened.reports, 'new report')},"
        f" {counted(opened.parts, 'attachment')} verified,"
        f" {counted(opened.duplicates, 'duplicate')}, {opened.set_aside} set aside"
    )
    if opened.damaged:
        terminal.warn(
            f"damaged on this disk: {counted(opened.damaged, 'parcel')}; the relays are asked"
            " again. Look after the disk"
        )
    if result.renewed_card:
        terminal.say(f"card {result.renewed_card} was made and published")
    if result.deleted_epochs:
        terminal.say(
            f"the secrets of {counted(len(result.deleted_epochs), 'week')} were deleted for good"
        )
    if result.overdue_epochs:
        terminal.warn(
            "by this machine's clock the secrets of"
            f" {counted(len(result.overdue_epochs), 'week')} are due;"
            " they are deleted when a relay confirms the day"
        )
    for said in result.relays.values():
        for alarm in said.alarms:
            terminal.warn(f"ALARM: a parcel was {alarm}")


def _refusals(desk: Desk) -> list[dict[str, str]]:
    """What a relay would not take, by its newest word."""
    outbox = Outbox(desk.vault)
    return [
        {
            "relay": desk.relay_name(relay),
            "what": entry.what,
            "about": entry.about,
            "verdict": verdict_name(verdict),
        }
        for entry in outbox.waiting()
        for relay, status, verdict, _ in outbox.handed(entry.parcel_id)
        if status == STATUS_REFUSED
    ]


def _tell_refusals(context: Context, refusals: Sequence[Mapping[str, str]]) -> None:
    for refused in refusals:
        about = f" {printable_line(refused['about'])}" if refused["about"] else ""
        context.terminal.warn(
            f"{refused['relay']} refused the {refused['what']}{about}: {refused['verdict']}"
        )
    if any(refused["verdict"] == verdict_name(Verdict.REFUSED_DESK) for refused in refusals):
        context.terminal.warn(
            "  refused_desk: the relay does not carry this desk; its operator has to add the card:"
            " qanat-relay desk add"
        )


def _values(desk: Desk, result: PullResult) -> dict[str, Any]:
    return {
        "relays": [
            {
                "address": desk.relay_name(relay),
                "reached": not said.failed or said.refused,
                "complete": not said.failed and not said.refused,
                "parcels": said.parcels,
                "size_bytes": said.size_bytes,
                "complaint": said.complaint,
                "alarms": said.alarms,
            }
            for relay, said in result.relays.items()
        ],
        "reports": result.opened.reports,
        "attachments": result.opened.parts,
        "duplicates": result.opened.duplicates,
        "set_aside": result.opened.set_aside,
        "damaged": result.opened.damaged,
        "deleted_epochs": result.deleted_epochs,
        "overdue_epochs": result.overdue_epochs,
        "renewed_card": result.renewed_card,
    }


def _code(result: PullResult) -> int:
    said = list(result.relays.values())
    if any(not one.failed and not one.refused for one in said):
        return Exit.DONE
    return Exit.REFUSED if any(one.refused for one in said) else Exit.UNREACHABLE


def _pull_once(
    context: Context,
    desk: Desk,
    entries: Sequence[RelayEntry],
    extra: Mapping[str, Any],
    limit_s: float | None = None,
) -> int:
    carriers = replace(context.carriers, session_s=limit_s)
    with context.counting("taken") as advance:
        result = asyncio.run(pull(desk, entries, carriers, advance))
    _tell(context, desk, result)
    refusals = _refusals(desk)
    _tell_refusals(context, refusals)
    context.terminal.result({**extra, **_values(desk, result), "refused": refusals})
    return _code(result)


def pull_now(context: Context, desk: Desk, extra: Mapping[str, Any]) -> int:
    """One pull over all relays, for a command that has queued something (`extra`)."""
    with pull_lock(desk.home):
        return _pull_once(context, desk, choose_relays(desk, []), extra)


def pull_command(context: Context) -> int:
    """Ask the relays once, or with --watch until it is stopped."""
    arguments = context.arguments
    if arguments.every < MIN_EVERY_S:
        raise BadInput(f"--every is at least {MIN_EVERY_S} second")
    with context.desk() as desk, pull_lock(desk.home):
        while True:
            # A watch runs for months: cards and keys change beside it.
            refresh(desk)
            entries = choose_relays(desk, arguments.relay)
            limit_s = ROUND_S if arguments.watch else None
            code = _pull_once(context, desk, entries, {}, limit_s)
            if not arguments.watch:
                return code
            time.sleep(arguments.every)
