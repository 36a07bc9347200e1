"""The network under the programs: which station is where, whose line is there, and how connections
are opened over them."""

from __future__ import annotations

import asyncio
from random import Random

from qanat_client.errors import Unreachable
from qanat_simulation.engine.connections import End, Station
from qanat_simulation.engine.virtual_time import VirtualLoop
from qanat_simulation.plan import Line

__all__ = ["Network"]

HEAD_BYTES = (420, 350)
"""TCP's opening and end and HTTP's heads, there and back."""

HELLO_BYTES = (1400, 2000)
"""The same with TLS's opening."""

RETRY_S = 1.0
"""After which an opening packet that was lost goes again."""


class Network:
    """Every station, and the one clock."""

    def __init__(self, loop: VirtualLoop, chance: Random, *, is_tls: bool = True) -> None:
        """is_tls: whether connections open with TLS's round trip."""
        self.loop = loop
        self.chance = chance
        self.is_tls = is_tls
        self.at_address: dict[str, Station] = {}
        """Where who can be called is called at."""

    def set_line(self, station: Station, line: Line | None) -> None:
        """A line came, went, or changed; all that went by the one before is cut."""
        station.line = line
        station.up_free_s = station.down_backlog_s = 0.0
        for end in station.ends:
            end.cut()
        station.ends.clear()
        waiting, station.waiting = station.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until_reachable(self, one: Station, other: Station) -> None:
        """Return once their lines lead to each other."""
        while not one.reaches(other):
            future = self.loop.create_future()
            one.waiting.append(future)
            other.waiting.append(future)
            await future

    async def connect(
        self, caller: Station, called: Station, *, patience_s: float, round_trips: int = 0
    ) -> End:
        """An open connection: the caller's end. round_trips: beyond those of TCP and TLS.

        Raises Unreachable: at once without a line, after `patience_s` where nobody answers.
        """
        ours = caller.line
        if ours is None:
            raise Unreachable(f"{called.name} can't be reached (network is unreachable)")
        theirs = called.line
        if (
            theirs is None
            or called.answer is None
            or not caller.reaches(called)
            or min(ours.up_bytes_s, ours.down_bytes_s, theirs.up_bytes_s, theirs.down_bytes_s) <= 0
        ):
            await asyncio.sleep(patience_s)
            raise Unreachable(f"{called.name} does not answer")
        rtt_s = ours.rtt_s + theirs.rtt_s
        trips = 1 + self.is_tls + round_trips
        wait_s = trips * rtt_s
        out_bytes, back_bytes = HELLO_BYTES if self.is_tls else HEAD_BYTES
        if self.is_tls:
            wait_s += out_bytes / min(ours.up_bytes_s, theirs.down_bytes_s)
            wait_s += back_bytes / min(theirs.up_bytes_s, ours.down_bytes_s)
        passes = (1 - ours.loss) * (1 - theirs.loss)
        retry_s = RETRY_S
        for _ in range(2 * trips):
            while self.chance.random() > passes and retry_s < patience_s:
                wait_s += retry_s
                retry_s *= 2
        await asyncio.sleep(min(wait_s, patience_s))
        if caller.line is not ours or called.line is not theirs or wait_s > patience_s:
            await asyncio.sleep(max(0.0, patience_s - wait_s))
            raise Unreachable(f"{called.name} does not answer")
        here = End(self.loop, self.chance, caller)
        there = End(self.loop, self.chance, called)
        here.join(there, ours, theirs)
        there.join(here, theirs, ours)
        there.when_spoken_to = called.answer
        here.count(out_bytes, back_bytes)
        there.count(back_bytes, out_bytes)
        return here
