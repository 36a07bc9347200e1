"""Finding what another's set has and ours has not, question by question (SPEC section 18): frames
in, frames out. Whatever the other side answers, cells, questions and memory are bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
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
"""Of one sketch: what the other side is asked for, and so its work, is bounded too."""

_FACTOR: Final = 1.6
"""Cells for each difference that is expected. With 1.37 to 1.5 it takes from 300 on, and an
estimate that is too low by half of the spread that it has, no second question is needed."""

_MORE: Final = 8
"""What few differences need beside that: three cells each, sometimes."""

_PATIENCE: Final = 4
"""So many times what should have been enough, and the sets are taken apart instead."""

_FEW_IDS: Final = 32
"""A side that has fewer of them lists them: cells for what they differ in are hardly shorter."""

_MAX_BITS: Final = 16
"""A prefix beyond which ids are listed: of a million, 15 have it."""


def cells_for(expected: int) -> int:
    """How many cells mostly show that many differences."""
    return int(_FACTOR * expected) + _MORE


@dataclass(slots=True, eq=False)
class _Branch:
    """The ids that begin with some bits of a prefix."""

    bits: int
    prefix: int
    peeling: Peeling
    expected: int
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
        self._questions: deque[tuple[_Branch, Bisect]] = deque()
        self._taken_cells = 0
        self._asked = 0
        self.there: Numbers = np.zeros(0, np.uint64)
        self.here: Numbers = np.zeros(0, np.uint64)
        self._said_all = False
        if sketch.cells:
            # They follow as if they had been asked for.
            self._questions.append((root, Bisect(self._number, 0, bytes(4), 0, sketch.cells)))
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
        branch, question = self._questions.popleft()
        count = len(frame.cells) // CELL_BYTES
        if (frame.interest, frame.first) != (question.interest, question.first):
            raise UnexpectedFrame(f"cells from {frame.first} on; {question.first} is next")
        if count and count != question.count:
            raise UnexpectedFrame(f"{count} cells where {question.count} were asked for")
        self._taken_cells += count
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
        waiting = {branch for branch, _ in self._questions}
        said: list[Frame] = []
        for branch in [branch for branch in self._open if branch not in waiting]:
            said += self._ask(branch)
        if not self._open and not self._said_all:
            self._said_all = True
            said += self._lacks()
        return said

    def _ask(self, branch: _Branch) -> list[Frame]:
        if self._asked >= MAX_QUESTIONS or self._taken_cells >= MAX_TAKEN_CELLS:
            return self._give_up()
        if branch.expected > MAX_EXPECTED:
            return self._put(branch, 0)
        said: list[Frame] = []
        if branch.asked >= branch.most:
            self._close(branch)
            for part in self._parts(branch):
                self._open.append(part)
                said += self._put(part, min(part.wanted, MAX_CELLS))
            return said
        left = branch.wanted
        while left:
            count = min(left, MAX_CELLS)
            said += self._put(branch, count)
            left -= count
        return said

    def _put(self, branch: _Branch, count: int) -> list[Frame]:
        prefix = branch.prefix.to_bytes(4)
        few = branch.bits and len(self._of(branch)) < _FEW_IDS
        if few or branch.bits >= _MAX_BITS or not count:
            question = Bisect(self._number, branch.bits, prefix, 0, 0)
        else:
            question = Bisect(self._number, branch.bits, prefix, branch.asked, count)
        branch.asked += count
        self._asked += 1
        self._questions.append((branch, question))
        return [question]

    def _parts(self, branch: _Branch) -> Iterator[_Branch]:
        bits = branch.bits + 1
        for prefix in (branch.prefix, branch.prefix | 1 << (32 - bits)):
            part = _Branch(bits, prefix, branch.peeling, (branch.expected + 1) // 2)
            part.peeling = Peeling(self._of(part))
            yield part

    def _of(self, branch: _Branch) -> Numbers:
        """Our short ids of a branch."""
        shift = 32 - branch.bits
        ours: Numbers = self._short_ids[self._prefixes >> shift == branch.prefix >> shift]
        return ours

    def _give_up(self) -> list[Frame]:
        """It never fits: have all ids listed, whatever was found so far."""
        for branch in self._open:
            branch.is_over = True
        empty = np.zeros(0, np.uint64)
        self.there, self.here = empty, empty
        whole = _Branch(0, 0, Peeling(empty), 0)
        self._open = [whole]
        return self._put(whole, 0)

    def _lacks(self) -> list[Frame]:
        """The last frame has room left: so the other side knows that it is the last."""
        lacking = self.there[~np.isin(self.there, self._absent_short_ids)]
        packed = lacking.astype(">u8").tobytes()
        heads = [packed[at : at + HEAD_BYTES] for at in range(0, len(packed), 8)]
        return [
            Lack(self._number, tuple(heads[at : at + MAX_LACKS]))
            for at in range(0, len(heads) + 1, MAX_LACKS)
        ]


def _chosen(ids: bytes, which: NDArray[np.bool_]) -> list[bytes]:
    places = (np.flatnonzero(which) * HASH_BYTES).tolist()
    return [ids[at : at + HASH_BYTES] for at in places]
