"""A machine: an address, a clock that may be wrong, a disk, and the processes that run on it.

Each life of a machine has a folder of its own: after a power cut or a kill the next one begins with
what the disk kept of the last. What a process says once its power is gone is heard by nobody.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, Any, TypeVar

from tests.simulation import threads
from tests.simulation.doors import BEGIN_S
from tests.simulation.power import Power
from tests.simulation.processes import Process, enter

if TYPE_CHECKING:
    from tests.simulation.network import Network

__all__ = ["Died", "Machine", "Ran"]

T = TypeVar("T")


class Died(Exception):
    """The process was killed, or its machine lost power, before it had said how it ended."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program said. `error`: what it raised, which no program may."""

    code: int
    said: str
    warned: str

    @property
    def facts(self) -> Any:
        """The JSON document that it printed last."""
        return json.loads(self.said.strip().splitlines()[-1])


class Machine:
    """One computer or phone. `clock_error_s` is how much its clock is ahead."""

    def __init__(
        self,
        number: int,
        name: str,
        place: Path,
        *,
        loop: asyncio.AbstractEventLoop,
        power: Power,
        trace: Callable[[str], None],
    ) -> None:
        self.number, self.name = number, name
        self.address = f"10.0.0.{number}"
        self.clock_error_s = 0.0
        self.is_on = True
        self.life = 1
        self.deaths = 0
        self.network: Network
        self.opened: object = None
        """The store that the program of this life has opened, to be looked at beside it."""

        self._place, self._loop, self._power, self._trace = place, loop, power, trace
        self._processes: list[Process] = []
        self._is_armed = self._by_power = False
        self._deaths: list[asyncio.Future[None]] = []
        self.folder = place / f"{name}-{self.life}"
        self.folder.mkdir(mode=0o700, parents=True)
        power.watch(self.folder)

    def clock_s(self) -> float:
        """Unix seconds by the machine's clock."""
        return BEGIN_S + self._loop.time() + self.clock_error_s

    # Processes

    def spawn(self, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Run a coroutine as a process of this machine."""
        assert self.is_on, f"{self.name} is off"
        process = Process(self, f"{self.name}:{name}")
        self._processes.append(process)
        context = contextvars.copy_context()
        context.run(enter, process)
        task: asyncio.Task[T] = context.run(lambda: self._loop.create_task(work()))
        task.add_done_callback(lambda _: self._forget(process))
        return task

    async def run(self, main: Callable[[list[str]], int], arguments: list[str]) -> Ran:
        """Run a command line to its end. Raises Died."""
        assert self.is_on, f"{self.name} is off"
        process = Process(self, f"{self.name}:{main.__module__.split('.')[1]}")
        self._processes.append(process)
        codes: list[int] = []

        def program() -> None:
            try:
                codes.append(main(arguments))
            except SystemExit as stop:
                codes.append(stop.code if isinstance(stop.code, int) else 1)

        context = contextvars.copy_context()
        context.run(enter, process)
        thread = context.run(lambda: threads.Thread(target=program, name=process.name))
        ended = self._loop.create_future()
        thread.when_ended(lambda: _settle(ended))
        self._deaths.append(ended)
        thread.start()
        try:
            await ended
        finally:
            self._deaths.remove(ended)
        self.look_at_power()
        if process.dead:
            raise Died(self.name)
        self._forget(process)
        if thread.error is not None:
            raise thread.error
        words = " ".join(word for word in arguments if not word.startswith(("/", "--")))
        self._trace(f"{process.name} {words}: ended with {codes[0]}")
        return Ran(codes[0], "".join(process.said), "".join(process.warned))

    def signal(self, number: Signals) -> None:
        """Send a signal to the processes that listen for it."""
        for process in list(self._processes):
            if (handle := process.signal_handlers.get(number)) is not None:
                handle()

    def _forget(self, process: Process) -> None:
        if process in self._processes:
            self._processes.remove(process)

    # Kills and power

    def arm(self, records: int, *, by_power: bool) -> None:
        """Let the power go, or a kill come, at the so many-th next change of this disk."""
        self._power.arm(self.folder, records)
        self._is_armed, self._by_power = True, by_power

    def disarm(self) -> None:
        """Let the power stay, if it has not gone yet."""
        if self._is_armed and not self.look_at_power():
            self._power.arm(self.folder, 0)
            self._is_armed = False

    def look_at_power(self) -> bool:
        """Whether the power has gone: then all that runs here ends before anybody hears of it."""
        if self._is_armed and self.is_on and self._power.has_fallen(self.folder):
            self.end(by_power=self._by_power)
        return not self.is_on

    def end(self, *, by_power: bool) -> None:
        """End all processes at once; by a kill the disk keeps all, by power what it had to."""
        self._is_armed = False
        self.is_on = False
        self.opened = None
        self.deaths += 1
        self._trace(f"{self.name} {'loses its power' if by_power else 'is killed'}")
        processes, self._processes = self._processes, []
        for process in processes:
            process.dead = True
            if not by_power:
                self.network.hang_up(process)
            for task in list(process.tasks):
                self._loop.call_soon(task.cancel)
        if by_power:
            self.network.forget(self)
        for ended in self._deaths:
            _settle(ended)
        last, self.life = self.folder, self.life + 1
        self.folder = self._place / f"{self.name}-{self.life}"
        self._power.succeed(last, self.folder, by_power=by_power)

    def start(self) -> None:
        """Switch it on again, with what its disk kept."""
        self.is_on = True
        self._trace(f"{self.name} is on again")


def _settle(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
