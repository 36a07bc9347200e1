"""What a session needs of a connection: bytes in, bytes out. Never a frame, never an address."""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """A connection on which bytes go both ways at once."""

    async def receive(self) -> bytes:
        """The next bytes, b"" at the end of the input. Raises LinkLost if it broke."""
        ...

    async def send(self, data: bytes) -> None:
        """Hand bytes over; returns when the connection can take more. Raises LinkLost."""
        ...

    def abort(self) -> None:
        """Give the connection up at once, with whatever it has not taken yet."""
        ...

    @property
    def is_gone(self) -> bool:
        """Whether the connection is closed, or was given up."""
        ...
