"""`qanat sync`: says what waits and for whom, then goes to all relays at once, past dead ones.

Quiet by default: it goes to the network once, when told to. `watch` does it again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from qanat_client.carriers.dialling import Dialling
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import BadInput
from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.known_relays import KnownRelays
from qanat_client.reporter.learned import RelayCards
from qanat_client.reporter.outbox import Outbox
from qanat_client.reporter.plan import Plan, make_plan
from qanat_client.reporter.relay_report import RelayReport, exit_code
from qanat_client.reporter.relays import found_and_named
from qanat_client.reporter.spares import spares_for
from qanat_client.reporter.traffic import Traffic
from qanat_client.terminal import Exit, Terminal

__all__ = ["carrier_of", "mailboxes_of", "plan_sync", "show_plan", "sync", "sync_once", "tell"]


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
    from qanat_protocol.code import identity

    return [identity(code, card.desk_id).mailbox_secret for card in Desks(home).all()]


def plan_sync(home: Home, relays: Sequence[str]) -> Plan:
    """What a sync would send now. Raises BadInput where no relay is known."""
    settings = home.settings()
    with closing(connect(home)) as connection:
        last = KnownRelays(home, connection).last_addresses()
        found, named = found_and_named(Desks(home).all(), relays, last)
        cards = RelayCards(home, connection)
        learned = cards.learned(found) if settings.learned_relays else []
        parcels = Outbox(home, connection).waiting()
    return make_plan(parcels, found, named, Traffic(today(), settings.original_copies), learned)


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
    tells_plan: bool = False,
) -> tuple[int, dict[str, Any]]:
    """One round; the exit code and what to print as JSON. With `tells_plan` the person is told
    what goes to whom before anything does."""
    home.make()
    carrier = carrier or CarrierSettings()
    with home.sync_lock(), closing(Dialling()) as dialling:
        plan = plan_sync(home, relays)
        if tells_plan:
            plan.tell(terminal)
        if carrier.proxy is None:
            for relay in plan.relays:
                dialling.dial(relay.address, 1 + spares_for(relay.due_bytes, len(plan.relays)))
        # Loaded while the first packets are on their way.
        import asyncio

        from qanat_client.carriers.conversation import Roads
        from qanat_client.reporter.rounds import sync_rounds

        reports = asyncio.run(
            sync_rounds(
                home,
                relays=relays,
                carrier=carrier,
                mailboxes=mailboxes_of(home, code),
                roads=Roads(dialling),
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
    if arguments.dry_run:
        plan = plan_sync(home, arguments.relay)
        return show_plan(plan, terminal, ["when: once, as soon as you say `qanat sync`"])
    result, told = sync_once(
        home,
        terminal,
        relays=arguments.relay,
        carrier=carrier_of(arguments),
        code=code,
        tells_plan=True,
    )
    terminal.result(told)
    return result
