"""What a session hands to the store together, and the refusals that are told with it.

Gathers; commits nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from qanat_protocol.frames import AckEntry
from qanat_relay.arrivals import Arrival, Charge
from qanat_relay.store.interface import Outcome, PutBlocks, PutRun, Write


@dataclass(frozen=True, slots=True)
class RunIn:
    """Parcels that came as a run. first: the handle of the first of them."""

    first: int
    run: PutRun
    charge: Charge


@dataclass(slots=True)
class Batch:
    """What the next commit will hold."""

    arrivals: dict[int, Arrival] = field(default_factory=dict)
    runs: list[RunIn] = field(default_factory=list)
    parcels_in_runs: int = 0
    marks: list[Write] = field(default_factory=list)
    refusals: list[AckEntry] = field(default_factory=list)
    size_bytes: int = 0

    def __len__(self) -> int:
        others = len(self.arrivals) + len(self.marks) + len(self.refusals)
        return self.parcels_in_runs + others


class Handed:
    """A batch on its way to the store: what waited of its transfers is in it, and waits no more."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.arrivals = list(batch.arrivals.values())
        taken = [arrival.take() for arrival in self.arrivals]
        self.puts: list[PutBlocks] = [put for put, _ in taken]
        self.charges: list[Charge] = [charge for _, charge in taken]
        self.writing: asyncio.Task[list[Outcome]] | None = None

    @property
    def is_done(self) -> bool:
        """Whether the store has answered."""
        return self.writing is not None and self.writing.done()

    @property
    def writes(self) -> list[Write]:
        """In the order of their outcomes: runs, transfers, marks."""
        return [*(came.run for came in self.batch.runs), *self.puts, *self.batch.marks]
