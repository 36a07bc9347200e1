"""The outbox: sealed reports and what has become of them. Holds no key that opens anything in it.

Nothing is deleted because it was sent. How reports come in is in `sealing_room`.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from qanat_client.errors import BadInput
from qanat_client.reporter.database import disk_errors, transaction
from qanat_client.reporter.home import Home
from qanat_client.reporter.known_relays import forget_told
from qanat_client.reporter.sealing_room import delete_blocks
from qanat_protocol.frames import Stamp
from qanat_protocol.limits import PAGE_LEAVES, PREVIEW_BODY_BYTES
from qanat_protocol.merkle import block_count, root_of
from qanat_protocol.parcel import Header, Rank, parse_header, rank_of

__all__ = ["Outbox", "Piece", "Said", "StoredParcel", "Word"]


class Word(IntEnum):
    """What a relay has said of a parcel, over the sealed channel."""

    HALF = 1
    HOLDS = 2
    SIGNED = 3
    PURGED = 4


@dataclass(frozen=True, slots=True)
class Said:
    """What a relay has said of a parcel (its key here). `held`: which blocks it has, as in PARTIAL,
    where it has not all; `sent`: which were on their way to it then, or about to be."""

    key: int
    word: Word
    held: bytes | None = None
    sent: bytes | None = None


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
    sealed_day: int
    words: dict[bytes, tuple[Word, int]]
    """By relay (its signing key): its newest word and the day of it."""
    held: dict[bytes, bytes]
    """By relay: which blocks it has, where it has not all."""
    sent: dict[bytes, bytes]
    """By relay: which others were on their way to it, or about to be, when it last spoke of it."""
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A block, and what has to be told before it: the leaves of its page, the page roots."""

    data: bytes
    leaves: list[bytes]
    page_roots: list[bytes]


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
                "SELECT key, item, desk, id, header, wanted, sealed_hour FROM parcel"
                " JOIN item ON item = number"
                " WHERE opened_day IS NULL AND has_body ORDER BY item, position"
            ).fetchall()
            stamps = {
                key: stamp
                for key, *stamp in self._db.execute(
                    "SELECT parcel, epoch, effort, nonce FROM stamp WHERE nonce IS NOT NULL"
                )
            }
            words: dict[int, dict[bytes, tuple[Word, int]]] = {}
            held: dict[int, dict[bytes, bytes]] = {}
            sent: dict[int, dict[bytes, bytes]] = {}
            for key, relay, word, day, *bitmaps in self._db.execute(
                "SELECT parcel, relay, word, day, held, sent FROM custody"
            ):
                words.setdefault(key, {})[relay] = (Word(word), day)
                for known, bitmap in zip((held, sent), bitmaps, strict=True):
                    if bitmap is not None:
                        known.setdefault(key, {})[relay] = bitmap
        found = []
        for key, item, desk_id, parcel_id, data, wanted, sealed_hour in rows:
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
                    sealed_day=sealed_hour // 24,
                    words=words.get(key, {}),
                    held=held.get(key, {}),
                    sent=sent.get(key, {}),
                    stamp=Stamp(parcel_id, *stamps[key]) if key in stamps else None,
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

    def blocks(self, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Blocks by the key of their parcel and their number; without those that were dropped."""
        found = {}
        with disk_errors(self._home.database):
            # One snapshot: another process may be dropping bodies.
            self._db.execute("BEGIN")
            try:
                for place in wanted:
                    row = self._db.execute(
                        "SELECT data FROM block JOIN parcel ON parcel = key"
                        " WHERE parcel = ? AND number = ? AND has_body",
                        place,
                    ).fetchone()
                    if row is not None:
                        found[place] = row[0]
            finally:
                self._db.execute("COMMIT")
        return found

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

    def note(self, relay: bytes, day: int, words: Iterable[Said]) -> None:
        """Keep what a relay says of parcels; a weaker word never replaces a stronger."""
        with disk_errors(self._home.database), transaction(self._db):
            self._db.executemany(
                "INSERT INTO custody (parcel, relay, word, day, held, sent)"
                " SELECT key, ?, ?, ?, ?, ? FROM parcel WHERE key = ?"
                " ON CONFLICT (parcel, relay) DO UPDATE SET word = max(word, excluded.word),"
                " day = max(day, excluded.day),"
                " held = CASE WHEN max(word, excluded.word) = excluded.word THEN excluded.held END,"
                " sent = CASE WHEN max(word, excluded.word) = excluded.word THEN excluded.sent END",
                [(relay, int(said.word), day, said.held, said.sent, said.key) for said in words],
            )

    # Stamps

    def ask_stamp(self, key: int, epoch: int, effort: int) -> None:
        """Note that a relay asks for one; a stamp that is here stays until a better one is."""
        with disk_errors(self._home.database), transaction(self._db):
            self._db.execute(
                "INSERT INTO stamp (parcel, epoch, effort) SELECT key, ?, ? FROM parcel"
                " WHERE key = ? ON CONFLICT (parcel) DO UPDATE SET epoch = excluded.epoch,"
                " effort = excluded.effort WHERE nonce IS NULL",
                (epoch, effort, key),
            )

    def keep_stamp(self, key: int, stamp: Stamp) -> None:
        """Keep a stamp with its parcel, so that the work is done once."""
        with disk_errors(self._home.database), transaction(self._db):
            self._db.execute(
                "INSERT INTO stamp (parcel, epoch, effort, nonce) SELECT key, ?, ?, ? FROM parcel"
                " WHERE key = ? ON CONFLICT (parcel) DO UPDATE SET epoch = excluded.epoch,"
                " effort = excluded.effort, nonce = excluded.nonce",
                (stamp.epoch, stamp.effort, stamp.nonce, key),
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
                forget_told(self._db)
            delete_blocks(self._db, [row[0]])
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

    def check_number(self, number: int) -> None:
        """Raises BadInput where there is no report of this number."""
        with disk_errors(self._home.database):
            # Whatever number was typed, also one that SQLite can't hold.
            found = self._db.execute(
                "SELECT 1 FROM parcel WHERE CAST(item AS TEXT) = ? LIMIT 1", (str(number),)
            ).fetchone()
        if found is None:
            raise BadInput(f"there is no report number {number} in the outbox")

    def drop(self, number: int) -> None:
        """Forget a report, on the person's own word. Raises BadInput where there is none."""
        self.check_number(number)
        with disk_errors(self._home.database):
            keys = [
                key
                for (key,) in self._db.execute("SELECT key FROM parcel WHERE item = ?", (number,))
            ]
            with transaction(self._db):
                self._db.execute("UPDATE parcel SET has_body = 0 WHERE item = ?", (number,))
            delete_blocks(self._db, keys)
            with transaction(self._db):
                self._db.executemany("DELETE FROM custody WHERE parcel = ?", [(k,) for k in keys])
                self._db.executemany("DELETE FROM stamp WHERE parcel = ?", [(k,) for k in keys])
                self._db.execute("DELETE FROM parcel WHERE item = ?", (number,))
                self._db.execute("DELETE FROM item WHERE number = ?", (number,))
                forget_told(self._db)
