"""The web app's engine as a process, without a browser: calls go in by lines, answers come out."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.web_source import WEB, build

HARNESS = WEB / "dist" / "harness" / "engineHarness.js"
_LONGEST_LINE_BYTES = 16 << 20


class Refused(Exception):
    """The engine refused; `code` is what the screens have words for."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} ({message})")
        self.code = code


class WebEngine:
    """A running engine with a database in its memory. Bytes come and go as hex."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def call(self, name: str, /, **values: Any) -> Any:
        """What the call gives; Refused where the engine refuses."""
        sent, received = self._process.stdin, self._process.stdout
        assert sent is not None
        assert received is not None
        sent.write(json.dumps([name, values]).encode() + b"\n")
        await sent.drain()
        line = await received.readline()
        assert line, "the engine has ended: what it says stands above"
        answer = json.loads(line)
        if "refusal" in answer:
            raise Refused(answer["refusal"], answer["message"])
        return answer["ok"]

    async def knows(self, card: Path) -> str:
        """Add a desk by its card; its id."""
        desk: str = (await self.call("addDesk", card=card.read_bytes().hex()))["id"]
        return desk

    async def the_report(self) -> dict[str, Any]:
        """The only report of the outbox."""
        (item,) = await self.call("outbox")
        found: dict[str, Any] = item
        return found

    async def until_sent(self, size_bytes: int) -> dict[str, Any]:
        """What a sync that was begun tells once it has sent so many bytes."""
        async with asyncio.timeout(60):
            while True:
                told = await self.call("progress")
                if told is not None and told["sent"] >= size_bytes:
                    found: dict[str, Any] = told
                    return found
                await asyncio.sleep(0.005)


def made_file(size: int, seed: int) -> bytes:
    """The bytes of a file that the engine makes for a draft."""
    return bytes((at * 31 + (at >> 8) * 7 + seed) & 0xFF for at in range(size))


@asynccontextmanager
async def running() -> AsyncIterator[WebEngine]:
    """An engine for a test."""
    await asyncio.to_thread(build, "harness", HARNESS)
    process = await asyncio.create_subprocess_exec(
        "node",
        # Browsers have one; Node of this age hides its own.
        "--experimental-websocket",
        str(HARNESS),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=_LONGEST_LINE_BYTES,
    )
    try:
        yield WebEngine(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(60):
            assert await process.wait() == 0
