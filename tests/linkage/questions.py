"""What is asked of the disks of a week that is over, and what the answers are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations, product
from random import Random

from tests.linkage.adversary import Order, names_of, orders_of
from tests.linkage.chance import Advantage, Question, closeness, combine, judge
from tests.linkage.disk import read_disk
from tests.linkage.people import RELAYS, Tell
from tests.linkage.relays import Lived

from qanat_protocol.parcel import Kind

ALL = "all together"
Names = tuple[bytes, bytes]


@dataclass
class Evidence:
    """The disks of one week, read. watched: sources from this number on are only the crowd;
    until_day: what something came of on this day or later is not asked about."""

    lived: Lived
    watched: int
    until_day: int = 2**31
    shown: list[dict[str, Order]] = field(default_factory=list)

    def __post_init__(self) -> None:
        parcels = [made for tell in self.lived.week.tells for made in tell.parcels]
        names = names_of(parcels)
        self.shown = [
            orders_of(read_disk(folder / "store" / "store.db"), names)
            for folder in self.lived.folders
        ]
        self._tells = {
            made.parcel_id: tell for tell in self.lived.week.tells for made in tell.parcels
        }
        self._letters = self._arrived(Kind.LETTER)
        self._parts = self._arrived(Kind.PART)

    def parts_of_a_letter(self) -> Question:
        """Which attachments belong to which letter?"""
        pairs = product(self._letters, self._parts)
        return self._question(pairs, lambda one, other: one is other)

    def parts_of_a_report(self) -> Question:
        """Which attachments belong to the same report?"""
        return self._question(combinations(self._parts, 2), lambda one, other: one is other)

    def reports_of_a_session(self) -> Question:
        """Which letters came from one source in one session?"""
        pairs = [pair for pair in combinations(self._letters, 2) if not self._is_apart(pair)]
        return self._question(pairs, lambda one, other: one.source == other.source)

    def reports_of_a_source(self) -> Question:
        """Which letters came from one source in different sessions?"""
        pairs = [
            pair
            for pair in combinations(self._letters, 2)
            if self._is_apart(pair) or not self._is_one_source(pair)
        ]
        return self._question(pairs, lambda one, other: one.source == other.source)

    def answer(self, question: Question, seed: int = 1) -> dict[str, Advantage]:
        """What each thing that the disks show tells of it, and all of them together."""
        rng = Random(seed)
        found, features = {}, []
        for name in sorted({name for shown in self.shown for name in shown}):
            orders = [shown[name] for shown in self.shown if name in shown]
            values = closeness(question, orders)
            if len(set(values)) > 1:
                features.append(values)
                found[name] = judge(question, values, rng)
        found[ALL] = judge(question, combine(question, features), rng)
        return found

    def _arrived(self, kind: Kind) -> list[bytes]:
        return [
            made.parcel_id
            for tell in self.lived.week.tells
            for made in tell.parcels
            if made.header.kind is kind
            and tell.source < self.watched
            and self._last_day(made.parcel_id) < self.until_day
        ]

    def _last_day(self, name: bytes) -> int:
        return max((h.day for h in self.lived.handed.get(name, ())), default=2**31)

    def _is_one_source(self, pair: Names) -> bool:
        return self._tells[pair[0]].source == self._tells[pair[1]].source

    def _is_apart(self, pair: Names) -> bool:
        """Of one source, and never handed over in the same session."""
        one, other = ({handed.going for handed in self.lived.handed[name]} for name in pair)
        return self._is_one_source(pair) and not one & other

    def _question(
        self, pairs: Iterable[Names], is_together: Callable[[Tell, Tell], bool]
    ) -> Question:
        """Among pairs that are for the same desk, which everybody sees."""
        tells = self._tells
        names = [*self._letters, *self._parts]
        number = {name: at for at, name in enumerate(names)}
        asked = [
            (one, other)
            for one, other in pairs
            if tells[one].letter.header.tag == tells[other].letter.header.tag
        ]
        numbered = [(number[one], number[other]) for one, other in asked]
        return Question(
            names,
            numbered,
            [
                pair
                for pair, (one, other) in zip(numbered, asked, strict=True)
                if is_together(tells[one], tells[other])
            ],
            {name: self._known(name) for name in names},
            lambda pair: tells[names[pair[0]]].source % 2 == 0,
        )

    def _known(self, name: bytes) -> tuple[object, ...]:
        """What a relay is not meant to hide: the desk, the kind, a part's size, the days."""
        header = next(m.header for m in self._tells[name].parcels if m.parcel_id == name)
        size = header.body_size if header.kind is Kind.PART else 0
        days = [
            max((h.day for h in self.lived.handed[name] if h.relay == relay), default=None)
            for relay in range(RELAYS)
        ]
        return (header.tag, header.kind, size, *days)
