"""How much of a store's free room may be taken at once, and how fast after that.

Counts bytes by a clock that it is told; knows no parcel.
"""

from __future__ import annotations

BURST_SHARE = 1 / 4
"""Of the free room, what may be taken at once. Beyond it there is room for three times as much, and
the operator has days to see what goes on."""

DRAIN_S = 86_400.0
"""In a day a flood gets two thirds of a lane's share of the room that was left, at most: it is
never all gone."""


class Bucket:
    """A share of the free room. Begins full; below 0 where more was taken than was in it. What is
    remembered is what was taken, so that it holds more as soon as there is more room."""

    def __init__(self, share: float, free_bytes: int, now_s: float) -> None:
        self._share = share
        self._then_s = now_s
        self._taken_bytes = 0.0
        self.room_bytes = max(0, free_bytes) * share
        """Its share of what is free."""

    @property
    def level_bytes(self) -> float:
        """What may be taken now."""
        return self.burst_bytes - self._taken_bytes

    @property
    def burst_bytes(self) -> float:
        """The most that it holds."""
        return self.room_bytes * BURST_SHARE

    @property
    def rate_bytes_s(self) -> float:
        """What comes in by itself."""
        return self.room_bytes / DRAIN_S

    def fill(self, free_bytes: int, now_s: float) -> None:
        """Let in what has come since, for so much free room."""
        self.room_bytes = max(0, free_bytes) * self._share
        self.give_back(self.rate_bytes_s * (now_s - self._then_s))
        self._then_s = now_s

    def take(self, size_bytes: int) -> None:
        """So much of it is gone."""
        self._taken_bytes += size_bytes

    def give_back(self, size_bytes: float) -> None:
        """So much of what was taken is there again."""
        self._taken_bytes = max(0.0, self._taken_bytes - size_bytes)
