"""What happens in a run, drawn from its seed: who does what and when, what the network is like, and
whose power goes. At the end a quiet time, in which all that can still arrive has to arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.simulation.machines import Died, Machine
from tests.simulation.network import Faults, Network
from tests.simulation.people import Desk, Relay, Reporter, World
from tests.simulation.truths import Truths

from qanat_relay.config import Config

__all__ = ["Story"]

HOUR_S, DAY_S = 3600.0, 86_400.0
_PAUSES_S = (20.0, HOUR_S, DAY_S, 8 * DAY_S, 25 * DAY_S)
"""Between acts: seconds, as in a window of the network, or hours, days, a week, most of a month."""

_QUIET_ROUNDS = 16


@dataclass(frozen=True, slots=True)
class _Temper:
    """How this run is: who takes part, for how long, and how bad it gets."""

    relays: int
    reporters: int
    desks: int
    acts: int
    longest_pause: int
    grace_days: int
    purge_after_days: int
    wrong_clocks: str
    """Whose clocks may be wrong besides the reporters': two at once may delete what they should
    not, as docs/decisions.md says, and a desk with a relay is two."""

    deaths: float

    @classmethod
    def of(cls, chance: Random) -> _Temper:
        """A temper by chance."""
        return cls(
            relays=chance.choice((2, 2, 3)),
            reporters=chance.choice((1, 2, 3)),
            desks=chance.choice((1, 1, 2)),
            acts=chance.randint(3, 7),
            longest_pause=chance.randint(0, len(_PAUSES_S) - 1),
            grace_days=chance.choice((7, 30, 90)),
            purge_after_days=chance.choice((0, 0, 3, 14)),
            wrong_clocks=chance.choice(("nobody", "nobody", "reporter", "relay0", "desk")),
            deaths=chance.choice((0.0, 0.3, 0.6)),
        )


class Story:
    """One run. `perform` returns when it is over; what was wrong is in the world."""

    def __init__(
        self,
        world: World,
        network: Network,
        make_machine: Callable[[int, str], Machine],
        chance: Random,
        trace: Callable[[str], None],
    ) -> None:
        self._world, self._network, self._chance, self._trace = world, network, chance, trace
        self._loop = network.loop
        temper = self._temper = _Temper.of(chance)
        numbers = iter(range(1, 100))
        self.relays = [
            Relay(
                make_machine(number := next(numbers), f"relay{at}"),
                world,
                Config(
                    listen=(f"10.0.0.{number}:8080",),
                    addresses=(f"http://10.0.0.{number}:8080",),
                    country=("DE", "KZ", "EE")[at],
                    sweep_s=21_600,
                ),
            )
            for at in range(temper.relays)
        ]
        self.desks = [
            Desk(make_machine(next(numbers), f"desk{at}"), world, f"Desk {at}")
            for at in range(temper.desks)
        ]
        self.reporters = [
            Reporter(make_machine(next(numbers), f"reporter{at}"), world)
            for at in range(temper.reporters)
        ]
        people: list[Relay | Desk | Reporter] = [*self.relays, *self.desks, *self.reporters]
        self.machines = [one.machine for one in people]
        for machine in self.machines:
            machine.network = network
        self.truths = Truths(world, self.relays, self.desks, self.reporters)
        self._words = 0
        self._is_quiet = False
        self._jumped: set[str] = set()

    @property
    def _now_s(self) -> float:
        return self._loop.time()

    async def perform(self) -> None:
        """Everything, from the making of the relays to the last look."""
        self._trace(f"{self._temper}")
        await self._prepare()
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(self._keep(relay)) for relay in self.relays]
            for act in range(self._temper.acts):
                await self._act(act)
            await self._be_quiet()
            for keeper in keepers:
                keeper.cancel()
        await self._look_at_all()

    async def _prepare(self) -> None:
        for relay in self.relays:
            relay.start()
        await asyncio.sleep(5)
        for desk in self.desks:
            await desk.make(
                self.relays,
                grace_days=self._temper.grace_days,
                purge_after_days=self._temper.purge_after_days,
            )
        for relay in self.relays:
            relay.cards = [desk.card for desk in self.desks]
            await relay.stop()
            relay.start()
        for reporter in self.reporters:
            for desk in self.desks:
                await reporter.run("desk", "add", desk.home / "desk.card", "--yes")
        await asyncio.sleep(5)

    async def _keep(self, relay: Relay) -> None:
        """Switch a relay on again some time after it died."""
        while True:
            if not relay.is_serving:
                if not self._is_quiet:
                    await asyncio.sleep(self._chance.choice((1.0, 60.0, HOUR_S)))
                relay.start()
            await asyncio.sleep(20)

    # Acts

    async def _act(self, number: int) -> None:
        chance = self._chance
        self._network.faults = _weather(chance)
        self._network.is_down = chance.random() < 0.15
        if self._network.is_down:
            self._network.cut_all()
        self._set_clocks()
        dying = [
            one for one in self.machines if one.is_on and chance.random() < self._temper.deaths
        ]
        for machine in dying:
            by_power = chance.random() < 0.7
            if chance.random() < 0.6:
                machine.arm(int(2 ** chance.uniform(0, 8)), by_power=by_power)
            else:
                # Between two changes of its disk, most likely.
                delay_s = chance.uniform(0, 100)
                self._loop.call_later(delay_s, self._end_if_on, machine, by_power)
        self._trace(
            f"act {number}: {'no network' if self._network.is_down else self._network.faults}"
        )
        async with asyncio.TaskGroup() as group:
            for reporter in self.reporters:
                group.create_task(self._live(reporter.machine, self._report, reporter))
            for desk in self.desks:
                group.create_task(self._live(desk.machine, self._edit, desk))
        if chance.random() < 0.3:
            relay = chance.choice(self.relays)
            self._trace(f"{relay.machine.name} is stopped by its operator")
            await relay.stop()
        pause_s = chance.choice(_PAUSES_S[: self._temper.longest_pause + 1])
        if pause_s > DAY_S:
            for one in self.relays:
                one.machine.clock_error_s = 0.0
        await asyncio.sleep(pause_s * chance.uniform(0.2, 1.5))
        await self.truths.weigh_relays()

    def _end_if_on(self, machine: Machine, by_power: bool) -> None:
        if machine.is_on and not self._is_quiet:
            machine.end(by_power=by_power)

    def _set_clocks(self) -> None:
        chance = self._chance
        if self._temper.wrong_clocks == "nobody":
            return
        for machine in self.machines:
            may_be = machine.name.startswith(("reporter", self._temper.wrong_clocks))
            if machine.name.startswith("relay"):
                # One jump, and set right before four weeks are over: what jumps on may be believed.
                may_be = may_be and machine.name not in self._jumped
            if may_be and chance.random() < 0.5:
                self._jumped.add(machine.name)
                error_s = chance.choice((0, 40, -40, 5000, -5000)) * chance.random() * DAY_S
                machine.clock_error_s = error_s
                self._trace(f"the clock of {machine.name} is off by {error_s / DAY_S:+.1f} days")

    async def _live(
        self, machine: Machine, do: Callable[[Any], Awaitable[None]], who: Reporter | Desk
    ) -> None:
        """Some deeds one after the other; whoever dies goes on after a while."""
        for _ in range(self._chance.randint(1, 4)):
            await asyncio.sleep(self._chance.uniform(0, 30))
            if not machine.is_on:
                machine.start()
            try:
                await do(who)
            except Died:
                await asyncio.sleep(self._chance.uniform(1, 100))
        if not machine.is_on:
            machine.start()

    def _say(self, what: str) -> str:
        """A text that nobody else says."""
        self._words += 1
        return f"{what} {self._words:04d} {self._chance.randbytes(12).hex()}"

    async def _report(self, reporter: Reporter) -> None:
        chance = self._chance
        drawn = chance.random()
        if drawn < 0.45:
            await self._send(reporter)
        elif drawn < 0.75:
            if chance.random() < 0.3:
                # Beside it, as people do.
                await _both(reporter.sync(), self._send(reporter))
            else:
                await reporter.sync()
        elif drawn < 0.9:
            await reporter.read(sync=chance.random() < 0.7)
        elif drawn < 0.95:
            await self._drop(reporter)
        # Not each time: looking is writing too, and makes safe what lay unsafe before.
        if chance.random() < 0.5:
            await self._look_at_outbox(reporter)

    async def _send(self, reporter: Reporter) -> None:
        chance = self._chance
        attached = {}
        for number in range(chance.choice((0, 0, 0, 1, 1, 2))):
            size = int(2 ** chance.uniform(8, 19))
            attached[f"{self._say('file')}-{number}.bin"] = chance.randbytes(size)
        options = [word for word in ("--urgent", "--no-code") if chance.random() < 0.2]
        desk = chance.choice(self.desks)
        sent = await reporter.send(desk, self._say("report"), attached, *options)
        self._trace(
            f"{reporter.machine.name} queued {sent.text!r} with {len(attached)} files for"
            f" {desk.name}, until {sent.last_day}"
        )

    async def _drop(self, reporter: Reporter) -> None:
        mine = [
            sent
            for sent in self._world.sent
            if sent.reporter is reporter and sent.number and not sent.is_dropped
        ]
        if mine:
            sent = self._chance.choice(mine)
            sent.is_dropped = True
            self._trace(f"{reporter.machine.name} drops {sent.text!r}")
            await reporter.run("outbox", "drop", sent.number, "--yes")

    async def _look_at_outbox(self, reporter: Reporter) -> None:
        entries = await reporter.outbox()
        await self.truths.weigh_outbox(reporter, entries, self._now_s)
        states = " ".join(entry["state"].replace(" ", "-") for entry in entries)
        self._trace(f"{reporter.machine.name} sees: {states or 'nothing'}")

    async def _edit(self, desk: Desk) -> None:
        chance = self._chance
        drawn = chance.random()
        if drawn < 0.7:
            ran = await desk.pull()
            self._trace(f"{desk.name} pulls: ends with {ran.code}")
        elif drawn < 0.9:
            known = {value["id"] for value in (await desk.reports())["reports"]}
            open_ = [
                sent
                for sent in self._world.sent
                if sent.report_id in known and not sent.is_answered and sent.has_code
            ]
            if open_:
                sent = chance.choice(open_)
                await desk.reply(sent, self._say("answer"), self._now_s)
                self._trace(f"{desk.name} answers {sent.text!r}")
        else:
            await desk.publish(self._say("bulletin"), self._now_s)
            self._trace(f"{desk.name} publishes")

    # The end

    async def _be_quiet(self) -> None:
        """All is well again; what can still arrive has so many rounds to do so."""
        self._trace("quiet: the network is well, the clocks are right, the power stays")
        self._is_quiet = True
        self._network.faults, self._network.is_down = Faults(), False
        for machine in self.machines:
            machine.disarm()
            machine.clock_error_s = 0.0
            if not machine.is_on and not machine.name.startswith("relay"):
                machine.start()
        await asyncio.sleep(1000)
        missing: list[str] = []
        for number in range(_QUIET_ROUNDS):
            for reporter in self.reporters:
                await reporter.read(sync=True)
            for desk in self.desks:
                await desk.pull()
            missing = self.truths.missing(self._now_s)
            self._trace(f"round {number}: {len(missing)} things have not come")
            if not missing and number > 1:
                break
            await asyncio.sleep(HOUR_S)
        for what in missing:
            self._world.hold(False, f"never came: {what}")

    async def _look_at_all(self) -> None:
        await self.truths.weigh_relays()
        for reporter in self.reporters:
            await self._look_at_outbox(reporter)
            problems = reporter.problems_of_disk()
            self._world.hold(not problems, f"{reporter.machine.name}'s database: {problems}")
        for desk in self.desks:
            folder = self._world.place / "exports" / desk.machine.name
            await desk.run("export", "-o", folder, "--format", "json")
            self.truths.weigh_export(desk, folder)
            facts = await desk.reports()
            self._world.hold(not facts["alarms"], f"{desk.name} has alarms: {facts['alarms']}")
            aside = facts["set_aside"]
            self._world.hold(not aside, f"{desk.name} has set aside: {aside}")
        for relay in self.relays:
            await relay.stop()
            ran = await relay.check()
            self._world.hold(ran.code == 0, f"{relay.machine.name}'s store: {ran.said}{ran.warned}")
        self.truths.weigh_secrets([self._world.place / "machines"])


def _weather(chance: Random) -> Faults:
    """Good, or bad in one way, or in all."""
    kind = chance.randrange(5)
    bad = chance.choice((0.2, 0.5, 0.8))
    return Faults(
        refused=bad / 2 if kind in (1, 4) else 0.0,
        silent=bad / 4 if kind in (1, 4) else 0.0,
        cut=bad if kind in (2, 3, 4) else 0.0,
        half_open=bad if kind in (2, 4) else 0.0,
        repeated=bad if kind in (3, 4) else 0.0,
        slow=bad if kind in (1, 3, 4) else 0.0,
    )


async def _both(*works: Coroutine[Any, Any, object]) -> None:
    """Two deeds at once; Died only when both have ended."""
    for ended in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
