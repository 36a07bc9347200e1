"""The process that pulls beside the server: started, heard, started again when it ends.

It has the vault open by itself, so that a long pull never makes a window wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from qanat_client.desk.serve.pull_wish import ASK, PullWish

__all__ = ["PullProcess"]

FIRST_PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 60.0
STEADY_S: Final = 60.0
"""What lasted so long and fails is started anew at once."""

LEAVE_S: Final = 10.0
"""How long it may take to end: it finishes what it writes."""

MAX_LINE_BYTES: Final = 1_048_576

PullState = dict[str, Any]


class PullProcess:
    """`tell` is given each state, as GET /api/desk has it. Without a wish nothing is pulled."""

    def __init__(self, wish: PullWish | None, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._wish = wish
        self._tell = tell
        self._asked = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._before = {"reports": 0, "parts": 0}
        self.state: PullState = {
            "state": "starting",
            "words": "",
            "relays": [],
            "came": dict(self._before),
            "notes": [],
            "last_s": None,
        }
        if wish is None:
            self._be("idle", "nothing is fetched: this was started with --no-pull")

    @property
    def pid(self) -> int | None:
        """Of the process that runs."""
        return None if self._process is None else self._process.pid

    def ask(self) -> None:
        """Ask all relays at once, or start again what waits to be."""
        self._asked.set()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(ASK + b"\n")

    async def run(self) -> None:
        """Keep it running until cancelled; then it is ended."""
        if self._wish is None:
            return
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while True:
            began_s = loop.time()
            self._asked.clear()
            try:
                await self._one(self._wish)
            except OSError as error:
                self._be("failed", f"no process can be started: {error.strerror}")
            if loop.time() - began_s >= STEADY_S:
                pause_s = FIRST_PAUSE_S
            words = self.state["words"]
            self._be("failed", f"{words}; it is tried again in {pause_s:.0f} s")
            self._asked.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._asked.wait()
            pause_s = min(2 * pause_s, MAX_PAUSE_S)

    async def _one(self, wish: PullWish) -> None:
        """One process, from its start to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "qanat_client.desk.serve.pull_child",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            limit=MAX_LINE_BYTES,
            # Ctrl-C in the terminal is for the server, which then ends this one in order.
            start_new_session=True,
        )
        assert process.stdin is not None, "it is a pipe"
        assert process.stdout is not None, "it is a pipe"
        self._process = process
        has_failed = False
        try:
            process.stdin.write(wish.line())
            async for line in process.stdout:
                if not line.endswith(b"\n"):
                    # Cut by its end.
                    break
                said = json.loads(line)
                has_failed = said["state"] == "failed"
                self._hear(said)
            code = await process.wait()
            if not has_failed:
                self._be("failed", f"the process that fetches ended ({_how(code)})")
        finally:
            self._process = None
            await _end(process)
            self._before = dict(self.state["came"])

    def _hear(self, said: PullState) -> None:
        came = said.get("came")
        if came is not None:
            said["came"] = {name: self._before[name] + came[name] for name in self._before}
        self.state = self.state | said
        if said["state"] in ("elsewhere", "failed"):
            self._forget_relays()
        self._tell(self.state)

    def _be(self, state: str, words: str) -> None:
        self.state = self.state | {"state": state, "words": words}
        self._forget_relays()
        self._tell(self.state)

    def _forget_relays(self) -> None:
        """Nobody looks whether they are there."""
        self.state["relays"] = [relay | {"reached": False} for relay in self.state["relays"]]


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let it end in order, and kill it where it does not."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(LEAVE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
