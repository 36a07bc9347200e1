"""What two sets differ in, from the cells of one and the ids of the other (SPEC section 18).

Believes no cell: whatever they hold, the work is bounded by how many there are.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from qanat_protocol.sketch import (
    CHECK_MASK,
    Cells,
    Numbers,
    Summing,
    mixed,
    no_cells,
    places_of,
    sum_cells,
)

__all__ = ["Peeling"]

_ZERO: Final = np.uint64(0)


class Peeling:
    """The other side's cells, ours taken off; `there` and `here`: the short ids found so far that
    only the other side has, and only we."""

    def __init__(self, short_ids: Numbers) -> None:
        self._ours = Summing(short_ids)
        self._sums, self._checks = no_cells(0)
        self.there: Numbers = np.zeros(0, np.uint64)
        self.here: Numbers = np.zeros(0, np.uint64)

    @property
    def count(self) -> int:
        """Cells so far."""
        return len(self._sums)

    @property
    def is_complete(self) -> bool:
        """Whether all that the sets differ in is found: then nothing is left in any cell."""
        return self.count > 0 and not self._sums.any() and not self._checks.any()

    def feed(self, cells: Cells) -> None:
        """Take the cells that follow, and peel."""
        first = self.count
        ours = self._ours.extend(len(cells[0]))
        there, here = (sum_cells(found, self._ours.end) for found in (self.there, self.here))
        sums = cells[0] - ours[0] - there[0][first:] + here[0][first:]
        checks = cells[1] - ours[1] - there[1][first:] + here[1][first:]
        self._sums = np.concatenate([self._sums, sums])
        self._checks = np.concatenate([self._checks, checks & CHECK_MASK])
        while len(self.there) + len(self.here) <= self.count and self._peel():
            pass

    def _peel(self) -> bool:
        """Take off what is alone in some cell; whether there was any."""
        there = self._take(self._sums, self._checks, self.there)
        self._sums, self._checks = _without(self._sums, self._checks, there)
        self.there = np.concatenate([self.there, there])
        # What only we have was taken off once too often, so its cells are negative.
        sums, checks = _ZERO - self._sums, (_ZERO - self._checks) & CHECK_MASK
        here = self._take(sums, checks, self.here)
        sums, checks = _without(sums, checks, here)
        self._sums, self._checks = _ZERO - sums, (_ZERO - checks) & CHECK_MASK
        self.here = np.concatenate([self.here, here])
        return bool(len(there) or len(here))

    def _take(self, sums: Numbers, checks: Numbers, found: Numbers) -> Numbers:
        """The short ids that are alone in a cell, and belong there. None is found twice: only cells
        that lie have it so, and nothing would ever come of them."""
        alone = np.flatnonzero((sums != _ZERO) & (mixed(sums) == checks))
        short_ids = np.unique(sums[alone])
        whose, places = places_of(short_ids, self.count)
        seen = np.searchsorted(short_ids, sums[alone]) * self.count + alone
        belong = np.isin(whose * self.count + places, seen)
        taken: Numbers = short_ids[np.unique(whose[belong])]
        return taken[~np.isin(taken, found)]


def _without(sums: Numbers, checks: Numbers, short_ids: Numbers) -> Cells:
    own_sums, own_checks = sum_cells(short_ids, len(sums))
    return sums - own_sums, (checks - own_checks) & CHECK_MASK
