"""The task that removes what is due, at the start and then again and again."""

from __future__ import annotations

import asyncio

from qanat_relay.logs import log
from qanat_relay.node import Node
from qanat_relay.store.interface import StoreError


async def sweep_forever(node: Node) -> None:
    """Sweep until cancelled. What the store can't do now it does the next time."""
    while True:
        await sweep_once(node)
        await asyncio.sleep(node.config.sweep_s)


async def sweep_once(node: Node) -> None:
    """Sweep by today's day and log what was removed, in numbers."""
    try:
        swept = await node.store.sweep(node.today())
    except StoreError as error:
        log.error("the sweep did not end: %s", type(error).__name__)
        return
    if swept.clock_doubted:
        log.warning("the clock has jumped ahead: nothing was removed on its word; check the date")
    log.info(
        "swept: %d expired, %d purged bodies, %d half parcels, %d tombstones",
        swept.expired,
        swept.purged_bodies,
        swept.partials,
        swept.tombstones,
    )
