"""What the desk remembers of each relay: its cursor, its receipts, the day that it says."""

from __future__ import annotations

from collections.abc import Iterable

from qanat_client.desk.epochs import agreed_day, latest_day, plausible_day
from qanat_client.desk.vault import Vault

__all__ = ["RelayBook"]


class RelayBook:
    """One for a pull; the days are those that relays have said in it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._days: dict[bytes, int] = {}

    def hear_day(self, relay: bytes, day: int) -> None:
        """A relay's WELCOME said this day."""
        self._days[relay] = day

    def plausible_day(self, clock_day: int) -> int | None:
        """The day on which something may be deleted or purged, None while no relay has said one."""
        return plausible_day(clock_day, list(self._days.values()))

    def latest_day(self, clock_day: int) -> int:
        """The day from which it is counted how long something is kept back."""
        return latest_day(clock_day, list(self._days.values()))

    def agree(self, clock_day: int) -> bool:
        """Whether the relays of this pull agree that this day has come."""
        return agreed_day(clock_day, list(self._days.values()))

    def cursor(self, relay: bytes, today: int) -> bytes | None:
        """The cursor to ask with; once a day there is none, so that nothing stays unseen."""
        row = self._vault.row("SELECT cursor, full_day FROM cursors WHERE relay = ?", relay)
        if row is None or row[1] != today:
            return None
        cursor: bytes | None = row[0]
        return cursor

    def begin(self, relay: bytes) -> None:
        """Make room for the relay's cursor."""
        with self._vault.transaction():
            self._vault.run("INSERT OR IGNORE INTO cursors VALUES (?, NULL, -1)", relay)

    def finish(self, relay: bytes, today: int) -> None:
        """A session went to its end: from now on today's cursor is good."""
        with self._vault.transaction():
            self._vault.run("UPDATE cursors SET full_day = ? WHERE relay = ?", today, relay)

    def keep_receipts(
        self, relay: bytes, day: int, receipts: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Keep single receipts (parcel id, receipt) that were verified.

        Of one parcel and relay only the earliest, which shows most: a relay can sign any number.
        """
        with self._vault.transaction():
            for parcel_id, receipt in receipts:
                self._vault.run(
                    "DELETE FROM receipts WHERE parcel_id = ? AND relay = ? AND day > ?",
                    parcel_id,
                    relay,
                    day,
                )
                self._vault.run(
                    "INSERT INTO receipts SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS"
                    " (SELECT 1 FROM receipts WHERE parcel_id = ?1 AND relay = ?2)",
                    parcel_id,
                    relay,
                    day,
                    receipt,
                )
