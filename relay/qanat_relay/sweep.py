"""The task that removes what is due, at the start and then again and again."""

from __future__ import annotations

import asyncio

from qanat_relay.logs import log
from qanat_relay.node import Node
from qanat_relay.store.interface import StoreError


async def sweep_forever(node: Node) -> None:
    """Sweep until cancelled. What the store can't do now it does the next time."""
    doubted = False
    while True:
        doubted = await sweep_once(node, doubted=doubted)
        await asyncio.sleep(node.config.sweep_s)


async def sweep_once(node: Node, *, doubted: bool = False) -> bool:
    """Sweep by today's day and log what was removed, in numbers.

    Returns whether the clock is doubted; what was `doubted` before is not told again.
    """
    try:
        swept = await node.store.sweep(node.today())
    except StoreError as error:
        log.error("the sweep did not end: %s", type(error).__name__)
        return doubted
    if swept.clock_doubted and not doubted:
        log.warning("the clock has jumped: for four weeks nothing is removed on its word alone;")
        log.warning("is the date right? A relay that was switched off for days need do nothing")
    log.info(
        "swept: %d expired, %d purged bodies, %d half parcels, %d tombstones",
        swept.expired,
        swept.purged_bodies,
        swept.partials,
        swept.tombstones,
    )
    return swept.clock_doubted
