"""When what is mixed: after every sweep, beside sessions that write and between those that list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from qanat_protocol.limits import BLOCK_BYTES
from qanat_relay.store import mixing
from qanat_relay.store.costs import ROW_BYTES
from qanat_relay.store.turns import Turns
from qanat_relay.store.writer import Writer

PACE = 9
"""How many times longer than a full range took nothing is mixed, where more is left: whoever sends
gets nine tenths of the disk."""

_ROW_MOST_BYTES = BLOCK_BYTES + ROW_BYTES
"""What a row that is laid anew is in the log, at most."""

GIVEN_MAX = 1024
"""Desks whose cursors are remembered; what others were given they may be given twice."""


@dataclass(slots=True)
class Cursors:
    """How far each desk was given everything, since the day began or this process. In memory alone:
    what is not known here costs a desk some parcels twice, and never one."""

    given: dict[bytes, int] = field(default_factory=dict)
    day: int | None = None

    def note(self, desk_id: bytes, arrival: int) -> None:
        """A desk has a cursor that says: everything up to here."""
        if desk_id in self.given or len(self.given) < GIVEN_MAX:
            self.given[desk_id] = arrival

    def begin(self, day: int) -> tuple[int | None, bool]:
        """What to spare of the cursors of a day that is over with this one, and whether one is.

        That is the cursor of the desk that came last: one that came once and never again must not
        keep the order for all.
        """
        over = self.day is not None and day != self.day
        spared = max(self.given.values(), default=None) if over else None
        if over:
            self.given.clear()
        self.day = day
        return spared, over

    def bound(self, spared: int | None) -> int | None:
        """Up to where may be mixed without overtaking a cursor, None for everything."""
        cursors = self.given.values()
        return min(cursors if spared is None else [spared, *cursors], default=None)


class Mixer:
    """Mixes one store. `cursors`: what may not be overtaken."""

    def __init__(self, writer: Writer, turns: Turns) -> None:
        self.cursors = Cursors()
        self._writer = writer
        self._turns = turns
        self._day_start: int | None = None
        self._log_is_full = True

    async def mix(self, day: int) -> None:
        """Mix what came since the last time, and while they are few all that came on this day."""
        await self._writer.fill_offers()
        spared, over = self.cursors.begin(day)
        loop, last = asyncio.get_running_loop(), None
        while True:
            began_s = loop.time()
            found = await self._mix_range(spared)
            if found is None:
                break
            last = found
            if self._day_start is None:
                self._day_start = found.start
            if found.is_full:
                await asyncio.sleep(PACE * (loop.time() - began_s))
        if over:
            self._day_start = None if last is None else last.end
        if self._log_is_full:
            # In the log stands everything in the order in which it came.
            self._log_is_full = not await self._writer.care(mixing.empty_log)

    async def _mix_range(self, spared: int | None) -> mixing.Range | None:
        async with self._turns.changing():
            bound = self.cursors.bound(spared)
            begin = partial(mixing.begin, bound=bound, day_start=self._day_start)
            found: mixing.Range | None = await self._writer.step(begin)
            if found is not None:
                self._turns.era, self._log_is_full = found.era, True
                await self._mix_rows(mixing.mix_parcels, found.parcels)
                await self._mix_rows(mixing.mix_tombstones, found.tombstones)
                await self._writer.step(partial(mixing.finish, end=found.end))
            return found

    async def _mix_rows(self, mix: Callable[..., None], arrivals: Sequence[int]) -> None:
        most_bytes = self._writer.at_once_bytes(mixing.AT_ONCE * _ROW_MOST_BYTES)
        at_once = max(1, most_bytes // _ROW_MOST_BYTES)
        for at in range(0, len(arrivals), at_once):
            some = arrivals[at : at + at_once]
            step = asyncio.create_task(self._writer.step(partial(mix, arrivals=some)))
            try:
                await asyncio.shield(step)
            except asyncio.CancelledError:
                # The writer does it all the same: nobody may list before it has.
                await asyncio.wait([step])
                raise
