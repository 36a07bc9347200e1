"""What a crowd of strangers holds of a relay: never what others need, nor more than it can bear."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.relay.made_parcels import TODAY, Made, make
from tests.relay.running_relay import Desk, Running, running_relay, talking, transfer
from tests.relay.test_server_giving import desk

from qanat_client.reporter.line import QUIET_S
from qanat_protocol.card import parse_card
from qanat_protocol.frames import AckEntry, AckStatus
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.parcel import Kind
from qanat_protocol.session import HELLO, ClientSession
from qanat_protocol.tags import public_tag
from qanat_protocol.verdicts import Verdict
from qanat_relay import custody, deposits
from qanat_relay.admission import gate, keeper
from qanat_relay.admission.ticket import Lane
from qanat_relay.conversation import Conversation
from qanat_relay.store import shortness
from qanat_relay.store.errors import StoreFull
from qanat_relay.store.files import DATABASE

__all__ = ["desk"]


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay") as running:
        yield running


class DeafLine:
    """A link whose other end sends, and takes nothing after the first answer."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.is_gone = False

    async def receive(self) -> bytes:
        return await self.said.get()

    async def send(self, data: bytes) -> None:
        if self.heard.empty():
            self.heard.put_nowait(data)
        else:
            await asyncio.Event().wait()

    def abort(self) -> None:
        self.is_gone = True
        self.said.put_nowait(b"")


async def test_who_reads_no_answer_shuts_no_lane(
    relay: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, session = DeafLine(), ClientSession(relay.sealing_key)
    talk = asyncio.create_task(Conversation(relay.node, line).run())
    line.said.put_nowait(session.start())
    line.said.put_nowait(session.send(HELLO))
    while line.heard.empty():  # noqa: ASYNC110 - the relay's welcome, which wakes nobody here
        await asyncio.sleep(0.01)
    for handle in range(40):
        letter = make(handle, size_bytes=BLOCK_BYTES)
        line.said.put_nowait(session.send(*transfer(letter, handle)))
    async with asyncio.timeout(60):
        while (await relay.store.stats()).letters < 40:  # noqa: ASYNC110 - a number
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert relay.node.waiting.size_bytes > 4 * BLOCK_BYTES
    # Only now, so that none of the letters had to wait for its turn.
    monkeypatch.setattr(keeper, "MAX_QUEUED_BYTES", 4 * BLOCK_BYTES)
    await relay.node.keeper.look(time.monotonic())
    assert relay.node.gate.lets_in(Lane.LETTERS)
    line.abort()
    talk.cancel()
    await asyncio.wait([talk])
    waiting = relay.node.waiting
    assert (waiting.size_bytes, waiting.queued_bytes) == (0, 0)


async def test_documents_that_are_never_whole_have_one_memory_together(
    relay: Running, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deposits, "MAX_WHOLE_TOGETHER_BYTES", 3 * BLOCK_BYTES)
    relay.node.desks.take(parse_card(desk.card()))

    def document(number: int) -> Made:
        return make(number, Kind.PUBLIC, 3 * BLOCK_BYTES, tag=public_tag(desk.desk_id))

    busy = AckEntry(0, AckStatus.REFUSED, Verdict.BUSY)
    async with talking(relay, "websocket") as other:
        async with talking(relay, "websocket") as talk:
            await talk.say(*transfer(document(1), 0, 0, 1))
            while relay.node.waiting.documents_bytes < 2 * BLOCK_BYTES:  # noqa: ASYNC110 - a number
                await asyncio.sleep(0.01)
            await other.say(*transfer(document(2), 0, 0, 1))
            assert await other.statuses(1) == {0: busy}
        # What is left behind is forgotten with its session.
        async with asyncio.timeout(20):
            while relay.node.waiting.documents_bytes:  # noqa: ASYNC110 - a number, which wakes nobody
                await asyncio.sleep(0.01)
        # It is let in again, and judged: it is no document.
        await other.say(*transfer(document(3), 1))
        assert (await other.statuses(2))[1].value != Verdict.BUSY
    assert relay.node.waiting.documents_bytes == 0


async def leave_no_room(relay: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """As what peers and desks bring does, or a smaller disk; the free lane, too, has used up what
    it had."""
    monkeypatch.setattr(gate, "FREE_BURST_BYTES", 0)
    kept_bytes = (await relay.store.stats()).kept_bytes
    relay.node.keeper.change(replace(relay.node.config, capacity_bytes=kept_bytes))
    while relay.node.gate.lets_in(Lane.LETTERS):  # noqa: ASYNC110 - seen at its next look
        await asyncio.sleep(0.01)


async def test_a_relay_without_room_says_so_and_asks_nobody_to_work(
    relay: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "WAIT_S", 0.3)
    await relay.store.write([make(number).put() for number in range(100)], today=TODAY)
    await leave_no_room(relay, monkeypatch)
    async with talking(relay, "exchange") as talk:
        await talk.say(*transfer(make(1000), 0))
        assert (await talk.statuses(1))[0].value == Verdict.REFUSED_FULL
        await talk.end()


async def test_who_was_refused_much_and_is_idle_now_slows_nobody_down(
    relay: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "WAIT_S", 0.2)
    monkeypatch.setattr(deposits, "PATIENT_REFUSALS", 2)
    await leave_no_room(relay, monkeypatch)
    async with talking(relay, "websocket") as talk:
        for handle in range(20):
            await talk.say(*transfer(make(handle), handle))
        assert {one.value for one in (await talk.statuses(20)).values()} == {Verdict.REFUSED_FULL}
        # It waits once more for them, and then says nothing.
        await talk.say(*transfer(make(20), 20))
        await talk.statuses(21)
        async with asyncio.timeout(10):
            while relay.node.keeper.slowed:  # noqa: ASYNC110 - what is in it, which wakes nobody
                await asyncio.sleep(0.01)


def test_no_pause_for_refusals_is_longer_than_a_reporter_waits() -> None:
    assert deposits.REFUSED_PAUSE_S + custody.LAZY_S < QUIET_S - 2


async def test_a_reader_on_a_disk_that_is_full_is_not_waited_for_by_each_in_turn(
    relay: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortness, "room_on", lambda _: 0)
    # What is free is less than what has to stay free.
    monkeypatch.setattr(shortness, "reserve_on", lambda _: 1 << 60)
    monkeypatch.setattr(shortness, "AGAIN_S", 100.0)
    monkeypatch.setattr(shortness, "WAIT_MS", 2000)
    path = relay.data / "store" / DATABASE
    await relay.store.write([make(0).put()], today=TODAY)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM parcel").fetchone()
        # Until what they add to the log needs more room in the file than there is.
        with suppress(StoreFull):
            for number in range(1, 1000):
                await relay.store.write([make(number).put()], today=TODAY)
        begun_s = time.monotonic()
        for number in range(2000, 2010):
            with pytest.raises(StoreFull):
                await relay.store.write([make(number).put()], today=TODAY)
        assert time.monotonic() - begun_s < 5 * shortness.WAIT_MS / 1000
