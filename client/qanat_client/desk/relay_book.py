"""What the desk remembers of each relay: its cursor, its receipts, the day that it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qanat_client.desk.epochs import agreed_day, latest_day, plausible_day
from qanat_client.desk.vault import Vault

__all__ = ["RelayBook"]

EXPIRED_DAYS = 7
"""How far behind this machine's clock a relay's day may be that is compared by."""


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

    def cursor(self, relay: bytes, today: int) -> tuple[bytes | None, bool]:
        """The cursor to ask with, and whether what lies before it is to be compared: once a day, so
        that nothing stays unseen."""
        row = self._vault.row("SELECT cursor, full_day FROM cursors WHERE relay = ?", relay)
        return (None, True) if row is None else (row[0], row[0] is None or row[1] != today)

    def begin(self, relay: bytes) -> None:
        """Make room for the relay's cursor."""
        with self._vault.transaction():
            self._vault.run(
                "INSERT OR IGNORE INTO cursors (relay, cursor, full_day) VALUES (?, NULL, -1)",
                relay,
            )

    def hear_incarnation(self, relay: bytes, incarnation: bytes, today: int) -> None:
        """A relay's WELCOME named its store. Another one than before knows of no tombstone that it
        was told since it was copied, so all that matter are told again."""
        known = self._vault.value("SELECT incarnation FROM cursors WHERE relay = ?", relay)
        if known == incarnation:
            return
        if known is not None:
            self.tell_again(relay, today)
        with self._vault.transaction():
            self._vault.run(
                "UPDATE cursors SET incarnation = ? WHERE relay = ?", incarnation, relay
            )

    def tell_again(self, relay: bytes, today: int) -> None:
        """Tell this relay once more of all that it may know and that has not expired."""
        with self._vault.transaction():
            self._vault.run(
                "DELETE FROM told WHERE relay = ?1"
                " AND parcel_id IN (SELECT id FROM parcels WHERE expiry_day >= ?2)"
                " AND parcel_id NOT IN (SELECT parcel_id FROM absent WHERE relay = ?1)",
                relay,
                today,
            )

    def finish(self, relay: bytes, today: int) -> None:
        """A session went to its end: nothing is to be compared on this day any more."""
        with self._vault.transaction():
            self._vault.run("UPDATE cursors SET full_day = ? WHERE relay = ?", today, relay)

    def absent(self, relay: bytes) -> set[bytes]:
        """The parcels that are here and that this relay was found not to know."""
        found = self._vault.rows("SELECT parcel_id FROM absent WHERE relay = ?", relay)
        return {row[0] for row in found}

    def keep_absent(
        self, relay: bytes, absent: Iterable[bytes], present: Iterable[bytes], today: int
    ) -> None:
        """Remember some that the relay does not know; some it has got from elsewhere since, and
        what has expired is compared no more."""
        with self._vault.transaction():
            self._vault.run(
                "DELETE FROM absent WHERE parcel_id NOT IN"
                " (SELECT id FROM parcels WHERE expiry_day >= ?)",
                today - EXPIRED_DAYS,
            )
            self._vault.run_with(
                "INSERT OR IGNORE INTO absent SELECT ?, c0 FROM GIVEN",
                [(parcel_id,) for parcel_id in absent],
                relay,
            )
            self._vault.run_with(
                "DELETE FROM absent WHERE relay = ? AND parcel_id IN (SELECT c0 FROM GIVEN)",
                [(parcel_id,) for parcel_id in present],
                relay,
            )

    def keep_receipts(
        self, relay: bytes, day: int, receipts: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """Keep single receipts (parcel id, receipt) that were verified.

        Of one parcel and relay only the earliest, which shows most: a relay can sign any number.
        """
        rows = self._vault.rows_with(
            "SELECT c0, min(day) FROM GIVEN CROSS JOIN receipts"
            " ON parcel_id = c0 AND relay = ? GROUP BY c0",
            receipts,
            relay,
        )
        known: dict[bytes, int] = dict(map(tuple, rows))
        later = [(parcel_id,) for parcel_id, first in known.items() if first > day]
        with self._vault.transaction():
            self._vault.run_with(
                "DELETE FROM receipts WHERE parcel_id IN (SELECT c0 FROM GIVEN) AND relay = ?",
                later,
                relay,
            )
            self._vault.run_with(
                "INSERT OR IGNORE INTO receipts SELECT c0, ?, ?, c1 FROM GIVEN",
                [pair for pair in receipts if known.get(pair[0], day + 1) > day],
                relay,
                day,
            )
