"""A relay behind nginx by the repository's own files: sessions pass unheld, smuggling does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.relay.hostile_http import (
    AMBIGUOUS,
    CHUNKED,
    LAST,
    SMUGGLED,
    TOO_LARGE,
    answer_to,
    closes_on,
    post,
    statuses,
)
from tests.relay.made_parcels import make, part
from tests.relay.running.proxy import Proxy, is_installed, running_proxy
from tests.relay.running_relay import (
    Place,
    Running,
    raw_talk,
    running_relay,
    serves,
    talking,
    transfer,
)

from qanat_protocol.channel import PREAMBLE_BYTES
from qanat_protocol.frames import AckStatus, Answer, Answers, End, Offers, Welcome
from qanat_protocol.session import HELLO

pytestmark = pytest.mark.skipif(not is_installed(), reason="nginx is not there: apt install nginx")

CARRIERS = ["exchange", "websocket"]


@dataclass(frozen=True)
class Behind:
    """A relay, and the nginx in front of it."""

    relay: Running
    proxy: Proxy

    @property
    def place(self) -> Place:
        return Place(self.proxy.http, self.relay.sealing_key)

    @property
    def door(self) -> tuple[str, int]:
        host, port = self.proxy.http.removeprefix("http://").split(":")
        return host, int(port)


@asynccontextmanager
async def behind_nginx(tmp_path: Path, **settings: Any) -> AsyncIterator[Behind]:
    async with running_relay(tmp_path / "relay", **settings) as relay, AsyncExitStack() as stack:
        running = running_proxy(tmp_path / "nginx", relay.url.removeprefix("http://"))
        # It waits for ports, which must not hold up the relay.
        proxy = await asyncio.to_thread(stack.enter_context, running)
        yield Behind(relay, proxy)


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[Behind]:
    async with behind_nginx(tmp_path) as made:
        yield made


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_session_passes_in_both_directions_at_once(behind: Behind, carrier: str) -> None:
    film = part(1)
    async with talking(behind.place, carrier) as talk:
        # Each answer is waited for before more is said: whatever is held back would stop it here.
        await talk.say(Offers(0, (make(1).header.offer,)))
        (answers,) = await talk.until(Answers)
        assert answers.codes == (Answer.WANT,)
        await talk.say(*transfer(make(1), 0))
        assert (await talk.statuses(1))[0].status is AckStatus.STORED
        await talk.say(*transfer(film, 1))
        assert (await talk.statuses(2))[1].status is AckStatus.STORED
        assert isinstance((await talk.end())[-1], End)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_the_first_byte_passes_before_a_second_is_said(behind: Behind, carrier: str) -> None:
    async with raw_talk(behind.place, carrier) as talk:
        opening = talk.session.start() + talk.session.send(HELLO)
        # What one session says comes to the relay byte by byte: nothing is gathered on the way.
        for start in range(0, PREAMBLE_BYTES, 400):
            await talk.send_raw(opening[start : min(start + 400, PREAMBLE_BYTES)])
            while not behind.relay.server.sessions_running:  # noqa: ASYNC110 - nothing wakes us
                await asyncio.sleep(0.01)
        await talk.send_raw(opening[PREAMBLE_BYTES:])
        await talk.until(Welcome)
        await talk.end()


async def test_tls_is_spoken_at_every_port_that_is_named(behind: Behind) -> None:
    assert len(behind.proxy.https) == 3
    async with aiohttp.ClientSession() as http:
        for url in behind.proxy.https:
            ssl = behind.proxy.authority.trusted
            async with http.get(f"{url}/v1/relay", ssl=ssl) as response:
                assert response.status == 200
                assert b"Python" not in str(response.headers).encode()
            async with http.ws_connect(f"{url}/v1/sync", ssl=ssl) as socket:
                assert not socket.compress


async def test_the_relay_is_not_told_who_asks(tmp_path: Path) -> None:
    heads: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with AsyncExitStack() as stack:
        running = running_proxy(tmp_path / "nginx", f"{host}:{port}")
        proxy = await asyncio.to_thread(stack.enter_context, running)
        said = {
            "X-Forwarded-For": "192.0.2.1",
            "X-Real-IP": "192.0.2.1",
            "Forwarded": "for=192.0.2.1",
        }
        async with aiohttp.ClientSession(headers=said) as http:
            for path in ("/v1/relay", "/v1/sync"):
                async with http.get(proxy.http + path) as response:
                    assert response.status == 200
    server.close()
    assert len(heads) == 2
    for head in heads:
        assert b"192.0.2.1" not in head
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Host:")]
        assert b"127.0.0.1" not in b"".join(lines)


async def test_what_could_be_read_in_two_ways_or_is_too_much_is_refused(behind: Behind) -> None:
    for name, request in (AMBIGUOUS | TOO_LARGE).items():
        answer = await answer_to(*behind.door, request)
        found = statuses(answer)
        assert len(found) <= 1, name
        assert all(400 <= status <= 505 for status in found), (name, found)
        assert behind.relay.keys.signing.public not in answer, name
        assert await serves(behind.place)
    assert behind.proxy.log.read_bytes() == b""


async def test_a_body_is_never_taken_for_the_next_request(behind: Behind) -> None:
    length = b"Content-Length: %d" % len(SMUGGLED)
    chunk = b"%x\r\n%b\r\n" % (len(SMUGGLED), SMUGGLED)
    asked = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
    for request in (
        post(length, body=SMUGGLED),
        post(CHUNKED, body=chunk + LAST),
        asked + length + b"\r\n\r\n" + SMUGGLED,
        asked + CHUNKED + b"\r\n\r\n" + chunk + LAST,
        b"GET /v1/sync HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n" + length + b"\r\n\r\n" + SMUGGLED,
    ):
        answer = await answer_to(*behind.door, request)
        assert len(statuses(answer)) == 1, answer
        assert behind.relay.keys.signing.public not in answer
    assert await serves(behind.place)


async def test_a_body_that_drips_ends_and_nothing_is_written_down(tmp_path: Path) -> None:
    async with behind_nginx(tmp_path, idle_s=1) as behind:
        reader, writer = await asyncio.open_connection(*behind.door)
        writer.write(post(CHUNKED))
        await closes_on(writer, reader, b"1\r\nQ\r\n")
        assert await serves(behind.place)
        assert behind.proxy.log.read_bytes() == b""
