"""Further connections beside a session's first, where they carry more.

One connection that takes each loss for a full line leaves most of a bad line empty; several that
share one agenda fill it. How many there are follows from what the system has measured of the path.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine, Iterable

from qanat_client.carriers.conversation import Conversation
from qanat_client.carriers.wire import Path
from qanat_client.errors import Refused, Unreachable
from qanat_client.reporter.giving import Giving
from qanat_client.reporter.spares import AT_ONCE, LEAST_BYTES

__all__ = ["further", "widen"]

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


async def widen(
    talk: Conversation, giving: Giving, serve: Callable[[Conversation], Coroutine[None, None, None]]
) -> None:
    """Open connections as the path calls for them, until the session has nothing more to give, and
    wait for their ends."""
    talks = {talk}

    async def serve_another() -> None:
        with contextlib.suppress(Unreachable, Refused):
            async with talk.beside() as another:
                if another is not None:
                    talks.add(another)
                    try:
                        await serve(another)
                    finally:
                        talks.discard(another)

    beside: set[asyncio.Task[None]] = set()
    pace = _Pace()
    async with asyncio.TaskGroup() as group:
        while not giving.ended.is_set():
            beside = {task for task in beside if not task.done()}
            path = talk.path()
            pace.look(path for path in (each.path() for each in talks) if path is not None)
            is_wide = talk.is_wide or pace.bytes_s > _WIDE_BYTES_S
            while (
                path is not None
                and giving.has_left(LEAST_BYTES)
                and further(path, len(beside), is_wide=is_wide)
            ):
                beside.add(group.create_task(serve_another()))
            if path is not None and pace.bytes_s > _FAST_BYTES_S and is_empty(path):
                talk.control_congestion("bbr")
            await _look_later(giving)


class _Pace:
    """How fast a session moves bytes, over the last seconds. By what was acknowledged: what is
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
