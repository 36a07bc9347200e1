"""Finding what another's set has and ours has not, question by question (SPEC section 18): frames
in, frames out. Whatever the other side answers, cells, questions and memory are bounded.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qanat_protocol.errors import UnexpectedFrame
from qanat_protocol.frames import Bisect, Cells, Frame, Lack, Sketch
from qanat_protocol.limits import CELL_BYTES, HASH_BYTES, HEAD_BYTES, MAX_CELLS, MAX_LACKS
from qanat_protocol.peeling import Peeling
from qanat_protocol.sketch import Numbers, Sketched, read_cells

__all__ = ["MAX_EXPECTED", "MAX_QUESTIONS", "MAX_TAKEN_CELLS", "Reconciliation", "cells_for"]

MAX_EXPECTED: Final = 2**15
"""Differences beyond which ids are listed: the cells for them are half of what is taken."""

MAX_TAKEN_CELLS: Final = 2**17
"""Cells of one sketch, 1.5 MiB: a side that never fits is asked for its ids behind these."""

MAX_QUESTIONS: Final = 1024
"""Of one sketch, with the one that has all listed: the other side's work is bounded too."""

_FACTOR: Final = 1.5
"""Cells for each difference that is expected: many take 1.37."""

_SPREAD: Final = 6
"""Cells for the root of their number: what that varies by, and the estimate with it."""

_MORE: Final = 10
"""What a few need beside that: three cells each, sometimes."""

_PATIENCE: Final = 4
"""So many times what should have been enough, and the sets are taken apart instead."""

_FEW_IDS: Final = 32
"""A side that has fewer of them lists them: cells for what they differ in are hardly shorter."""

_MAX_BITS: Final = 16
"""A prefix beyond which ids are listed: of a million, 15 have it."""


def cells_for(expected: int) -> int:
    """How many cells nearly always show that many differences."""
    return int(_FACTOR * expected + _SPREAD * math.sqrt(expected)) + _MORE


@dataclass(slots=True, eq=False)
class _Branch:
    """The ids that begin with some bits of a prefix."""

    bits: int
    prefix: int
    peeling: Peeling
    expected: int = 0
    asked: int = 0
    is_over: bool = False

    @property
    def most(self) -> int:
        """Cells behind which it is taken apart."""
        if not self.bits and not self.expected:
            return MAX_TAKEN_CELLS // 2
        return min(_PATIENCE * cells_for(self.expected), MAX_TAKEN_CELLS // 2)

    @property
    def wanted(self) -> int:
        """How many more to ask for: at first what is expected, then an eighth, then as many."""
        likely = cells_for(self.expected)
        more = likely - self.asked
        if more <= 0:
            more = self.asked if self.asked >= 2 * likely else max(_MORE, self.asked // 8)
        return min(more, self.most - self.asked)


class Reconciliation:
    """The side that lacks something asks. `there` and `here`: the short ids found so far that only
    the other side has, and only we."""

    def __init__(self, sketch: Sketch, ids: bytes, absent: bytes = b"") -> None:
        """`ids`: those of our set, 32 bytes each, one after the other. `absent`: others that we
        have too, and that the other side is thought not to have: they are not asked for either."""
        self._number = sketch.interest
        self._ids = ids
        self._absent = absent
        self._absent_short_ids = Sketched(sketch.key, absent).short_ids
        keyed = Sketched(sketch.key, ids)
        self._short_ids = keyed.short_ids
        self._prefixes = np.frombuffer(ids, ">u4").reshape(-1, HASH_BYTES // 4)[:, 0]
        root = _Branch(0, 0, Peeling(self._short_ids), sketch.expected)
        root.is_over = keyed.fingerprint == sketch.fingerprint
        self._open = [] if root.is_over else [root]
        # Each with the first cell that was asked for, and how many.
        self._questions: deque[tuple[_Branch, int, int]] = deque()
        self._asked_cells = sketch.cells
        self._asked = 0
        self.there: Numbers = np.zeros(0, np.uint64)
        self.here: Numbers = np.zeros(0, np.uint64)
        self._said_all = False
        if sketch.cells:
            # They follow as if they had been asked for.
            self._questions.append((root, 0, sketch.cells))
            root.asked = sketch.cells

    @property
    def is_over(self) -> bool:
        """Whether all is said and all that was asked is answered."""
        return self._said_all and not self._questions

    @property
    def absent(self) -> list[bytes]:
        """Our ids that the other side does not have, as far as that was found."""
        return _chosen(self._ids, np.isin(self._short_ids, self.here))

    @property
    def present(self) -> list[bytes]:
        """Those that were thought absent and that it has."""
        return _chosen(self._absent, np.isin(self._absent_short_ids, self.there))

    def begin(self) -> list[Frame]:
        """What to say once SKETCH is there."""
        return self._go_on()

    def hear(self, frame: Cells) -> list[Frame]:
        """What to say to an answer. Raises UnexpectedFrame for one that answers no question."""
        if not self._questions:
            raise UnexpectedFrame("cells that nobody asked for")
        branch, first, asked = self._questions.popleft()
        count = len(frame.cells) // CELL_BYTES
        if (frame.interest, frame.first) != (self._number, first):
            raise UnexpectedFrame(f"cells from {frame.first} on; {first} is next")
        if count and count != asked:
            raise UnexpectedFrame(f"{count} cells where {asked} were asked for")
        if branch.is_over:
            return self._go_on()
        if not count:
            self._close(branch)
            return self._go_on()
        branch.peeling.feed(read_cells(frame.cells))
        if branch.peeling.is_complete:
            self.there = np.concatenate([self.there, branch.peeling.there])
            self.here = np.concatenate([self.here, branch.peeling.here])
            self._close(branch)
        return self._go_on()

    def _close(self, branch: _Branch) -> None:
        branch.is_over = True
        self._open.remove(branch)

    def _go_on(self) -> list[Frame]:
        """Ask on where nothing is on its way; once nothing is left to ask, say what is lacking."""
        waiting = {branch for branch, _, _ in self._questions}
        for branch in self._open:
            # One at most: it is the one that was just answered.
            if branch not in waiting:
                return self._ask(branch)
        if self._open or self._said_all:
            return []
        self._said_all = True
        return self._lacks()

    def _ask(self, branch: _Branch) -> list[Frame]:
        parts = [branch]
        if branch.expected > MAX_EXPECTED:
            wanted = [(branch, 0)]
        elif branch.asked < branch.most:
            wanted = [(branch, count) for count in _shares(branch.wanted)]
        else:
            parts = self._parts(branch)
            wanted = [(part, min(part.wanted, MAX_CELLS)) for part in parts]
        cells = self._asked_cells + sum(count for _, count in wanted)
        # One question is left for the list.
        if cells > MAX_TAKEN_CELLS or self._asked + len(wanted) >= MAX_QUESTIONS:
            return self._give_up()
        if branch not in parts:
            self._close(branch)
            self._open += parts
        return [self._put(part, count) for part, count in wanted]

    def _put(self, branch: _Branch, count: int) -> Bisect:
        few = branch.bits and len(self._of(branch.bits, branch.prefix)) < _FEW_IDS
        if few or branch.bits >= _MAX_BITS:
            count = 0
        first = branch.asked
        branch.asked += count
        self._asked_cells += count
        self._asked += 1
        self._questions.append((branch, first, count))
        return Bisect(self._number, branch.bits, branch.prefix.to_bytes(4), first, count)

    def _parts(self, branch: _Branch) -> list[_Branch]:
        """Its halves: half of the differences are expected in each, rounded up."""
        bits, expected = branch.bits + 1, (branch.expected + 1) // 2
        return [
            _Branch(bits, prefix, Peeling(self._of(bits, prefix)), expected)
            for prefix in (branch.prefix, branch.prefix | 1 << (32 - bits))
        ]

    def _of(self, bits: int, prefix: int) -> Numbers:
        """Our short ids that begin so."""
        shift = 32 - bits
        ours: Numbers = self._short_ids[self._prefixes >> shift == prefix >> shift]
        return ours

    def _give_up(self) -> list[Frame]:
        """It never fits: have all ids listed, whatever was found so far."""
        for branch in self._open:
            branch.is_over = True
        empty = np.zeros(0, np.uint64)
        self.there, self.here = empty, empty
        whole = _Branch(0, 0, Peeling(empty))
        self._open = [whole]
        return [self._put(whole, 0)]

    def _lacks(self) -> list[Frame]:
        """The last frame has room left: so the other side knows that it is the last."""
        lacking = self.there[~np.isin(self.there, self._absent_short_ids)]
        packed = lacking.astype(">u8").tobytes()
        heads = [packed[at : at + HEAD_BYTES] for at in range(0, len(packed), 8)]
        return [
            Lack(self._number, tuple(heads[at : at + MAX_LACKS]))
            for at in range(0, len(heads) + 1, MAX_LACKS)
        ]


def _shares(count: int) -> list[int]:
    """So many cells in questions that may be asked."""
    return [min(MAX_CELLS, count - at) for at in range(0, count, MAX_CELLS)]


def _chosen(ids: bytes, which: NDArray[np.bool_]) -> list[bytes]:
    places = (np.flatnonzero(which) * HASH_BYTES).tolist()
    return [ids[at : at + HASH_BYTES] for at in places]
