"""A session that stays: when nothing is left it waits for what comes, and says now and then that
it is there. It ends when the watch does, or breaks; a cut costs what was on its way.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from qanat_client.carriers.conversation import Conversation
from qanat_client.desk.exchange import Exchange
from qanat_client.desk.workbench import RelayResult, Workbench
from qanat_client.errors import TookTooLong
from qanat_protocol.card import RelayEntry
from qanat_protocol.frames import Error, Frame, Idle

__all__ = ["QUIET_S", "Stay", "StayingExchange"]

QUIET_S = 25.0
"""How long a session says nothing: proxies and routers let go of what is silent for a minute."""

MOST_S = 600.0
"""How long a relay may keep others from bringing what it was asked for."""

ANEW_S = 10.0
"""How long a session lasts at least before another one asks anew for what this relay can't be asked
for again."""


@dataclass(slots=True)
class Stay:
    """What a watch and its sessions tell each other. `look_s`: how often the vault is looked at for
    what other commands queued; `quiet_s`: how long a session says nothing."""

    look_s: float
    quiet_s: float = QUIET_S
    is_over: bool = False
    settled: set[bytes] = field(default_factory=set)
    """The relays that have nothing more on their way."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by sessions: something was opened, or a relay has nothing more."""
    checks: int = 0
    """How often each session was to see whether its line is still there."""
    _sessions: dict[asyncio.Event, None] = field(default_factory=dict)
    """In the order in which they came: a set's would be another in each run."""

    def join(self) -> asyncio.Event:
        """A session's: set when there may be something for it to do."""
        event = asyncio.Event()
        self._sessions[event] = None
        return event

    def leave(self, event: asyncio.Event) -> None:
        """The session is over."""
        self._sessions.pop(event, None)

    def stir(self) -> None:
        """There may be something to do for each of them."""
        for event in self._sessions:
            event.set()

    def check(self) -> None:
        """The network changed: each sees whether its line is still there."""
        self.checks += 1
        self.stir()


class StayingExchange(Exchange):
    """One session of a watch. Made anew for each."""

    def __init__(
        self, bench: Workbench, entry: RelayEntry, result: RelayResult, stay: Stay
    ) -> None:
        super().__init__(bench, entry, result)
        self._stay = stay
        self._checks = stay.checks
        self._has_news = False
        self._speaking = asyncio.Lock()
        self._began_s = self._asked_s = asyncio.get_running_loop().time()

    async def talk(self, conversation: Conversation) -> None:
        """As `Exchange.talk`; it lasts until the watch is over or the line breaks."""
        self._stir = self._stay.join()
        try:
            await super().talk(conversation)
        finally:
            self._stay.leave(self._stir)
            self._stay.settled.discard(self._relay)
            # What this one was asked for others may bring.
            self._stay.stir()

    async def _speak(
        self, conversation: Conversation, cursor: bytes | None, estimate: bytes | None
    ) -> None:
        await super()._speak(conversation, cursor, estimate)
        await self._ask(conversation)
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self._stay.look_s, self._stay.quiet_s)):
                    await self._stir.wait()
            self._stir.clear()
            if not self._ended:
                await self._look(conversation)

    async def _look(self, conversation: Conversation) -> None:
        if self._stay.is_over or self._begins_anew():
            await self._finish(conversation)
            return
        async with self._speaking:
            if self._ended:
                return
            await self._saying.more(conversation)
        silent_s = asyncio.get_running_loop().time() - self._asked_s
        if self._saying.waits:
            if silent_s > MOST_S:
                raise TookTooLong(f"no word for {MOST_S:g} s on what it was asked for")
        elif not self._saying.is_answered or silent_s >= self._stay.quiet_s or self._is_to_check():
            await self._ask(conversation)

    def _begins_anew(self) -> bool:
        """Whether it takes a new session to be told more, or to be given what others left."""
        if not self._saying.is_answered:
            return False
        age_s = asyncio.get_running_loop().time() - self._began_s
        return age_s > ANEW_S and (
            self._halves.is_nearly_full or self._bench.arrivals.lacks_of(self._relay)
        )

    def _is_to_check(self) -> bool:
        before, self._checks = self._checks, self._stay.checks
        return before < self._checks

    async def _ask(self, conversation: Conversation) -> None:
        self._asked_s = asyncio.get_running_loop().time()
        conversation.rest(False)
        async with self._speaking:
            if not self._ended:
                await self._saying.ask_for_idle(conversation)

    async def _hear(self, conversation: Conversation, frame: Frame) -> None:
        self._has_news = self._has_news or not isinstance(frame, Idle)
        await super()._hear(conversation, frame)

    async def _open(self, conversation: Conversation) -> None:
        # Two look after one session: nothing is said behind an END.
        async with self._speaking:
            if not self._ended:
                await super()._open(conversation)
        self._stay.changed.set()

    async def _finish(self, conversation: Conversation) -> None:
        await super()._finish(conversation)
        self._stir.set()

    async def _pause(
        self, conversation: Conversation, frame: Idle | Error, speaking: asyncio.Task[None]
    ) -> None:
        if isinstance(frame, Error):
            await self._finish(conversation)
            return
        if self._has_news:
            self._has_news = False
            await self._open(conversation)
        self._saying.confirm(frame.heard)
        if not self._saying.is_answered:
            self._stir.set()
            return
        self._settle(conversation)

    def _settle(self, conversation: Conversation) -> None:
        """Nothing is on its way, and the relay has all that was said."""
        conversation.rest(True)
        if self._bench.arrivals.claims.release(self._relay):
            self._stay.stir()
        if self._relay not in self._stay.settled:
            self._bench.book.finish(self._relay, self._bench.desk.today)
            self._stay.settled.add(self._relay)
        self._stay.changed.set()
