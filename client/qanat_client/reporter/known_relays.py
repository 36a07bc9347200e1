"""What a home remembers of relays: where each is, who says so, what it takes and what it has told.

When it was reached: only while something waits for a desk's word, and only the day.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from qanat_client.reporter.database import disk_errors, transaction
from qanat_client.reporter.home import Home

__all__ = ["KnownRelays", "forget_told"]

_MOST_KEPT = 2**63 - 1
"""The largest integer of SQLite."""


class KnownRelays:
    """The relays in a home's database, by their signing keys. For one thread at a time."""

    def __init__(self, home: Home, connection: sqlite3.Connection) -> None:
        self._home = home
        self._db = connection

    def note(
        self, signing_key: bytes, address: str, country: str, named_by: bytes | None = None
    ) -> None:
        """Keep where a relay is and who says so (as in `Target`), to show who holds what."""
        with disk_errors(self._home.database), transaction(self._db):
            self._db.execute(
                "INSERT INTO relay (signing_key, address, country, named_by) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (signing_key) DO UPDATE SET address = excluded.address,"
                " country = excluded.country, named_by = excluded.named_by",
                (signing_key, address, country, named_by),
            )

    def last_addresses(self) -> dict[bytes, str]:
        """By relay (its signing key): the address by which it was reached last, or was to be."""
        with disk_errors(self._home.database):
            return dict(self._db.execute("SELECT signing_key, address FROM relay"))

    def named_by_relays(self) -> dict[bytes, bytes]:
        """The relays that no desk's card named when they were gone to, and who did."""
        with disk_errors(self._home.database):
            return dict(
                self._db.execute(
                    "SELECT signing_key, named_by FROM relay WHERE named_by IS NOT NULL"
                )
            )

    def note_reached(self, signing_key: bytes, address: str, largest_body: int) -> None:
        """A relay has proven its key at this address, and says which body (in bytes) it takes."""
        with disk_errors(self._home.database), transaction(self._db):
            self._db.execute(
                "UPDATE relay SET address = ?, largest_body = ? WHERE signing_key = ?",
                (address, min(largest_body, _MOST_KEPT), signing_key),
            )

    def largest_bodies(self) -> dict[bytes, int]:
        """By relay (its signing key): the largest body that it takes, where it has said so."""
        with disk_errors(self._home.database):
            rows = self._db.execute(
                "SELECT signing_key, largest_body FROM relay WHERE largest_body IS NOT NULL"
            ).fetchall()
        return dict(rows)

    def reached(self) -> list[bytes]:
        """Those that have ever answered."""
        return list(self.largest_bodies())

    def told(self, signing_key: bytes) -> dict[bytes, int]:
        """By desk: the day on which this relay told all that the desk had opened."""
        with disk_errors(self._home.database):
            return dict(
                self._db.execute("SELECT desk, day FROM told WHERE relay = ?", (signing_key,))
            )

    def keep_told(self, signing_key: bytes, told: Mapping[bytes, int]) -> None:
        """Keep it, of desks for whose word something waits."""
        with disk_errors(self._home.database), transaction(self._db):
            self._db.executemany(
                "INSERT OR REPLACE INTO told (relay, desk, day) VALUES (?, ?, ?)",
                [(signing_key, desk, day) for desk, day in told.items()],
            )
            forget_told(self._db)


def forget_told(connection: sqlite3.Connection) -> None:
    """Until when relays told of openings, where nothing waits for a desk's word any more. To be
    called within the transaction in which that may have become so."""
    connection.execute(
        "DELETE FROM told WHERE NOT EXISTS (SELECT 1 FROM parcel JOIN item ON item = number"
        " WHERE item.desk = told.desk AND opened_day IS NULL)"
    )
