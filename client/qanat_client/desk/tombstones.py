"""What the desk publishes about parcels: opened at once, purged by its policy (SPEC section 12).

A tombstone that this desk did not issue is an alarm: somebody holds a key that only it should.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

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

__all__ = [
    "DEFAULT_PURGE_AFTER_DAYS",
    "PURGE_SETTING",
    "Tombstone",
    "Tombstones",
]

PURGE_SETTING = "purge-after-days"
# For a desk of one editor without a second copy: two weeks in which a lost disk can be refilled.
DEFAULT_PURGE_AFTER_DAYS = 14
MAX_UNPROVEN_ALARMS = 64
"""Of one relay: enough to see that it lies or that its store was meddled with."""

_UNTOLD = (
    "SELECT t.parcel_id, t.opened, t.signer, t.signature, t.purge_key, t.opened_day, d.purged"
    " FROM {} LEFT JOIN told d ON d.parcel_id = t.parcel_id AND d.relay = ?"
    " WHERE (d.purged IS NULL OR (d.purged = 0 AND t.opened_day <= ?))"
)
_UNTOLD_OF_ALL = _UNTOLD.format("tombstones t")
_UNTOLD_OF_GIVEN = _UNTOLD.format("GIVEN g CROSS JOIN tombstones t ON t.parcel_id = g.c0")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is said of one parcel, and what may be said later; `opened_day`: of its opening."""

    opened: Opened
    purge: Purge
    opened_day: int


class _Untold:
    """What one relay has not been told yet, as far as it is due on a day, in the order in which it
    came up. Parcels opened up to `last_opened_day` are due to be purged."""

    def __init__(self, last_opened_day: int, numbers: Iterator[int]) -> None:
        self.last_opened_day = last_opened_day
        self._numbers = numbers
        self._frames: dict[bytes, tuple[int, list[Opened | Purge]]] = {}

    def add(self, tombstone: Tombstone, *, knows_opening: bool = False) -> None:
        """It is due, and takes the place of what was due of its parcel."""
        frames: list[Opened | Purge] = [] if knows_opening else [tombstone.opened]
        if tombstone.opened_day <= self.last_opened_day:
            frames.append(tombstone.purge)
        self._frames.pop(tombstone.opened.parcel_id, None)
        if frames:
            self._frames[tombstone.opened.parcel_id] = next(self._numbers), frames

    def remove(self, told: Collection[Opened | Purge]) -> None:
        """The relay knows these; one that knows of a purge needs no more."""
        for frame in told:
            number, frames = self._frames.get(frame.parcel_id, (0, []))
            left = [each for each in frames if each != frame and isinstance(frame, Opened)]
            if left:
                # Its place is kept.
                self._frames[frame.parcel_id] = number, left
            else:
                self._frames.pop(frame.parcel_id, None)

    def holds(self, frame: Opened | Purge) -> bool:
        """Whether it is one of these."""
        _, frames = self._frames.get(frame.parcel_id, (0, []))
        return frame in frames

    def behind(self, number: int) -> tuple[list[Opened | Purge], int]:
        """What came up since it was asked last, and the number to ask with the next time."""
        news: list[list[Opened | Purge]] = []
        newest = number
        for at, frames in reversed(self._frames.values()):
            if at <= number:
                break
            newest = max(newest, at)
            news.append(frames)
        return [frame for frames in reversed(news) for frame in frames], newest


class Tombstones:
    """This desk's own tombstones, and the ones that it never made."""

    def __init__(self, vault: Vault, key: SigningKey) -> None:
        self._vault = vault
        self._key = key
        self._numbers = count(1)
        self._untold: dict[bytes, _Untold] = {}
        """By relay, once all tombstones were looked through."""

    @property
    def purge_after_days(self) -> int:
        """How long after opening the purge key is kept back; 0 reveals it at once."""
        stored = self._vault.setting(PURGE_SETTING)
        return DEFAULT_PURGE_AFTER_DAYS if stored is None else int(stored)

    @property
    def key(self) -> SigningKey:
        """With which they are signed."""
        return self._key

    def sign(self, parcel_id: bytes, content_key: bytes, day: int) -> Tombstone:
        """The tombstone of a parcel that is opened on this day."""
        opened = sign_opened(self._key, parcel_id, opened_value(content_key))
        return Tombstone(opened, Purge(parcel_id, purge_key(content_key)), day)

    def keep(self, tombstones: Sequence[Tombstone]) -> list[Tombstone]:
        """Keep those of parcels that have none; they are returned, for `announce`. The caller holds
        the transaction."""
        ids = [(tombstone.opened.parcel_id,) for tombstone in tombstones]
        known = self._vault.rows_with(
            "SELECT t.parcel_id FROM GIVEN g CROSS JOIN tombstones t ON t.parcel_id = g.c0", ids
        )
        published = {parcel_id for (parcel_id,) in known}
        new = {
            tombstone.opened.parcel_id: tombstone
            for tombstone in tombstones
            if tombstone.opened.parcel_id not in published
        }
        self._vault.run_with(
            "INSERT INTO tombstones (parcel_id, opened, signer, signature, purge_key, opened_day)"
            " SELECT * FROM GIVEN",
            [
                (
                    parcel_id,
                    tombstone.opened.opened,
                    tombstone.opened.signing_key,
                    tombstone.opened.signature,
                    tombstone.purge.purge_key,
                    tombstone.opened_day,
                )
                for parcel_id, tombstone in new.items()
            ],
        )
        return list(new.values())

    def announce(self, tombstones: Iterable[Tombstone]) -> None:
        """What was kept is durable, so relays may be told."""
        for tombstone in tombstones:
            for untold in self._untold.values():
                untold.add(tombstone)

    def untold(self, relay: bytes, day: int | None) -> list[Opened | Purge]:
        """What this relay has not been told yet; purges only if a plausible day is known."""
        return self.untold_since(relay, day, 0)[0]

    def untold_since(
        self, relay: bytes, day: int | None, number: int
    ) -> tuple[list[Opened | Purge], int]:
        """The same, as far as it came up behind the number that was returned the last time."""
        last_opened_day = -1 if day is None else day - self.purge_after_days
        untold = self._untold.get(relay)
        if untold is None or untold.last_opened_day != last_opened_day:
            untold = _Untold(last_opened_day, self._numbers)
            rows = self._vault.rows(_UNTOLD_OF_ALL, relay, last_opened_day)
            _add_rows(untold, rows)
            self._untold[relay] = untold
        return untold.behind(number)

    def look_again(self, relay: bytes) -> None:
        """This relay may have been told of none: it has another store than before."""
        self._untold.pop(relay, None)

    def mark_told(self, relay: bytes, frames: Collection[Opened | Purge]) -> None:
        """The relay ended a session in which it got these."""
        with self._vault.transaction():
            self._vault.run_with(
                "INSERT INTO told SELECT c0, ?, c1 FROM GIVEN WHERE true"
                " ON CONFLICT (parcel_id, relay)"
                " DO UPDATE SET purged = max(purged, excluded.purged)",
                [(frame.parcel_id, int(isinstance(frame, Purge))) for frame in frames],
                relay,
            )
        if (untold := self._untold.get(relay)) is not None:
            untold.remove(frames)

    def tell_again(self, relay: bytes, offers: Iterable[bytes]) -> None:
        """This relay offers parcels that we opened: it may not have held them when it was told."""
        with self._vault.transaction():
            ids = self._vault.rows_with(
                "SELECT p.id FROM GIVEN g CROSS JOIN parcels p ON p.offer = g.c0",
                [(offer,) for offer in offers],
            )
            self._vault.run_with(
                "DELETE FROM told WHERE relay = ? AND parcel_id IN (SELECT c0 FROM GIVEN)",
                ids,
                relay,
            )
        if (untold := self._untold.get(relay)) is not None:
            rows = self._vault.rows_with(_UNTOLD_OF_GIVEN, ids, relay, untold.last_opened_day)
            _add_rows(untold, rows)

    def is_published(self, parcel_id: bytes) -> bool:
        """Whether this desk issued a tombstone for the parcel."""
        found = self._vault.value("SELECT 1 FROM tombstones WHERE parcel_id = ?", parcel_id)
        return found is not None

    def hear(self, frame: Opened | Purge, relay: bytes, day: int) -> str | None:
        """A relay gives a tombstone. Returns the alarm, if it is one and is new."""
        # Most that come are what this relay was just told.
        untold = self._untold.get(relay)
        if (untold is not None and untold.holds(frame)) or self.is_published(frame.parcel_id):
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


def _add_rows(untold: _Untold, rows: Iterable[Row]) -> None:
    for parcel_id, opened, signer, signature, key, opened_day, told in rows:
        tombstone = Tombstone(
            Opened(parcel_id, opened, signer, signature), Purge(parcel_id, key), opened_day
        )
        untold.add(tombstone, knows_opening=told is not None)
