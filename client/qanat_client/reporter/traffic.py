"""Which block goes next to which relay, for all sessions of a run together.

Knows what is queued and where its blocks are; sends nothing itself. The order is the protocol's
(`schedule`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from qanat_client.reporter.outbox import StoredParcel, Word
from qanat_client.reporter.spread import Spread, bits_at, bits_of
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.kinds import Rank
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.merkle import block_count
from qanat_protocol.schedule import Queue

__all__ = ["CUSTODY_DAYS", "Agenda", "Load", "Traffic", "due_for"]

CUSTODY_DAYS = 7
"""How long a relay's word counts before a parcel that nobody opened is offered to it again."""


def _bits(bitmap: bytes) -> int:
    return bits_of(Bitmap.from_bytes(bitmap))


def _is_fresh(word_day: int, today: int) -> bool:
    # Both ways: this clock may be years behind the relay's.
    return abs(today - word_day) <= CUSTODY_DAYS


def _is_trusted(word: Word, word_day: int, today: int) -> bool:
    return word >= Word.HOLDS and _is_fresh(word_day, today)


def due_for(parcel: StoredParcel, relay: bytes, today: int) -> bool:
    """Whether a relay is to be offered a parcel (SPEC section 17)."""
    word = parcel.words.get(relay)
    if word is None or not _is_trusted(*word, today):
        return True
    # A session that broke off before its end gave no receipt: an offer asks for one.
    return word[0] is Word.HOLDS


@dataclass(slots=True, eq=False)
class Load:
    """A parcel on its way to one relay. `ready`: the relay wants it, or it goes unasked."""

    parcel: StoredParcel
    ordinal: int
    spread: Spread
    ready: bool = False
    over: bool = False
    told: bool = False
    """The relay has given a transfer of it its final status; another connection's says no more."""
    sent_blocks: int = 0
    pages: dict[object, int] = field(default_factory=dict)
    """By connection: the page whose list went by it last."""

    @property
    def blocks(self) -> int:
        """How many there are in all."""
        return block_count(self.parcel.header.body_size)


@dataclass(slots=True)
class Traffic:
    """What one run's sessions share. `copies`: how many relays an original is given to; `aside`:
    relays that are given it beside these, as no desk's card names them."""

    today: int
    copies: int
    aside: frozenset[bytes] = frozenset()
    _spreads: dict[bytes, Spread] = field(default_factory=dict)
    _agendas: dict[bytes, Agenda] = field(default_factory=dict)
    _takers: dict[bytes, set[bytes]] = field(default_factory=dict)
    """By original: the relays that are there and are given it. Were there more of them than copies,
    none would have the whole."""

    def agenda(self, relay: bytes) -> Agenda:
        """A new session's, in the place of the one before."""
        made = self._agendas[relay] = Agenda(self, relay)
        return made

    def loads(self, parcels: Iterable[StoredParcel], relay: bytes) -> list[Load]:
        """What a relay is to be offered, each with its place among its report's of that rank."""
        counts: dict[tuple[int, Rank], int] = {}
        found = []
        for parcel in parcels:
            place = (parcel.item, parcel.rank)
            ordinal = counts[place] = counts.get(place, 0) + 1
            if due_for(parcel, relay, self.today):
                found.append(Load(parcel, ordinal, self._spread(parcel)))
        return found

    def left(self, relay: bytes) -> None:
        """A session is over; what it had begun and not brought to its end is for others."""
        self._agendas.pop(relay, None)
        for takers in self._takers.values():
            takers.discard(relay)
        for agenda in self._agendas.values():
            agenda.look_again()

    def lets(self, parcel: StoredParcel, relay: bytes) -> bool:
        """Whether blocks of a parcel may go to a relay, as far as others are given it."""
        takers = self._takers.get(parcel.id, set())
        if relay not in self.aside:
            takers = takers - self.aside
        return parcel.rank < Rank.ORIGINAL or relay in takers or len(takers) < self.copies

    def takes(self, parcel: StoredParcel, relay: bytes) -> None:
        """A relay is given a block of it."""
        if parcel.rank >= Rank.ORIGINAL:
            self._takers.setdefault(parcel.id, set()).add(relay)

    def _spread(self, parcel: StoredParcel) -> Spread:
        blocks = block_count(parcel.header.body_size)
        if parcel.rank < Rank.ORIGINAL:
            return Spread(blocks, None)
        known = self._spreads.get(parcel.id)
        if known is not None:
            return known
        spread = self._spreads[parcel.id] = Spread(blocks, self.copies, self.aside)
        for relay, (word, day) in parcel.words.items():
            if not _is_fresh(day, self.today):
                # Its word is over while nobody opened the parcel: it may have lied.
                spread.doubt(relay)
            elif word >= Word.HOLDS:
                spread.hold_all(relay)
            elif relay in parcel.held:
                spread.hold(relay, _bits(parcel.held[relay]))
                spread.lose(relay, _bits(parcel.sent.get(relay, b"")))
        return spread


class Agenda:
    """One session's loads in the order in which their blocks go. First what nobody has yet; only
    when nothing of that is left, second copies of originals."""

    def __init__(self, traffic: Traffic, relay: bytes) -> None:
        self._traffic = traffic
        self._relay = relay
        self._first: Queue[Load] = Queue()
        self._spare: Queue[Load] = Queue()
        self._dry: dict[Load, None] = {}
        """Originals of which others have, or are being given, all that this relay lacks."""

    def add(self, load: Load) -> None:
        """This one may go from now on."""
        load.ready = True
        self._enter(load)

    def __contains__(self, load: Load) -> bool:
        """Whether blocks of it are to go."""
        return load in self._first or load in self._spare

    def is_empty(self) -> bool:
        """Whether nothing may go."""
        return not (len(self._first) or len(self._spare))

    def drop(self, load: Load) -> None:
        """No more of it goes."""
        load.over = True
        for queue in (self._first, self._spare):
            queue.discard(load)
        self._dry.pop(load, None)

    def choose(
        self, allow: Callable[[Load], bool] = lambda _: True, lane: object | None = None
    ) -> tuple[Load, int] | None:
        """The load whose next block is the most valuable one, and the number of that block, which
        counts as on its way from now on. `lane`: the connection by which it is to go."""

        def may_go(load: Load) -> bool:
            return self._traffic.lets(load.parcel, self._relay) and allow(load)

        def may_spare(load: Load) -> bool:
            # Second copies now would take the line from first ones that turn out to be lost.
            return not load.spread.is_in_doubt(self._relay) and may_go(load)

        for queue, next_block, may in (
            (self._first, Spread.first, may_go),
            (self._spare, Spread.spare, may_spare),
        ):
            while (load := queue.first(may)) is not None:
                taken = [page for other, page in load.pages.items() if other is not lane]
                index = next_block(load.spread, self._relay, load.pages.get(lane), taken)
                if index is not None:
                    self._traffic.takes(load.parcel, self._relay)
                    load.spread.send(self._relay, index)
                    queue.sent(load, BLOCK_BYTES)
                    if load not in queue:
                        self._enter(load)
                    return load, index
                # Another relay's session took what was left.
                queue.discard(load)
                self._enter(load)
        return None

    def give_back(self, load: Load, indices: Iterable[int]) -> None:
        """A connection is lost, and with it what was on its way: it goes again."""
        load.spread.lose(self._relay, bits_at(indices))
        if not load.over:
            self._enter(load)

    def confirm(self, load: Load, indices: Iterable[int]) -> None:
        """Blocks are on the relay's disk."""
        load.spread.confirm(self._relay, indices)

    def look_again(self) -> None:
        """Another session is over: there may be more to do for this one."""
        for load in [*self._dry, *self._spare]:
            self._enter(load)

    def left_bytes(self, load: Load) -> int:
        """What may go of it to this relay, in whole blocks."""
        left = load.spread.count_first(self._relay) or load.spread.count_spare(self._relay)
        return left * BLOCK_BYTES

    def ahead(self) -> Iterator[Load]:
        """What is likely to go next, in this order."""
        return chain(self._first, self._spare)

    def _enter(self, load: Load) -> None:
        for queue in (self._first, self._spare):
            queue.discard(load)
        self._dry.pop(load, None)
        left_bytes = self.left_bytes(load)
        if not left_bytes:
            self._dry[load] = None
            return
        parcel = load.parcel
        (self._first if load.spread.first(self._relay) is not None else self._spare).add(
            load,
            rank=parcel.rank,
            # Letters go by age alone, whichever report they belong to.
            flow=0 if parcel.rank <= Rank.LETTER else parcel.item,
            order=(parcel.item, load.ordinal),
            left_bytes=left_bytes,
            wanted=parcel.wanted,
            waited_days=self._traffic.today - parcel.sealed_day,
        )
