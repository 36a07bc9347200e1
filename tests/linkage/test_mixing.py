"""Numbers that are dealt anew cost no desk a parcel; rows that are laid anew stay what they are."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from tests.linkage.newsroom import Newsroom
from tests.linkage.people import EPOCH, EXPIRY_DAY
from tests.linkage.relays import Clock, running
from tests.linkage.visits import Visit
from tests.relay.made_parcels import LETTER_BYTES, ORIGINAL_BYTES, PREVIEW_BYTES, Made, make
from tests.relay.running_relay import Desk

from qanat_protocol.frames import AckStatus, Cursor, Opened
from qanat_protocol.parcel import Kind, Rank
from qanat_protocol.tags import desk_tag
from qanat_relay.node import Node
from qanat_relay.store import mixing
from qanat_relay.store.interface import Entry, Write
from qanat_relay.store.sqlite import SqliteStore

DAY_S = 86_400.0


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "relay", Clock()) as made:
        yield made


class Flow:
    """Letters for a desk, and the desk that pulls them."""

    def __init__(self, node: Node, seed: int = 0) -> None:
        self.node = node
        self.desk = Desk.made()
        self.tag = desk_tag(self.desk.desk_id, EPOCH)
        self.made: dict[bytes, Made] = {}
        self.newsroom = Newsroom(self.desk, False, {}, self.made)
        self._rng = Random(seed)

    async def come(
        self, count: int, kind: Kind = Kind.LETTER, size_bytes: int = LETTER_BYTES
    ) -> list[Made]:
        """So many letters, each in a commit of its own."""
        settings: dict[str, Any] = {"tag": self.tag, "expiry_day": EXPIRY_DAY}
        numbers = [self._rng.getrandbits(60) for _ in range(count)]
        found = [make(number, kind, size_bytes, **settings) for number in numbers]
        for made in found:
            self.made[made.parcel_id] = made
            self.newsroom.letter_of[made.parcel_id] = made.parcel_id
            (outcome,) = await self.node.store.write([made.put()], today=self.node.today())
            assert outcome.status is AckStatus.STORED
        return found

    async def pull(self) -> None:
        await self.newsroom.pull(self.node, 0)

    async def entries(self) -> list[Entry]:
        """What is held, in the order of the numbers."""
        return await self.node.store.list_tags([self.tag], Rank.LETTER, 0, 100_000)

    async def ids(self) -> list[bytes]:
        return [entry.header.parcel_id for entry in await self.entries()]


async def test_one_desk_is_given_everything_and_nothing_twice(node: Node) -> None:
    flow, rng, clock = Flow(node), Random(1), _clock(node)
    for _ in range(40):
        await flow.come(rng.randrange(12))
        for _ in range(rng.randrange(3)):
            clock.now_s += rng.choice((0, 3600, DAY_S))
            await node.store.sweep(node.today())
        if rng.random() < 0.5:
            await flow.pull()
    await flow.pull()
    assert flow.newsroom.given == Counter(list(flow.made))


async def test_desks_that_pull_now_and_then_are_given_everything(node: Node) -> None:
    flows, rng, clock = [Flow(node, seed) for seed in range(3)], Random(2), _clock(node)
    for _ in range(60):
        for flow, often in zip(flows, (0.9, 0.3, 0.05), strict=True):
            await flow.come(rng.randrange(6))
            if rng.random() < often:
                await flow.pull()
        clock.now_s += rng.choice((0, 3600, DAY_S / 4))
        await node.store.sweep(node.today())
    for flow in flows:
        await flow.pull()
        assert set(flow.newsroom.given) == set(flow.made)


async def test_a_session_goes_on_where_numbers_change_under_it(node: Node) -> None:
    flow = Flow(node)
    await flow.come(300)
    await node.store.sweep(node.today())
    await flow.come(20)
    visit = Visit(node)
    await visit.hear()
    visit.say(flow.newsroom.proof(visit, 0))
    before = await flow.ids()
    async for frame in flow.newsroom.frames(visit):
        if isinstance(frame, Cursor):
            flow.newsroom.cursors[0] = frame.cursor
            # As if another desk had been given all of it: nothing stands in the way.
            await node.store.sweep(node.today() + 1)
            await flow.come(1)
    assert await flow.ids() != before
    await flow.pull()
    assert set(flow.newsroom.given) == set(flow.made)


async def test_a_list_that_waited_while_numbers_changed_is_made_anew(node: Node) -> None:
    flow, store = Flow(node), cast(SqliteStore, node.store)
    # What a session lists first of all.
    await flow.come(20, Kind.PART, PREVIEW_BYTES)
    await flow.pull()
    await flow.come(20, Kind.PART, PREVIEW_BYTES)
    await store._writer.fill_offers()
    async with store._turns.changing():
        pulling = asyncio.create_task(flow.pull())
        await asyncio.sleep(0.5)
        found = await store._writer.step(partial(mixing.begin, bound=None, day_start=None))
        store._turns.era = found.era
        await store._mixer._mix_rows(mixing.mix_parcels, found.parcels)
    await pulling
    assert set(flow.newsroom.given) == set(flow.made)


async def test_a_cursor_of_an_earlier_process_leads_to_everything(tmp_path: Path) -> None:
    clock = Clock()
    async with running(tmp_path / "relay", clock) as node:
        flow = Flow(node)
        await flow.come(50)
        await flow.pull()
        await flow.come(50)
    async with running(tmp_path / "relay", clock) as flow.node:
        await flow.node.store.sweep(flow.node.today())
        await flow.come(50)
        await flow.node.store.sweep(flow.node.today() + 1)
        await flow.pull()
    assert set(flow.newsroom.given) == set(flow.made)


async def test_what_was_mixed_is_all_there_and_right(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixing, "AT_ONCE", 16)
    flow = Flow(node)
    letters = await flow.come(40)
    film = make(1, Kind.PART, ORIGINAL_BYTES, tag=flow.tag, expiry_day=EXPIRY_DAY)
    today = node.today()
    marks: list[Write] = [letters[0].opened(), letters[0].purged(), letters[2].opened()]
    await node.store.write([film.put(), letters[1].stamped(9), *marks], today=today)
    before = await node.store.stats()
    await node.store.sweep(today)
    assert [problem async for problem in node.store.check()] == []
    after = await node.store.stats()
    assert (after.letters, after.parts, after.purged) == (before.letters, before.parts, 1)
    for made in letters[1:]:
        assert await node.store.blocks(made.parcel_id, [0]) == [made.body]
    assert await node.store.blocks(film.parcel_id, [10]) == [film.blocks[10].data]
    tombstones = await node.store.list_tombstones(None, 0, 10)
    assert sum(isinstance(frame, Opened) for _, frame in tombstones) == 2
    (entry,) = [e for e in await flow.entries() if e.header.parcel_id == letters[1].parcel_id]
    assert entry.stamp is not None
    assert entry.stamp.effort == 9


async def test_nothing_is_mixed_past_a_cursor_until_the_day_is_over(node: Node) -> None:
    one, other = Flow(node, 1), Flow(node, 2)
    await one.come(30)
    await other.come(1)
    await one.pull()
    given = await one.ids()
    await one.come(30)
    await other.pull()
    await node.store.sweep(node.today())
    mixed = await one.ids()
    assert mixed[:30] != given
    assert set(mixed[:30]) == set(given)
    await node.store.sweep(node.today() + 1)
    assert set((await one.ids())[:30]) != set(given)


async def test_half_a_film_does_not_say_when_it_began(node: Node) -> None:
    films = [make(number, Kind.PART, ORIGINAL_BYTES, expiry_day=EXPIRY_DAY) for number in range(9)]
    for film in films:
        await node.store.write([film.put(0)], today=node.today())
    path = cast(SqliteStore, node.store)._path
    with closing(sqlite3.connect(path)) as connection:
        places = dict(connection.execute("SELECT id, place FROM partial").fetchall())
    order = [places[film.parcel_id] for film in films]
    assert order != sorted(order)
    assert order != sorted(order, reverse=True)


def _clock(node: Node) -> Clock:
    assert isinstance(node.clock, Clock)
    return node.clock
