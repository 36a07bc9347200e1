"""Further connections beside a round's first ones, where they carry more.

One connection that takes each loss for a full line leaves most of a bad line empty; several that
share one agenda fill it. How many there are follows from what the system has measured of the path.
All sessions of a round share the person's line, so all their connections count: with more of them
than fill it, each block would only take longer, and what is urgent with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator

from qanat_client.carriers.conversation import Conversation
from qanat_client.carriers.wire import Path
from qanat_client.errors import Refused, Unreachable
from qanat_client.reporter.giving import Giving
from qanat_client.reporter.spares import AT_ONCE, LEAST_BYTES

__all__ = ["Connections", "further", "widen"]

_MOST = 3
"""The same where all of them leave room. More carry no more."""

_EMPTY_SHARE = 1.2
"""A round trip this near to the least one shows that the line's queue is empty."""

_WIDE_BYTES_S = 16_000
"""What shows a line to be wide that its opening did not."""

_FAST_BYTES_S = 125_000
"""From a megabit a second on BBR, which goes by what is delivered and not by what is lost, carries
more; on slower lines its probing fills their queues and loses what is in them."""

_LOOK_S = 0.5

_PACE_LOOKS = 7
"""Three seconds, in which a hole that is filled looks like no burst."""


def is_empty(path: Path) -> bool:
    """Whether the line has room that a connection leaves, taking its losses for a full one."""
    return path.resent_bytes > 0 and path.rtt_s < _EMPTY_SHARE * path.least_rtt_s


def further(path: Path, beside: int, *, is_wide: bool) -> bool:
    """Whether one more connection is opened beside so many."""
    if not (path.is_long and is_wide):
        return False
    return beside < (_MOST if is_empty(path) else AT_ONCE)


class Connections:
    """Those of all sessions of a round."""

    def __init__(self) -> None:
        self._begun = 0
        self._open: set[Conversation] = set()

    @contextlib.contextmanager
    def first(self, talk: Conversation) -> Iterator[None]:
        """One that a session begins with."""
        self._begun += 1
        try:
            with self.measured(talk):
                yield
        finally:
            self._begun -= 1

    def count(self, task: asyncio.Task[None]) -> None:
        """One beside it, from now on, until its task is done."""
        self._begun += 1
        task.add_done_callback(self._discount)

    def _discount(self, _: object) -> None:
        self._begun -= 1

    @contextlib.contextmanager
    def measured(self, talk: Conversation) -> Iterator[None]:
        """It is open."""
        self._open.add(talk)
        try:
            yield
        finally:
            self._open.discard(talk)

    @property
    def beside(self) -> int:
        """How many there are beside the first one."""
        return self._begun - 1

    def paths(self) -> list[Path]:
        """What the system has measured of each."""
        found = [talk.path() for talk in self._open]
        return [path for path in found if path is not None]


async def widen(
    talk: Conversation,
    giving: Giving,
    serve: Callable[[Conversation], Coroutine[None, None, None]],
    connections: Connections,
) -> None:
    """Open connections as the path calls for them, until the session has nothing more to give, and
    wait for their ends."""

    async def serve_another() -> None:
        with contextlib.suppress(Unreachable, Refused):
            async with talk.beside() as another:
                if another is not None:
                    with connections.measured(another):
                        await serve(another)

    pace = _Pace()
    async with asyncio.TaskGroup() as group:
        while not giving.ended.is_set():
            path = talk.path()
            pace.look(connections.paths())
            is_wide = talk.is_wide or pace.bytes_s > _WIDE_BYTES_S
            while (
                path is not None
                and giving.has_left(LEAST_BYTES)
                and further(path, connections.beside, is_wide=is_wide)
            ):
                connections.count(group.create_task(serve_another()))
            if path is not None and pace.bytes_s > _FAST_BYTES_S and is_empty(path):
                talk.control_congestion("bbr")
            await _look_later(giving)


class _Pace:
    """How fast a round moves bytes, over the last seconds. By what was acknowledged: what is
    handed over at first fills the system's buffers alone."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque(maxlen=_PACE_LOOKS)

    def look(self, paths: Iterable[Path]) -> None:
        """Note where all connections stand now."""
        moved_bytes = sum(path.moved_bytes for path in paths)
        self._looks.append((asyncio.get_running_loop().time(), moved_bytes))

    @property
    def bytes_s(self) -> float:
        """0 until there were enough looks."""
        if len(self._looks) < _PACE_LOOKS:
            return 0.0
        (then_s, then_bytes), (now_s, now_bytes) = self._looks[0], self._looks[-1]
        return (now_bytes - then_bytes) / (now_s - then_s)


async def _look_later(giving: Giving) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_S):
            await giving.ended.wait()
