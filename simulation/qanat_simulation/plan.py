"""What a simulation is given: who there is, when whose line works, who meets whom, what is written.

Made from a scenario and a seed. The programs, the optimum and the systems beside it all run on the
same plan, and none of them changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from qanat_protocol.kinds import Rank

__all__ = ["Item", "Line", "Meeting", "Node", "Plan", "Role"]


class Role(Enum):
    """What a node does."""

    REPORTER = "reporter"
    COURIER = "courier"
    RELAY = "relay"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class Node:
    """name: unique in its plan. place: a city of the scenario, or "abroad"."""

    name: str
    role: Role
    place: str

    @property
    def is_abroad(self) -> bool:
        """Whether it is outside of the shutdown."""
        return self.place == "abroad"


@dataclass(frozen=True, slots=True)
class Line:
    """A node's access to the network for one stretch of time. Two nodes reach each other while both
    have a line and one of them is a relay or the desk: people serve nobody. Everything that a node
    says or hears meanwhile shares its line.

    start_s, end_s: seconds since the plan's beginning. up_bytes_s, down_bytes_s: the line's rate
    before any overhead. rtt_s: its part of a round trip. loss: the share of its packets, each way.
    is_national: only nodes in the country are reached by it. is_foreign: the node is abroad
    meanwhile, so no national line reaches it.
    """

    node: str
    start_s: float
    end_s: float
    up_bytes_s: float
    down_bytes_s: float
    rtt_s: float
    loss: float
    is_national: bool = False
    is_foreign: bool = False


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two people hand each other a stick, one after the other: what `carry out` writes and
    `carry in` reads, at most so many bytes each way."""

    at_s: float
    one: str
    other: str
    capacity_bytes: int


@dataclass(frozen=True, slots=True)
class Item:
    """A parcel that a report consists of: its letter, or a rendition of an attachment.

    number: its place in the plan. report: equal for the items of one report. body_bytes: legal for
    its rank (qanat_protocol.sizes).
    """

    number: int
    report: int
    source: str
    at_s: float
    rank: Rank
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """lines: those of one node don't overlap; ordered by start. meetings, items: ordered by time.
    Every reporter is to reach the one desk, through any of the relays."""

    name: str
    seed: int
    duration_s: float
    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    meetings: tuple[Meeting, ...]
    items: tuple[Item, ...]
