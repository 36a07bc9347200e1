"""A watch for months: one `Watch` after the other, as days pass, cards change and networks come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.desk import Desk, refresh
from qanat_client.desk.pull import PullResult, choose_relays
from qanat_client.desk.watching import Watch
from qanat_client.errors import BadInput
from qanat_client.reporter.netlink import Network, watch_network
from qanat_protocol.card import RelayEntry

__all__ = ["Hearing", "watch_days"]


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who hears of a watch: `begins` of each one, with its relays and why it began; the rest as
    `Watch` says."""

    begins: Callable[[Watch, Sequence[RelayEntry], str], None]
    advance: Callable[[int], None]
    tell: Callable[[PullResult], None]
    say: Callable[[str], None]


async def watch_days(
    desk: Desk,
    settings: CarrierSettings,
    addresses: Sequence[str],
    *,
    every_s: float,
    hearing: Hearing,
) -> None:
    """Watch the relays of the card, or those of them with these addresses, until cancelled. Raises
    BadInput, and what the desk's own disk does."""
    async with AsyncExitStack() as stack:
        network: Network | None = None
        # Where the system tells of no networks, lines that break are noticed all the same.
        with contextlib.suppress(BadInput):
            network = await stack.enter_async_context(watch_network())
        why = "you asked for it"
        while True:
            # A watch runs for months: cards and keys change beside it.
            refresh(desk)
            entries = choose_relays(desk, addresses)
            watch = Watch(
                desk,
                entries,
                settings,
                every_s=every_s,
                advance=hearing.advance,
                tell=hearing.tell,
                say=hearing.say,
            )
            hearing.begins(watch, entries, why)
            listening = asyncio.create_task(_heed_network(watch, network))
            try:
                await watch.run()
            finally:
                listening.cancel()
            why = "a new day or card"


async def _heed_network(watch: Watch, network: Network | None) -> None:
    before = network.ways() if network is not None else None
    while network is not None:
        await network.changed()
        now = network.ways()
        watch.network_changed(came=now is None or before is None or bool(now - before))
        before = now
