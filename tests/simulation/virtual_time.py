"""An event loop whose time is a number: it never waits, it moves to the next thing that is due.

All programs of a simulation run in this one loop, each task in the context of its process. What
runs when follows from the order of the calls alone, so a run with the same decisions is the same.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from itertools import count
from typing import Any

from tests.simulation.processes import Process, current_process

__all__ = ["Spinning", "VirtualLoop"]

EVENTS_AT_ONE_TIME = 200_000
"""Callbacks without a move of the clock, before the run is held to hang."""

EVENTS_PER_HOUR = 400_000
"""Callbacks of one process in an hour, before it is held to spin."""

_numbers = count(1)


class Spinning(AssertionError):
    """Something is done again and again without end."""


class _Task(asyncio.Task[Any]):
    """Sets of tasks are walked in the order of their numbers, never of their addresses."""

    def __init__(self, coro: Any, **options: Any) -> None:
        self._number = next(_numbers)
        self.process = current_process()
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number


class _Future(asyncio.Future[Any]):
    def __init__(self, *, loop: asyncio.AbstractEventLoop) -> None:
        self._number = next(_numbers)
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.BaseEventLoop):
    """`time()` is in seconds since the run began. `on_turn` is called after every turn."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._selector = self
        # With weeks on the clock a float has no nanoseconds left.
        self._clock_resolution = 1e-6
        self._at_one_time = 0
        self.events = 0
        self.complaints: list[str] = []
        self.on_turn: list[Callable[[], object]] = []
        self.set_task_factory(_make_task)

    def time(self) -> float:
        return self._now_s

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(loop=self)

    # What BaseEventLoop asks of a selector: there is nothing to wait for but the clock.

    def select(self, timeout: float | None) -> list[Any]:
        for look in self.on_turn:
            look()
        self._at_one_time += 1
        if self._at_one_time > EVENTS_AT_ONE_TIME:
            raise Spinning("the clock stands still while callbacks go on")
        if self._ready:  # type: ignore[attr-defined]
            return []
        if timeout is None:
            raise Spinning("everything waits and nothing is due")
        if timeout > 0:
            self._now_s += timeout
            self._at_one_time = 0
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        """Threads here run only while the loop waits for them, so it needs no waking."""

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        self.events += 1
        process = current_process()
        if process is not None:
            hour = int(self._now_s // 3600)
            if process.hour != hour:
                process.hour, process.events = hour, 0
            process.events += 1
            if process.events > EVENTS_PER_HOUR:
                raise Spinning(f"{process.name} spins: {process.events:,} callbacks in an hour")
        return super().call_soon(callback, *args, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        # A task may be swept up in anybody's name; what it was doing, it did in its own.
        task = context.get("future")
        process = task.process if isinstance(task, _Task) else current_process()
        if process is None or not process.dead:
            error = context.get("exception")
            self.complaints.append(f"{context.get('message')}: {error!r}")

    def set_exception_handler(self, handler: Any) -> None:
        """Programs bring their own; here every complaint is counted."""

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Callable[..., object], *args: Any
    ) -> None:
        process = current_process()
        assert process is not None, "signals go to processes"
        process.signal_handlers[signal.Signals(sig)] = lambda: callback(*args)

    def remove_signal_handler(self, sig: int) -> bool:
        process = current_process()
        assert process is not None, "signals go to processes"
        return process.signal_handlers.pop(signal.Signals(sig), None) is not None


def _make_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    context: Context | None = None,
) -> asyncio.Future[Any]:
    task = _Task(coro, loop=loop, context=context)
    process: Process | None = current_process()
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(lambda done: process.tasks.pop(done, None))
    return task
