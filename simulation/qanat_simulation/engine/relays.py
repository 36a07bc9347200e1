"""A simulated relay: the real node, sessions, sweeps and calls of peers, on a store in memory and
links of the simulated network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qanat_protocol.card import DeskCard, RelayEntry
from qanat_protocol.days import day_of
from qanat_protocol.errors import BadChannel, Busy
from qanat_protocol.relay_card import RelayCard, parse_relay_card, sign_relay_card
from qanat_relay.config import Config, store_limits
from qanat_relay.counts import Carrier
from qanat_relay.desks import Desks
from qanat_relay.keys import RelayKeys
from qanat_relay.node import Node
from qanat_relay.peering.calling import call, call_peers
from qanat_relay.peering.peers import Peer, Peers
from qanat_relay.peering.record import PeerRecord
from qanat_relay.sessions import Sessions
from qanat_relay.sweep import sweep_forever
from qanat_simulation.engine.connections import End, Station
from qanat_simulation.engine.links import Opener, RelayLink
from qanat_simulation.engine.store.lying import LyingStore
from qanat_simulation.engine.store.memory import MemoryStore
from qanat_simulation.engine.store.together import Together
from qanat_simulation.engine.wires import Network

__all__ = ["SimulatedRelay", "befriend"]

COMMIT_S = 0.005
"""What a disk takes to make a commit safe."""


LOOK_S = 3600.0
"""Peers don't change in a simulation, so nobody looks for new ones every few seconds."""


CALLS_APART_S, WITHOUT_LETTERS_S = 5.0, 120.0
"""What relays that hand each other something new all the time wait between two calls, and those
that have no letter which the other lacks. Real ones go on at once: that wins less than a desk's
pause, and most of a run would be such calls."""

OFTEN = 6
"""Calls of a peer that failed one after the other, behind which they come at the longest pause."""


class _NoDesks(Desks):
    """Of a relay that carries no desk's public documents."""

    def __init__(self) -> None:
        super().__init__(Path())

    def list_cards(self) -> list[DeskCard]:
        return []

    def find(self, tag: bytes) -> DeskCard | None:
        return None


@dataclass(slots=True)
class _KnownPeer(Peer):
    """Remembered as long as the simulation lasts."""

    def keep(self, record: PeerRecord) -> None:
        self.record = record


class _KnownPeers(Peers):
    """Peers without a folder."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(None, clock)
        self._known: dict[bytes, Peer] = {}

    def add(self, card: RelayCard) -> None:
        """One more."""
        self._known[card.signing_key] = _KnownPeer(card, Path(), PeerRecord())

    def list_peers(self, *, strict: bool = True) -> list[Peer]:
        return list(self._known.values())

    def find(self, signing_key: bytes) -> Peer | None:
        return self._known.get(signing_key)


@dataclass(frozen=True, slots=True)
class _Quiet:
    """What a call costs that brings nothing, as one of this day did."""

    day: int
    changes: tuple[int, int]
    """Of both stores by then."""
    sent_bytes: int
    received_bytes: int


class SimulatedRelay:
    """One relay from its start on."""

    def __init__(
        self,
        network: Network,
        station: Station,
        *,
        address: str,
        config: Config,
        keys: RelayKeys,
        clock: Callable[[], float],
        together: Together,
        lies: bool = False,
    ) -> None:
        """together: what all relays hold. lies: whether it says to have all that it is given or
        asked about, and keeps nothing."""
        self.station = station
        made = LyingStore if lies else MemoryStore
        self.store = made(store_limits(config), commit_s=COMMIT_S, together=together)
        self.peers = _KnownPeers(clock)
        self.node = Node(config, keys, self.store, _NoDesks(), clock=clock, peers=self.peers)
        together.tellers.append(self.node.news.tell_desks)
        self._sessions = Sessions(self.node)
        self._network = network
        self._loop = network.loop
        self._opener = Opener(network, station)
        self._serving: set[asyncio.Task[None]] = set()
        self._friends: dict[bytes, SimulatedRelay] = {}
        self._quiet: dict[bytes, _Quiet] = {}
        self._failed: dict[bytes, int] = {}
        self._called_s: dict[bytes, float] = {}
        card = sign_relay_card(
            keys.signing,
            serial=1,
            issued_day=day_of(clock()),
            name=station.name,
            addresses=[address],
            sealing_key=keys.sealing.public,
            largest_body=config.largest_body_bytes,
        )
        self.card = parse_relay_card(card)
        station.answer = self._answer

    @property
    def entry(self) -> RelayEntry:
        """As a desk's card names it."""
        keys = self.node.keys
        return RelayEntry(self.card.addresses, keys.signing.public, keys.sealing.public)

    async def run(self) -> None:
        """Sweep, and call peers, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(sweep_forever(self.node))
            group.create_task(call_peers(self.node, self._reach, look_s=LOOK_S))

    async def stop(self) -> None:
        """End the sessions that there are."""
        await self._sessions.stop(0.0)
        await asyncio.gather(*self._serving)

    def _answer(self, end: End) -> None:
        task = self._loop.create_task(self._serve(end))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, end: End) -> None:
        try:
            await self._sessions.serve(RelayLink(end), Carrier.EXCHANGE)
        except (BadChannel, Busy) as error:
            end.other.refusal = f"{self.card.addresses[0]} refused ({error})"
        end.end()

    # Peers

    def befriend(self, other: SimulatedRelay) -> None:
        """Another one is a peer of this one."""
        self.peers.add(other.card)
        self._friends[other.card.signing_key] = other

    async def _reach(self, node: Node, peer: Peer) -> bool:
        """One call. Between two that know the same, and two of whom nothing has changed since a
        call brought nothing, it is counted and not held: nothing would be given. Once a day it is
        held all the same, for what only a whole comparison asks for."""
        other, key, now_s = self._friends[peer.key], peer.key, self._loop.time
        if self._count_quiet(other, peer):
            return True
        if self._failed.get(key, 0) >= OFTEN:
            await self._wait_for_line(other)
        if await self._pause(other, key) and self._count_quiet(other, peer):
            # It has called meanwhile.
            return True
        record, before = peer.record, self._changes(other)
        went_well = await call(node, peer, self._opener.dial_peer)
        self._failed[key] = 0 if went_well else self._failed.get(key, 0) + 1
        if went_well:
            self._called_s[key] = now_s()
        moved = (record.given, record.taken) != (peer.record.given, peer.record.taken)
        is_quiet = went_well and not (moved or peer.deferred) and before == self._changes(other)
        if is_quiet:
            end = self._opener.ends[other.card.addresses[0]]
            there, back = end.sent_bytes, end.received_bytes
            self._quiet[key] = _Quiet(node.today(), before, there, back)
            # A call goes both ways.
            other._quiet[self.card.signing_key] = _Quiet(
                other.node.today(), (before[1], before[0]), back, there
            )
        return went_well

    async def _pause(self, other: SimulatedRelay, key: bytes) -> bool:
        """Return when the next call may be held; whether that took a while."""
        called_s, waited = self._called_s.get(key), False
        while called_s is not None:
            same = self.store.letters == other.store.letters
            left_s = called_s + (WITHOUT_LETTERS_S if same else CALLS_APART_S) - self._loop.time()
            if left_s <= 0:
                break
            await asyncio.sleep(min(left_s, CALLS_APART_S))
            waited = True
        return waited

    def _count_quiet(self, other: SimulatedRelay, peer: Peer) -> bool:
        """Whether a call would bring nothing; then it is counted."""
        quiet = self._quiet.get(peer.key)
        if quiet is None or quiet.day != self.node.today():
            return False
        if quiet.changes != self._changes(other) and not self._knows_the_same(other):
            return False
        if not self.station.reaches(other.station):
            return False
        self._count_call(other, peer, quiet)
        return True

    def _changes(self, other: SimulatedRelay) -> tuple[int, int]:
        return self.store.changes, other.store.changes

    def _knows_the_same(self, other: SimulatedRelay) -> bool:
        return self.store.fingerprint == other.store.fingerprint

    async def _wait_for_line(self, other: SimulatedRelay) -> None:
        """Where no line leads to a peer, its calls come to nothing: the next one that is held is
        the first behind a line's coming, as late as chance would have it."""
        if not self.station.reaches(other.station):
            await self._network.until_reachable(self.station, other.station)
            await asyncio.sleep(self._network.chance.random() * self.node.config.peer_retry_s)

    def _count_call(self, other: SimulatedRelay, peer: Peer, quiet: _Quiet) -> None:
        self.station.sent_bytes += quiet.sent_bytes
        self.station.received_bytes += quiet.received_bytes
        other.station.sent_bytes += quiet.received_bytes
        other.station.received_bytes += quiet.sent_bytes
        peer.told, peer.deferred = self.node.news.from_others(peer.key), False
        key = self.card.signing_key
        if (back := other.peers.find(key)) is not None:
            back.told, back.deferred = other.node.news.from_others(key), False
            back.called_s = self._loop.time()


def befriend(relays: Mapping[str, SimulatedRelay]) -> None:
    """Make each the peer of all others."""
    for relay in relays.values():
        for other in relays.values():
            if other is not relay:
                relay.befriend(other)
