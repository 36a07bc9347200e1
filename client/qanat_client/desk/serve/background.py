"""What goes on beside the requests, each part by its name: a part that a mistake of ours ends is
logged, told to the editor, and begun anew. The one broad `except` for it is here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Final

__all__ = ["Background", "Work"]

FIRST_PAUSE_S: Final = 1.0
MOST_PAUSE_S: Final = 60.0
"""Between an end and the next beginning: doubled each time, so that nothing turns idly."""

WELL_S: Final = 90.0
"""After so long without another fault the editor need not be told any more."""

Work = Callable[[], Awaitable[None]]
log = logging.getLogger(__name__)


class Background:
    """The parts of one run. A part that returns is done. `troubles` gets a sentence of each that
    failed, by its name, until it has gone on well for a while."""

    def __init__(self, troubles: MutableMapping[str, str]) -> None:
        self._troubles = troubles
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, name: str, work: Work) -> None:
        """Let it go on until `end`. name: what stands still while it does not, for people."""
        task = asyncio.get_running_loop().create_task(self._keep(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Cancel all, and wait until they are over."""
        ended = list(self._tasks)
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)

    async def _keep(self, name: str, work: Work) -> None:
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while True:
            well = loop.call_later(WELL_S, self._troubles.pop, name, None)
            began_s = loop.time()
            try:
                await work()
            except Exception:
                # The log has its kind and place, and nothing of a report.
                log.exception("a part of the background work failed")
            else:
                return
            finally:
                well.cancel()
            if loop.time() - began_s > WELL_S:
                pause_s = FIRST_PAUSE_S
            self._troubles[name] = (
                f"The program failed at this: {name}. It is begun anew after {pause_s:.0f} s; the"
                " terminal shows where it failed. Everything else goes on, and nothing is lost"
            )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MOST_PAUSE_S)
