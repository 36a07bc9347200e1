"""A parcel that waits to be let in, and the lane in which it does. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from qanat_protocol.frames import Stamp
from qanat_protocol.stamp import weight_of
from qanat_protocol.verdicts import Verdict


class Lane(Enum):
    """Whose parcels share room with each other and with nobody else's."""

    LETTERS = "letters"
    PARTS = "parts"
    PEERS = "peers"
    """What relays that the operator named bring: a flood elsewhere is not one here."""
    DESKS = "desks"
    """What desks bring that have proven themselves, and documents of those that were added."""

    @property
    def share(self) -> float:
        """Of the free room."""
        return _SHARES[self]

    @property
    def asks(self) -> bool:
        """Whether stamps are asked for; who proved to be somebody is read more slowly instead."""
        return self in (Lane.LETTERS, Lane.PARTS)


_SHARES = {Lane.LETTERS: 3 / 8, Lane.PARTS: 1.0, Lane.PEERS: 1 / 2, Lane.DESKS: 1 / 8}
"""Together more than all: parts make way for letters, and what comes by one lane is missing from
what is free for the others."""


@dataclass(slots=True, eq=False)
class Holder:
    """A session, as far as a gate has to tell one from another. It knows no address."""

    tickets: set[Ticket] = field(default_factory=set)
    held_bytes: int = 0
    """What it has in memory for parcels that wait."""
    weight_bytes: int = 0
    """What those of them weigh that wait without a stamp, as the lobby counts it."""
    free_bytes: int = 0
    """What it was let in with for nothing while others waited."""


@dataclass(slots=True, eq=False)
class Ticket:
    """`settle` is called once: with None when the parcel is let in, with the verdict if not."""

    lane: Lane
    holder: Holder
    parcel_id: bytes
    size_bytes: int
    settle: Callable[[Verdict | None], None]
    until_s: float = 0
    """When it has waited long enough; the gate's."""
    since_s: float = 0
    """When it began to wait; the gate's."""
    effort: int = 0
    """What its stamp shows for each 128 KiB."""
    is_paid: bool = False
    """Whether that was enough when it was shown; the gate's."""
    held_bytes: int = 0
    """What of it is in memory."""

    def show(self, stamp: Stamp) -> None:
        """A stamp for it has come."""
        self.effort = max(self.effort, stamp.effort // weight_of(self.size_bytes))
