"""Threads, queues between them and pools, of which one at a time runs: order without a race.

A thread runs when the loop hands it the baton, until it would block or ends; its programs are the
real ones. When it begins, and how long a job takes, is drawn, so disks are slow as they are.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import queue
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future as Result
from random import Random
from typing import Any, TypeVar, cast

from tests.simulation.processes import current_process
from tests.simulation.virtual_time import VirtualLoop

__all__ = ["Pool", "Queue", "Thread", "block_on", "use"]

T = TypeVar("T")
_RealThread = threading.Thread
_STUCK_S = 60.0


class _Hub:
    """The loop that hands out the baton, and the chance by which disks are slow."""

    loop: VirtualLoop
    chance: Random
    running: Thread | None = None

    def delay_s(self) -> float:
        """How long a thread waits for the disk: mostly a moment, at times long."""
        drawn = self.chance.random()
        return (
            0.0002 if drawn < 0.5 else 0.02 * drawn if drawn < 0.98 else 2.0 * self.chance.random()
        )


_hub = _Hub()


def use(loop: VirtualLoop, chance: Random) -> None:
    """Let all threads from now on be of this loop."""
    _hub.loop, _hub.chance = loop, chance


class Thread:
    """What `threading.Thread` is to programs."""

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        self._work = functools.partial(target or _nothing, *args, **(kwargs or {}))
        self._context = contextvars.copy_context()
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._ended = False
        self._error: BaseException | None = None
        self._watchers: list[Callable[[], None]] = []
        self._waiting = False
        self.name = name or "thread"
        self.daemon = daemon
        self._process = current_process()
        self._real = _RealThread(target=self._main, name=self.name, daemon=True)

    def start(self) -> None:
        self._real.start()
        _hub.loop.call_soon_threadsafe(self._resume)

    def is_alive(self) -> bool:
        return not self._ended

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end: from another thread; from the loop only where it has ended."""
        if not self._ended:
            caller = _current_thread()
            self.when_ended(caller.wake)
            while not self._ended:
                caller.block()

    def when_ended(self, tell: Callable[[], None]) -> None:
        """Call `tell` at its end, or now."""
        if self._ended:
            tell()
        else:
            self._watchers.append(tell)

    @property
    def error(self) -> BaseException | None:
        """What ended it, if it did not end by itself."""
        return self._error

    # Within the thread

    def _main(self) -> None:
        self._go.acquire()
        try:
            self._context.run(self._work)
        except BaseException as error:  # noqa: BLE001 - kept for whoever asks for it
            self._error = error
        self._ended = True
        self._back.release()

    def block(self) -> None:
        """Give the baton back until somebody wakes this thread."""
        self._waiting = True
        self._back.release()
        self._go.acquire()

    # Within the loop

    def wake(self, delay_s: float = 0.0) -> None:
        """Let it go on soon. Waking what does not wait is fine: it looks again by itself."""
        _hub.loop.call_later(delay_s, self._resume)

    def _resume(self) -> None:
        if self._ended or _hub.running is not None:
            return
        if self._process is not None and self._process.dead:
            return  # a dead process goes no further
        self._waiting = False
        _hub.running = self
        self._go.release()
        if not self._back.acquire(timeout=_STUCK_S):
            raise AssertionError(
                f"the thread {self.name} waits for something that is not simulated"
            )
        _hub.running = None
        if self._ended:
            watchers, self._watchers = self._watchers, []
            for tell in watchers:
                tell()


def _nothing() -> None:
    pass


def _current_thread() -> Thread:
    assert _hub.running is not None, "the loop itself would block"
    return _hub.running


class Queue:
    """What `queue.SimpleQueue` is to programs."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._takers: deque[Thread] = deque()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._items.append(item)
        if self._takers:
            self._takers.popleft().wake(_hub.delay_s())

    put_nowait = put

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        while not self._items:
            if not block:
                raise queue.Empty
            taker = _current_thread()
            self._takers.append(taker)
            taker.block()
        return self._items.popleft()

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def empty(self) -> bool:
        return not self._items

    def qsize(self) -> int:
        return len(self._items)

    def __class_getitem__(cls, _: object) -> type[Queue]:
        return cls


class Pool:
    """What a `ThreadPoolExecutor` is to a loop: so many jobs at once, in the order given."""

    def __init__(
        self, max_workers: int | None = None, thread_name_prefix: str = "", **_: object
    ) -> None:
        self._free_at_s = [0.0] * (max_workers or 32)
        self._waiting: dict[int, tuple[asyncio.Future[Any], Callable[[], Any], float]] = {}
        self._next = 0
        self._closed = False

    def give(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do the work when a worker is free; the future has the result when the disk has it."""
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        loop, now_s = _hub.loop, _hub.loop.time()
        future: asyncio.Future[T] = loop.create_future()
        worker = min(range(len(self._free_at_s)), key=self._free_at_s.__getitem__)
        begins_s = max(now_s, self._free_at_s[worker])
        takes_s = _hub.delay_s()
        self._free_at_s[worker] = begins_s + takes_s
        number, self._next = self._next, self._next + 1
        self._waiting[number] = (future, work, takes_s)
        loop.call_at(begins_s, self._begin, number)
        return future

    def _begin(self, number: int) -> None:
        if number not in self._waiting:
            return
        future, work, takes_s = self._waiting.pop(number)
        process = current_process()
        if future.cancelled() or (process is not None and process.dead):
            return
        result, error = _attempt(work)
        _hub.loop.call_later(takes_s, _settle, future, result, error)

    def submit(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> Result[T]:
        """Do it now, for a caller who waits for the pool and not for the loop."""
        done: Result[T] = Result()
        result, error = _attempt(functools.partial(work, *args, **kwargs))
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(cast(T, result))
        return done

    def map(self, work: Callable[..., T], *values: Iterable[Any]) -> Iterator[T]:
        """As `submit` for each, in their order."""
        return iter([self.submit(work, *some).result() for some in zip(*values, strict=False)])

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing more; what waits is done now, or dropped."""
        self._closed = True
        for number in list(self._waiting):
            if cancel_futures:
                self._waiting.pop(number)[0].cancel()
            else:
                self._begin(number)


def _attempt(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for the job
        return None, error


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


_anyone = Pool()


def run_in_executor(
    loop: asyncio.AbstractEventLoop, executor: Any, work: Callable[..., T], *args: Any
) -> asyncio.Future[T]:
    """As the loop's method of that name."""
    inner = _unwrapped(work)
    if isinstance(getattr(inner, "__self__", None), Thread) and inner.__name__ == "join":
        future: asyncio.Future[Any] = loop.create_future()
        inner.__self__.when_ended(lambda: _settle(future, None, None))
        return future
    return (executor or _anyone).give(functools.partial(work, *args))


def _unwrapped(work: Any) -> Any:
    """The function of `asyncio.to_thread`, which comes as partial(context.run, function)."""
    if isinstance(work, functools.partial) and work.args:
        return work.args[0]
    return work


def block_on(coroutine: Coroutine[Any, Any, T]) -> T:
    """What `asyncio.run` is to a program in a thread: its loop is the simulation's."""
    thread = _current_thread()
    process = current_process()
    before = set() if process is None else set(process.tasks)
    task = contextvars.copy_context().run(_hub.loop.create_task, coroutine)
    task.add_done_callback(lambda _: thread.wake())
    while not task.done():
        thread.block()
    if process is not None:
        # As asyncio.run does it with what a program leaves behind.
        for left in [other for other in process.tasks if other not in before]:
            left.cancel()
    return task.result()


def sleep(seconds: float) -> None:
    """What `time.sleep` is to a program in a thread."""
    thread = _current_thread()
    until_s = _hub.loop.time() + seconds
    thread.wake(seconds)
    while _hub.loop.time() < until_s - 1e-6:
        thread.block()
