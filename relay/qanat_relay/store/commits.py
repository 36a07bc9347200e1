"""What a store committed while it was open, and how long that took: numbers of all together.

Counted by the writer's thread alone and read by any; kept in memory only.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from dataclasses import dataclass, field

UP_TO_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Commits are counted by the first of these that they did not exceed: a good disk takes some
milliseconds, a memory card that tidies up some seconds."""


@dataclass(slots=True)
class Commits:
    """by_duration: how many took up to each of UP_TO_S, and last how many took longer; took_s: all
    together. failed: transactions that were undone, the last of them at failed_s; last_s: when one
    was on the disk; both by time.monotonic, None for never. evicted, displaced: parcels, and bodies
    in part, that made room for others.
    """

    by_duration: list[int] = field(default_factory=lambda: [0] * (len(UP_TO_S) + 1))
    took_s: float = 0.0
    failed: int = 0
    evicted: int = 0
    displaced: int = 0
    failed_s: float | None = None
    last_s: float | None = None

    def note_failure(self) -> None:
        """One was undone."""
        self.failed += 1
        self.failed_s = time.monotonic()

    def note(self, began_s: float, evicted: int, displaced: int) -> None:
        """One that began then (time.monotonic) is on disk now."""
        self.last_s = time.monotonic()
        took_s = self.last_s - began_s
        self.by_duration[bisect_left(UP_TO_S, took_s)] += 1
        self.took_s += took_s
        self.evicted += evicted
        self.displaced += displaced
