"""A link: bytes both ways, in order. Knows nothing of channels, frames or parcels."""

from typing import Protocol

__all__ = ["Link"]


class Link(Protocol):
    """What every carrier of a session gives.

    Any method may raise `errors.Unreachable` or `errors.Stalled`, and then the link is dead.
    """

    async def send(self, data: bytes) -> None:
        """Hand over bytes; returns once the carrier has taken them, so that it sets the pace."""

    async def receive(self) -> bytes:
        """The next bytes, at least one; `b""` at the end, again and again."""

    async def finish_sending(self) -> None:
        """Say that nothing more comes from here; receiving goes on."""

    async def close(self) -> None:
        """Let go of everything, at once. Closing twice is fine."""
