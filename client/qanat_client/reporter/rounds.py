"""One round: a session with every relay at once, past dead ones. Loads all of the network.

While none of a desk's own relays answers it goes on to those that are learned from their cards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import ClientError
from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.learned import Learned, choose, foreign
from qanat_client.reporter.outbox import Outbox, Word
from qanat_client.reporter.plan import make_plan
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.relays import (
    LEARNED,
    UNPROVEN,
    Target,
    fetch_entry,
    found_and_named,
)
from qanat_client.reporter.sealing_room import SealingRoom
from qanat_client.reporter.spares import spares_for
from qanat_client.reporter.stamper import Stamper
from qanat_client.reporter.traffic import Traffic
from qanat_client.reporter.transmit import Run, transmit
from qanat_client.terminal import Exit, Terminal

__all__ = ["LATE_S", "sync_round", "sync_rounds"]

_MOST_ROUNDS = 4
"""Rounds of one sync: what a relay asks for may rise while a stamp is worked on."""

LATE_S = 8.0
"""How long a desk's own relays have to answer before learned ones are gone to as well. A line that
works at all has answered by then, and a window of twenty seconds is not over."""


async def _with_those_by_hand(
    found: Sequence[Target], addresses: Sequence[str], home: Home, carrier: CarrierSettings
) -> tuple[list[Target], list[RelayReport]]:
    """Whom to talk to, and those given by hand that could not even be asked for their keys."""
    known = {target.entry.signing_key: target for target in found}
    missing: list[RelayReport] = []
    asked = await asyncio.gather(
        *(fetch_entry(address, carrier) for address in addresses), return_exceptions=True
    )
    for address, entry in zip(addresses, asked, strict=True):
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
        else:
            key = entry.signing_key
            known.setdefault(key, Target(entry, tuple(Desks(home).all()), named_by=key))
    return list(known.values()), missing


class _Round:
    """The sessions of one round, and what is told of them."""

    def __init__(self, run: Run, group: asyncio.TaskGroup) -> None:
        self._run = run
        self._group = group
        self._tasks: list[tuple[Target, asyncio.Task[RelayReport]]] = []

    def begin(self, target: Target, spares: int = 0) -> None:
        """A session with one more relay."""
        task = self._group.create_task(transmit(self._run, target, spares=spares))
        self._tasks.append((target, task))

    async def go_on(self, learned: Sequence[Learned], reached_before: Sequence[bytes]) -> None:
        """To learned relays, for the desks none of whose own has answered in time."""
        own = [(target, task) for target, task in self._tasks if target.named_by is None]
        await asyncio.wait([task for _, task in own], timeout=LATE_S)
        served = {
            card.desk_id
            for target, _ in own
            if target.entry.signing_key in self._run.reached
            for card in target.cards
        }
        begun = {target.entry.signing_key for target, _ in self._tasks}
        useful = []
        for one in learned:
            cards = tuple(card for card in one.target.cards if card.desk_id not in served)
            if cards and one.target.entry.signing_key not in begun:
                useful.append(replace(one, target=replace(one.target, cards=cards)))
        for one in choose(useful, reached_before):
            self.begin(one.target)

    def reports(self, learned: Sequence[Learned], held_nowhere: set[int]) -> list[RelayReport]:
        """What came of each, once all have ended."""
        by = {one.target.entry.signing_key: one.by.entry.addresses[0] for one in learned}
        found = []
        for target, task in self._tasks:
            report = task.result()
            report.stuck = len(report.refused_keys & held_nowhere)
            if target.named_by == target.entry.signing_key:
                report.advice.append(UNPROVEN)
            elif target.named_by is not None:
                report.named_by = by[target.entry.signing_key]
                report.advice.append(LEARNED)
            found.append(report)
        return found


async def sync_round(
    home: Home,
    *,
    relays: Sequence[str],
    carrier: CarrierSettings,
    mailboxes: Sequence[bytes],
    roads: Roads,
    terminal: Terminal,
    stamper: Stamper,
    moved: Callable[[], None] = lambda: None,
) -> list[RelayReport]:
    """One session with every relay; what came of each. `moved` is called as blocks go out.

    Raises what the disk does, and BadInput where no relay is known.
    """
    settings, cards = home.settings(), Desks(home).all()
    carrier = replace(carrier, datagrams=settings.datagrams)
    with closing(connect(home)) as connection:
        outbox = Outbox(home, connection)
        SealingRoom(home, connection).clear_abandoned()
        traffic = Traffic(today(), settings.original_copies)
        run = Run(
            home,
            connection,
            carrier=carrier,
            roads=roads,
            traffic=traffic,
            mailboxes=mailboxes,
            advance=lambda _: None,
            stamper=stamper,
        )
        try:
            known, by_hand = found_and_named(cards, relays, run.relays.last_addresses())
            run.relay_cards.forget_others(target.entry.signing_key for target in known)
            learned = run.relay_cards.learned(known) if settings.learned_relays else []
            reached_before = run.relays.reached()
            traffic.aside = foreign(run.relays.named_by_relays(), known) | {
                one.target.entry.signing_key for one in learned
            }
            found, reports = await _with_those_by_hand(known, by_hand, home, carrier)
            plan = make_plan(outbox.waiting(), found, (), traffic)
            relays_said = "1 relay" if len(found) == 1 else f"{len(found)} relays"
            doing = f"sending to {relays_said}" if plan.total_bytes else f"asking {relays_said}"
            with terminal.progress(doing, plan.total_bytes) as progress:

                def advance(size_bytes: int) -> None:
                    progress.advance(size_bytes)
                    moved()

                run.advance = advance
                try:
                    async with asyncio.TaskGroup() as group:
                        going = _Round(run, group)
                        for target, asked in zip(found, plan.relays, strict=True):
                            going.begin(target, spares_for(asked.due_bytes, len(found)))
                        if learned:
                            await going.go_on(learned, reached_before)
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
    return reports + going.reports(learned, held_nowhere)


async def sync_rounds(
    home: Home,
    *,
    relays: Sequence[str],
    carrier: CarrierSettings,
    mailboxes: Sequence[bytes],
    roads: Roads,
    terminal: Terminal,
) -> list[RelayReport]:
    """A round, and others as long as relays ask for stamps and some are found; what came of each
    relay in each of them. Raises as `sync_round`."""
    told: list[RelayReport] = []
    async with Stamper(home, home.settings().stamp_most_s) as stamper:
        for _ in range(_MOST_ROUNDS):
            for report in told:
                # What is told by the next one.
                report.stuck = 0
            reports = await sync_round(
                home,
                relays=relays,
                carrier=carrier,
                mailboxes=mailboxes,
                roads=roads,
                terminal=terminal,
                stamper=stamper,
            )
            told += reports
            if not any(report.stamps_wanted for report in reports):
                break
            if not await stamper.settle(terminal):
                stamper.tell_of_too_much(terminal)
                break
    return told


def _first(errors: BaseExceptionGroup[ClientError]) -> ClientError:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
