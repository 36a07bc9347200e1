"""How many sessions run at once, and the one place where what fails in them is caught."""

from __future__ import annotations

import asyncio

from qanat_protocol.errors import BadChannel, Busy
from qanat_relay.conversation import Conversation
from qanat_relay.link import Link
from qanat_relay.logs import log
from qanat_relay.node import Node


class Sessions:
    """The sessions of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def running(self) -> int:
        """How many sessions run."""
        return len(self._running)

    def check_room(self) -> None:
        """Raise Busy where one more session is too many."""
        if self._stopping:
            raise Busy("this relay is stopping; try another, or this one later")
        if self.running >= self._node.config.sessions_max:
            raise Busy("this relay serves as many sessions as it can; try again later")

    async def serve(self, link: Link) -> None:
        """Run a session to its end. Raises BadChannel where the bytes never were one, and Busy."""
        self.check_room()
        # A task of its own: cut when the relay stops, without cutting what the carrier still says.
        task = asyncio.create_task(self._supervise(link))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
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
