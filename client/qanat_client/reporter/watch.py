"""`qanat sync --watch`: goes to the relays whenever this device gets a network, and says so before.

Listens to the system and never probes, unless the person asks for that. How soon and how often is
for `cadence` to say.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from typing import Any

from qanat_client.carriers.conversation import Roads
from qanat_client.errors import BadInput, HomeBusy
from qanat_client.reporter.cadence import MOST_TRIES, NO_ROOM_MOST_S, Cadence
from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.netlink import Network, watch_network
from qanat_client.reporter.outbox import Outbox
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.rounds import sync_round
from qanat_client.reporter.stamper import Stamper
from qanat_client.reporter.sync import (
    carrier_of,
    mailboxes_of,
    plan_sync,
    show_plan,
    tell,
)
from qanat_client.stopping import until_stopped
from qanat_client.terminal import Exit, Terminal, human_size
from qanat_protocol.errors import QanatError

__all__ = ["Watch", "watch"]

_MOST_ROUNDS_ON = 144
"""Rounds that follow at once, as a relay's session was too short for what it has confirmed: a day
of them. One that only claims to go on is not talked to for longer without a network's change."""

_STILL_S = 2.0
"""How long a round may hang when another network comes, before it begins anew: on a network that is
gone, or on a name server that only the new one has. One that moves is left alone."""


def _chance() -> float:
    return secrets.randbelow(1 << 32) / (1 << 32)


def _triggers(every_s: float | None, *, listens: bool) -> list[str]:
    """When the relays are contacted, in words."""
    said = []
    if listens:
        said.append(
            "when: now, and whenever a network comes (this device gets an address or a way out), at"
            f" once; if no relay can be reached yet, up to {MOST_TRIES} times more in half a minute"
        )
        said.append(
            "a relay that has no room now is asked again: after a minute, then less often, at least"
            f" every {NO_ROOM_MOST_S / 60:g} minutes"
        )
    if every_s is None:
        said.append("nothing is probed in between")
    else:
        said.append(
            f"{'besides' if listens else 'when: now, and'} about every {every_s:g} seconds, as you"
            " asked: whoever watches the line can see each try"
        )
    return said


class Watch:
    """One run of the command. `network` is None where the system tells of none, `every_s` where
    nothing is to happen by the clock."""

    def __init__(
        self,
        home: Home,
        arguments: argparse.Namespace,
        terminal: Terminal,
        *,
        mailboxes: Sequence[bytes],
        network: Network | None,
        every_s: float | None,
        roads: Roads | None = None,
    ) -> None:
        self._home = home
        self._relays = arguments.relay
        # A relay that never comes to its end must not keep the next round from the others.
        self.carrier = replace(carrier_of(arguments), session_s=arguments.round_timeout)
        self._terminal = terminal
        self._mailboxes = mailboxes
        self._network = network
        self._every_s = every_s
        self.roads = roads or Roads()
        self._cadence = Cadence(_chance)
        self._stamper = Stamper(home, home.settings().stamp_most_s)
        self._ways = network.ways() if network is not None else None
        self._news = asyncio.Event()
        self._came = ""
        self._is_lost = False
        self._moves = False
        self._told: dict[str, Any] = {}
        self._rounds_on = _MOST_ROUNDS_ON

    async def run(self) -> None:
        """Until cancelled. Raises what the disk does."""
        async with self._stamper:
            await self._run()

    async def _run(self) -> None:
        with closing(self.roads.dialling):
            async with asyncio.TaskGroup() as group:
                if self._network is not None:
                    group.create_task(self._listen(self._network))
                await self._contact_again_and_again()

    async def _listen(self, network: Network) -> None:
        while True:
            await network.changed()
            before, self._ways = self._ways, network.ways()
            if self._ways is None or self._ways != before:
                self.roads.forget()
            if self._ways is None or before is None:
                self.note_news("the network changed")
                continue
            self._is_lost |= bool(before - self._ways)
            if came := self._ways - before:
                self.note_news(" and ".join(sorted({str(way) for way in came})))

    def note_news(self, came: str) -> None:
        """There is a reason for a contact."""
        self._came = came
        self._cadence.came()
        self._news.set()

    async def _contact_again_and_again(self) -> None:
        why = "you asked for it"
        while True:
            reports = await self._contact(why)
            if any(report.reached for report in reports):
                self._cadence.came()
            if reports and all(report.reached for report in reports):
                self._news.clear()
            if self._rounds_on and any(report.has_more for report in reports):
                self._rounds_on -= 1
                why = "a relay's session was too short for all"
                continue
            self._rounds_on = _MOST_ROUNDS_ON
            if await self._has_new_stamps(reports):
                why = "what a relay under a flood asked for is done"
                continue
            why = await self._wait(reports)
            self._stamper.begin()

    async def _has_new_stamps(self, reports: Sequence[RelayReport]) -> bool:
        if not any(report.stamps_wanted for report in reports):
            return False
        found = await self._stamper.settle(self._terminal)
        if not found:
            self._stamper.tell_of_too_much(self._terminal)
        return found

    # One contact

    async def _contact(self, why: str) -> list[RelayReport]:
        while True:
            self._cadence.begun(asyncio.get_running_loop().time())
            self._news.clear()
            self._is_lost = self._moves = False
            self.say_what_goes(why)
            going = asyncio.create_task(self.hold_round())
            try:
                if not await self._is_overtaken(going):
                    return going.result()
            finally:
                going.cancel()
                await asyncio.wait({going})
            why = f"{self._came}, and nothing has moved on what was there before"
            await self._pause()

    async def hold_round(self) -> list[RelayReport]:
        """One session with every relay."""
        try:
            with self._home.sync_lock():
                reports = await sync_round(
                    self._home,
                    relays=self._relays,
                    carrier=self.carrier,
                    mailboxes=self._mailboxes,
                    roads=self.roads,
                    terminal=self._terminal,
                    moved=self.note_move,
                    stamper=self._stamper,
                )
            self._terminal.result(tell(reports, self._terminal))
        except HomeBusy as error:
            self._terminal.warn(str(error))
            return []
        return reports

    def note_move(self) -> None:
        """Blocks go out in the round that is held."""
        self._moves = True

    async def _is_overtaken(self, going: asyncio.Task[Any]) -> bool:
        """Wait for the round's end; True if it is to begin anew on another network that came."""
        while not going.done():
            news = asyncio.create_task(self._news.wait())
            try:
                await asyncio.wait({going, news}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                news.cancel()
            if going.done():
                break
            hangs = self._is_lost or not self._moves
            self._moves = False
            await asyncio.wait({going}, timeout=_STILL_S)
            if hangs and not self._moves and not going.done():
                return True
            # What it has is enough: it goes on, and the news with it.
            self._news.clear()
        return False

    # Between contacts

    async def _wait(self, reports: Sequence[RelayReport]) -> str:
        """Wait for a reason to go to the network again; which one it is."""
        again_s = self._again_in_s(reports)
        self.say_what_waits(again_s)
        until: dict[asyncio.Task[Any], str] = {}
        if self._network is not None:
            until[asyncio.create_task(self._news.wait())] = ""
        if again_s is not None:
            why = "a relay had no room" if _lacks_room(reports) else "no relay was reached yet"
            until[asyncio.create_task(self._again(again_s))] = why
        if self._every_s is not None:
            late_s = self._cadence.late(self._every_s)
            until[asyncio.create_task(asyncio.sleep(late_s))] = "it is time"
        try:
            done, _ = await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in until:
                task.cancel()
        why = next(until[task] for task in until if task in done)
        if why != "it is time":
            await self._pause()
        return why or self._came

    async def _again(self, pause_s: float) -> None:
        """Wait to try again; for ever once the network is gone, as the next one is told of."""
        await asyncio.sleep(pause_s)
        if not self._ways:
            await asyncio.Event().wait()

    def _again_in_s(self, reports: Sequence[RelayReport]) -> float | None:
        """When to try once more what failed, since the network is there all the same."""
        is_up = self._network is not None and self._ways is not None and bool(self._ways)
        if not is_up or not reports:
            return None
        if _lacks_room(reports):
            return self._cadence.later_s()
        self._cadence.had_room()
        if any(report.reached for report in reports):
            return None
        return self._cadence.again_in_s()

    async def _pause(self) -> None:
        pause_s = self._cadence.pause_s(asyncio.get_running_loop().time())
        if pause_s > 0:
            self._terminal.say(
                f"the network comes and goes: the relays are contacted again in {pause_s:.0f} s"
            )
            await asyncio.sleep(pause_s)

    # What the person sees

    def say_what_goes(self, why: str) -> None:
        """Before a contact."""
        plan = plan_sync(self._home, self._relays)
        facts = plan.facts()
        if facts != self._told:
            plan.tell(self._terminal)
        elif facts["waiting"]:
            self._terminal.say("what waits is as before")
        if not self._told:
            for line in _triggers(self._every_s, listens=self._network is not None):
                self._terminal.say(line)
            self._terminal.say(
                "what you write meanwhile goes with the next contact; `qanat sync` goes at once"
            )
        self._told = facts
        count = len(facts["to"])
        self._terminal.say(
            f"{why}: {'1 relay is' if count == 1 else f'{count} relays are'} contacted now"
        )

    def say_what_waits(self, again_s: float | None) -> None:
        """After one; `again_s`: when the next follows, None for no such time."""
        with closing(connect(self._home)) as connection:
            parcels = Outbox(self._home, connection).waiting()
        size = sum(parcel.header.body_size for parcel in parcels)
        some = "1 parcel" if len(parcels) == 1 else f"{len(parcels)} parcels"
        self._terminal.say(f"{some} not yet opened by the desk, {human_size(size)}.")
        self._terminal.say(f"{self._next(again_s)}. Ctrl-C ends it.")

    def _next(self, again_s: float | None) -> str:
        said = []
        if again_s is not None:
            said.append(f"Again in {again_s:.1f} s, as a network is there")
        if self._network is not None:
            said.append("Again when a network comes")
        if self._every_s is not None:
            return " or ".join(
                [*said, f"Again about every {self._every_s:g} seconds, as you asked"]
            )
        return f"{', or '.join(said)}; nothing is probed in between"


def _lacks_room(reports: Sequence[RelayReport]) -> bool:
    return any(report.no_room for report in reports)


async def _watch(
    home: Home,
    arguments: argparse.Namespace,
    terminal: Terminal,
    mailboxes: Sequence[bytes],
    every_s: float | None,
) -> None:
    async with AsyncExitStack() as stack:
        network: Network | None = None
        try:
            network = await stack.enter_async_context(watch_network())
        except BadInput as error:
            if every_s is None:
                raise
            terminal.say(f"{error}; only the clock counts")
        watching = Watch(
            home, arguments, terminal, mailboxes=mailboxes, network=network, every_s=every_s
        )
        try:
            await watching.run()
        except* QanatError as errors:
            raise errors.exceptions[0] from None


def watch(arguments: argparse.Namespace, home: Home, terminal: Terminal, code: str | None) -> int:
    """Run the command; the exit code."""
    home.make()
    every_s = arguments.every or home.settings().probe_every_s or None
    if arguments.dry_run:
        plan = plan_sync(home, arguments.relay)
        return show_plan(plan, terminal, _triggers(every_s, listens=True))
    asyncio.run(until_stopped(_watch(home, arguments, terminal, mailboxes_of(home, code), every_s)))
    terminal.say("stopped; what was queued is safe")
    return Exit.DONE
