"""When a watch may go to the network: at once when one comes, again soon while it does not work
yet, never in a storm. Pure: the time comes in, chance too.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["MOST_TRIES", "NO_ROOM_MOST_S", "Cadence"]

AT_ONCE = 8
"""Contacts that may follow each other without a pause: a network that comes, and tries until it
works."""

ONE_IN_S = 30.0
"""How soon each of them may be had again: a network that flaps all day is tried twice a minute."""

MOST_TRIES = 6
"""Contacts after one that reached nobody, while the network is there."""

_FIRST_TRY_S = 0.5
"""What an address lacks when it appears (a route, a name server) is there within a second. Each
pause is twice the one before, so the last try is half a minute after the first."""

_NO_ROOM_S = 60.0
"""A relay that has no room is asked again after a minute, then after twice as long each time."""

NO_ROOM_MOST_S = 900.0

_JITTER = 0.25
"""A pause is longer by up to so much of itself, so that no clock can be read from it."""


class Cadence:
    """Counts contacts. `chance` gives 0 to 1; times are seconds of one clock that only rises."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._left = float(AT_ONCE)
        self._counted_at_s: float | None = None
        self._tries = 0
        self._asked_again = 0

    def pause_s(self, now_s: float) -> float:
        """How long the next contact has to wait."""
        self._count(now_s)
        return max(0.0, (1.0 - self._left) * ONE_IN_S)

    def begun(self, now_s: float) -> None:
        """A contact begins."""
        self._count(now_s)
        self._left -= 1.0

    def came(self) -> None:
        """Another network came, or a relay was reached: what failed before counts no more."""
        self._tries = 0

    def again_in_s(self) -> float | None:
        """After a contact that reached nobody: when to try again; None if that was often enough."""
        if self._tries >= MOST_TRIES:
            return None
        self._tries += 1
        return self.late(_FIRST_TRY_S * 2.0 ** (self._tries - 1))

    def later_s(self) -> float:
        """After a contact with a relay that has no room now: when to ask again."""
        self._asked_again += 1
        return self.late(min(_NO_ROOM_S * 2.0 ** (self._asked_again - 1), NO_ROOM_MOST_S))

    def had_room(self) -> None:
        """After one with relays that took what there was."""
        self._asked_again = 0

    def late(self, pause_s: float) -> float:
        """The same pause, somewhat longer."""
        return pause_s * (1.0 + _JITTER * self._chance())

    def _count(self, now_s: float) -> None:
        since_s = 0.0 if self._counted_at_s is None else now_s - self._counted_at_s
        self._left = min(float(AT_ONCE), self._left + since_s / ONE_IN_S)
        self._counted_at_s = now_s
