"""Connections of the network as the programs' links: what a reporter or desk opens to a relay, what
a relay is given for it, and what a relay opens to a peer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qanat_client.carriers.dialling import Dialling
from qanat_client.carriers.link import Link
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.transport import Transport
from qanat_client.carriers.wire import Path
from qanat_client.errors import Refused, Unreachable
from qanat_relay.errors import LinkLost
from qanat_simulation.engine.connections import End, Station
from qanat_simulation.engine.wires import Network

__all__ = ["Opener", "RelayLink"]

RETRY_TRIPS = 1.5
"""How many round trips the system waits for an acknowledgement."""

LEAST_RETRY_S = 0.2


class _CallersLink:
    """As `carriers.link.Link`. Several connections of a session are one here."""

    is_wide = False

    def __init__(self, end: End, stall_s: float) -> None:
        self._end = end
        end.stall_s = stall_s

    async def send(self, data: bytes) -> None:
        await self._end.write(data)

    async def receive(self) -> bytes:
        data = await self._end.read()
        if not data and self._end.refusal:
            raise Refused(self._end.refusal)
        return data

    def rest(self, resting: bool) -> None:
        self._end.rest(resting)

    async def finish_sending(self) -> None:
        self._end.end()

    async def close(self) -> None:
        self._end.close()

    def path(self) -> Path:
        """What a system could measure here."""
        rtt_s = 2 * self._end.delay_s
        return Path(
            rtt_s=rtt_s,
            least_rtt_s=rtt_s,
            base_retry_s=max(LEAST_RETRY_S, RETRY_TRIPS * rtt_s),
            unacked=int(self._end.is_far()),
            moved_bytes=0,
            resent_bytes=0,
        )

    def control_congestion(self, name: str) -> None:
        """As `Link.control_congestion`."""

    async def another(self) -> Link | None:
        """As `Link.another`."""
        return None


class Opener:
    """Opens links from one station. ends: this side of the newest connection to each address."""

    def __init__(self, network: Network, station: Station) -> None:
        self._network = network
        self._station = station
        self.ends: dict[str, End] = {}

    @asynccontextmanager
    async def open_link(
        self,
        address: str,
        *,
        transport: Transport,
        settings: CarrierSettings,
        pin: bytes | None = None,
        spares: int = 0,
        dialling: Dialling | None = None,
    ) -> AsyncIterator[Link]:
        """As `carriers.conversation.open_link`."""
        end = self.ends[address] = await self._network.connect(
            self._station,
            self._network.at_address[address],
            patience_s=settings.connect_s,
            # A WebSocket is asked for first.
            round_trips=int(transport is Transport.WEBSOCKET),
        )
        link = _CallersLink(end, settings.stall_s)
        try:
            yield link
        finally:
            await link.close()

    @asynccontextmanager
    async def dial_peer(self, address: str, settings: CarrierSettings) -> AsyncIterator[Link]:
        """As `peering.calling.dial_peer`."""
        async with self.open_link(
            address, transport=Transport.WEBSOCKET, settings=settings
        ) as link:
            yield link


class RelayLink:
    """As `qanat_relay.link.Link`."""

    def __init__(self, end: End) -> None:
        self._end = end

    async def receive(self) -> bytes:
        try:
            return await self._end.read()
        except Unreachable as error:
            raise LinkLost("the request broke off") from error

    async def send(self, data: bytes) -> None:
        try:
            await self._end.write(data)
        except Unreachable as error:
            raise LinkLost("the response broke off") from error

    def abort(self) -> None:
        self._end.close()

    @property
    def is_gone(self) -> bool:
        return self._end.is_lost
