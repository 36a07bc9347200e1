"""The command pull: once, or for as long as it is let, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from qanat_client.desk.context import Context
from qanat_client.desk.desk import Desk
from qanat_client.desk.outgoing import STATUS_REFUSED, Outbox
from qanat_client.desk.pull import PullResult, choose_relays, pull, pull_lock
from qanat_client.desk.watch_days import Hearing, watch_days
from qanat_client.desk.watching import Watch
from qanat_client.desk.words import counted, verdict_name
from qanat_client.errors import BadInput
from qanat_client.stopping import until_stopped
from qanat_client.terminal import Exit, human_size, printable_line
from qanat_protocol.card import RelayEntry
from qanat_protocol.verdicts import Verdict

__all__ = ["DEFAULT_EVERY_S", "every_s_of", "pull_command", "pull_now", "refusals_of"]

DEFAULT_EVERY_S = 30
"""An editor's machine is not at risk: it may try a relay again by the clock."""

MIN_EVERY_S = 1

MAX_EVERY_S = 1_000_000


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


def refusals_of(desk: Desk) -> list[dict[str, str]]:
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


async def _pull_once(
    context: Context,
    desk: Desk,
    entries: Sequence[RelayEntry],
    extra: Mapping[str, Any],
) -> int:
    with context.counting("taken") as advance:
        result = await pull(desk, entries, context.carriers, advance)
    _tell_all(context, desk, result, extra)
    return _code(result)


def _tell_all(context: Context, desk: Desk, result: PullResult, extra: Mapping[str, Any]) -> None:
    _tell(context, desk, result)
    refusals = refusals_of(desk)
    _tell_refusals(context, refusals)
    context.terminal.result({**extra, **_values(desk, result), "refused": refusals})


def pull_now(context: Context, desk: Desk, extra: Mapping[str, Any]) -> int:
    """One pull over all relays, for a command that has queued something (`extra`)."""
    with pull_lock(desk.home):
        return asyncio.run(_pull_once(context, desk, choose_relays(desk, []), extra))


def every_s_of(given: float | None) -> float:
    """What --every says, or the default. Raises BadInput."""
    every_s = DEFAULT_EVERY_S if given is None else given
    if not MIN_EVERY_S <= every_s <= MAX_EVERY_S:
        raise BadInput(f"--every is {MIN_EVERY_S} to {MAX_EVERY_S:,} seconds")
    return every_s


def pull_command(context: Context) -> int:
    """Ask the relays once, or with --watch until it is stopped."""
    arguments = context.arguments
    if arguments.every is not None and not arguments.watch:
        raise BadInput("--every goes with --watch")
    every_s = every_s_of(arguments.every)
    with context.desk() as desk, pull_lock(desk.home):
        if not arguments.watch:
            entries = choose_relays(desk, arguments.relay)
            return asyncio.run(_pull_once(context, desk, entries, {}))
        asyncio.run(until_stopped(_watch(context, desk, every_s)))
    context.terminal.say("stopped; nothing is lost, the next pull goes on from here")
    return Exit.DONE


async def _watch(context: Context, desk: Desk, every_s: float) -> None:
    has_told = False

    def begins(_: Watch, entries: Sequence[RelayEntry], why: str) -> None:
        nonlocal has_told
        has_told = False
        context.terminal.say(f"{why}: {_relays_are(len(entries))} contacted now")

    def tell(result: PullResult) -> None:
        nonlocal has_told
        _tell_all(context, desk, result, {})
        if not has_told:
            has_told = True
            context.terminal.say("What arrives from now on comes at once. Ctrl-C ends it.")

    with context.counting("taken") as advance:
        await watch_days(
            desk,
            context.carriers,
            context.arguments.relay,
            every_s=every_s,
            hearing=Hearing(begins, advance, tell, context.terminal.say),
        )


def _relays_are(count: int) -> str:
    return "1 relay is" if count == 1 else f"{count} relays are"
