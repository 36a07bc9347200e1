"""What the sessions of one pull share, and what came of each relay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from qanat_client.carriers.conversation import Roads
from qanat_client.desk.arrivals import Arrivals
from qanat_client.desk.desk import Desk
from qanat_client.desk.opening import Opener
from qanat_client.desk.outgoing import Outbox
from qanat_client.desk.relay_book import RelayBook
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import Tombstones

__all__ = ["RelayResult", "Workbench"]


@dataclass(slots=True)
class RelayResult:
    """What came of one relay in one pull."""

    parcels: int = 0
    size_bytes: int = 0
    complaint: str = ""
    refused: bool = False
    failed: bool = False
    alarms: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Workbench:
    """What all sessions of a pull share."""

    desk: Desk
    arrivals: Arrivals
    opener: Opener
    tombstones: Tombstones
    outbox: Outbox
    book: RelayBook
    spool: Spool
    advance: Callable[[int], None]
    roads: Roads = field(default_factory=Roads)
