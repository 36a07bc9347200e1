"""One round: a session with every relay at once, past dead ones. Loads all of the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import ClientError
from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox, Word
from qanat_client.reporter.plan import make_plan
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.relays import UNPROVEN, Target, fetch_entry, found_and_named, targets
from qanat_client.reporter.sealing_room import SealingRoom
from qanat_client.reporter.traffic import Traffic
from qanat_client.reporter.transmit import Run, transmit
from qanat_client.terminal import Exit, Terminal

__all__ = ["sync_round"]


async def _targets(
    home: Home, relays: Sequence[str], carrier: CarrierSettings
) -> tuple[list[Target], list[RelayReport]]:
    """Whom to talk to, and those given by hand that could not even be asked for their keys."""
    found, by_hand = found_and_named(Desks(home).all(), relays)
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
        plan = make_plan(waiting, found, (), traffic)
        relays_said = "1 relay" if len(found) == 1 else f"{len(found)} relays"
        doing = f"sending to {relays_said}" if plan.total_bytes else f"asking {relays_said}"
        with terminal.progress(doing, plan.total_bytes) as progress:

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
                        group.create_task(
                            transmit(run, one.entry, one.cards, due_bytes=asked.due_bytes)
                        )
                        for one, asked in zip(found, plan.relays, strict=True)
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
