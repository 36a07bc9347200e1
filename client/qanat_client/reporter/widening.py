"""Further connections beside a session's first, where they carry more.

One connection that takes each loss for a full line leaves most of a bad line empty; several that
share one agenda fill it. How many there are follows from what the system has measured of the path.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine

from qanat_client.carriers.conversation import Conversation
from qanat_client.carriers.wire import Path
from qanat_client.errors import ClientError
from qanat_client.reporter.giving import Giving

__all__ = ["further", "spares_for", "widen"]

_BESIDE = 3
"""Connections beside the first, on every line that is wide and long. More carry no more."""

LONG_S = 0.05
"""On a path whose answers come sooner one connection recovers from a loss in no time."""

_EMPTY_SHARE = 1.2
"""A round trip this near to the least one shows that the line's queue is empty."""

_LEAST_BYTES = 131_072
"""What has to wait for another connection to be worth its beginning."""

_WIDE_BYTES_S = 16_000
"""What shows a line to be wide that its opening did not."""

_FAST_BYTES_S = 125_000
"""From a megabit a second on BBR, which goes by what is delivered and not by what is lost, carries
more; on slower lines its probing fills their queues and loses what is in them."""

_LOOK_S = 0.5

_PACE_LOOKS = 5
"""Two seconds: several round trips of any line so fast."""


def is_empty(path: Path) -> bool:
    """Whether the line has room that a connection leaves, taking its losses for a full one."""
    return path.resent_bytes > 0 and path.rtt_s < _EMPTY_SHARE * path.least_rtt_s


def further(path: Path, beside: int, *, is_wide: bool) -> bool:
    """Whether one more connection is opened beside so many."""
    if path.least_rtt_s < LONG_S or not is_wide:
        return False
    return beside < _BESIDE


def spares_for(due_bytes: int) -> int:
    """How many connections to begin beside the first, so that no round trip is lost with them."""
    return _BESIDE if due_bytes >= _LEAST_BYTES else 0


async def widen(
    talk: Conversation, giving: Giving, serve: Callable[[Conversation], Coroutine[None, None, None]]
) -> None:
    """Open connections as the path calls for them, until the session has nothing more to give, and
    wait for their ends."""
    beside: set[asyncio.Task[None]] = set()
    pace = _Pace()
    async with asyncio.TaskGroup() as group:
        while not giving.ended.is_set():
            beside = {task for task in beside if not task.done()}
            path = talk.path()
            paced_bytes_s = pace.bytes_s(giving.sent_bytes)
            is_wide = talk.is_wide or paced_bytes_s > _WIDE_BYTES_S
            while (
                path is not None
                and giving.has_left(_LEAST_BYTES)
                and further(path, len(beside), is_wide=is_wide)
            ):
                beside.add(group.create_task(_serve_another(talk, serve)))
            if path is not None and paced_bytes_s > _FAST_BYTES_S and is_empty(path):
                talk.control_congestion("bbr")
            await _look_later(giving)


async def _serve_another(
    talk: Conversation, serve: Callable[[Conversation], Coroutine[None, None, None]]
) -> None:
    with contextlib.suppress(ClientError):
        async with talk.beside() as another:
            if another is not None:
                await serve(another)


class _Pace:
    """How fast a session sends, over the last seconds."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque(maxlen=_PACE_LOOKS)

    def bytes_s(self, sent_bytes: int) -> float:
        """Take a look, and compare it with the oldest; 0 before there are enough."""
        self._looks.append((asyncio.get_running_loop().time(), sent_bytes))
        (then_s, then_bytes), (now_s, now_bytes) = self._looks[0], self._looks[-1]
        is_enough = len(self._looks) == _PACE_LOOKS
        return (now_bytes - then_bytes) / (now_s - then_s) if is_enough else 0.0


async def _look_later(giving: Giving) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_S):
            await giving.ended.wait()
