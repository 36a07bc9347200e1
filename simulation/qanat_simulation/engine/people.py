"""A simulated reporter or courier: the real watch, and the real sessions of a round, over an outbox
in memory."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qanat_client.carriers.conversation import Conversation, Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.reporter.giving import Giving
from qanat_client.reporter.home import Home, Settings
from qanat_client.reporter.netlink import Network as NetworkNews
from qanat_client.reporter.outbox import StoredParcel
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.relays import targets
from qanat_client.reporter.rtnetlink import Way
from qanat_client.reporter.stamper import Stamper
from qanat_client.reporter.traffic import Traffic
from qanat_client.reporter.transmit import Run, transmit
from qanat_client.reporter.watch import Watch
from qanat_client.reporter.widening import Connections
from qanat_client.terminal import Terminal
from qanat_protocol.card import DeskCard
from qanat_protocol.days import day_of
from qanat_simulation.engine.bodies import Parcel
from qanat_simulation.engine.connections import Station
from qanat_simulation.engine.links import Opener
from qanat_simulation.engine.outboxes import (
    KnownDesk,
    MemoryLibrary,
    MemoryOutbox,
    NamedRelays,
    NoCards,
)
from qanat_simulation.engine.wires import Network

__all__ = ["Asking", "Person"]

TOGETHER_S = 0.05
"""How long the watch waits for all that a system tells of one network (`netlink`)."""

ASKING_TRIPS = 5
"""Round trips of a session in which nothing is given: TCP, TLS, both sides' openings, what is asked
and its answer, the end."""

_ARGUMENTS = argparse.Namespace(
    relay=[], proxy=None, connect_timeout=10.0, stall_timeout=60.0, round_timeout=600.0
)
"""The command line's defaults."""


class _Silent(Terminal):
    """Nobody looks at it."""

    def say(self, text: str = "") -> None:
        pass

    def warn(self, text: str) -> None:
        pass

    def result(self, value: Any) -> None:
        pass


class _NoThread:
    """In the place of `DiskThread`: what is to be done is done at once."""

    async def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    def close(self) -> None:
        """There is nothing to wait for."""


class _NoStamps(Stamper):
    """In the place of `Stamper`: no relay here asks for any."""

    def __init__(self) -> None:
        """Without a home."""
        self.listeners = set()

    def works_on(self, keys: Iterable[int]) -> bool:
        """No."""
        return False

    def want(self, parcel: StoredParcel, day: int, effort: int, *, refused: bool = False) -> None:
        pass


async def _stay_alone(
    talk: Conversation, giving: Giving, serve: Any, connections: Connections
) -> None:
    """In the place of `widen`: the connections of a session are one here."""


class _Lines(NetworkNews):
    """What the system would tell of a station's lines."""

    def __init__(self) -> None:
        self._told = asyncio.Event()  # type: ignore[assignment]
        self._number = 0
        self._is_up = False

    def tell(self, *, is_up: bool) -> None:
        self._is_up = is_up
        self._number += 1
        self._told.set()  # type: ignore[attr-defined]

    async def changed(self) -> None:
        await self._told.wait()  # type: ignore[attr-defined]
        await asyncio.sleep(TOGETHER_S)
        self._told.clear()  # type: ignore[attr-defined]

    def ways(self) -> frozenset[Way]:
        if not self._is_up:
            return frozenset()
        return frozenset([Way("line", is_route=True, detail=self._number.to_bytes(8))])


class _Watching(Watch):
    """`qanat sync --watch` of one person."""

    def __init__(self, person: Person, lines: _Lines, roads: Roads) -> None:
        super().__init__(
            Home(Path()),
            _ARGUMENTS,
            _Silent(),
            mailboxes=(),
            network=lines,
            every_s=None,
            roads=roads,
        )
        self._person = person

    async def hold_round(self) -> list[RelayReport]:
        return await self._person.hold_round(self.carrier, self.roads)

    def say_what_goes(self, why: str) -> None:
        pass

    def say_what_waits(self, again_s: float | None) -> None:
        pass


class _Run(Run):
    """What the sessions of a round share."""

    def __init__(
        self,
        person: Person,
        carrier: CarrierSettings,
        roads: Roads,
        traffic: Traffic,
        advance: Callable[[int], None],
    ) -> None:
        self.disk = _NoThread()  # type: ignore[assignment]
        self.outbox = person.outbox
        self.library = person.library
        self.relays = person.relays
        self.relay_cards = NoCards()
        self.reached = set()
        self.carrier = carrier
        self.roads = roads
        self.traffic = traffic
        self.mailboxes = ()
        self.advance = advance
        self.connections = Connections()
        self.widen = _stay_alone
        self.stamper = _NoStamps()


@dataclass(frozen=True, slots=True)
class Asking:
    """What a session costs in which there is nothing to say, as the newest did that was held."""

    sent_bytes: int
    received_bytes: int


class Person:
    """A reporter, or a courier: who has a device with Qanat on it."""

    def __init__(
        self,
        network: Network,
        station: Station,
        card: DeskCard,
        clock: Callable[[], float],
        askings: dict[str, Asking],
    ) -> None:
        """askings: what all of them know of such sessions, by the relays' addresses."""
        self._loop = network.loop
        self.station = station
        self._clock = clock
        self._targets = targets([card])
        self._relays = [network.at_address[target.entry.addresses[0]] for target in self._targets]
        self.outbox = MemoryOutbox(card.desk_id)
        self.relays = NamedRelays()
        self.library = MemoryLibrary(self.outbox, KnownDesk(card))
        self._lines = _Lines()
        self._opener = Opener(network, station)
        self._askings = askings
        roads = Roads(open_link=self._opener.open_link)
        self._watch = _Watching(self, self._lines, roads)

    async def run(self) -> None:
        """Go to the relays whenever there is a reason, until cancelled."""
        await self._watch.run()

    @property
    def today(self) -> int:
        """The day by this person's clock."""
        return day_of(self._clock())

    def write(self, parcel: Parcel) -> None:
        """A parcel of a report that is sealed now. With a line it goes at once."""
        if self.outbox.is_empty:
            self.relays.forget_told()
        self.outbox.add(parcel, self.today)
        self._go()

    def take(self, parcels: Sequence[Parcel]) -> None:
        """Parcels of others came on a stick. With a line they go at once."""
        new = [parcel for parcel in parcels if self.outbox.add(parcel, self.today)]
        if new:
            self.relays.forget_told()
            self._go()

    def line_changed(self) -> None:
        """The station has a line, or has none any more."""
        self._lines.tell(is_up=self.station.line is not None)

    def _go(self) -> None:
        if self.station.line is not None:
            self._watch.note_news("a report was written")

    async def hold_round(self, carrier: CarrierSettings, roads: Roads) -> list[RelayReport]:
        """A session with each relay, as `rounds.sync_round` holds it. Who has nothing that the desk
        has not opened can be given nothing: once somebody held such a round, others are counted."""
        reached = [self.station.reaches(relay) for relay in self._relays]
        if not any(reached):
            if self.station.line is not None:
                await asyncio.sleep(carrier.connect_s)
            return [
                RelayReport(target.entry.addresses[0], "", problem="not reached")
                for target in self._targets
            ]
        is_empty = self.outbox.is_empty
        if is_empty and self._is_counted():
            return await self._count_round(reached)
        traffic = Traffic(self.today, Settings().original_copies)
        run = _Run(self, carrier, roads, traffic, lambda _: self._watch.note_move())
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(transmit(run, one)) for one in self._targets]
        finally:
            if self.outbox.is_unseen:
                # Behind the round's end, so that it is a reason for another one.
                self._loop.call_later(TOGETHER_S, self._go)
        reports = [task.result() for task in tasks]
        if is_empty and self.outbox.is_empty:
            self._note_asking(reports)
        return reports

    # Rounds in which nothing is given

    def _is_counted(self) -> bool:
        line = self.station.line
        # What losses do to a session shows where it is held.
        return bool(self._askings) and line is not None and not line.loss

    def _note_asking(self, reports: Sequence[RelayReport]) -> None:
        if all(report.reached and not report.problem for report in reports):
            for report in reports:
                end = self._opener.ends[report.address]
                self._askings[report.address] = Asking(end.sent_bytes, end.received_bytes)

    async def _count_round(self, reached: Sequence[bool]) -> list[RelayReport]:
        """As long as it would take: the openings, the asking and the end go to and fro."""
        station, line, now_s = self.station, self.station.line, self._loop.time()
        assert line is not None, "only then it is counted"
        reports, until_s = [], now_s
        for target, relay, is_reached in zip(self._targets, self._relays, reached, strict=True):
            address = target.entry.addresses[0]
            reports.append(RelayReport(address, "", reached=is_reached))
            if not is_reached or relay.line is None:
                continue
            asking = self._askings[address]
            until_s = max(until_s, station.occupy(asking.sent_bytes, now_s))
            station.received_bytes += asking.received_bytes
            relay.received_bytes += asking.sent_bytes
            relay.occupy(asking.received_bytes, now_s)
            trips_s = ASKING_TRIPS * (line.rtt_s + relay.line.rtt_s)
            until_s = max(until_s, now_s + trips_s + asking.received_bytes / line.down_bytes_s)
        await asyncio.sleep(until_s - now_s)
        if station.line is not line:
            for report in reports:
                report.reached = False
        if self.outbox.is_unseen:
            self._loop.call_later(TOGETHER_S, self._go)
        return reports
