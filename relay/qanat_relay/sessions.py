"""How many sessions run at once, which one makes way, and the one place where what fails in them is
caught."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from qanat_protocol.errors import BadChannel, Busy
from qanat_relay.conversation import Conversation
from qanat_relay.counts import Carrier, Ending
from qanat_relay.events import Event
from qanat_relay.link import Link
from qanat_relay.logs import tell
from qanat_relay.node import Node
from qanat_relay.pace import CROWDED_LEAST_BYTES, PacedLink


@dataclass(frozen=True, slots=True)
class _Running:
    link: PacedLink
    conversation: Conversation


class Sessions:
    """The sessions of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._running: dict[asyncio.Task[None], _Running] = {}
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
        if len(self._running) < self._node.config.sessions_max:
            return
        links = [running.link for running in self._running.values()]
        staying = [link for link in links if not link.is_gone]
        if len(staying) < self._node.config.sessions_max:
            return
        judged = [(moved, link) for link in staying if (moved := link.moved_bytes()) is not None]
        moved, slowest = min(judged, key=lambda one: one[0], default=(0, None))
        if slowest is None or moved >= CROWDED_LEAST_BYTES:
            tell(Event.SESSION_REFUSED)
            self._node.counts.endings[Ending.REFUSED] += 1
            raise Busy("this relay serves as many sessions as it can; try again later")
        tell(Event.SESSION_MADE_WAY)
        slowest.abort()

    async def serve(self, link: Link, carrier: Carrier) -> None:
        """Run a session to its end. Raises BadChannel where the bytes never were one, and Busy."""
        self.make_room()
        traffic = self._node.counts.traffic[carrier]
        paced = PacedLink(link, traffic)
        # A task of its own: cut when the relay stops, without cutting what the carrier still says.
        conversation = Conversation(self._node, paced)
        task = asyncio.create_task(self._supervise(conversation))
        self._running[task] = _Running(paced, conversation)
        task.add_done_callback(self._running.pop)
        traffic.begun += 1
        traffic.running += 1
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            raise
        finally:
            traffic.running -= 1
            self._node.counts.endings[conversation.ending] += 1
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def stop(self, grace_s: float) -> None:
        """Take no new session, let those that run go on for a while, then cut them; at once those
        in which a desk only waits.

        What the cut ones have handed in is committed when this returns.
        """
        self._stopping = True
        for session in self._running.values():
            if session.conversation.is_quiet:
                session.link.abort()
        if running := set(self._running):
            _, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def _supervise(self, conversation: Conversation) -> None:
        try:
            await conversation.run()
        except BadChannel:
            raise
        except Exception:  # noqa: BLE001 - the one supervisor: a session's fault ends that session
            conversation.ending = Ending.MISTAKE
            tell(Event.SESSION_FAILED, error=True)
