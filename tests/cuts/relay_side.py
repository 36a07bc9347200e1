"""A relay without a server: its keys, its desks and a real SQLite store in a folder."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from qanat_protocol.card import RelayEntry
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.merkle import leaf_hash
from qanat_protocol.parcel import Header
from qanat_relay.config import Config, store_limits
from qanat_relay.desks import Desks
from qanat_relay.keys import ensure_keys
from qanat_relay.node import Node
from qanat_relay.store.interface import PutBlocks, State, StoredBlock
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["body_in", "entry_of", "held_blocks", "put", "relay_in"]


@asynccontextmanager
async def relay_in(data: Path, clock: Callable[[], float] = time.time) -> AsyncIterator[Node]:
    """The relay of this folder, made if there is none, as long as the block lasts."""
    data.mkdir(exist_ok=True)
    config = Config()
    store = await SqliteStore.open(data / "store", store_limits(config))
    try:
        yield Node(config, ensure_keys(data), store, Desks(data / "desks"), clock)
    finally:
        await store.close()


def entry_of(data: Path) -> RelayEntry:
    """What a card says of the relay of this folder."""
    data.mkdir(exist_ok=True)
    keys = ensure_keys(data)
    return RelayEntry(("http://relay.example",), keys.signing.public, keys.sealing.public)


def put(header: Header, body: bytes, document: tuple[int, int] | None = None) -> PutBlocks:
    """A whole parcel, for the store."""
    blocks = [body[at : at + BLOCK_BYTES] for at in range(0, len(body), BLOCK_BYTES)]
    stored = (StoredBlock(index, leaf_hash(data), data) for index, data in enumerate(blocks))
    return PutBlocks(header, tuple(stored), document)


async def held_blocks(node: Node, headers: Iterable[Header]) -> dict[bytes, set[int]]:
    """By parcel id: which blocks of it the relay has, read back from its disk one by one."""
    headers = list(headers)
    found = await node.store.look_up([header.offer for header in headers])
    held: dict[bytes, set[int]] = {}
    for header, holding in zip(headers, found, strict=True):
        count = -(-header.body_size // BLOCK_BYTES)
        if holding is None:
            held[header.parcel_id] = set()
        elif holding.state is State.PARTIAL:
            assert holding.held is not None
            held[header.parcel_id] = {at for at in range(count) if at in holding.held}
        else:
            assert holding.state is State.HELD
            assert holding.header == header
            held[header.parcel_id] = set(range(count))
    return held


async def body_in(node: Node, header: Header) -> bytes | None:
    """A whole body as it lies on the relay's disk, None where it is not whole."""
    (blocks,) = (await held_blocks(node, [header])).values()
    count = -(-header.body_size // BLOCK_BYTES)
    if len(blocks) < count:
        return None
    return b"".join(await node.store.blocks(header.parcel_id, range(count)))
