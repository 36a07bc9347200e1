"""The loads of one session that may go, kept so that the next one is found without looking at all.

Says which are in question; which of them goes is for `traffic` to say.
"""

from __future__ import annotations

import heapq

from qanat_client.reporter.traffic import Load
from qanat_protocol.kinds import Rank

__all__ = ["Ready"]


class Ready:
    """Letters by rank and age, and all else. A load that is over or sent leaves by itself."""

    def __init__(self) -> None:
        self._letters: list[tuple[int, int, int, Load]] = []
        self._parts: list[Load] = []

    def add(self, load: Load) -> None:
        """This one may go from now on."""
        load.ready = True
        parcel = load.parcel
        if parcel.rank <= Rank.LETTER:
            heapq.heappush(self._letters, (parcel.rank, parcel.item, parcel.key, load))
        else:
            self._parts.append(load)

    def candidates(self) -> list[Load]:
        """The first letter, which goes before anything else; without one, all the others."""
        while self._letters:
            if _is_left(self._letters[0][-1]):
                return [self._letters[0][-1]]
            heapq.heappop(self._letters)
        self._parts = [load for load in self._parts if _is_left(load)]
        return self._parts

    def letters(self, count: int) -> list[Load]:
        """The next letters, at most so many, if no other becomes ready."""
        some = [heapq.heappop(self._letters) for _ in range(min(count, len(self._letters)))]
        for entry in some:
            heapq.heappush(self._letters, entry)
        return [load for *_, load in some]


def _is_left(load: Load) -> bool:
    return not load.over and load.left_blocks > 0
