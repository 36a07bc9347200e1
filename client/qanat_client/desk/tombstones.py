"""What the desk publishes about parcels: opened at once, purged by its policy (SPEC section 12).

A tombstone that this desk did not issue is an alarm: somebody holds a key that only it should.
"""

from __future__ import annotations

from collections.abc import Iterable

from qanat_client.desk.vault import Row, Vault
from qanat_protocol.errors import BadLock, RemoteError
from qanat_protocol.frames import Opened, Purge
from qanat_protocol.parcel import parse_header
from qanat_protocol.signing import SigningKey
from qanat_protocol.tombstone import (
    check_opened,
    check_purge,
    opened_value,
    purge_key,
    sign_opened,
    verify_opened,
)

__all__ = ["DEFAULT_PURGE_AFTER_DAYS", "PURGE_SETTING", "Tombstones"]

PURGE_SETTING = "purge-after-days"
# For a desk of one editor without a second copy: two weeks in which a lost disk can be refilled.
DEFAULT_PURGE_AFTER_DAYS = 14
MAX_UNPROVEN_ALARMS = 64
"""Of one relay: enough to see that it lies or that its store was meddled with."""

_UNTOLD = (
    "SELECT t.parcel_id, t.opened, t.signer, t.signature, t.purge_key, t.opened_day, d.purged"
    " FROM tombstones t LEFT JOIN told d ON d.parcel_id = t.parcel_id AND d.relay = ?"
    " WHERE (d.purged IS NULL OR (d.purged = 0 AND t.opened_day <= ?))"
)


class Tombstones:
    """This desk's own tombstones, and the ones that it never made."""

    def __init__(self, vault: Vault, key: SigningKey) -> None:
        self._vault = vault
        self._key = key
        self._looked: dict[bytes, tuple[int, set[bytes]]] = {}
        """By relay: up to which day parcels were due to be purged when all tombstones were looked
        through, and of which since then it may not have been told."""

    @property
    def purge_after_days(self) -> int:
        """How long after opening the purge key is kept back; 0 reveals it at once."""
        stored = self._vault.setting(PURGE_SETTING)
        return DEFAULT_PURGE_AFTER_DAYS if stored is None else int(stored)

    def publish(self, parcel_id: bytes, content_key: bytes, day: int) -> None:
        """Make the tombstone of a parcel that was opened; the caller holds the transaction."""
        frame = sign_opened(self._key, parcel_id, opened_value(content_key))
        self._vault.run(
            "INSERT OR IGNORE INTO tombstones (parcel_id, opened, signer, signature, purge_key,"
            " opened_day) VALUES (?, ?, ?, ?, ?, ?)",
            parcel_id,
            frame.opened,
            frame.signing_key,
            frame.signature,
            purge_key(content_key),
            day,
        )
        for _, open_ids in self._looked.values():
            open_ids.add(parcel_id)

    def untold(self, relay: bytes, day: int | None) -> list[Opened | Purge]:
        """What this relay has not been told yet; purges only if a plausible day is known."""
        last_opened_day = -1 if day is None else day - self.purge_after_days
        found: list[Opened | Purge] = []
        open_ids: set[bytes] = set()
        for parcel_id, opened, signer, signature, key, opened_day, told in self._untold_rows(
            relay, last_opened_day
        ):
            open_ids.add(parcel_id)
            if told is None:
                found.append(Opened(parcel_id, opened, signer, signature))
            if opened_day <= last_opened_day:
                found.append(Purge(parcel_id, key))
        self._looked[relay] = last_opened_day, open_ids
        return found

    def _untold_rows(self, relay: bytes, last_opened_day: int) -> Iterable[Row]:
        looked_day, open_ids = self._looked.get(relay, (None, set()))
        if looked_day != last_opened_day:
            yield from self._vault.rows(_UNTOLD, relay, last_opened_day)
        else:
            for parcel_id in sorted(open_ids):
                yield from self._vault.rows(
                    f"{_UNTOLD} AND t.parcel_id = ?", relay, last_opened_day, parcel_id
                )

    def look_again(self, relay: bytes) -> None:
        """This relay may have been told of none: it has another store than before."""
        self._looked.pop(relay, None)

    def mark_told(self, relay: bytes, frames: Iterable[Opened | Purge]) -> None:
        """The relay ended a session in which it got these."""
        with self._vault.transaction():
            for frame in frames:
                purged = int(isinstance(frame, Purge))
                self._vault.run(
                    "INSERT INTO told VALUES (?, ?, ?) ON CONFLICT (parcel_id, relay)"
                    " DO UPDATE SET purged = max(purged, excluded.purged)",
                    frame.parcel_id,
                    relay,
                    purged,
                )

    def tell_again(self, relay: bytes, offers: Iterable[bytes]) -> None:
        """This relay offers parcels that we opened: it may not have held them when it was told."""
        _, open_ids = self._looked.get(relay, (None, set()))
        with self._vault.transaction():
            for offer in offers:
                for (parcel_id,) in self._vault.rows(
                    "SELECT id FROM parcels WHERE offer = ?", offer
                ):
                    self._vault.run(
                        "DELETE FROM told WHERE relay = ? AND parcel_id = ?", relay, parcel_id
                    )
                    open_ids.add(parcel_id)

    def is_published(self, parcel_id: bytes) -> bool:
        """Whether this desk issued a tombstone for the parcel."""
        found = self._vault.value("SELECT 1 FROM tombstones WHERE parcel_id = ?", parcel_id)
        return found is not None

    def hear(self, frame: Opened | Purge, relay: bytes, day: int) -> str | None:
        """A relay gives a tombstone. Returns the alarm, if it is one and is new."""
        if self.is_published(frame.parcel_id):
            return None
        kind, proven = self._alarm(frame)
        # A relay can make up as many as it likes; what the parcel's own key proves is always kept.
        if not proven and self._alarms_of(relay) >= MAX_UNPROVEN_ALARMS:
            return None
        with self._vault.transaction():
            new = self._vault.run(
                "INSERT OR IGNORE INTO alarms VALUES (?, ?, ?, ?)",
                frame.parcel_id,
                relay,
                kind,
                day,
            )
        return kind if new else None

    def _alarms_of(self, relay: bytes) -> int:
        return int(self._vault.value("SELECT count(*) FROM alarms WHERE relay = ?", relay))

    def _alarm(self, frame: Opened | Purge) -> tuple[str, bool]:
        """What happened, and whether more than the relay's word says so."""
        what = "purged" if isinstance(frame, Purge) else "marked as opened"
        row = self._vault.row("SELECT header FROM parcels WHERE id = ?", frame.parcel_id)
        if row is None:
            words = f"{what}, not by this desk; the parcel never came, so only the relay says so"
            return words, False
        lock = parse_header(row[0]).lock
        try:
            if isinstance(frame, Purge):
                check_purge(lock, frame.purge_key)
            else:
                check_opened(lock, frame.opened)
                verify_opened(frame)
        except BadLock:
            return f"{what}, not by this desk; it does not fit the parcel, so the relay lies", False
        except RemoteError:
            return f"{what}, not by this desk; the lock fits and the signature is bad", True
        if isinstance(frame, Opened) and frame.signing_key == self._key.public:
            return f"{what} with this desk's own key, and this vault knows nothing of it", True
        return f"{what}, not by this desk; whoever did it holds the parcel's key", True
