"""What a relay counts of itself while it runs: numbers of everybody together, in memory alone.

Adding to them costs next to nothing, since every parcel is counted. Never which parcel, or whose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter

from qanat_protocol.frames import AckStatus
from qanat_relay.store.interface import Outcome, Swept

_STATUS = attrgetter("status")


class Carrier(StrEnum):
    """How a session's bytes come. A call is one that this relay began, with a peer."""

    EXCHANGE = "exchange"
    WEBSOCKET = "websocket"
    DATAGRAMS = "datagrams"
    CALL = "call"


class Ending(StrEnum):
    """How a session came to its end. A fault is the other side's, and was told to it."""

    DONE = "done"
    LOST = "lost"
    FAULT = "fault"
    STORE = "store"
    MISTAKE = "mistake"
    REFUSED = "refused"


@dataclass(slots=True)
class Traffic:
    """Of one carrier. running: sessions now; begun: since the relay started."""

    running: int = 0
    begun: int = 0
    in_bytes: int = 0
    out_bytes: int = 0


@dataclass(slots=True)
class Counts:
    """Since the relay started. parcels: what became of those that came; refusals: why some were not
    taken (verdicts of SPEC 20); marks: the same of tombstones and stamps."""

    traffic: dict[Carrier, Traffic] = field(
        default_factory=lambda: {carrier: Traffic() for carrier in Carrier}
    )
    endings: Counter[Ending] = field(default_factory=Counter)
    parcels: Counter[int] = field(default_factory=Counter)
    refusals: Counter[int] = field(default_factory=Counter)
    marks: Counter[int] = field(default_factory=Counter)
    expired: int = 0
    purged_bodies: int = 0
    halves_dropped: int = 0
    tombstones_dropped: int = 0
    swept_s: float | None = None
    """When the last sweep ended (unix seconds)."""
    clock_doubted: bool = False

    def note_parcels(self, outcomes: Iterable[Outcome]) -> None:
        """These became of some parcels."""
        outcomes = tuple(outcomes)
        refused = self.parcels[AckStatus.REFUSED]
        self.parcels.update(map(_STATUS, outcomes))
        if self.parcels[AckStatus.REFUSED] != refused:
            self.refusals.update(
                outcome.value for outcome in outcomes if outcome.status is AckStatus.REFUSED
            )

    def note_refusal(self, verdict: int) -> None:
        """One was refused before the store was asked."""
        self.parcels[AckStatus.REFUSED] += 1
        self.refusals[verdict] += 1

    def note_marks(self, outcomes: Iterable[Outcome]) -> None:
        """These became of some tombstones or stamps."""
        self.marks.update(map(_STATUS, outcomes))

    def note_sweep(self, swept: Swept, now_s: float) -> None:
        """A sweep has ended then."""
        self.expired += swept.expired
        self.purged_bodies += swept.purged_bodies
        self.halves_dropped += swept.partials
        self.tombstones_dropped += swept.tombstones
        self.swept_s = now_s
        self.clock_doubted = swept.clock_doubted
