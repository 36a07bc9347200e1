"""A relay that is brought more than it has room for: who waits, who pays, who is let in."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.relay.made_parcels import ORIGINAL_BYTES, TAG, TODAY, Made, make, part
from tests.relay.running_relay import Desk, Running, Talk, running_relay, talking, transfer
from tests.relay.test_server_giving import desk, interest

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.card import parse_card
from qanat_protocol.days import epoch_of
from qanat_protocol.frames import (
    Ack,
    AckEntry,
    AckStatus,
    HeaderFrame,
    Idle,
    Offers,
    Partial,
    Stamp,
    Welcome,
)
from qanat_protocol.parcel import Kind, Rank
from qanat_protocol.stamp import FIRST_EFFORT, find_stamp
from qanat_protocol.verdicts import Verdict
from qanat_relay import custody, deposits
from qanat_relay.admission import bucket, gate, keeper
from qanat_relay.admission.lobby import HELD_BYTES
from qanat_relay.admission.ticket import Lane
from qanat_relay.store.interface import Outcome

__all__ = ["desk"]

ROOM: dict[str, Any] = {
    "capacity_bytes": 16 << 20,
    "partial_bytes": 4 << 20,
    "largest_body_bytes": 1 << 20,
}
"""Some hundred and fifty letters for nothing, and as many for a stamp."""

SHORT_S = 0.5
WANTED = AckEntry(0, AckStatus.REFUSED, Verdict.STAMP_WANTED)


@pytest.fixture
def is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes some seconds takes a fraction of one; a stamp takes no time at all. However long a
    test takes, nothing comes into a lane by itself: whoever is refused once is refused again."""
    monkeypatch.setattr(gate, "WAIT_S", SHORT_S)
    monkeypatch.setattr(gate, "PERIOD_S", 0.2)
    monkeypatch.setattr(gate, "FREE_SHARE", 0.0)
    monkeypatch.setattr(gate, "FREE_DRAIN_S", math.inf)
    monkeypatch.setattr(bucket, "DRAIN_S", math.inf)
    monkeypatch.setattr(keeper, "REST_S", 0.05)
    monkeypatch.setattr(keeper, "LOOK_S", 0.05)


@pytest.fixture
async def small(tmp_path: Path, is_fast: None) -> AsyncIterator[Running]:
    """A relay with little room."""
    async with running_relay(tmp_path / "relay", **ROOM) as relay:
        yield relay


def stamp(made: Made, effort: int = FIRST_EFFORT) -> Stamp:
    found = find_stamp(
        made.parcel_id, epoch_of(TODAY), effort, start=bytes(16), tries=effort * 1000
    )
    assert found is not None
    return found


async def brought(talk: Talk, *parcels: Made, first: int = 0) -> list[AckEntry]:
    """What becomes of parcels in a session."""
    for handle, made in enumerate(parcels, first):
        await talk.say(*transfer(made, handle))
    found = await talk.statuses(first + len(parcels))
    return [found[first + number] for number in range(len(parcels))]


async def flood(relay: Running, numbers: range = range(10_000, 10_400)) -> int:
    """Bring letters for nothing until some are refused; how many were taken."""
    taken = 0
    async with talking(relay, "websocket") as talk:
        for start in range(0, len(numbers), 50):
            some = [make(number) for number in numbers[start : start + 50]]
            entries = await brought(talk, *some, first=start)
            taken += sum(entry.status is AckStatus.STORED for entry in entries)
            if any(entry.status is AckStatus.REFUSED for entry in entries):
                assert {entry.value for entry in entries if entry.status is AckStatus.REFUSED} == {
                    Verdict.STAMP_WANTED
                }
                return taken
    raise AssertionError("all of a flood was taken")


async def hand_in(relay: Running, *parcels: Made, stamped: bool = False) -> list[AckEntry]:
    async with talking(relay, "exchange") as talk:
        if stamped:
            await talk.say(*map(stamp, parcels))
        entries = await brought(talk, *parcels)
        await talk.end()
    return entries


async def test_a_flood_ends_at_a_share_of_the_room_and_a_stamp_passes_it(small: Running) -> None:
    taken = await flood(small)
    assert 100 < taken < 250
    # Whoever was let in stays.
    stats = await small.store.stats()
    assert stats.letters == taken
    assert await hand_in(small, make(1)) == [WANTED]
    letter = make(2)
    assert await hand_in(small, letter, stamped=True) == [AckEntry(0, AckStatus.STORED, 0)]
    entries = await small.store.list_tags([TAG], Rank.LETTER, 0, 1000)
    assert [entry.stamp for entry in entries if entry.stamp] == [stamp(letter)]


async def test_a_stamp_counts_also_where_its_letter_waits_already(
    small: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flood(small)
    monkeypatch.setattr(gate, "WAIT_S", 60.0)
    letter = make(1)
    shown = stamp(letter)
    async with talking(small, "exchange") as talk:
        await talk.say(*transfer(letter, 0))
        while not small.node.gate.waiting:  # noqa: ASYNC110 - a number, which wakes nobody
            await asyncio.sleep(0.01)
        await talk.say(shown)
        assert (await talk.statuses(1))[0].status is AckStatus.STORED
        await talk.end()
    assert small.node.gate.waiting == small.node.gate.held_bytes == 0


async def test_a_letter_without_a_stamp_gets_in_by_the_free_lane(
    small: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flood(small)
    monkeypatch.setattr(gate, "WAIT_S", 60.0)
    # Two letters a second, as in a relay of some size.
    monkeypatch.setattr(gate, "FREE_DRAIN_S", 1.0)
    async with talking(small, "websocket") as talk:
        for handle in range(60):
            await talk.say(*transfer(make(20_000 + handle), handle))
        assert await hand_in(small, make(1)) == [AckEntry(0, AckStatus.STORED, 0)]


async def test_the_end_of_a_session_waits_for_what_it_brought(small: Running) -> None:
    await flood(small)
    async with talking(small, "exchange") as talk:
        await talk.say(*transfer(make(1), 0))
        await talk.end()
        assert (await talk.statuses(1))[0] == WANTED


async def test_a_session_that_is_cut_leaves_nothing_waiting(
    small: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flood(small)
    monkeypatch.setattr(gate, "WAIT_S", 60.0)
    async with talking(small, "websocket") as talk:
        await talk.say(*transfer(make(1), 0))
        while not small.node.gate.held_bytes:  # noqa: ASYNC110 - a number, which wakes nobody
            await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        while small.node.gate.waiting:  # noqa: ASYNC110 - a number, which wakes nobody
            await asyncio.sleep(0.01)
    assert small.node.gate.held_bytes == 0


async def test_the_effort_that_is_told_rises_under_a_flood_and_falls_after_it(
    small: Running,
) -> None:
    async def told() -> int:
        async with talking(small, "exchange") as talk:
            (welcome,) = await talk.until(Welcome)
            await talk.end()
        return welcome.effort

    assert await told() == 0
    # A period may end between a flood and the question, on a busy machine more than one.
    async with asyncio.timeout(60):
        while not (effort := await told()):
            await flood(small)
    assert effort == FIRST_EFFORT
    async with asyncio.timeout(60):
        while await told():  # noqa: ASYNC110 - a number, which wakes nobody
            await asyncio.sleep(0.1)


async def test_a_flood_of_letters_keeps_no_film_and_no_reply_out(
    small: Running, desk: Desk
) -> None:
    await flood(small)
    film = part(1)
    assert await hand_in(small, film) == [AckEntry(0, AckStatus.STORED, 0)]
    reply = make(2, Kind.REPLY)
    small.node.desks.take(parse_card(desk.card()))
    async with talking(small, "exchange") as talk:
        await talk.say(interest(talk, desk), Idle())
        while Idle(1) not in talk.heard:
            assert await talk.hear()
        assert [entry.status for entry in await brought(talk, reply)] == [AckStatus.STORED]
        await talk.end()


async def test_a_desk_that_nobody_added_is_let_in_like_anybody(small: Running, desk: Desk) -> None:
    await flood(small)
    async with talking(small, "exchange") as talk:
        await talk.say(interest(talk, desk), Idle())
        while Idle(1) not in talk.heard:
            assert await talk.hear()
        assert await brought(talk, make(2, Kind.REPLY)) == [WANTED]
        await talk.end()


async def test_a_film_that_waits_is_let_in_for_its_stamp_and_is_whole(
    small: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One film is more than the free lane has, however long it took to come here.
    monkeypatch.setattr(gate, "FREE_BURST_BYTES", ORIGINAL_BYTES // 2)
    # What is free is known at once: less of it makes the lane's reserve less, too.
    monkeypatch.setattr(keeper, "LOOK_S", 0.0)
    number = 0
    while (entries := await hand_in(small, part(number)))[0].status is AckStatus.STORED:
        await small.node.keeper.look(time.monotonic())
        number += 1
        assert number < 100
    # The last one came by the free lane, also if it began while there was room.
    assert not small.node.gate.lets_in(Lane.PARTS)
    assert entries == [WANTED]
    film = part(1000)
    assert await hand_in(small, film, stamped=True) == [AckEntry(0, AckStatus.STORED, 0)]
    assert [problem async for problem in small.store.check()] == []


async def test_a_film_that_comes_faster_than_it_is_drawn_goes_on_with_a_stamp(
    small: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "WAIT_S", 600.0)
    film, begun = part(1, 2 * HELD_BYTES), range(4)
    shown = stamp(film, 2 * FIRST_EFFORT)
    lane = small.node.gate._lanes[Lane.PARTS]
    async with talking(small, "websocket") as talk:
        frames, first = transfer(film, 0), transfer(film, 0, *begun)
        await talk.say(*first)
        entry = AckEntry(0, AckStatus.PARTIAL, len(begun))
        while not any(entry in ack.entries for ack in talk.all(Ack)):
            assert await talk.hear()
        # Others come: there is room for a stamp alone, and the free lane owes for a long time.
        small.node.gate.take(Lane.PARTS, int(0.7 * lane.bucket.level_bytes))
        lane.free_bytes = -gate.FREE_BURST_BYTES
        await talk.say(*frames[len(first) :])
        assert (await talk.statuses(1))[0] == WANTED
        assert small.node.gate.waiting == small.node.gate.held_bytes == 0
        await talk.say(shown, Offers(0, (film.header.offer,)))
        (held,) = await talk.until(Partial)
        bitmap = Bitmap.from_bytes(held.bitmap)
        assert list(bitmap) == list(begun)
        await talk.say(*transfer(film, 1, held=bitmap))
        assert (await talk.statuses(2))[1].status is AckStatus.STORED
        await talk.end()


async def test_a_part_gets_in_where_parts_that_were_opened_have_all_the_room(
    small: Running,
) -> None:
    old: list[Made] = []
    outcomes: list[Outcome] = []
    while {one.status for one in outcomes} <= {AckStatus.STORED}:
        old.append(make(len(old), Kind.PART, ORIGINAL_BYTES, tag=os.urandom(16)))
        outcomes = await small.store.write([old[-1].put()], today=TODAY)
    del old[-1]
    await look(small)
    assert await hand_in(small, part(1000)) != [AckEntry(0, AckStatus.STORED, 0)]
    await small.store.write([made.opened() for made in old], today=TODAY)
    await look(small)
    assert await hand_in(small, part(1000)) == [AckEntry(0, AckStatus.STORED, 0)]


async def look(relay: Running) -> None:
    """Let the gate know at once what the store has, whoever wrote it."""
    relay.node.keeper.change(relay.node.config)
    await relay.node.keeper.look(time.monotonic())


@pytest.fixture
async def roomy(tmp_path: Path, is_fast: None) -> AsyncIterator[Running]:
    """A relay with room for films, and little for what is begun of them."""
    settings = {**ROOM, "capacity_bytes": 64 << 20, "partial_bytes": 2 << 20}
    async with running_relay(tmp_path / "relay", **settings) as relay:
        yield relay


async def test_whoever_begins_films_and_leaves_them_gets_half_of_their_quota(
    roomy: Running,
) -> None:
    quota = 2 << 20
    left: list[Made] = []

    async def begin_some() -> set[tuple[AckStatus, int]]:
        async with talking(roomy, "websocket") as talk:
            for handle in range(20):
                # Under tags of everybody's: what one tag may have does not hold it up.
                film = make(len(left), Kind.PART, ORIGINAL_BYTES, tag=os.urandom(16))
                await talk.say(*transfer(film, handle, 0))
                left.append(film)
            await talk.end()
        await look(roomy)
        return {(one.status, one.value) for ack in talk.all(Ack) for one in ack.entries}

    while (used := (await roomy.store.stats()).partial_bytes) <= quota // 2:
        assert await begin_some() == {(AckStatus.PARTIAL, 1)}
    assert used < 0.75 * quota
    assert await begin_some() == {(AckStatus.REFUSED, Verdict.STAMP_WANTED)}
    assert (await roomy.store.stats()).partial_bytes == used
    film = part(1)
    assert (await hand_in(roomy, film, stamped=True))[0].status is AckStatus.STORED
    # What is here goes on without a stamp.
    begun = left[0]
    async with talking(roomy, "websocket") as talk:
        await talk.say(Offers(0, (begun.header.offer,)))
        (held,) = await talk.until(Partial)
        bitmap = Bitmap.from_bytes(held.bitmap)
        await talk.say(*transfer(begun, 0, held=bitmap))
        assert (await talk.statuses(1))[0].status is AckStatus.STORED
        await talk.end()


async def test_a_session_that_holds_too_much_waiting_is_refused_the_rest(small: Running) -> None:
    await flood(small)
    async with talking(small, "websocket") as talk:
        # Only headers, so that nothing is held but the places.
        headers = [HeaderFrame(handle, make(handle).header.encode()) for handle in range(64)]
        await talk.say(*headers)
        entries = (await talk.statuses(64)).values()
        assert {entry.value for entry in entries} == {Verdict.STAMP_WANTED}


async def test_who_goes_on_after_many_refusals_is_read_more_slowly(
    small: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flood(small)
    pauses: list[float] = []
    monkeypatch.setattr(gate, "WAIT_S", 0.0)
    monkeypatch.setattr(deposits, "PATIENT_REFUSALS", 5)
    monkeypatch.setattr(deposits, "REFUSED_PER_S", 50)
    monkeypatch.setattr(custody, "LAZY_S", 0.0)
    loop = asyncio.get_running_loop()
    async with talking(small, "websocket") as talk:
        for handle in range(60):
            begun_s = loop.time()
            entries = await brought(talk, make(30_000 + handle), first=handle)
            if entries[0].value == Verdict.STAMP_WANTED:
                pauses.append(loop.time() - begun_s)
    assert len(pauses) == 60
    assert sum(pauses[6:]) > (len(pauses[6:]) - deposits.PAUSE_REFUSALS) * 0.02


async def test_what_is_refused_after_many_refusals_is_told_together(
    small: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flood(small)
    monkeypatch.setattr(gate, "WAIT_S", 60.0)
    monkeypatch.setattr(deposits, "PATIENT_REFUSALS", 0)
    # Told when there are enough of them, however long that takes.
    monkeypatch.setattr(custody, "LAZY_S", 600.0)
    async with talking(small, "websocket") as talk:
        # A few wait; what comes behind them is refused by its header.
        for handle in range(40):
            await talk.say(*transfer(make(30_000 + handle), handle))
        (ack,) = await talk.until(Ack)
        assert custody.LAZY_MAX <= len(ack.entries) <= 36
        assert small.node.gate.waiting <= deposits.IMPATIENT_TICKETS
        assert {entry.value for entry in ack.entries} == {Verdict.STAMP_WANTED}
        # A stamp is looked at all the same.
        letter = make(1)
        await talk.say(stamp(letter), *transfer(letter, 40))
        while 40 not in (found := await talk.statuses(37)):
            assert await talk.hear()
        assert found[40].status is AckStatus.STORED


async def test_a_letter_that_is_here_takes_nothing_of_the_room_however_often_it_comes(
    small: Running,
) -> None:
    await flood(small)
    letter = make(1, size_bytes=16_384)
    shown = stamp(letter)
    bucket = small.node.gate._lanes[Lane.LETTERS].bucket
    async with talking(small, "websocket") as talk:
        await talk.say(shown)
        assert [one.status for one in await brought(talk, letter)] == [AckStatus.STORED]
        level_bytes = bucket.level_bytes
        for handle in range(1, 30):
            await talk.say(shown)
            (entry,) = await brought(talk, letter, first=handle)
            assert entry.status is AckStatus.HAVE
    assert bucket.level_bytes >= level_bytes - 16_384


@pytest.mark.usefixtures("is_fast")
async def test_an_operator_may_ask_for_no_stamps(tmp_path: Path) -> None:
    async with running_relay(tmp_path / "relay", **ROOM, stamps=False) as relay:
        entries = []
        for start in range(0, 400, 100):
            entries += await hand_in(relay, *map(make, range(start, start + 100)))
    assert {entry.status for entry in entries} == {AckStatus.STORED}
