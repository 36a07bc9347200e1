"""Three relays through a simulated week: true sessions with the relay's own code, on true files.

Time is the simulation's; what comes within a few milliseconds is there before a commit begins.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

from tests.linkage.newsroom import Newsroom
from tests.linkage.people import (
    EPOCH,
    HOUR_S,
    ORIGINAL_COPIES,
    RELAYS,
    START_S,
    WEEK_S,
    Crowd,
    Going,
    Week,
    simulate_week,
)
from tests.linkage.visits import Sender, Visit
from tests.relay.made_parcels import Made
from tests.relay.running_relay import Desk

from qanat_protocol.days import day_of
from qanat_protocol.parcel import Rank, rank_of
from qanat_protocol.tags import desk_tag
from qanat_relay.config import Config, store_limits
from qanat_relay.desks import Desks
from qanat_relay.keys import ensure_keys
from qanat_relay.node import Node
from qanat_relay.store.sqlite import SqliteStore
from qanat_relay.sweep import sweep_once

COMMIT_S = 0.01
"""What comes within one commit goes into the next."""

ROUND_TRIP_S = 0.4
PULL_EVERY_S = 3 * HOUR_S


class Clock:
    """The simulation's time, which the relays take for the true one."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return START_S + self.now_s


@dataclass(frozen=True, slots=True)
class Handed:
    """Some blocks of a parcel that a relay got. going: the number of the session's going."""

    going: int
    relay: int
    day: int


@dataclass
class Simulation:
    """The people, the relays, the desks, and what is still to happen."""

    week: Week
    nodes: list[Node]
    newsrooms: list[Newsroom]
    clock: Clock
    handed: dict[bytes, list[Handed]] = field(default_factory=dict)
    """By parcel id: when something of it went where."""
    _events: list[tuple[float, int, tuple[object, ...]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _originals: dict[bytes, set[int]] = field(default_factory=dict)

    async def run(self, until_s: float) -> None:
        """Let everything happen."""
        for number, going in enumerate(self.week.goings):
            for relay in going.relays:
                self._at(going.at_s, ("go", number, going, relay))
        for place, newsroom in enumerate(self.newsrooms):
            for turn in range(int(until_s / PULL_EVERY_S)):
                for relay in range(len(self.nodes)):
                    at_s = turn * PULL_EVERY_S + 600.0 * (place + 1) + relay
                    self._at(at_s, ("pull", newsroom, relay))
        for hour in range(int(until_s / HOUR_S)):
            for relay in range(len(self.nodes)):
                self._at(hour * HOUR_S + 60.0 * relay, ("sweep", relay))
        while self._events and self._events[0][0] < until_s:
            await self._step()

    def _at(self, at_s: float, what: tuple[object, ...]) -> None:
        heappush(self._events, (at_s, next(self._order), what))

    async def _step(self) -> None:
        at_s, _, what = heappop(self._events)
        self.clock.now_s = at_s
        match what:
            case ("sweep", int(relay)):
                await sweep_once(self.nodes[relay])
            case ("pull", Newsroom() as newsroom, int(relay)):
                await newsroom.pull(self.nodes[relay], relay)
            case ("go", int(number), Going() as going, int(relay)):
                await self._go(number, going, relay)
            case ("piece", Sender() as sender):
                await self._pieces(at_s, sender)

    async def _go(self, number: int, going: Going, relay: int) -> None:
        queued = self._queued(going, relay)
        if not queued:
            return
        sender = Sender(Visit(self.nodes[relay]), going, relay, number)
        await sender.offer(queued)
        self._plan(sender, self.clock.now_s + ROUND_TRIP_S)

    def _queued(self, going: Going, relay: int) -> list[Made]:
        """What a device offers this relay, in the order in which it goes."""
        found = []
        for item, tell in enumerate(self.week.tells):
            if tell.source != going.source or tell.written_s > going.at_s:
                continue
            for made in tell.parcels:
                rank = rank_of(made.header)
                holders = self._originals.setdefault(made.parcel_id, set())
                if rank is Rank.ORIGINAL and relay not in holders:
                    if len(holders) >= ORIGINAL_COPIES:
                        continue
                    holders.add(relay)
                found.append((rank, made.header.body_size, item, made))
        return [made for *_, made in sorted(found, key=lambda entry: entry[:3])]

    def _plan(self, sender: Sender, from_s: float) -> None:
        piece = sender.next_piece()
        if piece is not None:
            self._at(from_s + piece[2] / sender.going.uplink_bytes_s, ("piece", sender))
        else:
            self._at(from_s, ("piece", sender))

    async def _pieces(self, at_s: float, first: Sender) -> None:
        """What the relays get within one commit, of all sessions."""
        senders = [first]
        while self._events and self._events[0][0] < at_s + COMMIT_S:
            if self._events[0][2][0] != "piece":
                break
            senders.append(heappop(self._events)[2][1])  # type: ignore[arg-type]
        pushed = []
        for sender in senders:
            piece = sender.next_piece()
            if piece is None or sender.budget_bytes <= 0:
                continue
            number, indices, _ = piece
            sender.push(number, indices)
            made = sender.loads[number][0]
            handed = Handed(sender.number, sender.relay, day_of(self.clock()))
            self.handed.setdefault(made.parcel_id, []).append(handed)
            pushed.append((sender, number))
        for sender, number in pushed:
            await sender.acknowledged(number)
        for sender in senders:
            if sender.next_piece() is None:
                await sender.visit.end()
            elif sender.budget_bytes <= 0:
                await sender.visit.cut()
            else:
                self._plan(sender, at_s)


@dataclass(frozen=True)
class Lived:
    """A week that is over: what was told, how it went, and the relays' folders as whoever pulls the
    plug finds them."""

    week: Week
    handed: dict[bytes, list[Handed]]
    folders: list[Path]


@asynccontextmanager
async def running(folder: Path, clock: Clock) -> AsyncIterator[Node]:
    folder.mkdir(parents=True, exist_ok=True)
    config = Config()
    keys = ensure_keys(folder)
    store = await SqliteStore.open(folder / "store", store_limits(config))
    try:
        yield Node(config, keys, store, Desks(folder / "desks"), clock)
    finally:
        await store.close()


async def live(folder: Path, crowd: Crowd, seed: int) -> Lived:
    """Let three relays live through a week, and take their disks while they run."""
    desks = [Desk.made(), Desk.made()]
    tags = tuple(desk_tag(desk.desk_id, EPOCH) for desk in desks)
    week = simulate_week(crowd, tags, seed)
    made = {one.parcel_id: one for tell in week.tells for one in tell.parcels}
    letter_of = {
        one.parcel_id: tell.letter.parcel_id for tell in week.tells for one in tell.parcels
    }
    clock = Clock()
    async with AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(running(folder / f"relay{number}", clock))
            for number in range(RELAYS)
        ]
        newsrooms = [
            Newsroom(desk, place == 1, letter_of, made) for place, desk in enumerate(desks)
        ]
        simulation = Simulation(week, nodes, newsrooms, clock)
        await simulation.run(WEEK_S)
        seized = []
        for number in range(RELAYS):
            target = folder / f"seized{number}"
            shutil.copytree(folder / f"relay{number}", target)
            seized.append(target)
    return Lived(week, simulation.handed, seized)
