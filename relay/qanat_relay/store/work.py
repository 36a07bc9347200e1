"""What every step of a transaction shares: the connection, the tally, the room, the days."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from qanat_relay.store.interface import StoreLimits
from qanat_relay.store.room import Room
from qanat_relay.store.tally import Tally


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction. swept_day: the newest day that a sweep believed, 0 before the first.

    known: the first 16 bytes of the ids in this group that have a row in `parcel`; whoever adds a
    row adds it here.
    """

    connection: sqlite3.Connection
    tally: Tally
    room: Room
    limits: StoreLimits
    swept_day: int
    known: set[bytes] = field(default_factory=set)

    def day(self, today: int) -> int:
        """The day to go by: a clock that fell back does not bring back what had its time."""
        return max(today, self.swept_day)
