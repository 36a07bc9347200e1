"""The outbox: sealed reports and what has become of them. Holds no key that opens anything in it.

A report is there from the moment that its letter is: parts that were sealed before, by a process
that then ended, are cleared away. Nothing is deleted because it was sent.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from qanat_client.errors import BadInput
from qanat_client.reporter.database import disk_errors, transaction
from qanat_client.reporter.home import Home
from qanat_protocol.limits import BLOCK_BYTES, HEADER_BYTES, PAGE_LEAVES, PREVIEW_BODY_BYTES
from qanat_protocol.merkle import block_count, leaf_hash, root_of
from qanat_protocol.parcel import Header, Rank, parse_header, rank_of

__all__ = ["Outbox", "Piece", "SealedItem", "StoredParcel", "Word"]

_DELETED_AT_ONCE = 512
"""Blocks deleted in one transaction (8 MiB), so that the log beside the database stays small."""


class Word(IntEnum):
    """What a relay has said of a parcel, over the sealed channel."""

    HALF = 1
    HOLDS = 2
    SIGNED = 3
    PURGED = 4


@dataclass(frozen=True, slots=True)
class StoredParcel:
    """A parcel that is queued. `wanted`: the desk asked for it first."""

    key: int
    item: int
    desk_id: bytes
    id: bytes
    header: Header
    rank: Rank
    wanted: bool
    words: dict[bytes, tuple[Word, int]]
    """By relay (its signing key): its newest word and the day of it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A block, and what has to be told before it: the leaves of its page, the page roots."""

    data: bytes
    leaves: list[bytes]
    page_roots: list[bytes]


@dataclass(frozen=True, slots=True)
class SealedItem:
    """What is known of a report beside its parcels."""

    desk_id: bytes
    epoch: int
    expiry_day: int
    sealed_hour: int
    files: int


def _sending_rank(header: Header) -> Rank:
    """As relays rank it (SPEC 3); but a file no larger than a preview goes where one would."""
    rank = rank_of(header)
    small = rank is Rank.ORIGINAL and header.body_size <= PREVIEW_BODY_BYTES
    return Rank.PREVIEW if small else rank


class Outbox:
    """The queue in a home's database. For one thread at a time."""

    def __init__(self, home: Home, connection: sqlite3.Connection) -> None:
        self._home = home
        self._db = connection

    # Sealing

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
        return len(abandoned)

    def clear_batch(self, batch: str) -> None:
        """Remove the parts of one sealing."""
        with disk_errors(self._home.database):
            keys = self._db.execute("SELECT key FROM parcel WHERE batch = ?", (batch,)).fetchall()
            self._delete_blocks([key for (key,) in keys])
            with transaction(self._db):
                self._db.execute("DELETE FROM parcel WHERE batch = ?", (batch,))

    def _delete_blocks(self, keys: Iterable[int]) -> None:
        for key in keys:
            deleted = _DELETED_AT_ONCE
            while deleted == _DELETED_AT_ONCE:
                with transaction(self._db):
                    deleted = self._db.execute(
                        "DELETE FROM block WHERE rowid IN"
                        " (SELECT rowid FROM block WHERE parcel = ? LIMIT ?)",
                        (key, _DELETED_AT_ONCE),
                    ).rowcount
        # A phone wants its room back.
        self._db.execute("PRAGMA incremental_vacuum").fetchall()

    # Sending

    def changes(self) -> int:
        """A number that is another one as soon as another process has changed the outbox."""
        with disk_errors(self._home.database):
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def waiting(self) -> list[StoredParcel]:
        """Every parcel whose sealed copy is here, oldest first.

        Expired ones too: this device's clock may be wrong, and a relay knows better.
        """
        with disk_errors(self._home.database):
            rows = self._db.execute(
                "SELECT key, item, desk, id, header, wanted FROM parcel JOIN item ON item = number"
                " WHERE opened_day IS NULL AND has_body ORDER BY item, position"
            ).fetchall()
            words: dict[int, dict[bytes, tuple[Word, int]]] = {}
            for key, relay, word, day in self._db.execute(
                "SELECT parcel, relay, word, day FROM custody"
            ):
                words.setdefault(key, {})[relay] = (Word(word), day)
        found = []
        for key, item, desk_id, parcel_id, data, wanted in rows:
            header = parse_header(data)
            found.append(
                StoredParcel(
                    key=key,
                    item=item,
                    desk_id=desk_id,
                    id=parcel_id,
                    header=header,
                    rank=_sending_rank(header),
                    wanted=bool(wanted),
                    words=words.get(key, {}),
                )
            )
        return found

    def unopened(self) -> list[tuple[bytes, bytes]]:
        """(parcel id, desk id) of all that no desk has said to have opened, newest first."""
        with disk_errors(self._home.database):
            return self._db.execute(
                "SELECT id, desk FROM parcel JOIN item ON item = number"
                " WHERE opened_day IS NULL ORDER BY item DESC, position"
            ).fetchall()

    def piece(
        self, parcel: StoredParcel, index: int, *, page: int | None, with_roots: bool
    ) -> Piece | None:
        """A block of a body and the lists that go before it; None if the body was dropped."""
        with disk_errors(self._home.database):
            # One snapshot: another process may be dropping the body.
            self._db.execute("BEGIN")
            try:
                return self._piece(parcel, index, page, with_roots)
            finally:
                self._db.execute("COMMIT")

    def _piece(
        self, parcel: StoredParcel, index: int, page: int | None, with_roots: bool
    ) -> Piece | None:
        row = self._db.execute(
            "SELECT data FROM block JOIN parcel ON parcel = key"
            " WHERE parcel = ? AND number = ? AND has_body",
            (parcel.key, index),
        ).fetchone()
        if row is None:
            return None
        count = block_count(parcel.header.body_size)
        roots: list[bytes] = []
        if with_roots and count > PAGE_LEAVES:
            pages = -(-count // PAGE_LEAVES)
            roots = [root_of(self._leaves(parcel.key, number)) for number in range(pages)]
        leaves = [] if page is None else self._leaves(parcel.key, page)
        return Piece(row[0], leaves, roots)

    def _leaves(self, key: int, page: int) -> list[bytes]:
        rows = self._db.execute(
            "SELECT leaf FROM block WHERE parcel = ? AND number >= ? AND number < ?"
            " ORDER BY number",
            (key, page * PAGE_LEAVES, (page + 1) * PAGE_LEAVES),
        )
        return [leaf for (leaf,) in rows]

    def note(self, relay: bytes, day: int, words: Iterable[tuple[int, Word]]) -> None:
        """Keep what a relay says of parcels, by key; a weaker word never replaces a stronger."""
        with disk_errors(self._home.database), transaction(self._db):
            self._db.executemany(
                "INSERT INTO custody (parcel, relay, word, day)"
                " SELECT key, ?, ?, ? FROM parcel WHERE key = ?"
                " ON CONFLICT (parcel, relay) DO UPDATE SET word = max(word, excluded.word),"
                " day = max(day, excluded.day)",
                [(relay, int(word), day, key) for key, word in words],
            )

    def note_relay(self, signing_key: bytes, address: str, country: str) -> None:
        """Keep a relay's name and place, to show who holds what."""
        with disk_errors(self._home.database), transaction(self._db):
            self._db.execute(
                "INSERT INTO relay VALUES (?, ?, ?) ON CONFLICT (signing_key) DO UPDATE"
                " SET address = excluded.address, country = excluded.country",
                (signing_key, address, country),
            )

    # Being opened, wanted and dropped

    def header_of(self, parcel_id: bytes) -> tuple[Header, bytes] | None:
        """The header of a parcel that was queued here and the desk that it is for."""
        with disk_errors(self._home.database):
            row = self._db.execute(
                "SELECT header, desk FROM parcel JOIN item ON item = number WHERE id = ?",
                (parcel_id,),
            ).fetchone()
        return (parse_header(row[0]), row[1]) if row else None

    def mark_opened(self, parcel_id: bytes, day: int) -> bool:
        """The desk has opened it: keep that and let the sealed copy go. False if it was known."""
        with disk_errors(self._home.database):
            row = self._db.execute(
                "SELECT key, opened_day FROM parcel WHERE id = ?", (parcel_id,)
            ).fetchone()
            if row is None or row[1] is not None:
                return False
            with transaction(self._db):
                self._db.execute(
                    "UPDATE parcel SET opened_day = ?, has_body = 0 WHERE key = ?", (day, row[0])
                )
            self._delete_blocks([row[0]])
            return True

    def mark_wanted(self, parcel_ids: Iterable[bytes]) -> list[int]:
        """Move parcels that the desk asked for to the front; the numbers of their reports."""
        found: set[int] = set()
        with disk_errors(self._home.database), transaction(self._db):
            for parcel_id in parcel_ids:
                rows = self._db.execute(
                    "UPDATE parcel SET wanted = 1 WHERE id = ? AND item IS NOT NULL RETURNING item",
                    (parcel_id,),
                )
                found.update(number for (number,) in rows)
        return sorted(found)

    def drop(self, number: int) -> None:
        """Forget a report, on the person's own word. Raises BadInput where there is none."""
        with disk_errors(self._home.database):
            keys = [
                key
                for (key,) in self._db.execute("SELECT key FROM parcel WHERE item = ?", (number,))
            ]
            if not keys:
                raise BadInput(f"there is no report number {number} in the outbox")
            with transaction(self._db):
                self._db.execute("UPDATE parcel SET has_body = 0 WHERE item = ?", (number,))
            self._delete_blocks(keys)
            with transaction(self._db):
                self._db.executemany("DELETE FROM custody WHERE parcel = ?", [(k,) for k in keys])
                self._db.execute("DELETE FROM parcel WHERE item = ?", (number,))
                self._db.execute("DELETE FROM item WHERE number = ?", (number,))

    def waiting_bytes(self, number: int) -> int:
        """What a report still has to send, headers included, if no relay holds anything."""
        with disk_errors(self._home.database):
            rows = self._db.execute(
                "SELECT header FROM parcel WHERE item = ? AND has_body", (number,)
            ).fetchall()
        return sum(HEADER_BYTES + parse_header(header).body_size for (header,) in rows)
