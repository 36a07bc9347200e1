"""What a relay does in the background, each part by its name: a part that a mistake of ours ends is
told of and begun anew. The one broad `except` for it is here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from qanat_relay.events import Event
from qanat_relay.logs import tell

FIRST_PAUSE_S = 1.0
MOST_PAUSE_S = 60.0
"""Between an end and the next beginning: doubled each time, so that nothing turns idly."""

WELL_S = 90.0
"""For so long a part has to go on before it counts as well again."""

Work = Callable[[], Awaitable[None]]


class Background:
    """The parts of one relay's work. None of them ends by itself."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed_s: dict[str, float] = {}
        """When each part last ended (time.monotonic)."""

    @property
    def parts(self) -> dict[str, bool]:
        """Each part that goes on, and whether it ended a short while ago."""
        now_s = time.monotonic()
        return {
            name: now_s - self._failed_s.get(name, -WELL_S) < WELL_S for name in sorted(self._tasks)
        }

    def begin(self, name: str, work: Work) -> None:
        """Let a part of the work go on until `end`."""
        assert name not in self._tasks, f"{name} goes on already"
        self._tasks[name] = asyncio.create_task(self._keep(name, work), name=name)

    async def end(self, *names: str) -> None:
        """Cancel these parts, all without a name, and wait until they are over."""
        ended = [
            self._tasks.pop(name) for name in names or tuple(self._tasks) if name in self._tasks
        ]
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)

    async def _keep(self, name: str, work: Work) -> None:
        task = asyncio.current_task()
        assert task is not None, "it runs in one"
        pause_s = FIRST_PAUSE_S
        while True:
            began_s = time.monotonic()
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the supervisor: it tells, and begins anew
                if task.cancelling():
                    return
                tell(Event.WORK_FAILED, part=name, error=error)
            else:
                tell(Event.WORK_FAILED, part=name)
            self._failed_s[name] = time.monotonic()
            if self._failed_s[name] - began_s > WELL_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MOST_PAUSE_S)
