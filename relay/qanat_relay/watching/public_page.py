"""The page at /status on which a volunteer shows that a relay is there. Off by default.

Words, and the count of relays: nothing that tells how much comes, or of any desk. No script.
"""

from __future__ import annotations

import time
from html import escape

from aiohttp import web

from qanat_protocol.days import day_of, iso
from qanat_relay import __version__
from qanat_relay.node import Node
from qanat_relay.pages import answer_page

KEPT_S = 30.0
"""For so long the page is not made again, however often it is asked for."""

HEARD_S = 3600
"""A peer that answered, or called, in this time can be reached."""

_ROOM = (
    (0.25, "plenty of room"),
    (0.05, "enough room"),
    (0.001, "little room"),
)
"""What is said where at least such a share of the capacity may still come."""


class StatusPage:
    """Of one relay."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._up_since = day_of(node.clock())
        self._lines: list[str] = []
        self._made_s = -KEPT_S

    def routes(self) -> list[web.RouteDef]:
        """None unless the operator wants it."""
        return [web.get("/status", self._show)] if self._node.config.status_page else []

    async def _show(self, _: web.Request) -> web.StreamResponse:
        if time.monotonic() - self._made_s >= KEPT_S:
            self._lines = await self._told()
            self._made_s = time.monotonic()
        return answer_page(self._node.config.name or "A relay of Qanat", self._lines)

    async def _told(self) -> list[str]:
        capacity_bytes = self._node.config.capacity_bytes
        share = (await self._node.store.stats()).free_bytes(capacity_bytes) / capacity_bytes
        words = next((said for least, said in _ROOM if share >= least), "no room")
        peers = self._node.peers.list_peers(strict=False)
        now_s = self._node.peers.now_s()
        heard = sum(now_s - peer.record.contact_s < HEARD_S for peer in peers)
        rows = [
            f"<li>up since {iso(self._up_since)}</li>",
            f"<li>version {escape(__version__)}</li>",
            f"<li>{words}</li>",
        ]
        if peers:
            rows.append(f"<li>{heard} of {len(peers)} other relays can be reached</li>")
        return ["<p>This relay is up.</p>", "<ul>", *rows, "</ul>"]
