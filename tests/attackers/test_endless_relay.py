"""A relay that never ends: neither a phone nor a desk lets it take memory or hold up the others."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from tests.attackers.peak import measured
from tests.attackers.scene import Scene
from tests.client.desk.lying_relay import LyingRelay, lying_relay
from tests.client.desk.newsroom import Clock, Made, Newsroom, Writer, frames_of
from tests.client.reporter_runs import start

from qanat_client.desk.exchange import MAX_OUTSTANDING
from qanat_client.desk.tombstones import MAX_UNPROVEN_ALARMS
from qanat_protocol.frames import (
    Block,
    Cells,
    Cursor,
    DeskInterest,
    Frame,
    HeaderFrame,
    Idle,
    Leaves,
    Offers,
    Opened,
    Purge,
)
from qanat_protocol.limits import MAX_OFFERS
from qanat_protocol.parcel import Header, Kind, parse_header
from qanat_protocol.receipt import sign_receipt

BOUNDED = (
    "However much it sends, neither phone nor desk keeps more in memory than some tens of MiB above"
    " what an honest relay costs, and one that drips is given up."
)
MARGIN_BYTES = 16 << 20
"""Far less than what is sent takes once each frame of it is remembered."""

Frames = Callable[[LyingRelay], Iterator[list[Frame]]]


def _public(size: int) -> Header:
    return Header(
        kind=Kind.PUBLIC,
        urgent=False,
        expiry_day=30_000,
        body_size=size,
        tag=os.urandom(16),
        lock=os.urandom(32),
        root=os.urandom(32),
    )


def idle(_: LyingRelay) -> Iterator[list[Frame]]:
    while True:
        yield [Idle()] * 1000


def cells(_: LyingRelay) -> Iterator[list[Frame]]:
    for number in count():
        yield [Cells(0, number * 2048, os.urandom(12 * 2048))]


def offers(_: LyingRelay) -> Iterator[list[Frame]]:
    for number in count():
        some = os.urandom(16 * MAX_OFFERS)
        each = tuple(some[at : at + 16] for at in range(0, len(some), 16))
        yield [Offers(number * MAX_OFFERS, each)]


def headers_of_nothing(_: LyingRelay) -> Iterator[list[Frame]]:
    for handle in count(0, 100):
        yield [HeaderFrame(handle + n, b"\x09" + os.urandom(95)) for n in range(100)]


def headers_and_wrong_blocks(_: LyingRelay) -> Iterator[list[Frame]]:
    for handle in count():
        yield [HeaderFrame(handle, _public(4096).encode()), Block(handle, 0, b"x")]


def half_bodies(_: LyingRelay) -> Iterator[list[Frame]]:
    """The largest ones, never whole: 64 lists, then nothing but what has come already."""
    for handle in range(60):
        yield [HeaderFrame(handle, _public(2**20).encode())]
    for handle in count(60):
        yield [
            HeaderFrame(handle, _public(2**20).encode()),
            Leaves(handle, 0, (bytes(32),) * 64),
        ]


def _handed_in(relay: LyingRelay) -> bytes:
    header = next(frame.header for frame in relay.heard if isinstance(frame, HeaderFrame))
    return parse_header(header).parcel_id


def openings_of_ours(relay: LyingRelay) -> Iterator[list[Frame]]:
    parcel_id = _handed_in(relay)
    while True:
        yield [Opened(parcel_id, os.urandom(32), bytes(32), bytes(65))] * 100


def purges(_: LyingRelay) -> Iterator[list[Frame]]:
    while True:
        yield [Purge(os.urandom(32), os.urandom(32)) for _ in range(500)]


def endless(*kinds: tuple[Frames, int]) -> Callable[[LyingRelay], Awaitable[None]]:
    """Say each until so many bytes are out or the other side has had enough, and end well."""

    async def lie(relay: LyingRelay) -> None:
        await relay.hear(HeaderFrame, DeskInterest)
        for kind, wire_bytes in kinds:
            sent = 0
            for frames in kind(relay):
                sent += await relay.say(*frames)
                if sent > wire_bytes:
                    break

    return lie


MIB = 1 << 20
TO_A_PHONE: list[list[tuple[Frames, int]]] = [
    [(idle, MIB // 8), (cells, MIB), (openings_of_ours, MIB), (purges, MIB)],
    [(headers_of_nothing, MIB)],
    [(headers_and_wrong_blocks, MIB)],
    [(half_bodies, MIB)],
    [(offers, 4 * MIB)],
]
"""Session by session, and how many bytes of each: some thousands of frames."""


async def _is_bounded_on_a_phone(scene: Scene, times: int) -> None:
    await scene.queue()
    before = scene.queued()
    sync = ("qanat", "--home", scene.home, "sync", "--json")
    usual = await measured(*sync)
    assert usual.code == 0
    grown: dict[str, int] = {}
    for kinds in TO_A_PHONE:
        scene.liar.script = endless(*((kind, size * times) for kind, size in kinds))
        done = await measured(*sync)
        assert done.code == 0, done.err
        assert scene.liar.script is None
        assert len(done.out) < 20_000, "what is told has an end"
        (liar,) = (told for told in done.json["relays"] if told["relay"] == scene.liar.url)
        offered = kinds[-1][0] is offers
        assert ("more than 65,536 offers" in liar["problem"]) == offered, liar
        assert offered or not liar["problem"], "it heard all of it"
        grown[kinds[-1][0].__name__] = done.peak_bytes - usual.peak_bytes
    assert all(size < MARGIN_BYTES for size in grown.values()), grown
    await scene.assert_safe(before)


@pytest.mark.promise(BOUNDED)
async def test_what_a_relay_sends_without_end_takes_no_memory_of_a_phone(scene: Scene) -> None:
    await _is_bounded_on_a_phone(scene, 1)


@pytest.mark.soak
@pytest.mark.promise(BOUNDED)
async def test_what_a_relay_sends_for_longer_takes_no_more(scene: Scene) -> None:
    await _is_bounded_on_a_phone(scene, 64)


@pytest.mark.promise(BOUNDED)
async def test_a_relay_that_drips_is_given_up_and_holds_nobody_else_up(scene: Scene) -> None:
    await scene.queue()
    before = scene.queued()

    async def drips(relay: LyingRelay) -> None:
        await relay.write(b"\xff\xff")
        while True:
            await relay.write(b"\0")
            await asyncio.sleep(0.05)

    scene.liar.script = drips
    liar, honest = await scene.sync("--stall-timeout", "0.3")
    assert "too slow" in liar["problem"]
    assert honest["signed"] == 1
    await scene.assert_safe(before)


@pytest.mark.promise(BOUNDED)
async def test_a_relay_that_never_ends_keeps_no_later_report_of_a_watch_from_the_others(
    scene: Scene,
) -> None:
    await scene.queue("The first.")

    async def chats(relay: LyingRelay) -> None:
        relay.script = chats
        while True:
            await relay.say(*[Idle()] * 100)
            await asyncio.sleep(0.05)

    scene.liar.script = chats
    options = ("--watch", "--every", "0.2", "--round-timeout", "2")
    watch = start(scene.home, "sync", *options)
    try:
        for count_there in (1, 2):
            while len(await scene.arrived()) < count_there:
                assert watch.poll() is None
                await asyncio.sleep(0.1)
            if count_there == 1:
                await scene.queue("The second.")
    finally:
        watch.terminate()
        await asyncio.to_thread(watch.communicate)
    assert scene.liar.sessions >= 2


@pytest.mark.promise(BOUNDED)
async def test_a_relay_that_never_ends_and_confirms_nothing_starts_no_round_by_itself(
    scene: Scene,
) -> None:
    await scene.queue("The first.")

    async def chats(relay: LyingRelay) -> None:
        while True:
            await relay.say(*[Idle()] * 100)
            await asyncio.sleep(0.05)

    scene.liar.script = chats
    watch = start(scene.home, "sync", "--watch", "--every", "5000", "--round-timeout", "1")
    assert watch.stdout is not None
    try:
        told = b""
        while b"Again about every 5000 seconds" not in told:
            line = await asyncio.to_thread(watch.stdout.readline)
            assert line, "the watch ended"
            told += line
    finally:
        watch.terminate()
        await asyncio.to_thread(watch.communicate)
    assert scene.liar.sessions == 1


class ToADesk:
    """What is sent to a desk about a letter that it has."""

    def __init__(self, letter: Made, today: int) -> None:
        self._letter = letter
        self._today = today

    def the_letters_offer(self, _: LyingRelay) -> Iterator[list[Frame]]:
        for number in count():
            yield [Offers(number * MAX_OFFERS, (self._letter.header.offer,) * MAX_OFFERS)]

    def receipts_of_every_day(self, relay: LyingRelay) -> Iterator[list[Frame]]:
        for day in count(self._today):
            yield [sign_receipt(relay.key, day, [self._letter.parcel_id] * 4)]

    def headers_under_its_tag(self, _: LyingRelay) -> Iterator[list[Frame]]:
        for handle in count():
            header = replace(self._letter.header, lock=os.urandom(32))
            yield [HeaderFrame(handle, header.encode()), Block(handle, 0, b"x")]

    def cursors(self, _: LyingRelay) -> Iterator[list[Frame]]:
        while True:
            yield [Cursor(0, os.urandom(64)) for _ in range(100)]


@pytest.mark.promise(BOUNDED)
async def test_what_a_relay_sends_without_end_takes_no_memory_of_a_desk(tmp_path: Path) -> None:
    newsroom = Newsroom(tmp_path / "desk", Clock(time.time()))
    async with lying_relay(newsroom.clock.now_s) as relay:
        card = await asyncio.to_thread(newsroom.init, "--relay", relay.url)
        letter = Writer(card, newsroom.clock.today).write()[1][0]
        secret = tmp_path / "desk.passphrase"
        pull = (
            "qanat-desk",
            "--json",
            "--home",
            newsroom.home,
            "--passphrase-file",
            secret,
            "pull",
        )

        async def gives_the_letter(liar: LyingRelay) -> None:
            await liar.hear(DeskInterest)
            await liar.say(*frames_of(letter, 0))

        relay.script = gives_the_letter
        usual = await measured(*pull)
        assert usual.json["reports"] == 1
        about = ToADesk(letter, newsroom.clock.today)
        sessions: list[list[tuple[Frames, int]]] = [
            [
                (about.receipts_of_every_day, MIB // 128),
                (about.headers_under_its_tag, MIB // 8),
                (about.cursors, MIB // 4),
                (purges, MIB // 8),
                (idle, MIB // 16),
                (about.the_letters_offer, MIB // 4),
            ],
            [(offers, MIB)],
        ]
        grown: dict[str, int] = {}
        for kinds in sessions:
            relay.script = endless(*kinds)
            done = await measured(*pull)
            assert relay.script is None
            assert len(done.out) < 20_000, "what is told has an end"
            assert done.json["relays"][0]["complete"], done.json
            grown[kinds[-1][0].__name__] = done.peak_bytes - usual.peak_bytes
    assert all(size < MARGIN_BYTES for size in grown.values()), grown
    desk = newsroom.open()
    counts = [
        desk.vault.value(f"SELECT count(*) FROM {table}")  # noqa: S608
        for table in ("skipped", "receipts", "alarms", "parcels", "reports")
    ]
    desk.vault.close()
    assert counts[0] <= MAX_OUTSTANDING < MIB // 16
    assert counts[1:] == [1, MAX_UNPROVEN_ALARMS, 1, 1]
