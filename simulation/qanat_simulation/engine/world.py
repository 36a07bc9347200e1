"""A plan with the programs in it: who there is, and what happens to them when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from qanat_client.desk.pulling import DEFAULT_EVERY_S
from qanat_protocol.days import epoch_of, last_day
from qanat_protocol.signing import SigningKey
from qanat_protocol.tags import desk_tag
from qanat_relay.config import Config
from qanat_relay.keys import RelayKeys
from qanat_simulation.engine.bodies import Parcel, make_parcel
from qanat_simulation.engine.connections import Station
from qanat_simulation.engine.desks import GRACE_DAYS, SimulatedDesk
from qanat_simulation.engine.doors import PlainSecret
from qanat_simulation.engine.people import Asking, Person
from qanat_simulation.engine.relays import SimulatedRelay, befriend
from qanat_simulation.engine.sticks import meet
from qanat_simulation.engine.store.together import Together
from qanat_simulation.engine.virtual_time import VirtualLoop
from qanat_simulation.engine.wires import Network
from qanat_simulation.outcome import Burden
from qanat_simulation.plan import Item, Line, Meeting, Node, Plan, Role

__all__ = ["BEGIN_S", "Conditions", "World"]

BEGIN_S = 1_772_409_600.0
"""What a right clock says when a plan begins: Monday, 2 March 2026, midnight UTC."""

_CONFIG = Config(sessions_max=1024)
"""Of every relay: as it is set up, but for a country that comes all at once."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a plan does not say. clock_off_s: by how much a node's clock is wrong. configs: settings
    of single relays. same_keys: relays that run with another's stolen keys, by name. liars: relays
    that say to have all that they are given or asked about, and keep nothing. is_tls: whether
    connections open with TLS. desk_every_s: how often
    the desk tries a relay again that it does not reach.
    """

    clock_off_s: Mapping[str, float] = field(default_factory=dict)
    configs: Mapping[str, Config] = field(default_factory=dict)
    same_keys: Mapping[str, str] = field(default_factory=dict)
    liars: frozenset[str] = frozenset()
    is_tls: bool = True
    desk_every_s: float = DEFAULT_EVERY_S


class World:
    """Everything of one run. Made and run within `opened_doors`."""

    def __init__(self, plan: Plan, conditions: Conditions, loop: VirtualLoop) -> None:
        self._plan = plan
        self._conditions = conditions
        self._loop = loop
        self._network = Network(loop, Random(f"{plan.seed} losses"), is_tls=conditions.is_tls)
        self._stations = {
            node.name: Station(node.name, is_abroad=node.is_abroad) for node in plan.nodes
        }
        self.relays = self._make_relays(self._of(Role.RELAY))
        (desk,) = self._of(Role.DESK)
        self.desk = SimulatedDesk(
            self._network,
            self._stations[desk.name],
            relays=list(self.relays.values()),
            weeks=int(plan.duration_s // (7 * 86_400)) + 1,
            every_s=conditions.desk_every_s,
            clock=self._clock(desk.name),
        )
        card = self.desk.desk.card
        askings: dict[str, Asking] = {}
        self.people = {
            node.name: Person(
                self._network,
                self._stations[node.name],
                card,
                self._clock(node.name),
                askings,
            )
            for node in (*self._of(Role.REPORTER), *self._of(Role.COURIER))
        }

    def _of(self, role: Role) -> list[Node]:
        return [node for node in self._plan.nodes if node.role is role]

    def _clock(self, name: str) -> Callable[[], float]:
        off_s = BEGIN_S + self._conditions.clock_off_s.get(name, 0.0)
        return lambda: off_s + self._loop.time()

    def _make_relays(self, nodes: list[Node]) -> dict[str, SimulatedRelay]:
        chance = Random(f"{self._plan.seed} keys")
        keys = {
            node.name: RelayKeys(
                SigningKey(chance.randbytes(32)), PlainSecret(chance.randbytes(32))
            )
            for node in nodes
        }
        made: dict[str, SimulatedRelay] = {}
        together = Together()
        for number, node in enumerate(nodes):
            address = f"https://relay-{number + 1}.example"
            station = self._network.at_address[address] = self._stations[node.name]
            made[node.name] = SimulatedRelay(
                self._network,
                station,
                address=address,
                config=self._conditions.configs.get(node.name, _CONFIG),
                keys=keys[self._conditions.same_keys.get(node.name, node.name)],
                lies=node.name in self._conditions.liars,
                clock=self._clock(node.name),
                together=together,
            )
        befriend(made)
        return made

    # What happens

    async def run(self, note: Callable[[str], None]) -> None:
        """Live through the plan."""
        plan, loop = self._plan, self._loop
        for line in plan.lines:
            if line.start_s < plan.duration_s:
                loop.call_at(line.start_s, self._begin_line, line)
                loop.call_at(line.end_s, self._end_line, line)
        for item in plan.items:
            loop.call_at(item.at_s, self._write, item)
        for meeting in plan.meetings:
            loop.call_at(meeting.at_s, self._meet, meeting)
        # Behind what happens at the very beginning.
        await asyncio.sleep(0)
        programs = [
            *(relay.run() for relay in self.relays.values()),
            self.desk.run(),
            *(person.run() for person in self.people.values()),
        ]
        running = [asyncio.create_task(program) for program in programs]
        telling = asyncio.create_task(self._tell(note))
        ending = asyncio.create_task(asyncio.sleep(plan.duration_s - loop.time()))
        try:
            done, _ = await asyncio.wait({ending, *running}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (telling, ending, *running):
                task.cancel()
            await asyncio.gather(telling, ending, *running, return_exceptions=True)
            for relay in self.relays.values():
                await relay.stop()

    async def _tell(self, note: Callable[[str], None]) -> None:
        hour_s = 3600.0
        while True:
            days, rest_s = divmod(self._loop.time(), 86_400)
            came, all_ = len(self.desk.arrived_s), len(self._plan.items)
            note(f"day {days + 1:.0f}, {rest_s / hour_s:02.0f} h: {came:,} of {all_:,} at the desk")
            await asyncio.sleep(hour_s)

    def _begin_line(self, line: Line) -> None:
        self._set_line(line.node, line)

    def _end_line(self, line: Line) -> None:
        # The next one may have begun at the same moment.
        if self._stations[line.node].line is line:
            self._set_line(line.node, None)

    def _set_line(self, name: str, line: Line | None) -> None:
        station = self._stations[name]
        self._network.set_line(station, line)
        if name in self.people:
            self.people[name].line_changed()
        elif station is self.desk.station:
            self.desk.line_changed()
        else:
            self.desk.relay_changed()

    def _write(self, item: Item) -> None:
        person, card = self.people[item.source], self.desk.desk.card
        # As `writing_time`: a clock that is behind what was signed is wrong.
        epoch = epoch_of(min(max(person.today, card.issued_day), card.last_day))
        parcel = make_parcel(
            item,
            seed=self._plan.seed,
            tag=desk_tag(card.desk_id, epoch),
            expiry_day=last_day(epoch) + GRACE_DAYS,
        )
        self.desk.expect(parcel)
        person.write(parcel)

    def _meet(self, meeting: Meeting) -> None:
        meet(self.people[meeting.one], self.people[meeting.other], meeting.capacity_bytes)

    def written(self) -> list[Parcel]:
        """What was written so far, as parcels."""
        return self.desk.expected()

    # What came of it

    def burdens(self) -> dict[str, Burden]:
        """What each node bore."""
        stored = {name: relay.store.room.most_bytes for name, relay in self.relays.items()}
        stored |= {name: person.outbox.most_bytes for name, person in self.people.items()}
        stored[self.desk.station.name] = sum(
            item.body_bytes for item in self._plan.items if item.number in self.desk.arrived_s
        )
        return {
            name: Burden(station.sent_bytes, station.received_bytes, stored[name])
            for name, station in self._stations.items()
        }
