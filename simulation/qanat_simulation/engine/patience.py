"""Time limits as `asyncio.timeout` and `wait_for` set them, for programs that set one around nearly
every wait and hardly ever reach it: those of one length share a single timer of the loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import Any, TypeVar

from qanat_simulation.engine.virtual_time import Timer, VirtualLoop

__all__ = ["Limits"]

T = TypeVar("T")

LONG_S = 5.0
"""Limits from here on share timers: they are of few lengths."""


class _Nothing:
    """What is awaited of it is there."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        return iter(())  # type: ignore[return-value]


_NOTHING = _Nothing()


class _Limit:
    """As `asyncio.Timeout`, but it can't be moved, and is not given by `async with`."""

    __slots__ = ("_cancelling", "_delay_s", "_is_due", "_limits", "_timer", "task", "until_s")

    until_s: float

    def __init__(self, limits: Limits, delay_s: float | None) -> None:
        self._limits = limits
        self._delay_s = delay_s
        self._timer: Timer | None = None
        self._is_due = False
        self.task: asyncio.Task[object] | None = None

    def expired(self) -> bool:
        """As `asyncio.Timeout.expired`."""
        return self._is_due

    def __aenter__(self) -> _Nothing:
        task = self.task = asyncio.current_task()
        assert task is not None, "only tasks have time limits"
        self._cancelling = task.cancelling()
        if self._delay_s is not None:
            self._timer = self._limits.set(self, self._delay_s)
        return _NOTHING

    def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> _Nothing:
        task, self.task = self.task, None
        if self._timer is not None:
            self._timer.cancel()
        assert task is not None, "it was entered"
        is_ours = self._is_due and task.uncancel() <= self._cancelling
        if is_ours and kind is asyncio.CancelledError:
            raise TimeoutError from error
        return _NOTHING

    def end(self) -> None:
        """The time is over."""
        if self.task is not None:
            self._is_due = True
            self.task.cancel()


class Limits:
    """Of one loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._long: dict[float, deque[_Limit]] = {}

    def timeout(self, delay_s: float | None) -> _Limit:
        """As `asyncio.timeout`."""
        return _Limit(self, delay_s)

    async def wait_for(self, awaitable: Awaitable[T], delay_s: float | None) -> T:
        """As `asyncio.wait_for`; what is waited for belongs to this task."""
        async with self.timeout(delay_s):
            return await awaitable

    def set(self, limit: _Limit, delay_s: float) -> Timer | None:
        """Let it end in so many seconds; its timer, if it has one of its own."""
        loop = self._loop
        if delay_s < LONG_S:
            return loop.call_later(max(0.0, delay_s), limit.end)
        limit.until_s = loop.time() + delay_s
        waiting = self._long.get(delay_s)
        if waiting is None:
            self._long[delay_s] = deque([limit])
            loop.call_at(limit.until_s, self._end_of, delay_s)
            return None
        while waiting and waiting[0].task is None:
            waiting.popleft()
        waiting.append(limit)
        return None

    def _end_of(self, delay_s: float) -> None:
        waiting, now_s = self._long[delay_s], self._loop.time()
        while waiting and (waiting[0].task is None or waiting[0].until_s <= now_s):
            waiting.popleft().end()
        if waiting:
            self._loop.call_at(waiting[0].until_s, self._end_of, delay_s)
        else:
            del self._long[delay_s]
