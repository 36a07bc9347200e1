"""What every session of a relay shares. Holds it together and decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from qanat_protocol.days import day_of
from qanat_relay.admission.gate import Gate
from qanat_relay.admission.keeper import Keeper, Waiting
from qanat_relay.background import Background
from qanat_relay.card import OwnCard
from qanat_relay.config import Config
from qanat_relay.counts import Counts
from qanat_relay.desks import Desks
from qanat_relay.keys import RelayKeys
from qanat_relay.news import News
from qanat_relay.peering.peers import Peers
from qanat_relay.sketching import Sketches
from qanat_relay.store.interface import Store


@dataclass(slots=True, eq=False)
class Node:
    """A relay that runs. `clock` gives unix seconds; `card` is what it says of itself. `config` is
    another one when the operator changed the settings: who holds the node reads it anew."""

    config: Config
    keys: RelayKeys
    store: Store
    desks: Desks
    clock: Callable[[], float] = time.time
    peers: Peers = field(default_factory=Peers)
    card: OwnCard | None = None
    news: News = field(default_factory=News)
    counts: Counts = field(default_factory=Counts)
    background: Background = field(default_factory=Background)
    sketches: Sketches = field(init=False)
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.sketches = Sketches(self.store, self.today)
        self.keeper = Keeper(self.store, self.config)

    @property
    def gate(self) -> Gate:
        """What lets parcels in."""
        return self.keeper.gate

    @property
    def waiting(self) -> Waiting:
        """What is on its way to the disk."""
        return self.keeper.waiting

    def today(self) -> int:
        """The day (SPEC section 1) by the relay's clock."""
        return day_of(self.clock())
