"""How many sessions run at once, which one makes way, and the one place where what fails in them is
caught."""

from __future__ import annotations

import asyncio

from qanat_protocol.errors import BadChannel, Busy
from qanat_relay.conversation import Conversation
from qanat_relay.link import Link
from qanat_relay.logs import log
from qanat_relay.node import Node
from qanat_relay.pace import CROWDED_LEAST_BYTES, PacedLink


class Sessions:
    """The sessions of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._running: dict[asyncio.Task[None], PacedLink] = {}
        self._stopping = False

    @property
    def running(self) -> int:
        """How many sessions run."""
        return len(self._running)

    def make_room(self) -> None:
        """Let a session that hardly moves make way if one more is too many. Raise Busy if all do.

        Whoever drips or says nothing would else hold all places, at no cost.
        """
        if self._stopping:
            raise Busy("this relay is stopping; try another, or this one later")
        staying = [link for link in self._running.values() if not link.is_leaving]
        if len(staying) < self._node.config.sessions_max:
            return
        judged = [(moved, link) for link in staying if (moved := link.moved_bytes()) is not None]
        moved, slowest = min(judged, key=lambda one: one[0], default=(0, None))
        if slowest is None or moved >= CROWDED_LEAST_BYTES:
            raise Busy("this relay serves as many sessions as it can; try again later")
        log.debug("a session that hardly moved made way for another")
        slowest.abort()

    async def serve(self, link: Link) -> None:
        """Run a session to its end. Raises BadChannel where the bytes never were one, and Busy."""
        self.make_room()
        paced = PacedLink(link)
        # A task of its own: cut when the relay stops, without cutting what the carrier still says.
        task = asyncio.create_task(self._supervise(paced))
        self._running[task] = paced
        task.add_done_callback(self._running.pop)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            raise
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def stop(self, grace_s: float) -> None:
        """Take no new session, let those that run go on for a while, then cut them.

        What the cut ones have handed in is committed when this returns.
        """
        self._stopping = True
        if running := set(self._running):
            _, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def _supervise(self, link: Link) -> None:
        try:
            await Conversation(self._node, link).run()
        except BadChannel:
            raise
        except Exception:  # noqa: BLE001 - the one supervisor: a session's fault ends that session
            log.exception("a session failed")
