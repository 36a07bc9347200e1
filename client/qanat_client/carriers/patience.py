"""When a link counts as broken. Reads the clock, sends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from qanat_client.carriers.wire import Path
from qanat_client.errors import Stalled

__all__ = ["Patience"]

T = TypeVar("T")


_LEAST_BYTES = 1024
"""What has to move within two times `stall_s`: a quarter of the smallest letter."""


_TRIES_RETRIES = 31
"""How many times its first patience the system takes to send one packet five times: 1 + 2 + 4 + 8 +
16. On a line with 10% of loss, which is alive, that happens; six times hardly ever."""

_SLOW_S = 1.0
"""From here on a line counts as slow; on others what was asked for stands."""

_LONGEST_S = 240.0

_LOOK_S = 1.0
"""How often it is looked whether anything moved, where the system tells."""


def _no_path() -> Path | None:
    return None


class Patience:
    """Counts a link as broken when neither direction has moved for `stall_s` seconds, or both
    together so little that somebody drips to hold it open. Time in which nobody waits for the link,
    or in which it rests, does not count. Where `path` tells what was measured, a slow line has
    longer."""

    def __init__(
        self, address: str, stall_s: float, path: Callable[[], Path | None] = _no_path
    ) -> None:
        self._address = address
        self._least_s = self._stall_s = stall_s
        self._path = path
        self._path_bytes = 0
        self._moved_at_s = self._paced_at_s = asyncio.get_running_loop().time()
        self._paced_bytes = 0
        self._waiting = 0
        self._resting = False
        self._left_at_s = self._moved_at_s

    def moved(self, size_bytes: int) -> None:
        """So many bytes went one way or the other; 0 for a step that is none of the link's."""
        self._moved_at_s = asyncio.get_running_loop().time()
        self._paced_bytes += size_bytes
        if self._paced_bytes >= _LEAST_BYTES:
            self._paced_at_s, self._paced_bytes = self._moved_at_s, 0

    def rest(self, resting: bool) -> None:
        """Whether the other side owes nothing: then silence is no fault until it owes again."""
        self._resting = resting
        if not resting:
            self._moved_at_s = self._paced_at_s = asyncio.get_running_loop().time()
            self._paced_bytes = 0

    async def wait(self, task: asyncio.Future[T]) -> T:
        """The task's result. On Stalled, and when cancelled, the task is cancelled."""
        self._enter()
        try:
            while not task.done():
                left_s = self._left_s()
                look_s = left_s if self._path() is None else min(left_s, _LOOK_S)
                await asyncio.wait({task}, timeout=look_s)
        except BaseException:
            # Nobody asks for its result any more, and it may end in an error of its own even now.
            task.add_done_callback(_forget)
            task.cancel()
            raise
        finally:
            self._leave()
        result = task.result()
        self.moved(len(result) if isinstance(result, bytes) else 0)
        return result

    def _enter(self) -> None:
        if not self._waiting:
            idle_s = asyncio.get_running_loop().time() - self._left_at_s
            self._moved_at_s += idle_s
            self._paced_at_s += idle_s
        self._waiting += 1

    def _leave(self) -> None:
        self._waiting -= 1
        self._left_at_s = asyncio.get_running_loop().time()

    def _look(self) -> None:
        """Go by what the system has measured."""
        path = self._path()
        if path is None:
            return
        if path.base_retry_s >= _SLOW_S:
            self._stall_s = max(self._least_s, min(_TRIES_RETRIES * path.base_retry_s, _LONGEST_S))
        if path.moved_bytes > self._path_bytes:
            self.moved(0)
            self._path_bytes = path.moved_bytes

    def _left_s(self) -> float:
        """How long it may still stand as it does. Raises Stalled."""
        self._look()
        if self._resting:
            return self._stall_s
        now_s = asyncio.get_running_loop().time()
        still_s = self._moved_at_s + self._stall_s - now_s
        slow_s = self._paced_at_s + 2 * self._stall_s - now_s
        if still_s <= 0:
            raise Stalled(f"{self._address}: nothing has moved for {self._stall_s:g} s")
        if slow_s <= 0:
            raise Stalled(
                f"{self._address}: too slow, less than {_LEAST_BYTES:,} bytes in"
                f" {2 * self._stall_s:g} s"
            )
        return min(still_s, slow_s)


def _forget(task: asyncio.Future[T]) -> None:
    if not task.cancelled():
        task.exception()
