"""A reporter's queue and what it has heard, in memory: as `qanat_client.reporter.outbox` and
`library`, over bodies of zeros. Parcels of others, which came on a stick, stand in it too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qanat_client.reporter.desks import Desks
from qanat_client.reporter.known_relays import KnownRelays
from qanat_client.reporter.learned import RelayCards
from qanat_client.reporter.library import Library
from qanat_client.reporter.outbox import Outbox, Piece, Said, StoredParcel, Word
from qanat_protocol.card import DeskCard
from qanat_protocol.frames import Opened
from qanat_protocol.kinds import Rank
from qanat_protocol.limits import PAGE_LEAVES, PREVIEW_BODY_BYTES
from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import Header
from qanat_protocol.statement import Statement
from qanat_simulation.engine.bodies import Parcel, block_of, leaves_of, page_roots_of

__all__ = ["KnownDesk", "MemoryLibrary", "MemoryOutbox", "NamedRelays", "NoCards"]


@dataclass(slots=True, eq=False)
class _Row:
    parcel: Parcel
    key: int
    item: int
    sealed_day: int
    rank: Rank
    has_body: bool = True
    words: dict[bytes, tuple[Word, int]] = field(default_factory=dict)
    held: dict[bytes, bytes] = field(default_factory=dict)
    sent: dict[bytes, bytes] = field(default_factory=dict)


class MemoryOutbox(Outbox):
    """The queue of one person. most_bytes: the most that it has held at one time."""

    def __init__(self, desk_id: bytes) -> None:
        self._desk_id = desk_id
        self._rows: dict[int, _Row] = {}
        self._by_id: dict[bytes, _Row] = {}
        self._items: dict[int, int] = {}
        self._stored_bytes = 0
        self._changes = 0
        self._looked_at = 0
        self.most_bytes = 0
        self.openings: dict[bytes, Opened] = {}
        """The desk's words, for the sticks that go on."""

    def add(self, parcel: Parcel, day: int) -> bool:
        """Queue a parcel; False if it was here before."""
        if parcel.parcel_id in self._by_id:
            return False
        item = self._items.setdefault(parcel.item.report, len(self._items) + 1)
        header = parcel.header
        small = parcel.item.rank is Rank.ORIGINAL and header.body_size <= PREVIEW_BODY_BYTES
        rank = Rank.PREVIEW if small else parcel.item.rank
        row = _Row(parcel, len(self._rows) + 1, item, day, rank)
        self._rows[row.key] = self._by_id[parcel.parcel_id] = row
        self._stored_bytes += header.body_size
        self.most_bytes = max(self.most_bytes, self._stored_bytes)
        self._changes += 1
        return True

    @property
    def is_unseen(self) -> bool:
        """Whether something was queued since a session looked last."""
        return self._looked_at != self._changes

    @property
    def is_empty(self) -> bool:
        """Whether all that was queued was opened by the desk."""
        return self._stored_bytes == 0

    def parcels(self) -> list[Parcel]:
        """What is here, in the order in which it was queued."""
        return [row.parcel for row in self._rows.values() if row.has_body]

    def knows(self, parcel_id: bytes) -> bool:
        """Whether it is here, or was."""
        return parcel_id in self._by_id

    # What a session asks

    def changes(self) -> int:
        self._looked_at = self._changes
        return self._changes

    def waiting(self) -> list[StoredParcel]:
        rows = [row for row in self._rows.values() if row.has_body]
        return [
            StoredParcel(
                key=row.key,
                item=row.item,
                desk_id=self._desk_id,
                id=row.parcel.parcel_id,
                header=row.parcel.header,
                rank=row.rank,
                wanted=False,
                sealed_day=row.sealed_day,
                words=dict(row.words),
                held=dict(row.held),
                sent=dict(row.sent),
            )
            for row in sorted(rows, key=lambda row: (row.item, row.key))
        ]

    def unopened(self) -> list[tuple[bytes, bytes]]:
        rows = sorted(
            (row for row in self._rows.values() if row.has_body),
            key=lambda row: (-row.item, row.key),
        )
        return [(row.parcel.parcel_id, self._desk_id) for row in rows]

    def piece(
        self, parcel: StoredParcel, index: int, *, page: int | None, with_roots: bool
    ) -> Piece | None:
        if not self._rows[parcel.key].has_body:
            return None
        size = parcel.header.body_size
        paged = with_roots and block_count(size) > PAGE_LEAVES
        return Piece(
            block_of(size, index),
            [] if page is None else leaves_of(size, page * PAGE_LEAVES, PAGE_LEAVES),
            list(page_roots_of(size)) if paged else [],
        )

    def blocks(self, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        return {
            (key, index): block_of(row.parcel.header.body_size, index)
            for key, index in wanted
            if (row := self._rows[key]).has_body
        }

    def note(self, relay: bytes, day: int, words: Iterable[Said]) -> None:
        for said in words:
            row = self._rows[said.key]
            word, newest_day = row.words.get(relay, (said.word, day))
            row.words[relay] = max(word, said.word), max(newest_day, day)
            for known, bitmap in ((row.held, said.held), (row.sent, said.sent)):
                known.pop(relay, None)
                if said.word >= word and bitmap is not None:
                    known[relay] = bitmap

    def header_of(self, parcel_id: bytes) -> tuple[Header, bytes] | None:
        row = self._by_id.get(parcel_id)
        return None if row is None else (row.parcel.header, self._desk_id)

    def mark_opened(self, parcel_id: bytes, day: int) -> bool:
        row = self._by_id[parcel_id]
        if not row.has_body:
            return False
        row.has_body = False
        self._stored_bytes -= row.parcel.header.body_size
        return True


class NamedRelays(KnownRelays):
    """The relays of the one card: nothing is learned of them."""

    def __init__(self) -> None:
        """Without a database."""
        self._told: dict[bytes, Mapping[bytes, int]] = {}

    def note(
        self, signing_key: bytes, address: str, country: str, named_by: bytes | None = None
    ) -> None:
        pass

    def note_reached(self, signing_key: bytes, address: str, largest_body: int) -> None:
        pass

    def told(self, signing_key: bytes) -> dict[bytes, int]:
        return dict(self._told.get(signing_key, {}))

    def keep_told(self, signing_key: bytes, told: Mapping[bytes, int]) -> None:
        self._told[signing_key] = told

    def forget_told(self) -> None:
        """Nothing waits for the desk's word; or what came may have been opened before it came."""
        self._told.clear()


class NoCards(RelayCards):
    """Nobody asks relays for their cards: the desk's names all that there are."""

    def __init__(self) -> None:
        """Without a database."""

    def asks(self, relay: bytes) -> bool:
        return False


class KnownDesk(Desks):
    """The one desk that everybody has the card of."""

    def __init__(self, card: DeskCard) -> None:
        self._card = card

    def all(self) -> list[DeskCard]:
        return [self._card]

    def find(self, desk_id: bytes) -> DeskCard | None:
        return self._card if desk_id == self._card.desk_id else None

    def statement(self, card: DeskCard) -> Statement:
        return card.statement

    def revoked(self, desk_id: bytes) -> frozenset[bytes]:
        return frozenset()


class MemoryLibrary(Library):
    """Keeps the desk's words on parcels that are here. There are no replies and no bulletins."""

    def __init__(self, outbox: MemoryOutbox, desks: KnownDesk) -> None:
        self._desks = desks
        self._outbox: MemoryOutbox = outbox

    def holds(self, offer: bytes) -> bool:
        return False

    def clear_expired(self, day: int) -> None:
        pass

    def newest_serials(self, card: DeskCard) -> tuple[int, int]:
        return 0, card.serial

    def hear_opened(self, frame: Opened, today: int) -> bool:
        news = super().hear_opened(frame, today)
        if news:
            self._outbox.openings[frame.parcel_id] = frame
        return news
