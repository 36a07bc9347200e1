"""A relay from start to stop: opens what it needs, listens, sweeps, and lets go in order."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from qanat_protocol.card import DeskCard
from qanat_protocol.errors import OlderSerial
from qanat_relay.card import ensure_card
from qanat_relay.config import Config, store_limits
from qanat_relay.desks import FOLDER, Desks
from qanat_relay.keys import ensure_keys
from qanat_relay.logs import log, tell_of_loop_errors
from qanat_relay.node import Node
from qanat_relay.peering.calling import call_peers
from qanat_relay.peering.peers import FOLDER as PEERS_FOLDER
from qanat_relay.peering.peers import Peers
from qanat_relay.server import Server
from qanat_relay.store.sqlite import SqliteStore
from qanat_relay.sweep import sweep_forever

STORE_FOLDER = "store"
FILES_MAX = 65_536
KEPT_BYTES = 16 * 2**20
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve(
    data: Path, config: Config, cards: Sequence[DeskCard], tell: Callable[[list[str]], None]
) -> None:
    """Run a relay until SIGTERM or SIGINT; everything acknowledged is on the disk then.

    `cards` are desks to carry from now on; `tell` is called with the URLs once it listens.
    Raises ConfigError, DataError and StoreError where it cannot start.
    """
    keep_freed_memory()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(tell_of_loop_errors)
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    desks = Desks(data / FOLDER)
    for card in cards:
        try:
            desks.take(card)
        except OlderSerial:
            log.info("a newer card than the one given is known of a desk; it stays")
    desks.list_cards()
    keys = ensure_keys(data)
    store = await SqliteStore.open(data / STORE_FOLDER, store_limits(config))
    try:
        # What is here now stays: no search for garbage need look at it again.
        gc.freeze()
        node = Node(config, keys, store, desks, peers=Peers(data / PEERS_FOLDER))
        server = Server(node, data, ensure_card(data, config, keys, node.clock()).envelope)
        working: list[asyncio.Task[None]] = []
        try:
            urls = await server.start()
            working = [
                asyncio.create_task(sweep_forever(node)),
                asyncio.create_task(call_peers(node)),
            ]
            tell(urls)
            log.info("serving")
            await _first_of(stop, working)
        finally:
            log.info("stopping")
            await server.stop()
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
    finally:
        await store.close()
        log.info("stopped")


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


async def _first_of(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Return when told to stop; raise what ended a task, none of which ends by itself."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in tasks:
        if task.done():
            task.result()
