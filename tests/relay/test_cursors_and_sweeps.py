"""Cursors over a store whose numbers every sweep deals anew: whatever is cut, restarted and swept
between pulls, a desk is given everything, and without a cut nothing twice."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from tests.relay.made_parcels import TAG, TODAY, make
from tests.relay.running_relay import Desk, Running, running_relay, talking
from tests.relay.test_server_giving import given, interest, store

from qanat_protocol.frames import Cursor, Idle, Opened
from qanat_protocol.parcel import Rank
from qanat_relay import desk_giving
from qanat_relay.giving import Giving
from qanat_relay.store import mixing
from qanat_relay.store.errors import StoreBroken
from qanat_relay.store.interface import Entry
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore
from qanat_relay.store.work import Work


@dataclass
class Editor:
    """A desk that keeps what it was given up to the cursor that it keeps."""

    desk: Desk = field(default_factory=Desk.made)
    cursor: bytes | None = None
    letters: list[bytes] = field(default_factory=list)
    opened: set[bytes] = field(default_factory=set)

    async def pull(self, relay: Running, draw: Random, *, is_cut: bool) -> None:
        async with talking(relay, "exchange") as talk:
            await talk.say(interest(talk, self.desk, cursor=self.cursor))
            await talk.until(Idle)
            frames = list(await talk.end())
        at = [place for place, frame in enumerate(frames) if isinstance(frame, Cursor)]
        if is_cut:
            # What came behind the last cursor that was kept is lost, with the cursors behind it.
            kept = draw.choice([0, *(place + 1 for place in at)])
            frames, at = frames[:kept], [place for place in at if place < kept]
        self.letters += given(frames)
        self.opened |= {frame.parcel_id for frame in frames if isinstance(frame, Opened)}
        if at:
            last = frames[at[-1]]
            assert isinstance(last, Cursor)
            self.cursor = last.cursor


class Story:
    """One relay, two editors, and what happens to them, drawn from a seed."""

    def __init__(self, seed: int, days: Sequence[int] = (0, 0, 1)) -> None:
        """days: after today, on which it is swept."""
        self.draw = Random(seed)
        self.days = days
        self.editors = [Editor(), Editor()]
        self.sent: dict[bytes, set[bytes]] = {each.desk.tag: set() for each in self.editors}
        self.marked: dict[bytes, set[bytes]] = {each.desk.tag: set() for each in self.editors}
        self.number = 0

    async def send(self, relay: Running) -> None:
        for _ in range(self.draw.choice([1, 3, 150])):
            tag = self.draw.choice(self.editors).desk.tag
            self.number += 1
            made = make(self.number, tag=tag, urgent=self.draw.random() < 0.1)
            await store(relay, made)
            self.sent[tag].add(made.parcel_id)
            if self.draw.random() < 0.1:
                await relay.store.write([made.opened()], today=TODAY)
                self.marked[tag].add(made.parcel_id)

    async def sweep(self, relay: Running) -> None:
        await relay.store.sweep(TODAY + self.draw.choice(self.days))

    async def live(self, relay: Running, *, cuts: bool) -> None:
        for _ in range(self.draw.randrange(3, 9)):
            doing = [self.send, self.send, self.sweep]
            work = [asyncio.create_task(self.draw.choice(doing)(relay))]
            if not cuts:
                await work[0]
            if self.draw.random() < 0.7:
                editor = self.draw.choice(self.editors)
                is_cut = cuts and self.draw.random() < 0.6
                work.append(asyncio.create_task(editor.pull(relay, self.draw, is_cut=is_cut)))
            await asyncio.gather(*work)

    async def settle(self, relay: Running) -> None:
        for editor in self.editors:
            await editor.pull(relay, self.draw, is_cut=False)
            tag = editor.desk.tag
            assert set(editor.letters) == self.sent[tag]
            assert editor.opened == self.marked[tag]


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(n, marks=pytest.mark.soak) for n in range(8, 400))]
)
async def test_a_desk_misses_nothing_whatever_is_swept_cut_and_restarted(
    tmp_path: Path, seed: int
) -> None:
    story = Story(seed)
    for _ in range(3):
        async with running_relay(tmp_path / "relay") as relay:
            await story.live(relay, cuts=True)
    async with running_relay(tmp_path / "relay") as relay:
        await story.settle(relay)


async def test_a_sweep_in_the_middle_of_a_session_gives_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, pages = Desk.made(), 0
    give_all = desk_giving.give_all
    async with running_relay(tmp_path / "relay") as relay:

        async def give_and_sweep(giving: Giving, entries: Sequence[Entry]) -> None:
            nonlocal pages
            await give_all(giving, entries)
            pages += 1
            if pages in (3, 5):
                await relay.store.sweep(TODAY)

        monkeypatch.setattr(desk_giving, "PAGE", 8)
        monkeypatch.setattr(desk_giving, "give_all", give_and_sweep)
        letters = [make(number, tag=desk.tag) for number in range(64)]
        for letter in letters:
            await store(relay, letter)
        async with talking(relay, "websocket") as talk:
            await talk.say(interest(talk, desk))
            await talk.until(Idle)
            ids = given(talk.heard)
        assert relay.store.era
    assert sorted(ids) == sorted(letter.parcel_id for letter in letters)


async def test_a_list_waits_for_a_mixing_whose_sweep_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go, mix = threading.Event(), threading.Event(), mixing.mix_parcels

    def mix_later(work: Work, arrivals: Sequence[int]) -> None:
        begun.set()
        go.wait()
        mix(work, arrivals)

    monkeypatch.setattr(mixing, "mix_parcels", mix_later)
    store = await SqliteStore.open(tmp_path, StoreLimits())
    made = [make(number) for number in range(64)]
    await store.write([each.put() for each in made], today=TODAY)
    sweep = asyncio.create_task(store.sweep(TODAY))
    await asyncio.to_thread(begun.wait)
    sweep.cancel()
    asyncio.get_running_loop().call_later(0.2, go.set)
    listed = await store.list_tags([TAG], Rank.LETTER, 0, 32)
    with pytest.raises(asyncio.CancelledError):
        await sweep
    # What is written now comes behind all that the writer was given before.
    made.append(make(64))
    await store.write([made[-1].put()], today=TODAY)
    (at,) = await store.resume([listed[-1].arrival], store.era)
    listed += await store.list_tags([TAG], Rank.LETTER, at, 64)
    assert {entry.header.parcel_id for entry in listed} == {each.parcel_id for each in made}
    await store.close()


async def test_a_mixing_that_was_cut_is_done_again_and_a_desk_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mix, mixed = mixing.mix_parcels, 0

    def fail_at_the_second(work: Work, arrivals: Sequence[int]) -> None:
        nonlocal mixed
        mixed += 1
        if mixed == 2:
            raise sqlite3.OperationalError("disk I/O error")
        mix(work, arrivals)

    monkeypatch.setattr(mixing, "AT_ONCE", 32)
    store = await SqliteStore.open(tmp_path, StoreLimits())
    made = [make(number) for number in range(64)]
    await store.write([each.put() for each in made], today=TODAY)
    listed, era = await store.list_tags([TAG], Rank.LETTER, 0, 48), store.era
    with monkeypatch.context() as failing:
        failing.setattr(mixing, "mix_parcels", fail_at_the_second)
        with pytest.raises(StoreBroken):
            await store.sweep(TODAY)
    await store.close()
    store = await SqliteStore.open(tmp_path, StoreLimits())
    before = await store.list_tags([TAG], Rank.LETTER, 0, 64)
    # What was begun is ended, also behind the cursors of this day.
    assert await store.note_given(bytes(32), 16, store.era)
    await store.sweep(TODAY)
    after = await store.list_tags([TAG], Rank.LETTER, 0, 64)
    kept = sum(was.header == now.header for was, now in zip(before, after, strict=True))
    assert kept < 16
    (at,) = await store.resume([listed[-1].arrival], era)
    listed += await store.list_tags([TAG], Rank.LETTER, at, 64)
    assert {entry.header.parcel_id for entry in listed} == {each.parcel_id for each in made}
    await store.sweep(TODAY)
    assert await store.list_tags([TAG], Rank.LETTER, 0, 64) == after
    await store.close()


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(n, marks=pytest.mark.soak) for n in range(3, 100))]
)
async def test_a_desk_that_was_not_cut_is_given_nothing_twice_on_a_day(
    tmp_path: Path, seed: int
) -> None:
    # A repetition may come when a day is over, but for the desk that came last, and when a sweep
    # goes on while the desk is given something.
    story = Story(seed, days=[0])
    async with running_relay(tmp_path / "relay") as relay:
        await story.live(relay, cuts=False)
        await story.settle(relay)
    for editor in story.editors:
        assert len(editor.letters) == len(set(editor.letters))
