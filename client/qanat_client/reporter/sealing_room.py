"""Where a report is sealed, part by part, until its letter puts all of it into the outbox at once.

Parts whose process ended before are cleared away. Holds no key that opens anything.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qanat_client.reporter.database import disk_errors, give_back_room, transaction
from qanat_client.reporter.home import Home
from qanat_protocol.limits import BLOCK_BYTES, HEADER_BYTES
from qanat_protocol.merkle import leaf_hash
from qanat_protocol.parcel import Header, parse_header, rank_of

__all__ = ["SealedItem", "SealingRoom", "delete_blocks"]

_DELETED_AT_ONCE = 512
"""Blocks deleted in one transaction (8 MiB), so that the log beside the database stays small."""


@dataclass(frozen=True, slots=True)
class SealedItem:
    """What is known of a report beside its parcels."""

    desk_id: bytes
    epoch: int
    expiry_day: int
    sealed_hour: int
    files: int


class SealingRoom:
    """The half of a home's queue that fills it. For one thread at a time."""

    def __init__(self, home: Home, connection: sqlite3.Connection) -> None:
        self._home = home
        self._db = connection

    def begin_part(self, batch: str, position: int) -> int:
        """Room for a part that is being sealed; its key."""
        with disk_errors(self._home.database):
            found = self._db.execute(
                "INSERT INTO parcel (batch, position) VALUES (?, ?)", (batch, position)
            )
            key = found.lastrowid
        assert key is not None
        return key

    def add_blocks(self, key: int, blocks: Sequence[tuple[int, bytes, bytes]]) -> None:
        """Store (index, leaf, data) of a part; durable only with `queue`."""
        with disk_errors(self._home.database):
            # A power cut may lose these, but then the letter that names them is lost too: its
            # commit, which is FULL, writes the log that these stand in.
            self._db.execute("PRAGMA synchronous = NORMAL")
            try:
                with transaction(self._db):
                    self._db.executemany(
                        "INSERT INTO block (parcel, number, leaf, data) VALUES (?, ?, ?, ?)",
                        [(key, index, leaf, data) for index, leaf, data in blocks],
                    )
            finally:
                self._db.execute("PRAGMA synchronous = FULL")

    def finish_part(self, key: int, header: Header) -> None:
        """Give a part its header, now that it is known."""
        with disk_errors(self._home.database), transaction(self._db):
            self._db.execute(
                "UPDATE parcel SET id = ?, header = ?, rank = ? WHERE key = ?",
                (header.parcel_id, header.encode(), int(rank_of(header)), key),
            )

    def queue(self, batch: str, item: SealedItem, header: Header, body: bytes) -> int:
        """Queue a letter with the parts of its batch, all at once and durably; its number."""
        blocks = [body[at : at + BLOCK_BYTES] for at in range(0, len(body), BLOCK_BYTES)]
        with disk_errors(self._home.database), transaction(self._db):
            number = self._db.execute(
                "INSERT INTO item (desk, epoch, expiry_day, sealed_hour, files)"
                " VALUES (?, ?, ?, ?, ?)",
                (item.desk_id, item.epoch, item.expiry_day, item.sealed_hour, item.files),
            ).lastrowid
            assert number is not None
            key = self._db.execute(
                "INSERT INTO parcel (item, position, id, header, rank) VALUES (?, 0, ?, ?, ?)",
                (number, header.parcel_id, header.encode(), int(rank_of(header))),
            ).lastrowid
            self._db.executemany(
                "INSERT INTO block (parcel, number, leaf, data) VALUES (?, ?, ?, ?)",
                [(key, index, leaf_hash(block), block) for index, block in enumerate(blocks)],
            )
            self._db.execute(
                "UPDATE parcel SET item = ?, batch = NULL WHERE batch = ?", (number, batch)
            )
        return number

    def clear_abandoned(self) -> int:
        """Remove the parts of sealings whose process has ended; how many sealings."""
        with disk_errors(self._home.database):
            rows = self._db.execute(
                "SELECT DISTINCT batch FROM parcel WHERE batch IS NOT NULL"
            ).fetchall()
        abandoned = self._home.abandoned([batch for (batch,) in rows])
        for batch in abandoned:
            self.clear_batch(batch)
        with disk_errors(self._home.database):
            # Whoever was killed may have deleted blocks and not come to this.
            give_back_room(self._db)
        return len(abandoned)

    def clear_batch(self, batch: str) -> None:
        """Remove the parts of one sealing."""
        with disk_errors(self._home.database):
            keys = self._db.execute("SELECT key FROM parcel WHERE batch = ?", (batch,)).fetchall()
            delete_blocks(self._db, [key for (key,) in keys])
            with transaction(self._db):
                self._db.execute("DELETE FROM parcel WHERE batch = ?", (batch,))

    def waiting_reports(self, desk_id: bytes | None = None) -> int:
        """How many reports are queued, for one desk or all, of which not all is opened by it."""
        with disk_errors(self._home.database):
            row = self._db.execute(
                "SELECT count(DISTINCT item) FROM parcel JOIN item ON item = number"
                " WHERE has_body AND (?1 IS NULL OR desk = ?1)",
                (desk_id,),
            ).fetchone()
        return int(row[0])

    def waiting_bytes(self, number: int) -> int:
        """What a report still has to send, headers included, if no relay holds anything."""
        with disk_errors(self._home.database):
            rows = self._db.execute(
                "SELECT header FROM parcel WHERE item = ? AND has_body", (number,)
            ).fetchall()
        return sum(HEADER_BYTES + parse_header(header).body_size for (header,) in rows)


def delete_blocks(connection: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Delete the bodies of parcels, by key, in transactions of its own."""
    for key in keys:
        deleted = _DELETED_AT_ONCE
        while deleted == _DELETED_AT_ONCE:
            with transaction(connection):
                deleted = connection.execute(
                    "DELETE FROM block WHERE rowid IN"
                    " (SELECT rowid FROM block WHERE parcel = ? LIMIT ?)",
                    (key, _DELETED_AT_ONCE),
                ).rowcount
    give_back_room(connection)
