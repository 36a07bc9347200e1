"""Another program on the machine opens connections to the editors' screen without end."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.attackers.peak import resident_bytes
from tests.client.desk.newsroom import Newsroom
from tests.client.desk.serve.window import window_on

from qanat_client.desk.serve import asking
from qanat_client.desk.serve.doors import MOST_UNKNOWN

NOBODY_IN = (
    "Nothing is answered to whoever has no link of this run, and nobody can find, guess, use up or"
    " lock the editor's."
)
MANY = 1000
LINE = b"GET /api/desk HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "


async def drip(port: int, rounds: asyncio.Event, held: list[int]) -> None:
    """One connection after another that sends a byte from time to time."""
    while not rounds.is_set():
        with suppress(ConnectionError, OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            held[0] += 1
            try:
                writer.write(LINE)
                while not rounds.is_set() and not reader.at_eof():
                    writer.write(b"x" * 64)
                    await writer.drain()
                    await asyncio.sleep(0.2)
            finally:
                held[0] -= 1
                writer.close()
        await asyncio.sleep(0.2)


@pytest.mark.promise(NOBODY_IN)
@pytest.mark.timeout(300)
async def test_a_thousand_connections_that_drip_neither_fill_memory_nor_keep_the_editor_waiting(
    tmp_path: Path,
) -> None:
    newsroom = Newsroom(tmp_path / "desk")
    newsroom.settle()
    async with window_on(newsroom) as window:
        over = asyncio.Event()
        held = [0]
        serving = window.serving
        before_bytes = resident_bytes(os.getpid())
        drips = [
            asyncio.create_task(drip(port, over, held))
            for port in (window.port, serving.media_port)
            for _ in range(MANY // 2)
        ]
        waits_s: list[float] = []
        for _ in range(40):
            begun_s = time.monotonic()
            await window.post("/api/inbox", {})
            # Another window: it is let in through the same crowd.
            if len(waits_s) % 10 == 0:
                await window.log_in()
            waits_s.append(time.monotonic() - begun_s)
            assert serving.doors.unknown <= MOST_UNKNOWN
            assert serving.media_doors.unknown <= MOST_UNKNOWN
            await asyncio.sleep(0.05)
        grown_bytes = resident_bytes(os.getpid()) - before_bytes
        over.set()
        await asyncio.gather(*drips)
        assert sorted(waits_s)[len(waits_s) // 2] < 2.0
        # The thousand clients of this test are in the same process.
        assert grown_bytes < 150 << 20


@pytest.mark.promise(NOBODY_IN)
async def test_whoever_asks_nothing_is_cut_off_and_a_window_is_not(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.settle()
    async with window_on(newsroom) as window:
        monkeypatch.setattr(window.serving.doors, "seconds", 0.5)
        reader, writer = await asyncio.open_connection("127.0.0.1", window.port)
        writer.write(LINE)
        begun_s = time.monotonic()
        live = asyncio.create_task(window.ask("GET", "/api/live"))
        with suppress(ConnectionError):
            assert await reader.read() == b""
        assert time.monotonic() - begun_s < 10
        writer.close()
        await asyncio.sleep(1.0)
        assert not live.done()
        live.cancel()


@pytest.mark.promise(NOBODY_IN)
async def test_headers_and_bodies_have_an_end(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.settle()
    async with window_on(newsroom) as window:
        for headers in ({"X-A": "x" * 9000}, {f"X-{n}": "x" for n in range(100)}):
            assert (await window.ask("GET", "/api/desk", headers=headers)).status == 400
        monkeypatch.setattr(asking, "MAX_BODY_S", 0.5)
        reader, writer = await asyncio.open_connection("127.0.0.1", window.port)
        writer.write(
            f"POST /api/inbox HTTP/1.1\r\nHost: 127.0.0.1:{window.port}\r\n"
            f"Authorization: Bearer {window.session}\r\nContent-Type: application/json\r\n"
            "Content-Length: 100\r\n\r\n{".encode()
        )
        assert b"was not whole" in await reader.readuntil(b"}")
        writer.close()
