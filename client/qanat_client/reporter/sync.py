"""`qanat sync`: all relays at once, past dead ones; then, if asked, again whenever a network comes.

Quiet by default: it goes to the network once, when told to, and never probes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import signal
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from typing import Any

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import BadInput, ClientError, HomeBusy
from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.netlink import NetworkChanges, watch_network
from qanat_client.reporter.outbox import Outbox, StoredParcel, Word
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
from qanat_client.reporter.traffic import Traffic, due_for
from qanat_client.reporter.transmit import Run, exit_code, transmit
from qanat_client.terminal import Exit, Terminal, human_size
from qanat_protocol.code import identity
from qanat_protocol.kinds import Rank

__all__ = ["carrier_of", "mailboxes_of", "sync", "sync_once"]

_MOST_ROUNDS_ON = 144
"""Rounds that follow at once, as a relay's session was too short for what it has confirmed: a day
of them. One that only claims to go on is not talked to for longer without a network's change."""


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


async def _targets(
    home: Home, relays: Sequence[str], carrier: CarrierSettings
) -> tuple[list[Target], list[RelayReport]]:
    """Whom to talk to, and those given by hand that could not even be asked for their keys."""
    cards = Desks(home).all()
    found = targets(cards)
    missing: list[RelayReport] = []
    by_hand = without_named([named_address(text) for text in relays], found)
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
            found.append(Target(entry, tuple(cards)))
    return found, missing


async def _sync(
    home: Home,
    *,
    relays: Sequence[str],
    carrier: CarrierSettings,
    mailboxes: Sequence[bytes],
    roads: Roads,
    terminal: Terminal,
) -> list[RelayReport]:
    found, reports = await _targets(home, relays, carrier)
    if not found and not reports:
        raise BadInput("no relay is known: add a desk's card, or name one with --relay URL")
    known = {target.entry.signing_key for target in targets(Desks(home).all())}
    with closing(connect(home)) as connection:
        outbox = Outbox(home, connection)
        SealingRoom(home, connection).clear_abandoned()
        traffic = Traffic(today(), home.settings().original_copies)
        waiting = outbox.waiting()
        total = _to_send_bytes(waiting, found, traffic)
        relays_said = "1 relay" if len(found) == 1 else f"{len(found)} relays"
        doing = f"sending to {relays_said}" if total else f"asking {relays_said}"
        with terminal.progress(doing, total) as progress:
            run = Run(
                home,
                connection,
                carrier=carrier,
                roads=roads,
                traffic=traffic,
                mailboxes=mailboxes,
                advance=progress.advance,
            )
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(
                            transmit(
                                run,
                                target.entry,
                                target.cards,
                                due_bytes=_to_send_bytes(waiting, [target], traffic),
                            )
                        )
                        for target in found
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


def _to_send_bytes(
    parcels: Sequence[StoredParcel], found: Sequence[Target], traffic: Traffic
) -> int:
    """How much goes out if every relay is there and wants all that it is offered."""
    total = 0
    for parcel in parcels:
        due = sum(due_for(parcel, one.entry.signing_key, traffic.today) for one in found)
        if parcel.rank is Rank.ORIGINAL:
            due = min(due, max(0, traffic.copies - (len(found) - due)))
        total += due * parcel.header.body_size
    return total


def _first(errors: BaseExceptionGroup[ClientError]) -> ClientError:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _tell(reports: Sequence[RelayReport], terminal: Terminal) -> dict[str, Any]:
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
            _sync(
                home,
                relays=relays,
                carrier=carrier or CarrierSettings(),
                mailboxes=mailboxes_of(home, code),
                roads=Roads(),
                terminal=terminal,
            )
        )
    return exit_code(reports), _tell(reports, terminal)


def _waiting_line(home: Home) -> str:
    with closing(connect(home)) as connection:
        parcels = Outbox(home, connection).waiting()
    size = sum(parcel.header.body_size for parcel in parcels)
    some = "1 parcel" if len(parcels) == 1 else f"{len(parcels)} parcels"
    return f"{some} not yet opened, {human_size(size)}"


async def _wait(changes: NetworkChanges | None, every_s: float | None) -> str:
    waits = []
    if changes is not None:
        waits.append(asyncio.create_task(changes.next()))
    if every_s is not None:
        # Up to a quarter later, so that no clock can be read from it.
        late_s = every_s * secrets.randbelow(1000) / 4000
        waits.append(asyncio.create_task(asyncio.sleep(every_s + late_s)))
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        return "the network changed" if waits[0] in done and changes is not None else "it is time"
    finally:
        for task in waits:
            task.cancel()


async def _watch(
    home: Home, arguments: argparse.Namespace, terminal: Terminal, mailboxes: Sequence[bytes]
) -> None:
    # A relay that never comes to its end must not keep the next round from the others.
    carrier = replace(carrier_of(arguments), session_s=arguments.round_timeout)
    roads = Roads()
    left = _MOST_ROUNDS_ON
    async with AsyncExitStack() as stack:
        changes: NetworkChanges | None = None
        if arguments.every is None:
            changes = await stack.enter_async_context(watch_network())
            when = "whenever a network comes or goes; nothing is probed in between"
        else:
            when = f"about every {arguments.every:g} seconds, as you asked"
        while True:
            reports: list[RelayReport] = []
            try:
                with home.sync_lock():
                    reports = await _sync(
                        home,
                        relays=arguments.relay,
                        carrier=carrier,
                        mailboxes=mailboxes,
                        roads=roads,
                        terminal=terminal,
                    )
                terminal.result(_tell(reports, terminal))
            except HomeBusy as error:
                terminal.warn(str(error))
            if left and any(report.has_more for report in reports):
                left -= 1
                continue
            left = _MOST_ROUNDS_ON
            terminal.say(f"{_waiting_line(home)}. Again {when}. Ctrl-C ends it.")
            terminal.say(f"{await _wait(changes, arguments.every)}: syncing")


async def _until_stopped(watching: Coroutine[None, None, None]) -> None:
    """Run until Ctrl-C or SIGTERM; what was queued stays so."""
    task = asyncio.ensure_future(watching)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def sync(arguments: argparse.Namespace, home: Home, terminal: Terminal, code: str | None) -> int:
    """Run the command; the exit code."""
    if arguments.every is not None and not arguments.watch:
        raise BadInput("--every goes with --watch")
    if not arguments.watch:
        result, told = sync_once(
            home,
            terminal,
            relays=arguments.relay,
            carrier=carrier_of(arguments),
            code=code,
        )
        terminal.result(told)
        return result
    home.make()
    asyncio.run(_until_stopped(_watch(home, arguments, terminal, mailboxes_of(home, code))))
    terminal.say("stopped; what was queued is safe")
    return Exit.DONE
