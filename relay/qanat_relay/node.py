"""What every session of a relay shares. Holds it together and decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from qanat_protocol.days import day_of
from qanat_relay.config import Config
from qanat_relay.desks import Desks
from qanat_relay.keys import RelayKeys
from qanat_relay.peering.news import News
from qanat_relay.peering.peers import Peers
from qanat_relay.sketching import Sketches
from qanat_relay.store.interface import Store


@dataclass(slots=True)
class Waiting:
    """What all sessions together have handed in and the disk does not have yet."""

    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A relay that runs. `clock` gives unix seconds."""

    config: Config
    keys: RelayKeys
    store: Store
    desks: Desks
    clock: Callable[[], float] = time.time
    peers: Peers = field(default_factory=Peers)
    waiting: Waiting = field(default_factory=Waiting)
    news: News = field(default_factory=News)
    sketches: Sketches = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sketches", Sketches(self.store, self.today))

    def today(self) -> int:
        """The day (SPEC section 1) by the relay's clock."""
        return day_of(self.clock())
