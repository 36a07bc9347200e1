"""The one thread that touches the vault. Whoever wants something of it waits for their turn."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, Final, ParamSpec, TypeVar

from qanat_client.desk.desk import Desk
from qanat_client.desk.faults import VaultDamaged
from qanat_client.desk.vault import Vault
from qanat_client.errors import BadInput, DatabaseLocked, HomeUnusable

__all__ = ["MAX_WAIT_S", "VaultThread"]

MAX_WAIT_S: Final = 20.0
"""How long a request waits for its turn: longer, and another program holds the vault."""

_Given = ParamSpec("_Given")
_Value = TypeVar("_Value")


class VaultThread:
    """Works on an open desk; whoever opened it closes its vault, behind `close`. `reopen` opens the
    same vault once more."""

    def __init__(
        self, desk: Desk, reopen: Callable[[], Vault], *, max_wait_s: float = MAX_WAIT_S
    ) -> None:
        self._desk = desk
        self._reopen = reopen
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
        turn = self._thread.submit(self._run, lambda desk: function(desk, *arguments, **named))
        done = asyncio.wrap_future(turn)
        await asyncio.wait([done], timeout=self._max_wait_s)
        if not done.done() and turn.cancel():
            raise DatabaseLocked("another program has held the vault for long; nothing was done")
        # What has begun is waited for: whether it was done has to be known.
        return await done

    def _run(self, function: Callable[[Desk], _Value]) -> _Value:
        try:
            return function(self._desk)
        except VaultDamaged:
            # A connection that has met a damaged page reads nothing any more.
            with contextlib.suppress(HomeUnusable, BadInput):
                vault = self._reopen()
                self._desk.vault.close()
                self._desk.vault = vault
            raise

    def close(self) -> None:
        """Let what has begun end, and nothing else begin."""
        self._thread.shutdown(cancel_futures=True)
