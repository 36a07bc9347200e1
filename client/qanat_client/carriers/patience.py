"""When a link counts as broken. Reads the clock, sends nothing."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from qanat_client.errors import Stalled

__all__ = ["Patience"]

T = TypeVar("T")


class Patience:
    """Counts a link as broken when neither direction has moved for `stall_s` seconds."""

    def __init__(self, address: str, stall_s: float) -> None:
        self._address = address
        self._stall_s = stall_s
        self._moved_at_s = asyncio.get_running_loop().time()

    def moved(self) -> None:
        self._moved_at_s = asyncio.get_running_loop().time()

    async def wait(self, task: asyncio.Future[T]) -> T:
        """The task's result. On Stalled, and when cancelled, the task is cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while not task.done():
                left_s = self._moved_at_s + self._stall_s - loop.time()
                if left_s <= 0:
                    raise Stalled(f"{self._address}: nothing has moved for {self._stall_s:g} s")
                await asyncio.wait({task}, timeout=left_s)
        except BaseException:
            # Nobody asks for its result any more, and it may end in an error of its own even now.
            task.add_done_callback(_forget)
            task.cancel()
            raise
        self.moved()
        return task.result()


def _forget(task: asyncio.Future[T]) -> None:
    if not task.cancelled():
        task.exception()
