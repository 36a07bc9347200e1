"""What every step of a transaction shares: the connection, the tally, the room, the days."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from qanat_protocol.errors import Expired, ExpiryTooFar
from qanat_protocol.limits import OFFER_BYTES
from qanat_protocol.parcel import Front, Header, check_expiry
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.room import Room
from qanat_relay.store.tally import Tally

EARLIEST_DAY = 18_993
"""1 January 2022. No relay ran before it: a clock that says so was never set."""


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction. swept_day: the newest day that a sweep believed, 0 before the first.

    known: the first 16 bytes of the ids in this group that may have a row in `parcel`; recent: in
    which row, of those that the table `offer` lacks. `add_offer` tells of a row that is new; moved:
    what it wrote over, for when the transaction is undone.
    """

    connection: sqlite3.Connection
    tally: Tally
    room: Room
    limits: StoreLimits
    swept_day: int
    known: set[bytes] = field(default_factory=set)
    recent: dict[bytes, int] = field(default_factory=dict)
    moved: dict[bytes, int] = field(default_factory=dict)

    def add_offer(self, parcel_id: bytes, arrival: int) -> None:
        """Take note of a row in `parcel`."""
        offer = parcel_id[:OFFER_BYTES]
        self.known.add(offer)
        if (before := self.recent.get(offer)) is not None:
            self.moved.setdefault(offer, before)
        self.recent[offer] = arrival

    def day(self, today: int) -> int:
        """The day to write down: where no clock can be right, that of the last sweep."""
        return today if today >= EARLIEST_DAY else max(today, self.swept_day)

    def due_day(self, today: int) -> int:
        """What had its time before it has expired by the clock and by what was believed of it."""
        return min(today, self.swept_day)

    def check_expiry(self, header: Header | Front, today: int) -> None:
        """Raise Expired or ExpiryTooFar unless the parcel is carried on one of the two days: a
        clock that is wrong keeps nothing out that the day before it jumped lets in."""
        try:
            check_expiry(header, today)
        except (Expired, ExpiryTooFar):
            if not self.swept_day:
                raise
            check_expiry(header, self.swept_day)
