"""The stamps that relays under a flood ask for: worked on while the person waits, kept for good.

Begins a process when the first one is asked for, and ends it with the command.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from types import TracebackType

from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox, StoredParcel
from qanat_client.terminal import Terminal
from qanat_protocol.days import epoch_of
from qanat_protocol.frames import Stamp
from qanat_protocol.stamp import effort_for

__all__ = ["Stamper", "serves"]

_RATE_S = 20.0
"""How long to wait for the process to say how fast it is."""


def serves(stamp: Stamp | None, day: int, effort: int = 1) -> bool:
    """Whether a stamp counts on a day and shows so much work."""
    if stamp is None:
        return False
    return stamp.epoch in (epoch_of(day) - 1, epoch_of(day)) and stamp.effort >= effort


@dataclass(frozen=True, slots=True)
class _Job:
    parcel: StoredParcel
    epoch: int
    effort: int


class Stamper:
    """One command's. `most_s`: how long it works in all, about."""

    def __init__(self, home: Home, most_s: int) -> None:
        self._home = home
        self._most_s = most_s
        self._left_s = float(most_s)
        self._asked: list[tuple[int, int, int]] = []
        self._has_failed = False
        self._process: Process | None = None
        self._rate = 0
        """Tries in a second; 0 until it is known."""
        self._jobs: dict[int, _Job] = {}
        self._working: asyncio.Task[None] | None = None
        self.too_much: dict[int, float] = {}
        """What was not worked on, by the parcel's key: the seconds that it would have taken."""
        self.found = 0
        self.listeners: set[Callable[[], None]] = set()
        """Called when one more was found."""

    async def __aenter__(self) -> Stamper:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._working is not None:
            self._working.cancel()
            await asyncio.wait({self._working})
        await self._end_process()
        working = self._working
        if working is not None and not working.cancelled() and kind is None:
            # What the disk said while nobody waited for it.
            working.result()

    def begin(self) -> None:
        """Another sync begins: it has its own time."""
        self._left_s = float(self._most_s)

    def want(self, parcel: StoredParcel, day: int, effort: int, *, refused: bool = False) -> None:
        """A relay asks for `effort` for each 128 KiB; the smallest parcels come first. `refused`:
        it did not take the parcel without, which the outbox shows."""
        needed = effort_for(effort, parcel.header.body_size)
        if refused:
            self._asked.append((parcel.key, epoch_of(day), needed))
        if serves(parcel.stamp, day, needed):
            return
        known = self._jobs.get(parcel.key)
        if known is None or known.effort < needed:
            self._jobs[parcel.key] = _Job(parcel, epoch_of(day), needed)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())

    def works_on(self, keys: Iterable[int]) -> bool:
        """Whether a stamp for one of these parcels may still be found. The outbox has it before
        that ends."""
        return bool(self._jobs) and any(key in self._jobs for key in keys)

    async def settle(self, terminal: Terminal) -> bool:
        """Wait for what is being worked on, and say so; whether anything was found since the last
        time. Raises what the disk does."""
        if self._working is not None:
            await self._tell(terminal, self._working)
            await self._working
        await asyncio.to_thread(self._note, self._asked)
        self._asked = []
        found, self.found = self.found, 0
        return bool(found)

    def tell_of_too_much(self, terminal: Terminal) -> None:
        """Say what was not worked on."""
        if self._has_failed:
            terminal.warn(
                "a relay is under a flood and asks for a stamp; the process that works on it could"
                " not be run here. What waits tries without, each time you sync"
            )
        if self.too_much:
            needs_s = min(self.too_much.values())
            terminal.say(
                f"a relay is under a flood and asks for a stamp of about {needs_s:,.0f} s of this"
                " device's work, more than a sync takes for it (stamp_most_s in settings.toml):"
                " what waits tries without, by the lane that is free, each time you sync"
            )
            self.too_much.clear()

    async def _tell(self, terminal: Terminal, working: asyncio.Task[None]) -> None:
        while not self._rate and not working.done():
            await asyncio.wait({working}, timeout=0.05)
        if not working.done() and self._jobs:
            count, left_s = len(self._jobs), self._expected_s()
            some = "a stamp" if count == 1 else f"{count} stamps"
            terminal.say(
                f"a relay is under a flood: working on {some}, about {max(1, round(left_s))} s;"
                " Ctrl-C ends it, and what was found is kept"
            )

    def _expected_s(self) -> float:
        work = sum(job.effort for job in self._jobs.values())
        return min(work / max(1, self._rate), self._left_s)

    async def _work(self) -> None:
        asked, self._asked = self._asked, []
        await asyncio.to_thread(self._note, asked)
        try:
            process = await self._started()
        except (OSError, TimeoutError):
            self._refuse_all()
            return
        assert process.stdin is not None, "it was begun with pipes"
        assert process.stdout is not None, "it was begun with pipes"
        loop = asyncio.get_running_loop()
        while self._jobs:
            job = min(self._jobs.values(), key=lambda each: (each.effort, each.parcel.key))
            needs_s = job.effort / self._rate
            if needs_s > self._left_s:
                # What is larger needs no less.
                self.too_much = {key: each.effort / self._rate for key, each in self._jobs.items()}
                self._jobs.clear()
                return
            begun_s = loop.time()
            process.stdin.write(f"{job.parcel.id.hex()} {job.epoch} {job.effort}\n".encode("ascii"))
            line = b""
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._left_s + 1.0):
                    line = await process.stdout.readline()
            self._left_s -= loop.time() - begun_s
            if not line:
                is_late = process.returncode is None
                await self._end_process()
                if is_late:
                    # Some are hard to find; the work is lost.
                    self.too_much[job.parcel.key] = needs_s
                    self._jobs.clear()
                else:
                    self._refuse_all()
                return
            stamp = Stamp(job.parcel.id, job.epoch, job.effort, bytes.fromhex(line.decode()))
            await asyncio.to_thread(self._keep, replace(job.parcel, stamp=stamp))
            if self._jobs.get(job.parcel.key) is job:
                del self._jobs[job.parcel.key]
            self.found += 1
            for listener in tuple(self.listeners):
                listener()

    async def _started(self) -> Process:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "qanat_client.reporter.stamp_worker",
                stdin=PIPE,
                stdout=PIPE,
                # Ctrl-C is for the command, which ends it.
                start_new_session=True,
            )
            assert self._process.stdout is not None, "it was begun with pipes"
            async with asyncio.timeout(_RATE_S):
                self._rate = int(await self._process.stdout.readline() or b"1")
        return self._process

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _refuse_all(self) -> None:
        self._has_failed = True
        self._jobs.clear()

    def _note(self, asked: Sequence[tuple[int, int, int]]) -> None:
        if asked:
            with closing(connect(self._home)) as connection:
                outbox = Outbox(self._home, connection)
                for each in asked:
                    outbox.ask_stamp(*each)

    def _keep(self, parcel: StoredParcel) -> None:
        assert parcel.stamp is not None, "it was found"
        with closing(connect(self._home)) as connection:
            Outbox(self._home, connection).keep_stamp(parcel.key, parcel.stamp)
