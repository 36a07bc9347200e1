"""A relay from start to stop: opens what it needs, listens, sweeps, and lets go in order."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from qanat_protocol.card import DeskCard
from qanat_protocol.errors import OlderSerial
from qanat_relay.card import OwnCard
from qanat_relay.change import Change
from qanat_relay.config import Config, store_limits
from qanat_relay.desks import FOLDER, Desks
from qanat_relay.events import Event
from qanat_relay.keys import ensure_keys
from qanat_relay.logs import tell, tell_of_loop_errors, tell_of_what_was_left_out
from qanat_relay.node import Node
from qanat_relay.peering.calling import call_peers
from qanat_relay.peering.peers import FOLDER as PEERS_FOLDER
from qanat_relay.peering.peers import Peers
from qanat_relay.server import Server
from qanat_relay.store.errors import StoreClosed
from qanat_relay.store.files import STORE_FOLDER
from qanat_relay.store.sqlite import SqliteStore
from qanat_relay.sweep import sweep_forever

FILES_MAX = 65_536
KEPT_BYTES = 16 * 2**20
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve(
    data: Path,
    config: Config,
    cards: Sequence[DeskCard],
    announce: Callable[[list[str]], None],
    read_again: Callable[[], Config] | None = None,
) -> None:
    """Run a relay until SIGTERM or SIGINT; everything acknowledged is on the disk then.

    `cards` are desks to carry from now on; `announce` is called with the URLs once it
    listens, and when a change of the settings brought others.
    `read_again` gives the settings as they are when SIGHUP comes, or raises ConfigError; without it
    they never change. Raises ConfigError, DataError and StoreError where it cannot start.
    """
    keep_freed_memory()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(tell_of_loop_errors)
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    asked = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    desks = Desks(data / FOLDER)
    for card in cards:
        try:
            desks.take(card)
        except OlderSerial:
            tell(Event.OLDER_CARD_GIVEN)
    desks.list_cards()
    keys = ensure_keys(data)
    store = await SqliteStore.open(data / STORE_FOLDER, store_limits(config))
    try:
        # What is here now stays: no search for garbage need look at it again.
        gc.freeze()
        peers = Peers(data / PEERS_FOLDER)
        own_card = OwnCard(data, config, keys, peers)
        node = Node(config, keys, store, desks, peers=peers, card=own_card)
        server = Server(node, data, own_card)
        try:
            await server.start()
            node.background.begin("sweep", partial(sweep_forever, node))
            node.background.begin("peers", partial(call_peers, node))
            if read_again is not None:
                change = Change(node, server, own_card, read_again, announce)
                node.background.begin("settings", partial(change.whenever, asked))
            announce(server.urls)
            tell(Event.SERVING)
            await _until(stop, store)
        finally:
            tell(Event.STOPPING)
            await server.stop()
            await node.background.end()
    finally:
        await store.close()
        tell_of_what_was_left_out()
        tell(Event.STOPPED)


def keep_freed_memory() -> None:
    """Let the C library keep some megabytes that were freed, where it learns from what it sees.

    glibc gives memory back to the system at once until a larger piece was freed. Each packet would
    then be written to new pages, at several times the cost of sealing it.
    """
    bytearray(KEPT_BYTES).clear()


def allow_connections() -> None:
    """Let this process open as many files as the system lets it: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _until(stop: asyncio.Event, store: SqliteStore) -> None:
    """Return when told to stop. Raises StoreClosed when the store writes no more, of which nothing
    in this process gets it to write again: whoever started the relay does so anew."""
    waits = [asyncio.create_task(wait) for wait in (stop.wait(), store.ended.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()
    if store.ended.is_set():
        tell(Event.STORE_ENDED)
        raise StoreClosed("the store's writer has ended")
