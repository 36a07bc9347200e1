"""A relay that is not killed itself, beside programs that are: it writes down what it was told.

A file of lines: `purge ID` as soon as it is given the key that lets it drop a parcel, `stored ID`
before it says that it holds one.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.kills.nursery import fork

from qanat_protocol.card import RelayEntry
from qanat_protocol.frames import AckStatus
from qanat_relay.card import OwnCard
from qanat_relay.config import Config, store_limits
from qanat_relay.desks import Desks
from qanat_relay.keys import ensure_keys, load_keys
from qanat_relay.node import Node
from qanat_relay.server import Server
from qanat_relay.store.interface import MarkPurged, Outcome, PutBlocks, PutRun, Write
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["Told", "entry_of", "start"]

HELD = (AckStatus.STORED, AckStatus.HAVE)


@dataclass(frozen=True)
class Told:
    """What such a relay has written down."""

    purged: frozenset[bytes]
    stored: frozenset[bytes]

    @classmethod
    def in_file(cls, path: Path) -> "Told":
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        purged, stored = (
            frozenset(bytes.fromhex(found) for kind, found in lines if kind == word)
            for word in ("purge", "stored")
        )
        return cls(purged, stored)


class _WatchingStore(SqliteStore):
    """The store itself, which notes down what goes in."""

    told = Path()

    async def write(self, writes: Sequence[Write], *, today: int) -> list[Outcome]:
        with self.told.open("a") as file:
            for write in writes:
                if isinstance(write, MarkPurged):
                    print("purge", write.frame.parcel_id.hex(), file=file, flush=True)
            outcomes = await super().write(writes, today=today)
            ids = [parcel_id for write in writes for parcel_id in _put_by(write)]
            for parcel_id, outcome in zip(ids, outcomes, strict=True):
                if parcel_id is not None and outcome.status in HELD:
                    print("stored", parcel_id.hex(), file=file, flush=True)
        return outcomes


def _put_by(write: Write) -> Sequence[bytes | None]:
    """For each outcome of a write, the parcel that it puts into the store."""
    match write:
        case PutRun():
            return write.ids
        case PutBlocks():
            return [write.header.parcel_id]
        case _:
            return [None]


async def _serve(data: Path, told: Path) -> None:
    config = replace(Config(), listen=("127.0.0.1:0",))
    keys = ensure_keys(data)
    _WatchingStore.told = told
    store = await _WatchingStore.open(data / "store", store_limits(config))
    node = Node(config, keys, store, Desks(data / "desks"))
    server = Server(node, data, OwnCard(data, config, keys, node.peers))
    (url,) = await server.start()
    print(url, flush=True)
    await asyncio.Event().wait()


def start(data: Path, told: Path) -> tuple[int, RelayEntry]:
    """Start one in a process of its own; the process, which has to be killed, and its address."""
    data.mkdir()
    reading, writing = os.pipe()
    pid = fork(lambda: asyncio.run(_serve(data, told)), says_to=writing)
    os.close(writing)
    with open(reading) as address:  # noqa: PTH123 - a pipe
        return pid, entry_of(data, address.readline().strip())


def entry_of(data: Path, url: str) -> RelayEntry:
    """What a card says of the relay whose data lie there."""
    keys = load_keys(data)
    return RelayEntry((url,), keys.signing.public, keys.sealing.public, "DE")
