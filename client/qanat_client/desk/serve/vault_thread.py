"""The one thread that touches the vault. Whoever wants something of it waits for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, Final, ParamSpec, TypeVar

from qanat_client.desk.desk import Desk
from qanat_client.errors import DatabaseLocked

__all__ = ["MAX_WAIT_S", "VaultThread"]

MAX_WAIT_S: Final = 20.0
"""How long a request waits for its turn: longer, and another program holds the vault."""

_Given = ParamSpec("_Given")
_Value = TypeVar("_Value")


class VaultThread:
    """Works on an open desk; whoever opened it closes its vault, behind `close`."""

    def __init__(self, desk: Desk, *, max_wait_s: float = MAX_WAIT_S) -> None:
        self._desk = desk
        self._max_wait_s = max_wait_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vault")

    async def work(
        self,
        function: Callable[Concatenate[Desk, _Given], _Value],
        *arguments: _Given.args,
        **named: _Given.kwargs,
    ) -> _Value:
        """What the function gives for the desk. Raises what it raises, DatabaseLocked if its turn
        does not come."""
        turn = self._thread.submit(function, self._desk, *arguments, **named)
        done = asyncio.wrap_future(turn)
        await asyncio.wait([done], timeout=self._max_wait_s)
        if not done.done() and turn.cancel():
            raise DatabaseLocked("another program has held the vault for long; nothing was done")
        # What has begun is waited for: whether it was done has to be known.
        return await done

    @property
    def damage_met(self) -> int:
        """How often a page of the vault was damaged, as `Vault.damage_met`."""
        return self._desk.vault.damage_met

    def close(self) -> None:
        """Let what has begun end, and nothing else begin."""
        self._thread.shutdown(cancel_futures=True)
