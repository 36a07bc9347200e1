"""A watch: one session to each relay that stays open, and is made anew when it breaks.

It lasts a day, or until the desk's card changes; whoever runs it begins the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.desk import Desk
from qanat_client.desk.opening import Opened
from qanat_client.desk.pull import PullResult, conclude, tidy, visit, workbench_of
from qanat_client.desk.staying import Stay, StayingExchange
from qanat_client.desk.workbench import RelayResult, Workbench
from qanat_protocol.card import RelayEntry

__all__ = ["Watch"]

FIRST_RETRY_S = 1.0

STEADY_S = 30.0
"""A session that lasted so long is made anew at once when it breaks; relays that are full end one
sooner, and those who come back wait longer each time."""

LEAVE_S = 30.0
"""How long relays may take to answer an END before the watch goes on without it."""

_JITTER = 0.2


class Watch:
    """`tell` is given what came since it was told last; `say` a line about a relay."""

    def __init__(
        self,
        desk: Desk,
        entries: Sequence[RelayEntry],
        settings: CarrierSettings,
        *,
        every_s: float,
        advance: Callable[[int], None],
        tell: Callable[[PullResult], None],
        say: Callable[[str], None],
        bench: Workbench | None = None,
        stay: Stay | None = None,
    ) -> None:
        """`every_s`: how long at most until a relay that is not reached is tried again, and until
        what other commands queued goes out. `bench`, `stay`: what the sessions share; made here by
        default."""
        self._desk = desk
        self._entries = list(entries)
        self._settings = settings
        self._every_s = every_s
        self._tell = tell
        self._say = say
        self._day = desk.today
        self._serial = desk.card.serial
        self._bench = bench or workbench_of(desk, advance)
        self._stay = stay or Stay(every_s)
        self._relays = {entry.signing_key: RelayResult() for entry in entries}
        self._said = {key: RelayResult() for key in self._relays}
        self._said_opened = Opened()
        self._untried = set(self._relays)
        self._again = asyncio.Event()

    @property
    def relays(self) -> Mapping[bytes, RelayResult]:
        """What came of each relay since the watch began, and how its last session ended."""
        return self._relays

    @property
    def settled(self) -> frozenset[bytes]:
        """The relays that are there and have nothing more on their way."""
        return frozenset(self._stay.settled)

    def network_changed(self, *, came: bool) -> None:
        """Lines may be dead; where a way out came, those that wait try at once."""
        self._bench.roads.forget()
        self._stay.check()
        if came:
            self._again.set()

    async def run(self) -> None:
        """Until the day or the card changes. Raises what the desk's own disk does."""
        try:
            await self._run()
        finally:
            self._bench.opener.close()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                lines = [group.create_task(self._keep(entry)) for entry in self._entries]
                await self._look_after()
                self._again.set()
                self._stay.stir()
                _, late = await asyncio.wait(lines, timeout=LEAVE_S)
                for line in late:
                    line.cancel()
        except BaseExceptionGroup as problems:
            # One disk, so all sessions failed for one reason.
            raise problems.exceptions[0] from None
        await self._bench.opener.open_all()
        self._tell_news()

    async def _keep(self, entry: RelayEntry) -> None:
        """Sessions with one relay, one after the other."""
        loop = asyncio.get_running_loop()
        key, result = entry.signing_key, self._relays[entry.signing_key]
        make = partial(StayingExchange, self._bench, entry, result, self._stay)
        wait_s, was_lost = FIRST_RETRY_S, False
        while not self._stay.is_over:
            began_s = loop.time()
            result.failed = result.refused = False
            result.complaint = ""
            await visit(self._bench, entry, result, self._settings, make)
            self._untried.discard(key)
            self._stay.changed.set()
            if self._stay.is_over:
                return
            if loop.time() - began_s >= STEADY_S:
                wait_s, was_lost = FIRST_RETRY_S, False
            if (result.failed or result.refused) and not was_lost:
                was_lost = True
                self._say(f"{self._desk.relay_name(key)}: {result.complaint}; it is tried again")
            await self._wait(wait_s * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311
            wait_s = min(2 * wait_s, max(FIRST_RETRY_S, self._every_s))

    async def _wait(self, seconds: float) -> None:
        self._again.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._again.wait()

    async def _look_after(self) -> None:
        """Tell what came, and do what is due once all relays were asked."""
        concluded = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._stay.changed.wait()
            self._stay.changed.clear()
            self._untried -= self._stay.settled
            if not concluded and not self._untried:
                concluded = True
                await self._conclude()
            elif concluded:
                self._tell_news()
            if concluded and self._is_stale():
                self._stay.is_over = True
                return

    async def _conclude(self) -> None:
        result = PullResult({}, Opened())
        if await conclude(self._bench, result):
            self._stay.stir()
        tidy(self._bench, result)
        result.relays, result.opened = self._relays_since(), self._opened_since()
        self._tell_of(result)

    def _is_stale(self) -> bool:
        serial = self._desk.vault.value("SELECT max(serial) FROM cards")
        return self._desk.today != self._day or serial != self._serial

    def _tell_news(self) -> None:
        # Asked at every turn of every session: nothing is made where nothing came.
        came = any(
            now.parcels > self._said[key].parcels or len(now.alarms) > len(self._said[key].alarms)
            for key, now in self._relays.items()
        )
        if came or self._bench.opener.done != self._said_opened:
            self._tell_of(PullResult(self._relays_since(), self._opened_since()))

    def _tell_of(self, result: PullResult) -> None:
        self._said_opened = replace(self._bench.opener.done)
        for key, now in self._relays.items():
            self._said[key] = replace(now, alarms=list(now.alarms))
        self._tell(result)

    def _relays_since(self) -> dict[bytes, RelayResult]:
        """What came of the relays since it was told last."""
        return {
            key: replace(
                now,
                parcels=now.parcels - self._said[key].parcels,
                size_bytes=now.size_bytes - self._said[key].size_bytes,
                alarms=now.alarms[len(self._said[key].alarms) :],
            )
            for key, now in self._relays.items()
        }

    def _opened_since(self) -> Opened:
        now, before = self._bench.opener.done, self._said_opened
        return Opened(
            reports=now.reports - before.reports,
            duplicates=now.duplicates - before.duplicates,
            notes=now.notes - before.notes,
            parts=now.parts - before.parts,
            set_aside=now.set_aside - before.set_aside,
            damaged=now.damaged - before.damaged,
        )
