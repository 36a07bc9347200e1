"""A relay that is asked as no honest client asks: it refuses in clear words, and goes on."""

from __future__ import annotations

import asyncio
import base64
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

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
from tests.relay.running_relay import Running, running_relay, serves

HOSTILE = AMBIGUOUS | TOO_LARGE
SHORT_S = 1
"""How long these relays wait where others wait for minutes."""


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay", idle_s=SHORT_S) as running:
        yield running


def place(relay: Running) -> tuple[str, int]:
    host, port = relay.url.removeprefix("http://").split(":")
    return host, int(port)


async def no_session_is_left(relay: Running) -> None:
    while relay.server.sessions_running:  # noqa: ASYNC110 - there is nothing to wait on
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("request_bytes", HOSTILE.values(), ids=HOSTILE.keys())
async def test_what_could_be_read_in_two_ways_or_is_too_much_is_refused_once(
    relay: Running, request_bytes: bytes
) -> None:
    answer = await answer_to(*place(relay), request_bytes)
    assert statuses(answer) == [400]
    assert b"Python" not in answer
    assert b"aiohttp" not in answer
    assert relay.keys.signing.public not in answer
    assert await serves(relay)


async def test_a_body_that_belongs_to_a_request_is_never_taken_for_the_next(
    relay: Running,
) -> None:
    length = b"Content-Length: %d" % len(SMUGGLED)
    chunk = b"%x\r\n%b\r\n" % (len(SMUGGLED), SMUGGLED)
    asked = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
    for request in (
        post(length, body=SMUGGLED),
        post(CHUNKED, body=chunk + LAST),
        asked + length + b"\r\n\r\n" + SMUGGLED,
        asked + CHUNKED + b"\r\n\r\n" + chunk + LAST,
    ):
        answer = await answer_to(*place(relay), request)
        assert len(statuses(answer)) == 1
        assert relay.keys.signing.public not in answer
    # Two requests behind each other are two, as HTTP has it.
    assert statuses(await answer_to(*place(relay), asked + b"\r\n" + SMUGGLED)) == [200, 200]


async def test_a_head_larger_than_browsers_and_proxies_send_is_not_kept(relay: Running) -> None:
    asked = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
    for most in (b"X: " + b"a" * 4000 + b"\r\n", b"X: a\r\n" * 60):
        assert statuses(await answer_to(*place(relay), asked + most + b"\r\n")) == [200]
    for more in (b"X: " + b"a" * 4100 + b"\r\n", b"X: a\r\n" * 70):
        # Refused while more of it may come.
        assert statuses(await answer_to(*place(relay), asked + more)) == [400]


async def test_what_is_said_to_be_compressed_is_not_inflated(relay: Running) -> None:
    bomb = zlib.compress(bytes(2**24), 9)
    for coding in (b"gzip", b"deflate", b"br"):
        head = (b"Content-Encoding: " + coding, b"Content-Length: %d" % len(bomb))
        assert statuses(await answer_to(*place(relay), post(*head, body=bomb))) == [400]


async def test_whoever_drips_the_head_of_a_request_is_closed(relay: Running) -> None:
    """On a new connection, and on one that has asked before."""
    for first in (b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"):
        reader, writer = await asyncio.open_connection(*place(relay))
        writer.write(first)
        writer.write(b"GET /v1/relay HTTP/1.1\r\n")
        await closes_on(writer, reader, b"X: a\r\n")
    assert await serves(relay)


async def test_whoever_drips_a_body_that_nobody_reads_is_closed(relay: Running) -> None:
    reader, writer = await asyncio.open_connection(*place(relay))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
    await closes_on(writer, reader, b"x")
    assert await serves(relay)


async def test_whoever_drips_a_body_that_is_no_session_yet_is_ended(relay: Running) -> None:
    reader, writer = await asyncio.open_connection(*place(relay))
    writer.write(post(CHUNKED))
    await closes_on(writer, reader, b"1\r\nQ\r\n")
    await no_session_is_left(relay)


UPGRADE = (
    b"GET /v1/sync HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
) % base64.b64encode(bytes(16))
CLOSED_WRONG, CLOSED_LARGE = 1002, 1009


def frame(
    code: int, payload: bytes = b"", *, ends: bool = True, bits: int = 0, size: int | None = None
) -> bytes:
    """A frame of a WebSocket under a mask of zeros. bits: reserved ones; size: as it is claimed."""
    claimed = len(payload) if size is None else size
    if claimed < 126:
        length = bytes([0x80 | claimed])
    elif claimed < 2**16:
        length = b"\xfe" + struct.pack(">H", claimed)
    else:
        length = b"\xff" + struct.pack(">Q", claimed)
    return bytes([0x80 * ends | bits | code]) + length + bytes(4) + payload


PIECE = bytes(60_000)
FRAMES = {
    "compressed, which nobody agreed on": (frame(2, zlib.compress(PIECE), bits=0x40), CLOSED_WRONG),
    "of a reserved bit": (frame(2, b"x", bits=0x20), CLOSED_WRONG),
    "without a mask": (b"\x82\x01x", CLOSED_WRONG),
    "of an unknown kind": (frame(3, b"x"), CLOSED_WRONG),
    "going on with nothing": (frame(0, b"x"), CLOSED_WRONG),
    "a ping in pieces": (frame(9, b"x", ends=False), CLOSED_WRONG),
    "a ping that is long": (frame(9, bytes(126)), CLOSED_WRONG),
    "of 2^62 bytes": (frame(2, b"x", size=2**62), CLOSED_LARGE),
    "of 2^63 bytes": (frame(2, b"x", size=2**63), CLOSED_LARGE),
    "in pieces without end": (
        frame(2, PIECE, ends=False) + frame(0, PIECE, ends=False) * 20,
        CLOSED_LARGE,
    ),
}


@pytest.mark.parametrize(("sent", "code"), FRAMES.values(), ids=FRAMES.keys())
async def test_a_frame_that_breaks_the_rules_closes_its_web_socket(
    relay: Running, sent: bytes, code: int
) -> None:
    answer = await answer_to(*place(relay), UPGRADE, sent)
    head, _, frames = answer.partition(b"\r\n\r\n")
    assert statuses(head + b"\r\n") == [101]
    assert b"deflate" not in head
    assert frames == b"\x88\x02" + struct.pack(">H", code)
    await no_session_is_left(relay)
    assert await serves(relay)


async def test_pieces_of_nothing_and_pings_keep_no_web_socket_alive(relay: Running) -> None:
    for drop in (frame(0, ends=False), frame(9, b"x")):
        reader, writer = await asyncio.open_connection(*place(relay))
        writer.write(UPGRADE + frame(2, ends=False) * (drop != frame(9, b"x")))
        await closes_on(writer, reader, drop)
    await no_session_is_left(relay)


async def test_many_connections_that_say_half_a_request_hold_up_nobody(relay: Running) -> None:
    half = [await asyncio.open_connection(*place(relay)) for _ in range(200)]
    for _, writer in half:
        writer.write(b"POST /v1/exchange HTTP/1.1\r\nHost")
    assert await serves(relay)
    async with aiohttp.ClientSession() as http, http.get(f"{relay.url}/healthz") as response:
        assert response.status == 200
    for _, writer in half:
        writer.close()
