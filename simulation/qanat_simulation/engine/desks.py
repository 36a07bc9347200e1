"""A simulated desk: the real watch, sessions, claims and tombstones, over a vault in memory.

Bodies are of zeros, so they are not opened but known: a letter by its id, a part by its letter."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.arrivals import Arrivals, Incoming
from qanat_client.desk.card_book import DEFAULT_WEEKS, NewDesk, begin_desk
from qanat_client.desk.desk import Desk, desk_in, refresh
from qanat_client.desk.opening import Opener as LetterOpener
from qanat_client.desk.outgoing import Outbox
from qanat_client.desk.relay_book import RelayBook
from qanat_client.desk.spool import Spool
from qanat_client.desk.staying import QUIET_S, Stay
from qanat_client.desk.tombstones import Tombstones
from qanat_client.desk.vault import Vault
from qanat_client.desk.watching import Watch
from qanat_client.desk.workbench import Workbench
from qanat_protocol.card import RelayEntry
from qanat_protocol.days import day_of
from qanat_protocol.kinds import Rank
from qanat_simulation.engine.bodies import Parcel
from qanat_simulation.engine.connections import Station
from qanat_simulation.engine.links import Opener
from qanat_simulation.engine.relays import SimulatedRelay
from qanat_simulation.engine.wires import Network

__all__ = ["GRACE_DAYS", "SimulatedDesk"]

GRACE_DAYS = 90


SIGN_OF_LIFE_S = 150.0
"""How long sessions that wait say nothing: within a relay's patience, and a sixth of the cost of
what real ones say."""


class _NoSpool(Spool):
    """Takes blocks, which have been verified, and keeps none."""

    def __init__(self) -> None:
        """Without a folder."""

    def write(self, parcel_id: bytes, index: int, block: bytes) -> None:
        pass

    def sync(self) -> None:
        pass

    def remove(self, *parcel_ids: bytes) -> None:
        pass


class _Arrivals(Arrivals):
    """Tells of each parcel that is whole."""

    def __init__(self, vault: Vault, clock: Callable[[], float], note: Callable[[bytes], None]):
        super().__init__(vault, _NoSpool(), clock)
        self._note = note

    def take(self, incoming: Incoming, index: int, block: bytes) -> bool:
        is_whole = super().take(incoming, index, block)
        if is_whole:
            self._note(incoming.header.parcel_id)
        return is_whole


class _Opener(LetterOpener):
    """Opens what the plan's people wrote: a part only behind its letter. What strangers sent is set
    aside."""

    def __init__(
        self,
        desk: Desk,
        tombstones: Tombstones,
        *,
        counted_from: Callable[[int], int],
        parcels: Mapping[bytes, Parcel],
        read: set[int],
    ) -> None:
        """parcels: what was written, by id. read: the reports whose letters were opened."""
        super().__init__(
            desk.vault,
            _NoSpool(),
            tombstones,
            desk_id=desk.card.desk_id,
            clock=desk.clock,
            counted_from=counted_from,
        )
        self._desk = desk
        self._parcels = parcels
        self._read = read

    async def opening(
        self, is_all_here: Callable[[], bool] = lambda: True
    ) -> AsyncGenerator[None, None]:
        self._open_known()
        yield

    def _open_known(self) -> None:
        rows = self._desk.vault.rows("SELECT id FROM parcels WHERE state = 'whole'")
        if not rows:
            return
        known = [self._parcels.get(parcel_id) for (parcel_id,) in rows]
        self._read.update(
            parcel.item.report
            for parcel in known
            if parcel is not None and parcel.item.rank <= Rank.LETTER
        )
        keys = [
            (parcel_id, parcel.content_key)
            for (parcel_id,), parcel in zip(rows, known, strict=True)
            if parcel is not None and parcel.item.report in self._read
        ]
        with self._desk.vault.transaction():
            for (parcel_id,), parcel in zip(rows, known, strict=True):
                if parcel is None:
                    self._desk.vault.run(
                        "UPDATE parcels SET state = 'set-aside' WHERE id = ?", parcel_id
                    )
            self._mark_opened(keys)
            published = self._tombstones.keep(
                [self._tombstones.sign(*key, self._opened_day) for key in keys]
            )
        self._tombstones.announce(published)


class SimulatedDesk:
    """One desk that watches as `qanat-desk pull --watch` does. arrived_s: by the item's number."""

    def __init__(
        self,
        network: Network,
        station: Station,
        *,
        relays: Sequence[SimulatedRelay],
        weeks: int,
        every_s: float,
        clock: Callable[[], float],
    ) -> None:
        """weeks: for which there are sealing keys beyond those of a new card. every_s: how long it
        waits at most until a relay that is not reached is tried again."""
        self._every_s = every_s
        self._network = network
        self.station = station
        self._roads = Roads(open_link=Opener(network, station).open_link)
        self._parcels: dict[bytes, Parcel] = {}
        self._read: set[int] = set()
        self._watch: Watch | None = None
        self.arrived_s: dict[int, float] = {}
        self.desk = _make_desk(
            [relay.entry for relay in relays], weeks=DEFAULT_WEEKS + weeks, clock=clock
        )

    def expect(self, parcel: Parcel) -> None:
        """Somebody has written it."""
        self._parcels[parcel.parcel_id] = parcel

    def expected(self) -> list[Parcel]:
        """All that was written."""
        return list(self._parcels.values())

    def line_changed(self) -> None:
        """The desk has a line, or has none any more: the system tells of it."""
        if self._watch is not None:
            self._watch.network_changed(came=self.station.line is not None)

    def relay_changed(self) -> None:
        """A relay's line came or went: sessions with it find out by their next sign of life, as
        late as chance would have it."""
        late_s = self._network.chance.random() * QUIET_S
        self._network.loop.call_later(late_s, self._look)

    def _look(self) -> None:
        if self._watch is not None:
            self._watch.network_changed(came=False)

    async def run(self) -> None:
        """Watch until cancelled, each day anew."""
        while True:
            refresh(self.desk)
            self._watch = Watch(
                self.desk,
                self.desk.card.relays,
                CarrierSettings(),
                every_s=self._every_s,
                advance=lambda _: None,
                tell=lambda _: None,
                say=lambda _: None,
                bench=self._bench(),
                stay=Stay(SIGN_OF_LIFE_S, SIGN_OF_LIFE_S),
            )
            await self._watch.run()

    def _bench(self) -> Workbench:
        desk = self.desk
        tombstones, book = Tombstones(desk.vault, desk.signing), RelayBook(desk.vault)
        return Workbench(
            desk=desk,
            arrivals=_Arrivals(desk.vault, desk.clock, self._note),
            opener=_Opener(
                desk,
                tombstones,
                counted_from=book.latest_day,
                parcels=self._parcels,
                read=self._read,
            ),
            tombstones=tombstones,
            outbox=Outbox(desk.vault),
            book=book,
            spool=_NoSpool(),
            advance=lambda _: None,
            roads=self._roads,
        )

    def _note(self, parcel_id: bytes) -> None:
        parcel = self._parcels.get(parcel_id)
        if parcel is not None:
            self.arrived_s.setdefault(parcel.item.number, self._network.loop.time())


def _make_desk(entries: Sequence[RelayEntry], *, weeks: int, clock: Callable[[], float]) -> Desk:
    """A new desk, with the vault and card that `qanat-desk init` would make."""
    vault = Vault.in_memory()
    begin_desk(
        vault, NewDesk("desk", tuple(entries), (), "", GRACE_DAYS, weeks, ()), day_of(clock())
    )
    return desk_in(Path("desk"), vault, clock)
