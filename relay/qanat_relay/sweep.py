"""The task that removes what is due, at the start and then again and again."""

from __future__ import annotations

import asyncio

from qanat_relay.events import Event
from qanat_relay.logs import tell
from qanat_relay.node import Node
from qanat_relay.store.errors import StoreError


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
        tell(Event.SWEEP_FAILED, error_kind=type(error).__name__)
        return doubted
    if swept.clock_doubted and not doubted:
        tell(Event.CLOCK_JUMPED)
    if swept.damaged:
        tell(Event.PARCELS_DAMAGED, damaged=swept.damaged)
        node.peers.ask_for_all()
    node.counts.note_sweep(swept, node.clock())
    tell(
        Event.SWEPT,
        expired=swept.expired,
        purged_bodies=swept.purged_bodies,
        partials=swept.partials,
        tombstones=swept.tombstones,
    )
    return swept.clock_doubted
