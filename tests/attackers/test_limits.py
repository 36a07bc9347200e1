"""What many connections, random messages and dear questions cost a relay: bounded, and nobody else
his letter."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest
from tests.attackers.peak import resident_bytes
from tests.attackers.test_flood import STORED, alive, handed_over, place_of
from tests.client.made_desk import today
from tests.client.relay_process import RelayProcess
from tests.relay.made_parcels import make
from tests.relay.running_relay import Desk, Place, Talk, raw_talk, running_relay, talking
from tests.relay.test_server_giving import desk
from tests.relay.test_server_sketches import filled, sketched

from qanat_protocol.days import epoch_of
from qanat_protocol.errors import RemoteError
from qanat_protocol.frames import (
    Ack,
    AckEntry,
    AckStatus,
    Bisect,
    Block,
    Cursor,
    Error,
    Frame,
    HeaderFrame,
    Leaves,
    Opened,
    OpenedInterest,
    Partial,
    PublicInterest,
    PublicWant,
    Purge,
    RepliesInterest,
    Stamp,
    Want,
)
from qanat_protocol.reconciliation import MAX_QUESTIONS, MAX_TAKEN_CELLS
from qanat_protocol.session import HELLO
from qanat_protocol.verdicts import Verdict

__all__ = ["desk"]

BOUNDED = (
    "However many connections drip, come and go or say random things, a relay's memory stays"
    " bounded, and it takes the next letter."
)
GROWTH_BYTES = 48 << 20


@pytest.fixture
def process(tmp_path: Path) -> Iterator[RelayProcess]:
    relay = RelayProcess(tmp_path / "relay")
    yield relay
    relay.stop()


async def connect(relay: RelayProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = relay.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


@pytest.mark.promise(BOUNDED)
@pytest.mark.parametrize("count", [150, pytest.param(1000, marks=pytest.mark.soak)])
async def test_connections_that_drip_keep_no_letter_out(process: RelayProcess, count: int) -> None:
    assert await handed_over(place_of(process), alive(make(1))) == [STORED]
    before = resident_bytes(process.pid)
    lines = [await connect(process) for _ in range(count)]
    try:
        for _ in range(3):
            for _, writer in lines:
                writer.write(os.urandom(1))
            await asyncio.sleep(0.05)
        assert await handed_over(place_of(process), alive(make(2))) == [STORED]
        assert resident_bytes(process.pid) - before < GROWTH_BYTES
    finally:
        for _, writer in lines:
            writer.close()


@pytest.mark.promise(BOUNDED)
@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_connections_that_come_and_go_leave_nothing(
    process: RelayProcess, count: int
) -> None:
    assert await handed_over(place_of(process), alive(make(1))) == [STORED]
    before = resident_bytes(process.pid)
    for start in range(0, count, 50):
        lines = await asyncio.gather(*(connect(process) for _ in range(50)))
        for number, (_, writer) in enumerate(lines):
            # Some say nothing, some half of something, some garbage.
            writer.write((b"", b"POST /v1/ex", os.urandom(100))[(start + number) % 3])
            writer.close()
    assert await handed_over(place_of(process), alive(make(2))) == [STORED]
    assert resident_bytes(process.pid) - before < GROWTH_BYTES


def random_frame(source: Random, handle: int) -> Frame:
    """A frame whose form is right, and what it says is anything."""
    made = make(source.randrange(10**9))
    name, number = source.randbytes(32), source.randrange(1 << 20)
    some = tuple(source.randbytes(16) for _ in range(source.randrange(1, 20)))
    frames: list[Frame] = [
        Stamp(name, epoch_of(today()), number + 1, source.randbytes(16)),
        Purge(name, source.randbytes(32)),
        Opened(name, source.randbytes(32), source.randbytes(32), source.randbytes(65)),
        Want(some),
        Ack(number, (AckEntry(number, AckStatus.STORED, 0),)),
        Partial(name, source.randbytes(9) + b"\x01"),
        Cursor(source.randrange(32), source.randbytes(64)),
        HeaderFrame(handle, made.header.encode()),
        Block(source.randrange(9), source.randrange(9), source.randbytes(source.randrange(1, 99))),
        Leaves(source.randrange(9), source.randrange(3), (source.randbytes(32),)),
        RepliesInterest(source.randrange(32), 0, bytes(4)),
        OpenedInterest(source.randrange(32), 0, (bytes(4),)),
        PublicInterest(source.randrange(32), (PublicWant(source.randbytes(16), 0, 0),)),
    ]
    return source.choice(frames)


async def say_random_things(place: Place, source: Random, count: int) -> int:
    """As many messages as a session hears before it ends by one of them, in sessions; how many
    sessions it took."""
    said = sessions = 0
    while said < count:
        sessions += 1
        async with raw_talk(place, "websocket") as talk:
            frames = [random_frame(source, 0) for _ in range(source.randrange(1, 50))]
            data = talk.session.start() + talk.session.send(HELLO, *frames)
            is_cut = source.random() < 0.2
            if is_cut:
                data = data[: source.randrange(len(data))] + source.randbytes(99)
            try:
                await talk.send_raw(data)
                # What was cut short is waited for, and not answered.
                if not is_cut:
                    await talk.hear()
            except (RemoteError, ConnectionError):
                pass
            said += len(frames) + 1
    return sessions


@pytest.mark.promise(BOUNDED)
@pytest.mark.parametrize("count", [1500, pytest.param(1_000_000, marks=pytest.mark.soak)])
async def test_random_messages_neither_fill_a_relay_nor_stop_it(
    process: RelayProcess, count: int
) -> None:
    letter = alive(make(1))
    assert await handed_over(place_of(process), letter) == [STORED]
    before = resident_bytes(process.pid)
    assert await say_random_things(place_of(process), Random(7), count) > 10
    assert await handed_over(place_of(process), letter) == [(AckStatus.HAVE, 0)]
    assert resident_bytes(process.pid) - before < GROWTH_BYTES


@pytest.mark.promise(BOUNDED)
async def test_the_dearest_questions_about_a_sketch_keep_no_letter_out(
    tmp_path: Path, desk: Desk
) -> None:
    async with running_relay(tmp_path / "relay") as relay, AsyncExitStack() as stack:
        letters = await filled(relay, desk)
        asking = []
        for _ in range(4):
            talk = await stack.enter_async_context(talking(relay, "websocket"))
            await sketched(talk, desk, letters)
            asking.append(asyncio.create_task(ask_dearly(talk)))
        assert await handed_over(relay, make(900_000)) == [STORED]
        verdicts = await asyncio.gather(*asking)
        assert set(verdicts) == {Verdict.TOO_LARGE}
        assert await handed_over(relay, make(900_001)) == [STORED]


async def ask_dearly(talk: Talk) -> int:
    """Ask for as many cells of as many halves as one is told, and once more; how it ends."""
    questions = [Bisect(0, 10, bytes(4), 0, MAX_TAKEN_CELLS // MAX_QUESTIONS)]
    await talk.say(*questions * (MAX_QUESTIONS + 1))
    return [frame for frame in await talk.rest() if isinstance(frame, Error)][-1].verdict
