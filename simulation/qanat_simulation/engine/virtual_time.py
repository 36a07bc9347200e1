"""An event loop whose time is a number: it never waits, it moves to the next thing that is due.

What runs when follows from the order of the calls alone, so a run with the same decisions is the
same.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any

from qanat_protocol.errors import QanatError

__all__ = ["Spinning", "Timer", "VirtualLoop"]

EVENTS_AT_ONE_TIME = 5_000_000
"""Callbacks without a move of the clock, before the run is held to hang."""

LEAST_DROPPED = 4096
"""Timers that were cancelled are dropped together, so many of them at least."""


class Spinning(QanatError):
    """Something in the simulation is done again and again without end: a mistake of the programs'
    or of the simulator's. Tell of it with the scenario and the seed."""


class _Task(asyncio.Task[Any]):
    """Sets of tasks are walked in the order of their numbers, never of their addresses."""

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        loop: VirtualLoop,
        context: Context | None,
    ) -> None:
        # First: asyncio puts it into sets of its own while it is made.
        self._number = loop.next_number()
        super().__init__(coro, loop=loop, context=context)

    def __hash__(self) -> int:
        return self._number


class _Handle:
    """What is to be called, unless it is cancelled before. Without a context in whichever there is:
    programs keep nothing in them but what belongs to a task, and tasks bring theirs."""

    __slots__ = ("args", "callback", "context", "loop", "when_s")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args = args
        self.context = context

    def cancel(self) -> None:
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        return self.callback is None


class Timer(_Handle):
    """The same at some time."""

    __slots__ = ()

    loop: VirtualLoop
    when_s: float

    def cancel(self) -> None:
        if self.callback is not None:
            self.loop.cancelled += 1
        super().cancel()

    def when(self) -> float:
        return self.when_s


class VirtualLoop(asyncio.BaseEventLoop):
    """`time()` is in seconds since the run began. Nothing in it has a thread of its own: what is
    given to one runs at once. complaints: of exceptions that nobody caught."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._due: deque[_Handle] = deque()
        # With a number each, so that of one moment the first to be set is the first to come.
        self._timers: list[tuple[float, int, Timer]] = []
        self._number = 0
        self.cancelled = 0
        self.complaints: list[str] = []

    def time(self) -> float:
        return self._now_s

    def get_debug(self) -> bool:
        return False

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Handle:
        handle = _Handle(callback, args, context)
        self._due.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Timer:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Timer:
        timer = Timer(callback, args, context)
        timer.when_s, timer.loop = when, self
        heapq.heappush(self._timers, (when, self.next_number(), timer))
        return timer

    def next_number(self) -> int:
        """Higher than all before."""
        self._number += 1
        return self._number

    def create_task(
        self,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        name: object = None,
        context: Context | None = None,
        **_: object,
    ) -> asyncio.Task[Any]:
        """`name` is of no use to anybody."""
        return _Task(coro, loop=self, context=context)

    def _run_once(self) -> None:
        due, at_one_time = self._due, 0
        while not self._stopping:  # type: ignore[attr-defined]
            if not due:
                self._advance()
                at_one_time = 0
            for _ in range(len(due)):
                handle = due.popleft()
                if handle.callback is None:
                    continue
                try:
                    if handle.context is None:
                        handle.callback(*handle.args)
                    else:
                        handle.context.run(handle.callback, *handle.args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - as every event loop: it is told of
                    self.call_exception_handler(
                        {"message": "a callback failed", "exception": error}
                    )
            at_one_time += 1
            if at_one_time > EVENTS_AT_ONE_TIME:
                raise Spinning("the clock stands still while callbacks go on")

    def _advance(self) -> None:
        """Move on to the next thing that is due."""
        timers = self._timers
        if self.cancelled > LEAST_DROPPED and 2 * self.cancelled > len(timers):
            timers[:] = [each for each in timers if each[2].callback is not None]
            heapq.heapify(timers)
            self.cancelled = 0
        while timers:
            when_s, _, timer = heapq.heappop(timers)
            if timer.callback is None:
                self.cancelled -= 1
                continue
            self._now_s = max(self._now_s, when_s)
            self._due.append(timer)
            # What is due at the same moment comes in its turn, behind what this one causes.
            return
        raise Spinning("everything waits and nothing is due")

    def _write_to_self(self) -> None:
        """There are no threads that could wake it."""

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """The function is done when this returns."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for the function
            done.set_exception(error)
        return done

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    def set_exception_handler(self, handler: object) -> None:
        """Programs bring their own; here every complaint is kept."""
