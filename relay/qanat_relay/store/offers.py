"""Which row a parcel has, by the first 16 bytes of its id (SPEC 3).

Ids are spread evenly, so a row for each in an index would rewrite a page for each. The newest are
kept in memory and go into the table sorted, many at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from qanat_protocol.limits import OFFER_BYTES

RECENT_MAX = 65_536
"""Parcels that the table lacks: 10 MiB of memory, and read at a start after a crash."""

_AT_ONCE = 64
_STARTS = ", ".join(f"({1 + number * OFFER_BYTES})" for number in range(_AT_ONCE))
_KNOWN = (
    f"WITH asked (at) AS (VALUES {_STARTS})"  # noqa: S608 - numbers alone
    f" SELECT offer FROM asked CROSS JOIN offer ON offer = substr(?, at, {OFFER_BYTES})"
)


class Recent:
    """What the table does not tell yet. One writer adds; readers of any thread look.

    It only ever hints: a row may be gone, or be another's after a transaction that was undone, so
    whoever finds one here compares the id. But it lacks none. `moved`: where parcels were that the
    transaction which runs gave other rows.
    """

    def __init__(self, connection: sqlite3.Connection, most: int = RECENT_MAX) -> None:
        """With what came since the table was filled; full with `most`."""
        self._most = self._due = most
        self.moved: dict[bytes, int] = {}
        self.arrivals: dict[bytes, int] = dict(
            connection.execute(
                f"SELECT substr(id, 1, {OFFER_BYTES}), arrival FROM parcel"  # noqa: S608
                " WHERE arrival > (SELECT last_indexed FROM tally)"
            ).fetchall()
        )

    def known(self, connection: sqlite3.Connection, offers: Sequence[bytes]) -> set[bytes]:
        """Those of these offers that may have a row: many in one query."""
        found = {offer for offer in offers if offer in self.arrivals}
        for at in range(0, len(offers), _AT_ONCE):
            # One value for all: what is bound costs more than what SQLite cuts out of it.
            asked = b"".join(offers[at : at + _AT_ONCE])
            found.update(offer for (offer,) in connection.execute(_KNOWN, (asked,)))
        return found

    @property
    def is_full(self) -> bool:
        """Whether it is time to fill the table."""
        return len(self.arrivals) >= self._due

    def put_off(self) -> None:
        """Filling the table failed: try again when as many have come once more."""
        self._due = len(self.arrivals) + self._most

    def restore(self) -> None:
        """The transaction is undone: what it gave another row has its old one."""
        self.arrivals.update(self.moved)
        self.moved.clear()

    def settle(self, connection: sqlite3.Connection) -> None:
        """Put all of it into the table, in a transaction of its own."""
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            f"INSERT INTO offer (offer, arrival) SELECT substr(id, 1, {OFFER_BYTES}), arrival"  # noqa: S608
            " FROM parcel WHERE arrival > (SELECT last_indexed FROM tally) ORDER BY 1"
        )
        connection.execute("UPDATE tally SET last_indexed = last_arrival")
        connection.execute("COMMIT")
        # A new one: who reads in a snapshot from before holds on to the old one.
        self.arrivals = {}
        self._due = self._most


def arrivals_of(
    connection: sqlite3.Connection, recent: Mapping[bytes, int], offer: bytes
) -> Iterator[int]:
    """The rows that this offer may have: one of them at most is its own.

    `recent` has to be taken before the snapshot in which the table is read begins.
    """
    if (hint := recent.get(offer)) is not None:
        yield hint
    found = connection.execute("SELECT arrival FROM offer WHERE offer = ?", (offer,)).fetchone()
    if found is not None:
        yield from found


def forget(connection: sqlite3.Connection, offer: bytes, arrival: int) -> None:
    """The row of a parcel goes, and with it what leads there."""
    connection.execute("DELETE FROM parcel WHERE arrival = ?", (arrival,))
    connection.execute("DELETE FROM offer WHERE offer = ? AND arrival = ?", (offer, arrival))
