"""The one thread in which a sync touches the database: no disk ever holds the network up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

__all__ = ["DiskThread"]

P = ParamSpec("P")
T = TypeVar("T")


class DiskThread:
    """Runs functions one after the other, in the order in which they were given."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="disk")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result; it raises what the function raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Wait for what has begun; what was not begun is dropped."""
        self._executor.shutdown(cancel_futures=True)
