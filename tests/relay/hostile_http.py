"""Requests that mean different things to different readers, or are too much: what a proxy and a
relay have to refuse alike. Who sends them where is the tests' matter."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

SMUGGLED = b"GET /v1/relay HTTP/1.1\r\nHost: a\r\n\r\n"
"""What is hidden behind a request; whoever answers it gives the relay's card."""


def post(*headers: bytes, body: bytes = b"") -> bytes:
    """A POST of a session with exactly these headers."""
    head = b"".join(header + b"\r\n" for header in (b"Host: a", *headers))
    return b"POST /v1/exchange HTTP/1.1\r\n" + head + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"
_LENGTH = b"Content-Length: %d" % (len(LAST) + len(SMUGGLED))

AMBIGUOUS = {
    "length, then chunks": post(_LENGTH, CHUNKED, body=LAST + SMUGGLED),
    "chunks, then length": post(CHUNKED, b"Content-Length: 5", body=LAST + SMUGGLED),
    "two lengths": post(b"Content-Length: 5", _LENGTH, body=LAST + SMUGGLED),
    "lengths in a list": post(b"Content-Length: 5, 6", body=LAST + SMUGGLED),
    "a length with a sign": post(b"Content-Length: +5", body=LAST + SMUGGLED),
    "a length below zero": post(b"Content-Length: -5", body=LAST + SMUGGLED),
    "a length in hexadecimal": post(b"Content-Length: 0x5", body=LAST + SMUGGLED),
    "a length with a space": post(b"Content-Length: 1 0", body=LAST + SMUGGLED),
    "a length beyond all": post(b"Content-Length: " + b"9" * 30, body=LAST + SMUGGLED),
    "a space before the colon": post(
        b"Transfer-Encoding : chunked", b"Content-Length: 5", body=LAST
    ),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", body=LAST + SMUGGLED),
    "chunked not last": post(b"Transfer-Encoding: chunked, identity", body=LAST + SMUGGLED),
    "chunked twice": post(CHUNKED, b"Transfer-Encoding: identity", body=LAST + SMUGGLED),
    "a folded header": post(b"X: a\r\n b", CHUNKED, b"Content-Length: 5", body=LAST + SMUGGLED),
    "a chunk that is no number": post(CHUNKED, body=b"g\r\nx\r\n" + LAST),
    "a chunk below zero": post(CHUNKED, body=b"-1\r\nx\r\n" + LAST),
    "a chunk with 0x": post(CHUNKED, body=b"0x1\r\nx\r\n" + LAST),
    "a chunk beyond all": post(CHUNKED, body=b"F" * 20 + b"\r\nx\r\n" + LAST),
    "a chunk longer than it says": post(CHUNKED, body=b"1\r\nxxxx\r\n" + LAST),
    "a zero byte in a header": post(b"X: a\0b", CHUNKED, body=LAST),
    "a name with a space": post(b"X Y: a", CHUNKED, body=LAST),
    "no name": post(b": a", CHUNKED, body=LAST),
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another version": b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n",
    "no version": b"GET /healthz extra words\r\n\r\n",
}
"""What a strict reader does not take."""

TOO_LARGE = {
    "a long address": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long header": post(b"X: " + b"a" * 100_000, CHUNKED, body=LAST),
    "a long name": post(b"X" * 100_000 + b": a", CHUNKED, body=LAST),
    "many headers": post(
        *[b"X%d: aaaaaaaaaaaaaaaa" % n for n in range(20_000)], CHUNKED, body=LAST
    ),
    "a long method": b"A" * 100_000 + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
}
"""What is more than a head may be."""


async def answer_to(host: str, port: int, *pieces: bytes) -> bytes:
    """All that comes back for these bytes until the other side hangs up or, behind an answer, says
    nothing more."""
    reader, writer = await asyncio.open_connection(host, port)
    answer = b""
    try:
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        with suppress(ConnectionError, TimeoutError):
            while data := await asyncio.wait_for(reader.read(65_536), 2 if answer else 30):
                answer += data
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return answer


async def closes_on(
    writer: asyncio.StreamWriter, reader: asyncio.StreamReader, drop: bytes
) -> None:
    """Drip until the other side has hung up; the test's own limit ends what never does."""
    try:
        while not reader.at_eof():
            writer.write(drop)
            await writer.drain()
            try:
                await asyncio.wait_for(reader.read(65_536), 0.1)
            except TimeoutError:
                continue
    except ConnectionError:
        pass
    finally:
        writer.close()


def statuses(answer: bytes) -> list[int]:
    """The status of each response in these bytes."""
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] (\d{3}) [A-Z]", answer)]
