"""What is small on the wire and large where it is opened, and sizes that are only claimed."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attackers.peak import measured, resident_peak_bytes
from tests.client.made_desk import today
from tests.client.relay_process import RelayProcess
from tests.relay.made_parcels import make
from tests.relay.running_relay import Place, talking, transfer

from qanat_protocol.frames import AckStatus

BOMBS = (
    "Nothing is allocated from a size that is only claimed, and nothing is inflated beyond what its"
    " kind may hold."
)
MARGIN_BYTES = 24 << 20


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    process = RelayProcess(tmp_path / "relay")
    yield process
    process.stop()


UPGRADE = (
    b"GET /v1/sync HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
POST = b"POST /v1/exchange HTTP/1.1\r\nHost: x\r\n"
ZEROS = gzip.compress(bytes(64 << 20), compresslevel=9)

REQUESTS: dict[str, bytes] = {
    "a header of 4 MiB": POST + b"X: " + bytes(4 << 20).replace(b"\0", b"a") + b"\r\n\r\n",
    "a hundred thousand headers": POST + b"X: a\r\n" * 100_000 + b"\r\n",
    "a path of 4 MiB": b"GET /" + b"a" * (4 << 20) + b" HTTP/1.1\r\n\r\n",
    "a chunk of 2^63": POST + b"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nabc",
    "a chunk size of a million digits": POST
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"f" * 1_000_000,
    "a length of 2^62": POST + b"Content-Length: 4611686018427387904\r\n\r\nabc",
    "a gzip bomb": POST
    + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZEROS)
    + ZEROS,
    "a frame of 2^63": UPGRADE + b"\x82\xff" + b"\x7f" + b"\xff" * 7 + bytes(4) + b"abc",
    "a compressed frame": UPGRADE + b"\xc2\xff" + (1 << 20).to_bytes(8, "big") + bytes(4 + 1024),
    "a frame in a million pieces": UPGRADE + b"\x02\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 100_000,
}


async def sent(url: str, request: bytes) -> bytes:
    """What a relay answers to these bytes before it closes or has nothing to say."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = b""
    try:
        writer.write(request)
        await writer.drain()
        writer.write_eof()
        while data := await reader.read(65_536):
            answer += data
    except OSError:
        pass
    finally:
        writer.close()
    return answer


@pytest.mark.promise(BOMBS)
async def test_requests_that_claim_or_inflate_take_no_memory_of_a_relay(
    relay: RelayProcess,
) -> None:
    assert relay._process is not None
    pid = relay._process.pid
    place = Place(relay.url, relay.card.sealing_key)
    await _letter_goes_in(place, 1)
    before = resident_peak_bytes(pid)
    for what, request in REQUESTS.items():
        answer = await sent(relay.url, request)
        assert b" 200 " not in answer[:20], what
        assert b" 500 " not in answer[:20], what
        assert resident_peak_bytes(pid) - before < MARGIN_BYTES, what
    await _letter_goes_in(place, 2)


async def _letter_goes_in(place: Place, number: int) -> None:
    letter = make(number, expiry_day=today() + 60)
    async with talking(place, "exchange") as talk:
        await talk.say(*transfer(letter, 0))
        assert (await talk.statuses(1))[0].status is AckStatus.STORED
        await talk.end()


@pytest.mark.promise(BOMBS)
async def test_a_card_of_a_gigabyte_is_refused_without_being_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.card"
    with huge.open("wb") as file:
        file.write(os.urandom(4096))
        file.truncate(1 << 30)
    small = tmp_path / "small.card"
    small.write_bytes(os.urandom(4096))
    usual, bomb = [
        await measured("qanat", "--home", tmp_path / "home", "desk", "add", path, "--yes")
        for path in (small, huge)
    ]
    assert (usual.code, bomb.code) == (2, 2)
    assert bomb.peak_bytes - usual.peak_bytes < MARGIN_BYTES
