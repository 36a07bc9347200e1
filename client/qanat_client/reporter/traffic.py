"""Which parcel goes next to which relay (SPEC 3 orders them), for all sessions of a run together.

Knows what is queued and what each session is at; sends nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qanat_client.reporter.outbox import StoredParcel, Word
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.kinds import Rank
from qanat_protocol.merkle import block_count

__all__ = ["CUSTODY_DAYS", "Load", "Traffic", "due_for"]

CUSTODY_DAYS = 7
"""How long a relay's word counts before a parcel that nobody opened is offered to it again."""

_NOTHING = Bitmap.from_indices(())


def _is_trusted(word: Word, word_day: int, today: int) -> bool:
    # Both ways: this clock may be years behind the relay's.
    return word >= Word.HOLDS and abs(today - word_day) <= CUSTODY_DAYS


def due_for(parcel: StoredParcel, relay: bytes, today: int) -> bool:
    """Whether a relay is to be offered a parcel (SPEC section 17)."""
    word = parcel.words.get(relay)
    if word is None or not _is_trusted(*word, today):
        return True
    # A session that broke off before its end gave no receipt. A letter is small enough to go
    # again for one.
    return word[0] is Word.HOLDS and parcel.rank <= Rank.LETTER


@dataclass(slots=True)
class Load:
    """A parcel on its way to one relay. `ready`: the relay wants it, or it goes unasked."""

    parcel: StoredParcel
    ordinal: int
    ready: bool = False
    over: bool = False
    held: Bitmap = _NOTHING
    sent_blocks: int = 0

    @property
    def left_blocks(self) -> int:
        """What is still to be sent of it."""
        return block_count(self.parcel.header.body_size) - self.held.count() - self.sent_blocks


@dataclass(slots=True)
class Traffic:
    """What one run's sessions share. `copies`: how many relays an original is given to."""

    today: int
    copies: int
    _active: dict[bytes, bytes] = field(default_factory=dict)
    _holders: dict[bytes, set[bytes]] = field(default_factory=dict)
    _takers: dict[bytes, set[bytes]] = field(default_factory=dict)
    _lapsed: dict[bytes, set[bytes]] = field(default_factory=dict)
    """Relays whose word on a parcel is over while nobody opened it: they may have lied, and count
    for nothing when it is asked how many others have it."""

    def loads(self, parcels: Iterable[StoredParcel], relay: bytes) -> list[Load]:
        """What a relay is to be offered, each with its place among its report's of that rank."""
        counts: dict[tuple[int, Rank], int] = {}
        found = []
        for parcel in parcels:
            place = (parcel.item, parcel.rank)
            ordinal = counts[place] = counts.get(place, 0) + 1
            holders = self._holders.setdefault(parcel.id, set())
            holders.update(
                other
                for other, (word, day) in parcel.words.items()
                if _is_trusted(word, day, self.today)
            )
            self._lapsed[parcel.id] = {
                other
                for other, (word, day) in parcel.words.items()
                if word >= Word.HOLDS and not _is_trusted(word, day, self.today)
            }
            if due_for(parcel, relay, self.today):
                found.append(Load(parcel, ordinal))
        return found

    def choose(self, loads: Iterable[Load], relay: bytes, *, worst: Rank) -> Load | None:
        """The load whose next block is the most valuable one, of rank `worst` or better."""
        ready = [
            load
            for load in loads
            if load.ready and not load.over and load.left_blocks and load.parcel.rank <= worst
        ]
        allowed = [load for load in ready if self._allows(load.parcel, relay)]
        best = min(allowed, key=lambda load: self._place(load, relay), default=None)
        self._note_active(relay, best)
        return best

    def _place(self, load: Load, relay: bytes) -> tuple[int, ...]:
        parcel = load.parcel
        if parcel.rank <= Rank.LETTER:
            return (parcel.rank, 0, 0, 0, parcel.item, 0)
        # What is nearly there goes first, so that a film never holds up a document, and reports
        # take turns.
        elsewhere = parcel.rank is Rank.ORIGINAL and self._is_sent_elsewhere(parcel.id, relay)
        turn = load.ordinal
        return (
            parcel.rank,
            int(elsewhere),
            int(not parcel.wanted),
            load.left_blocks,
            turn,
            parcel.item,
        )

    def _is_sent_elsewhere(self, parcel_id: bytes, relay: bytes) -> bool:
        return any(active == parcel_id for other, active in self._active.items() if other != relay)

    def _allows(self, parcel: StoredParcel, relay: bytes) -> bool:
        if parcel.rank < Rank.ORIGINAL:
            return True
        others = self._holders.get(parcel.id, set()) | self._takers.get(parcel.id, set())
        return len(others - {relay} - self._lapsed.get(parcel.id, set())) < self.copies

    def _note_active(self, relay: bytes, load: Load | None) -> None:
        if load is None:
            self._active.pop(relay, None)
        else:
            self._active[relay] = load.parcel.id
            self._takers.setdefault(load.parcel.id, set()).add(relay)

    def took(self, relay: bytes, parcel_id: bytes) -> None:
        """A relay has the whole of a parcel."""
        self._holders.setdefault(parcel_id, set()).add(relay)

    def left(self, relay: bytes) -> None:
        """A session is over; what it had begun and not brought to its end is for others."""
        self._active.pop(relay, None)
        for takers in self._takers.values():
            takers.discard(relay)
