"""A desk that is served in this process, and a window on it, as the app is one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from tests.client.desk.newsroom import Newsroom

from qanat_client.desk.desk import Desk
from qanat_client.desk.serve.command import running
from qanat_client.desk.serve.pull_wish import PullWish
from qanat_client.desk.serve.server import Server, listening
from qanat_client.desk.serve.serving import Serving
from qanat_client.web_app.files import AppFile

SOON_S = 30.0


@dataclass
class Said:
    """An answer: its status, its headers, and what its JSON says."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    value: Any = None


@dataclass
class Window:
    """Somebody who asks the server. `desk`: the same desk, opened once more."""

    serving: Serving
    desk: Desk
    port: int
    tokens: list[str]
    http: aiohttp.ClientSession
    session: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ask(
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        port: int | None = None,
    ) -> Said:
        """What the server answers. `data` instead of `value`: these very bytes."""
        sent = dict(self.headers)
        if self.session is not None:
            sent["Authorization"] = f"Bearer {self.session}"
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        address = f"http://127.0.0.1:{port or self.port}{path}"
        json = {"json": value} if data is None and value is not None else {"data": data}
        async with self.http.request(method, address, headers=sent, **json) as answer:
            body = await answer.read()
            is_json = answer.content_type == "application/json"
            return Said(
                answer.status, answer.headers, body, await answer.json() if is_json else None
            )

    async def get(self, path: str) -> Any:
        """What a question that must succeed is answered with."""
        said = await self.ask("GET", path)
        assert said.status == 200, said.body
        return said.value

    async def post(self, path: str, value: Any) -> Any:
        """The same for a request with a body."""
        said = await self.ask("POST", path, value)
        assert said.status == 200, said.body
        return said.value

    async def log_in(self) -> None:
        """With the newest link."""
        self.session = (await self.post("/api/login", {"token": self.tokens[-1]}))["session"]


@asynccontextmanager
async def serving_of(
    newsroom: Newsroom,
    *,
    app: Mapping[str, AppFile] | None = None,
    wish: PullWish | None = None,
) -> AsyncIterator[Window]:
    """A server on this desk, and a window that did not log in yet."""
    served, desk = newsroom.open(), newsroom.open()
    tokens: list[str] = []
    serving = Serving(served, tokens.append, wish)
    with listening(0) as listener, listening(0) as media_listener:
        server = Server(serving, app or {}, listener, media_listener)
        try:
            async with running(serving, server), aiohttp.ClientSession() as http:
                yield Window(serving, desk, listener.getsockname()[1], tokens, http)
        finally:
            served.vault.close()
            desk.vault.close()


@asynccontextmanager
async def window_on(newsroom: Newsroom, wish: PullWish | None = None) -> AsyncIterator[Window]:
    """The same, logged in."""
    async with serving_of(newsroom, wish=wish) as window:
        await window.log_in()
        yield window


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until that holds."""
    async with asyncio.timeout(SOON_S):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


@dataclass
class Listener:
    """A window's live events."""

    events: list[tuple[str, Any]] = field(default_factory=list)

    async def until(self, event: str, happened: Callable[[Any], bool]) -> Any:
        """Wait for an event of this name of which that holds; what it says."""
        seen = 0
        async with asyncio.timeout(SOON_S):
            while True:
                for name, value in self.events[seen:]:
                    seen += 1
                    if name == event and happened(value):
                        return value
                await asyncio.sleep(0.02)


@asynccontextmanager
async def listening_to(window: Window) -> AsyncIterator[Listener]:
    """What a window is told until the end of the block."""
    listener = Listener()
    headers = {"Authorization": f"Bearer {window.session}"}

    async def hear() -> None:
        async with window.http.get(f"{window.address}/api/live", headers=headers) as answer:
            assert answer.content_type == "text/event-stream"
            event = ""
            async for line in answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    listener.events.append((event, json.loads(value)))

    task = asyncio.create_task(hear())
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.wait([task])
