"""Relays of this process that are each other's peers, and peers by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.relay.made_parcels import TODAY, Made
from tests.relay.running_relay import Running, running_relay

from qanat_protocol.relay_card import RelayCard, parse_relay_card, sign_relay_card
from qanat_protocol.signing import SigningKey
from qanat_relay.peering.calling import call
from qanat_relay.peering.peers import Peer
from qanat_relay.store.interface import State


def made_card(
    key: SigningKey, sealing_key: bytes, *addresses: str, name: str = "a relay", serial: int = 1
) -> RelayCard:
    envelope = sign_relay_card(
        key,
        serial=serial,
        issued_day=TODAY,
        name=name,
        addresses=addresses,
        sealing_key=sealing_key,
        largest_body=2**30,
    )
    return parse_relay_card(envelope)


def card_of(relay: Running, *addresses: str, serial: int = 1) -> RelayCard:
    """One by which it is reached, or said to be."""
    keys = relay.keys
    return made_card(keys.signing, keys.sealing.public, *(addresses or (relay.url,)), serial=serial)


def befriend(*relays: Running) -> None:
    """Each takes the cards of all others."""
    for relay in relays:
        for other in relays:
            if other is not relay:
                relay.node.peers.take(card_of(other))


def peer_of(relay: Running, other: Running) -> Peer:
    found = relay.node.peers.find(other.keys.signing.public)
    assert found is not None
    return found


async def reach(relay: Running, other: Running) -> bool:
    return await call(relay.node, peer_of(relay, other))


async def hold(relay: Running, *parcels: Made) -> None:
    await relay.store.write([parcel.put() for parcel in parcels], today=TODAY)
    relay.node.news.tell(None)


async def states(relay: Running, parcels: Sequence[Made]) -> list[State | None]:
    found = await relay.store.look_up([parcel.header.offer for parcel in parcels])
    return [None if holding is None else holding.state for holding in found]


@asynccontextmanager
async def relays(folder: Path, count: int, **settings: Any) -> AsyncIterator[list[Running]]:
    """So many, each the others' peer."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(running_relay(folder / str(number), **settings))
            for number in range(count)
        ]
        befriend(*made)
        yield made


def add_by_hand(relay: Running, key: SigningKey) -> None:
    """One that nobody can call."""
    relay.node.peers.take(made_card(key, relay.keys.sealing.public))


def peer_at(relay: Running, key: SigningKey, sealing_key: bytes, address: str) -> Peer:
    relay.node.peers.take(made_card(key, sealing_key, address))
    found = relay.node.peers.find(key.public)
    assert found is not None
    return found


async def all_ended(relay: Running) -> None:
    async with asyncio.timeout(10):
        while relay.server.sessions_running:  # noqa: ASYNC110 - nobody tells of the last one's end
            await asyncio.sleep(0.01)


@asynccontextmanager
async def answering(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """The address of somebody who answers for a relay."""
    application = web.Application()
    application.add_routes([web.get("/v1/sync", answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
