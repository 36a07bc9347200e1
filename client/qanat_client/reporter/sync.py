"""`qanat sync`: says what waits and for whom, then goes to all relays at once, past dead ones.

Quiet by default: it goes to the network once, when told to. `watch` does it again.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import BadInput, ClientError
from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox, Word
from qanat_client.reporter.plan import Plan, make_plan
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.relays import (
    UNPROVEN,
    Target,
    fetch_entry,
    named_address,
    targets,
    without_named,
)
from qanat_client.reporter.sealing_room import SealingRoom
from qanat_client.reporter.traffic import Traffic
from qanat_client.reporter.transmit import Run, exit_code, transmit
from qanat_client.terminal import Exit, Terminal
from qanat_protocol.code import identity

__all__ = [
    "carrier_of",
    "mailboxes_of",
    "plan_sync",
    "show_plan",
    "sync",
    "sync_once",
    "sync_round",
    "tell",
]


def carrier_of(arguments: argparse.Namespace) -> CarrierSettings:
    """The carriers' settings that the command line gives."""
    return CarrierSettings(
        proxy=arguments.proxy,
        connect_s=arguments.connect_timeout,
        stall_s=arguments.stall_timeout,
    )


def mailboxes_of(home: Home, code: str | None) -> list[bytes]:
    """The mailbox secrets of a code towards every desk; some tenths of a second each."""
    if code is None:
        return []
    return [identity(code, card.desk_id).mailbox_secret for card in Desks(home).all()]


def _found_and_named(home: Home, relays: Sequence[str]) -> tuple[list[Target], list[str]]:
    """The relays of the cards, and the addresses given by hand that no card names.

    Raises BadInput where that makes none.
    """
    found = targets(Desks(home).all())
    named = without_named([named_address(text) for text in relays], found)
    if not found and not named:
        raise BadInput("no relay is known: add a desk's card, or name one with --relay URL")
    return found, named


def plan_sync(home: Home, relays: Sequence[str]) -> Plan:
    """What a sync would send now. Raises BadInput where no relay is known."""
    found, named = _found_and_named(home, relays)
    with closing(connect(home)) as connection:
        parcels = Outbox(home, connection).waiting()
    return make_plan(parcels, found, named, Traffic(today(), home.settings().original_copies))


async def _targets(
    home: Home, relays: Sequence[str], carrier: CarrierSettings
) -> tuple[list[Target], list[RelayReport]]:
    """Whom to talk to, and those given by hand that could not even be asked for their keys."""
    found, by_hand = _found_and_named(home, relays)
    missing: list[RelayReport] = []
    asked = await asyncio.gather(
        *(fetch_entry(address, carrier) for address in by_hand), return_exceptions=True
    )
    for address, entry in zip(by_hand, asked, strict=True):
        if isinstance(entry, ClientError):
            missing.append(
                RelayReport(
                    address,
                    "",
                    problem=str(entry).removeprefix(f"{address}/v1/relay "),
                    says_no=entry.exit_code == Exit.REFUSED,
                )
            )
        elif isinstance(entry, BaseException):
            raise entry
        elif entry.signing_key not in {target.entry.signing_key for target in found}:
            found.append(Target(entry, tuple(Desks(home).all())))
    return found, missing


async def sync_round(
    home: Home,
    *,
    relays: Sequence[str],
    carrier: CarrierSettings,
    mailboxes: Sequence[bytes],
    roads: Roads,
    terminal: Terminal,
    moved: Callable[[], None] = lambda: None,
) -> list[RelayReport]:
    """One session with every relay; what came of each. `moved` is called as blocks go out.

    Raises what the disk does, and BadInput where no relay is known.
    """
    found, reports = await _targets(home, relays, carrier)
    known = {target.entry.signing_key for target in targets(Desks(home).all())}
    with closing(connect(home)) as connection:
        outbox = Outbox(home, connection)
        SealingRoom(home, connection).clear_abandoned()
        traffic = Traffic(today(), home.settings().original_copies)
        waiting = outbox.waiting()
        total = make_plan(waiting, found, (), traffic).total_bytes
        due_bytes = [make_plan(waiting, [one], (), traffic).total_bytes for one in found]
        relays_said = "1 relay" if len(found) == 1 else f"{len(found)} relays"
        doing = f"sending to {relays_said}" if total else f"asking {relays_said}"
        with terminal.progress(doing, total) as progress:

            def advance(size_bytes: int) -> None:
                progress.advance(size_bytes)
                moved()

            run = Run(
                home,
                connection,
                carrier=carrier,
                roads=roads,
                traffic=traffic,
                mailboxes=mailboxes,
                advance=advance,
            )
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(transmit(run, one.entry, one.cards, due_bytes=due))
                        for one, due in zip(found, due_bytes, strict=True)
                    ]
            except* ClientError as errors:
                # The disk's own complaint, from whichever session met it first.
                raise _first(errors) from None
            finally:
                run.disk.close()
        held_nowhere = {
            parcel.key
            for parcel in outbox.waiting()
            if not any(word >= Word.HOLDS for word, _ in parcel.words.values())
        }
    for target, task in zip(found, tasks, strict=True):
        report = task.result()
        report.stuck = len(report.refused_keys & held_nowhere)
        if target.entry.signing_key not in known:
            report.advice.append(UNPROVEN)
        reports.append(report)
    return reports


def _first(errors: BaseExceptionGroup[ClientError]) -> ClientError:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def tell(reports: Sequence[RelayReport], terminal: Terminal) -> dict[str, Any]:
    """Say what came of a round; the same for programs."""
    for report in reports:
        for line in report.lines():
            terminal.say(line)
    code = exit_code(reports)
    if code == Exit.UNREACHABLE:
        terminal.warn("no relay could be reached; everything is safely queued")
    elif any(report.stuck for report in reports):
        terminal.warn("`qanat outbox` shows which reports no relay takes, and what to do")
    return {"relays": [report.facts() for report in reports], "exit": code}


def sync_once(
    home: Home,
    terminal: Terminal,
    *,
    relays: Sequence[str] = (),
    carrier: CarrierSettings | None = None,
    code: str | None = None,
) -> tuple[int, dict[str, Any]]:
    """One round; the exit code and what to print as JSON."""
    home.make()
    with home.sync_lock():
        reports = asyncio.run(
            sync_round(
                home,
                relays=relays,
                carrier=carrier or CarrierSettings(),
                mailboxes=mailboxes_of(home, code),
                roads=Roads(),
                terminal=terminal,
            )
        )
    return exit_code(reports), tell(reports, terminal)


def show_plan(plan: Plan, terminal: Terminal, when: Sequence[str]) -> int:
    """For --dry-run: tell what would go and when, and end; no network is touched."""
    plan.tell(terminal)
    for line in when:
        terminal.say(line)
    terminal.say("a dry run: nothing was sent, and no network was touched")
    terminal.result({"dry_run": True, **plan.facts(), "when": list(when)})
    return Exit.DONE


def sync(arguments: argparse.Namespace, home: Home, terminal: Terminal, code: str | None) -> int:
    """Run the command without --watch; the exit code."""
    if arguments.every is not None:
        raise BadInput("--every goes with --watch")
    home.make()
    plan = plan_sync(home, arguments.relay)
    if arguments.dry_run:
        return show_plan(plan, terminal, ["when: once, as soon as you say `qanat sync`"])
    plan.tell(terminal)
    result, told = sync_once(
        home,
        terminal,
        relays=arguments.relay,
        carrier=carrier_of(arguments),
        code=code,
    )
    terminal.result(told)
    return result
