"""What one session asks a relay about openings, so that none is missed and few are told twice.

A relay tells all that a short prefix matches, and most of that is other people's. So it is asked
for what came since it told all. No I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from qanat_protocol.frames import OpenedInterest, Welcome
from qanat_protocol.limits import MAX_GIVEN_BITS

__all__ = ["MOST_INTERESTS", "Openings", "cut"]

MOST_INTERESTS = 8
"""Of one session; where they are not enough the newest parcels are asked about."""

_PREFIXES_AT_ONCE = 64

_SLACK_DAYS = 2
"""What came so long before is told again: a relay's clock may have been put right since."""

_CLOCKS_DAYS = 1
"""How far a relay's day may be from this device's, or it is not kept: a relay that told everybody
another day would know them by it when they come again."""

_LEAST_TOLD = 8192
"""So many at least a relay tells to an interest before it leaves older ones out (SPEC 17)."""


def cut(prefix: bytes, bits: int) -> bytes:
    """The first bits of 4 bytes, the rest zero."""
    number = int.from_bytes(prefix[:4], "big") >> (32 - bits) << (32 - bits)
    return number.to_bytes(4, "big")


class Openings:
    """One session's. `unopened`: (parcel id, desk id), of desks that the relay is for, the newest
    first; `told`: by desk, the day on which the relay told all; `today`: by this device's clock.
    """

    def __init__(
        self,
        welcome: Welcome,
        unopened: Sequence[tuple[bytes, bytes]],
        told: Mapping[bytes, int],
        *,
        today: int,
        number: int,
    ) -> None:
        """Interests are numbered from `number`."""
        self._day = welcome.day
        self._is_plausible = abs(welcome.day - today) <= _CLOCKS_DAYS
        self._bits = min(welcome.opened_bits, MAX_GIVEN_BITS)
        self._desk_of = dict(unopened)
        self._kept = {desk: told.get(desk) for desk in self._desk_of.values()}
        self._interest_of: dict[bytes, int] = {}
        """By prefix."""

        self._heard: Counter[int] = Counter()
        """How many OPENED came, by interest."""

        self._doubted: set[bytes] = set()
        self.interests = self._interests(number)
        """What to ask."""

    def _since(self) -> int:
        """One day for all: another for each desk would show which parcels are for the same."""
        days = [0 if day is None or day > self._day else day for day in self._kept.values()]
        return max(0, min(days, default=0) - _SLACK_DAYS)

    def _interests(self, number: int) -> list[OpenedInterest]:
        prefixes = list(dict.fromkeys(cut(parcel_id, self._bits) for parcel_id in self._desk_of))
        since, frames = self._since(), list[OpenedInterest]()
        for start in range(0, len(prefixes), _PREFIXES_AT_ONCE):
            if len(frames) == MOST_INTERESTS:
                break
            some = tuple(sorted(prefixes[start : start + _PREFIXES_AT_ONCE]))
            self._interest_of |= dict.fromkeys(some, number + len(frames))
            frames.append(OpenedInterest(number + len(frames), self._bits, some, since))
        return frames

    def heard(self, parcel_id: bytes) -> bool:
        """An OPENED has come; whether it is about a parcel of ours."""
        if (interest := self._interest_of.get(cut(parcel_id, self._bits))) is not None:
            self._heard[interest] += 1
        return parcel_id in self._desk_of

    def weighed(self, parcel_id: bytes, *, is_true: bool) -> None:
        """What is not believed may be, once the desk's newer word on its keys is here."""
        (self._doubted.discard if is_true else self._doubted.add)(parcel_id)

    def all_told(self) -> dict[bytes, int]:
        """What to keep, by desk, when the relay has answered all that was asked; each once."""
        is_cut_short = any(count >= _LEAST_TOLD for count in self._heard.values())
        if not self._is_plausible or is_cut_short:
            return {}
        lacking = {
            desk_id
            for parcel_id, desk_id in self._desk_of.items()
            if parcel_id in self._doubted or cut(parcel_id, self._bits) not in self._interest_of
        }
        told = {
            desk: self._day
            for desk, day in self._kept.items()
            if desk not in lacking and day != self._day
        }
        self._kept |= told
        return told
