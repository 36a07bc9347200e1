"""Somebody with a computer against one relay: valid letters without a stamp, lines that drip, and
garbage. A process of its own, so that its work is not the relay's.

`python -m tests.attackers.flooder URL SEALING_KEY --letters N ...` ends when all was brought or its
input ends, and prints as JSON what came of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections import Counter

import aiohttp
from tests.client.made_desk import today
from tests.relay.running_relay import Place, Talk, raw_talk

from qanat_protocol.errors import RemoteError
from qanat_protocol.frames import Ack, AckStatus, Block, HeaderFrame, Welcome
from qanat_protocol.merkle import leaf_hash, root_of
from qanat_protocol.parcel import Header, Kind
from qanat_protocol.session import HELLO
from qanat_protocol.verdicts import Verdict

LETTER_BYTES = 4096
WINDOW = 64
"""Letters of one session that have no answer yet."""


def make(tag: bytes, day: int) -> tuple[Header, bytes]:
    """A letter as valid as any: nobody but its desk could tell that it is none."""
    body = os.urandom(LETTER_BYTES)
    root = root_of([leaf_hash(body)])
    return Header(Kind.LETTER, False, day + 60, LETTER_BYTES, tag, os.urandom(32), root), body


class Flood:
    """What is brought, and what the relay said of it."""

    def __init__(self, place: Place, letters: int, one_tag: bytes | None) -> None:
        self._place = place
        self._left = letters
        self._tag = one_tag
        self.said: Counter[str] = Counter()

    async def bring(self) -> None:
        """One session after the other, until nothing is left."""
        while self._left > 0:
            # What the relay hangs up on is begun again.
            with contextlib.suppress(AssertionError, RemoteError, aiohttp.ClientError):
                async with raw_talk(self._place, "websocket") as talk:
                    await talk.send_raw(talk.session.start())
                    await talk.say(HELLO)
                    await talk.until(Welcome)
                    await self._session(talk)

    async def _session(self, talk: Talk) -> None:
        day, sent, answered = today(), 0, 0
        while self._left > 0 or answered < sent:
            while self._left > 0 and sent - answered < WINDOW:
                self._left -= 1
                header, body = make(self._tag or os.urandom(16), day)
                await talk.say(HeaderFrame(sent, header.encode()), Block(sent, 0, body))
                sent += 1
            assert await talk.hear()
            for ack in talk.all(Ack):
                for entry in ack.entries:
                    answered += 1
                    refused = entry.status is AckStatus.REFUSED
                    self.said[Verdict(entry.value).name if refused else entry.status.name] += 1
            talk.heard.clear()


async def drip(host: str, port: int) -> None:
    """Keep a line open with as little as may be."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"POST /v1/exchange HTTP/1.1\r\nHost: relay\r\n")
                while True:
                    writer.write(b"X-Drip: 1\r\n")
                    await writer.drain()
                    await asyncio.sleep(1.0)
            finally:
                writer.close()
        await asyncio.sleep(0.1)


async def throw_garbage(host: str, port: int) -> None:
    """What is no session and no HTTP, again and again."""
    head = b"POST /v1/exchange HTTP/1.1\r\nHost: relay\r\nContent-Length: 4000\r\n\r\n"
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write((head if os.urandom(1)[0] & 1 else b"") + os.urandom(4000))
                await writer.drain()
                await asyncio.wait_for(reader.read(1000), 5)
            except TimeoutError:
                pass
            finally:
                writer.close()
        await asyncio.sleep(0.05)


async def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("sealing_key", type=bytes.fromhex)
    parser.add_argument("--letters", type=int, default=0)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--tag", type=bytes.fromhex)
    parser.add_argument("--drips", type=int, default=0)
    parser.add_argument("--garbage", type=int, default=0)
    given = parser.parse_args()
    host, port = given.url.removeprefix("http://").split(":")
    begun_s = time.process_time()
    flood = Flood(Place(given.url, given.sealing_key), given.letters, given.tag)
    tasks = [asyncio.create_task(drip(host, int(port))) for _ in range(given.drips)]
    tasks += [asyncio.create_task(throw_garbage(host, int(port))) for _ in range(given.garbage)]
    bringing = asyncio.gather(*(flood.bring() for _ in range(given.sessions)))
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    await asyncio.wait({bringing, ended, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    if given.letters == 0 or not bringing.done():
        await ended
    print(json.dumps({**flood.said, "cpu_s": time.process_time() - begun_s}), flush=True)
    # With all that is still open: whoever floods says no goodbye.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
