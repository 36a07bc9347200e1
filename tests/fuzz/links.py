"""A link whose other side is a script: what the program under test sends is kept, and answered.

Everything happens in one event loop and in one order, so that an input always does the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ParamSpec, TypeVar

from tests.fuzz.events import Script, packets_of
from tests.fuzz.target import chunks_of

from qanat_client.carriers.link import Single
from qanat_client.reporter.disk_thread import DiskThread
from qanat_protocol.channel import PREAMBLE_BYTES, RelayChannel
from qanat_protocol.sealing import SealingSecret

__all__ = ["AtOnce", "ScriptedRelay"]

P = ParamSpec("P")
T = TypeVar("T")

TURNS = 60
"""How often others have their turn between two pieces: enough for some blocks to be sent."""


class ScriptedRelay(Single):
    """The relay's end of a client's link: reads the preamble, then says what the script has."""

    def __init__(
        self,
        secret: SealingSecret,
        script: Script,
        more: Callable[[list[Any]], Iterable[bytes]],
    ) -> None:
        self._channel = RelayChannel(secret)
        self._script = script
        self._more = more
        self._sent = b""
        self._chunks: Iterator[bytes] | None = None

    async def send(self, data: bytes) -> None:
        """What the client says; nobody listens but to its preamble."""
        await asyncio.sleep(0)
        if len(self._sent) < PREAMBLE_BYTES:
            self._sent += data

    async def finish_sending(self) -> None:
        """Nothing: the script goes on."""

    async def receive(self) -> bytes:
        """The next piece of what the script says."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if self._chunks is None:
            self._channel.feed(self._sent[:PREAMBLE_BYTES])
            head = self._script.head or self._channel.answer()
            stream = head + packets_of(self._script, self._channel.seal, self._more)
            self._chunks = chunks_of(stream, self._script.sizes, whole=True)
        return next(self._chunks, b"")

    async def close(self) -> None:
        """Nothing to let go of."""


class AtOnce(DiskThread):
    """Runs functions where they are asked for, so that no thread decides what comes first."""

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As DiskThread.run."""
        await asyncio.sleep(0)
        return function(*args, **kwargs)
