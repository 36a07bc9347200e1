"""A link: bytes both ways, in order. Knows nothing of channels, frames or parcels."""

from typing import Protocol

from qanat_client.carriers.wire import Path

__all__ = ["Link", "Single"]


class Link(Protocol):
    """What every carrier of a session gives.

    Any method may raise `errors.Unreachable` or `errors.Stalled`, and then the link is dead.
    """

    async def send(self, data: bytes) -> None:
        """Hand over bytes; returns once the carrier has taken them, so that it sets the pace."""

    async def receive(self) -> bytes:
        """The next bytes, at least one; `b""` at the end, again and again."""

    def rest(self, resting: bool) -> None:
        """Whether the other side owes nothing, so that its silence is no fault."""

    async def finish_sending(self) -> None:
        """Say that nothing more comes from here; receiving goes on."""

    async def close(self) -> None:
        """Let go of everything, at once. Closing twice is fine."""

    def path(self) -> Path | None:
        """What was measured of the path so far; None where nothing is told."""

    @property
    def is_wide(self) -> bool:
        """Whether the line, as its opening went, has room for further links."""

    def control_congestion(self, name: str) -> None:
        """Ask for a congestion control by its name; where there is none nothing changes."""

    async def another(self) -> "Link | None":
        """A further link by the same road, to be closed by the caller; None where there is none to
        be had."""


class Single:
    """For a link beside which there is no other, and whose path nobody measures."""

    is_wide = False

    def path(self) -> Path | None:
        """As `Link.path`."""
        return None

    def control_congestion(self, name: str) -> None:
        """As `Link.control_congestion`."""

    def rest(self, resting: bool) -> None:
        """As `Link.rest`."""

    async def another(self) -> Link | None:
        """As `Link.another`."""
        return None
