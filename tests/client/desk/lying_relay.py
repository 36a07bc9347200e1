"""A relay that says what a test wants it to, over a real socket and a real channel."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from aiohttp import web

from qanat_protocol.card import RelayEntry
from qanat_protocol.days import day_of
from qanat_protocol.frames import (
    CardInterest,
    DeskInterest,
    End,
    Frame,
    Idle,
    PublicInterest,
    Welcome,
)
from qanat_protocol.relay_card import sign_relay_card
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import RelaySession
from qanat_protocol.signing import SigningKey

F = TypeVar("F", bound=Frame)
Script = Callable[["LyingRelay"], Awaitable[None]]


class LyingRelay:
    """One relay; its next session runs the script between WELCOME and END, others say nothing."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self.key = SigningKey.generate()
        self.secret = SealingSecret.generate()
        self.url = ""
        self.script: Script | None = None
        self.welcome = Welcome(1, day_of(now_s), os.urandom(16), 2**32, 0, 0, 0)
        self.heard: list[Frame] = []
        self.sessions = 0
        self._session = RelaySession(self.secret)
        self._response = web.StreamResponse()
        self._news = asyncio.Event()

    @property
    def entry(self) -> RelayEntry:
        return RelayEntry((self.url,), self.key.public, self.secret.public)

    def card(self) -> bytes:
        return sign_relay_card(
            self.key,
            serial=int(self.now_s),
            issued_day=day_of(self.now_s),
            name="A relay that lies",
            addresses=(),
            sealing_key=self.secret.public,
            largest_body=2**32,
        )

    async def say(self, *frames: Frame) -> int:
        """Send frames, at once; how many bytes they took."""
        data = self._session.send(*frames)
        await self._response.write(data)
        return len(data)

    async def say_raw(self, *records: bytes) -> None:
        """Send records in one packet that no honest relay would send, or not now."""
        plain = b"".join(len(record).to_bytes(2, "big") + record for record in records)
        await self.write(self._session._channel.seal(plain))

    async def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        await self._response.write(data)

    async def hear(self, *kinds: type[F]) -> F:
        """Wait for the first frame of these kinds."""
        while True:
            for frame in self.heard:
                if isinstance(frame, kinds):
                    return frame
            self._news.clear()
            await self._news.wait()

    async def exchange(self, request: web.Request) -> web.StreamResponse:
        self.sessions += 1
        self.heard, self._session = [], RelaySession(self.secret)
        self._response = web.StreamResponse()
        await self._response.prepare(request)
        reading = asyncio.create_task(self._read(request))
        while not self.heard:
            self._news.clear()
            await self._news.wait()
        await self.say(self.welcome)
        try:
            script, self.script = self.script, None
            if script is not None:
                await script(self)
            # What was asked before its answer: an early IDLE says nothing about it.
            asked = asyncio.create_task(self.hear(DeskInterest, PublicInterest))
            await asyncio.wait({asked, reading}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            await self.say(Idle())
            await reading
            await self.say(End())
        except ConnectionResetError:
            pass
        finally:
            reading.cancel()
        return self._response

    async def cut(self) -> None:
        """Break the connection off."""
        transport = self._response._req.transport if self._response._req else None
        if transport is not None:
            transport.abort()
        raise ConnectionResetError

    async def _read(self, request: web.Request) -> None:
        while data := await request.content.readany():
            frames = self._session.receive(data)
            self.heard += frames
            self._news.set()
            # It has no card to give, and says that this was all.
            if any(isinstance(frame, CardInterest) for frame in frames):
                await self.say(Idle())


@asynccontextmanager
async def lying_relay(now_s: float) -> AsyncIterator[LyingRelay]:
    """A relay on a free port of loopback."""
    relay = LyingRelay(now_s)

    async def serve_card(_: web.Request) -> web.Response:
        return web.Response(body=relay.card())

    app = web.Application()
    app.router.add_post("/v1/exchange", relay.exchange)
    app.router.add_get("/v1/relay", serve_card)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    relay.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield relay
    finally:
        await runner.cleanup()
