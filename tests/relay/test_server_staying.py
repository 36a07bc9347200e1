"""A desk that stays: given what comes as soon as it is on the disk, over real sockets."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from tests.relay.made_parcels import (
    LETTER_BYTES,
    LONG_LETTER_BYTES,
    ORIGINAL_BYTES,
    THUMBNAIL_BYTES,
    Made,
    make,
)
from tests.relay.running_relay import (
    Desk,
    Running,
    Talk,
    running_relay,
    talking,
    transfer,
)
from tests.relay.test_server_giving import FILM_BYTES, carrier, desk, given, interest, relay

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import (
    Answer,
    Answers,
    Block,
    Cursor,
    HeaderFrame,
    Idle,
    Offers,
    Partial,
    Receipt,
    RepliesInterest,
    Welcome,
)
from qanat_protocol.parcel import Kind
from qanat_relay import pace
from qanat_relay.store.interface import State

__all__ = ["carrier", "desk", "relay"]

SOON_S = 10.0


async def stay(talk: Talk, desk: Desk, **changes: Any) -> None:
    """Ask as a desk does that stays, and wait until nothing is left."""
    await talk.say(interest(talk, desk, **changes), Idle())
    while Idle(1) not in talk.heard:
        assert await talk.hear()


async def hand_in(relay: Running, *parcels: Made) -> None:
    async with talking(relay, "websocket") as talk:
        for handle, made in enumerate(parcels):
            await talk.say(*transfer(made, handle))
        await talk.end()


async def came(talk: Talk, count: int) -> list[bytes]:
    """Wait until so many parcels came whole."""
    async with asyncio.timeout(SOON_S):
        while len(whole := given(talk.heard)) < count:
            assert await talk.hear(), talk.heard
    return whole


def letter(number: int, desk: Desk, size_bytes: int = LETTER_BYTES) -> Made:
    return make(number, size_bytes=size_bytes, tag=desk.tag)


def part_for(desk: Desk, size_bytes: int) -> Made:
    return make(1, Kind.PART, size_bytes, tag=desk.tag)


async def test_what_comes_is_given_to_a_desk_that_stays_and_not_asked_for(
    relay: Running, desk: Desk, carrier: str
) -> None:
    async with talking(relay, carrier) as talk:
        await stay(talk, desk)
        thumbnail = part_for(desk, THUMBNAIL_BYTES)
        await hand_in(relay, thumbnail)
        assert await came(talk, 1) == [thumbnail.parcel_id]
        first = letter(2, desk)
        await hand_in(relay, first)
        assert await came(talk, 2) == [thumbnail.parcel_id, first.parcel_id]
        while not isinstance(talk.heard[-1], Idle):
            assert await talk.hear()
        # Told behind each, since the END may be far away.
        told = {each for receipt in talk.all(Receipt) for each in receipt.ids}
        assert told == {thumbnail.parcel_id, first.parcel_id}
        cursor = talk.all(Cursor)[-1].cursor
        await talk.end()
    async with talking(relay, carrier) as talk:
        await stay(talk, desk, cursor=cursor)
        assert given(talk.heard) == []
        await talk.end()


async def test_a_desk_that_stays_is_given_nothing_of_another(relay: Running, desk: Desk) -> None:
    async with talking(relay, "websocket") as talk:
        await stay(talk, desk)
        await hand_in(relay, letter(1, Desk.made()), letter(2, desk))
        await came(talk, 1)
        frames = await talk.end()
    assert given(frames) == [letter(2, desk).parcel_id]
    assert len(talk.all(HeaderFrame)) == 1


async def test_an_idle_is_answered_when_what_was_said_before_is_on_the_disk(
    relay: Running, desk: Desk
) -> None:
    made = letter(1, desk)
    await hand_in(relay, made)
    async with talking(relay, "websocket") as talk:
        await stay(talk, desk)
        await talk.say(made.opened_frame(), Idle(), Idle())
        while Idle(3) not in talk.heard:
            assert await talk.hear()
        (holding,) = await relay.store.look_up([made.header.offer])
        assert holding is not None
        assert holding.opened


async def test_an_idle_of_one_that_is_no_desk_is_not_answered(relay: Running) -> None:
    async with talking(relay, "websocket") as talk:
        await talk.until(Welcome)
        await talk.say(RepliesInterest(0, 0, bytes(4)), Idle(), Idle())
        await talk.end()
    assert all(idle.heard == 0 for idle in talk.all(Idle))


async def test_blocks_that_come_of_a_film_are_offered_each_time_and_then_the_rest(
    relay: Running, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qanat_relay.desk_giving.HALVES_S", 0.05)
    film = part_for(desk, ORIGINAL_BYTES)
    last = len(film.blocks) - 1
    async with talking(relay, "websocket") as talk, talking(relay, "websocket") as giver:
        await stay(talk, desk)
        frames = transfer(film, 0)
        blocks = [frame for frame in frames if isinstance(frame, Block)]
        await giver.say(*[frame for frame in frames if not isinstance(frame, Block)], *blocks[:3])
        have = Bitmap()
        for more in (blocks[3:7], blocks[7:]):
            async with asyncio.timeout(SOON_S):
                while have.count() < more[0].index:
                    have = await _take_offered(talk, film, have)
            await giver.say(*more)
        async with asyncio.timeout(SOON_S):
            while have.count() <= last:
                have = await _take_offered(talk, film, have)
    assert sorted(block.index for block in talk.all(Block)) == list(range(last + 1))


async def _take_offered(talk: Talk, film: Made, have: Bitmap) -> Bitmap:
    """Answer the next offer and take what it brings: what the desk has then."""
    offers = sum(len(frame.offers) for frame in talk.all(Offers))
    while sum(len(frame.offers) for frame in talk.all(Offers)) == offers:
        assert await talk.hear()
    (parcel_id,) = {partial.parcel_id for partial in talk.all(Partial)}
    assert parcel_id == film.parcel_id
    blocks = len(talk.all(Block))
    await talk.say(Partial(parcel_id, have.to_bytes()), Answers(offers, (Answer.WANT_REST,)))
    idles = len(talk.all(Idle))
    while len(talk.all(Idle)) == idles:
        assert await talk.hear()
    taken = Bitmap.from_indices(block.index for block in talk.all(Block)[blocks:])
    assert not (taken & have).count()
    return have | taken


async def test_a_letter_does_not_wait_for_a_film_that_is_on_its_way(
    relay: Running, desk: Desk
) -> None:
    film = part_for(desk, FILM_BYTES)
    await hand_in(relay, film)
    async with talking(relay, "websocket") as talk:
        await talk.say(interest(talk, desk))
        await talk.until(Offers)
        await talk.say(Answers(0, (Answer.WANT,)))
        await talk.until(Block)
        late = letter(2, desk, LONG_LETTER_BYTES)
        await hand_in(relay, late)
        assert await came(talk, 1) == [late.parcel_id]
        assert len(talk.all(Block)) < len(film.blocks)


async def test_a_desk_that_stays_may_say_as_little_as_it_likes(tmp_path: Path, desk: Desk) -> None:
    async with (
        running_relay(tmp_path / "relay", idle_s=1) as relay,
        talking(relay, "websocket") as talk,
    ):
        await stay(talk, desk)
        began_s = time.monotonic()
        while time.monotonic() - began_s < 3:
            await talk.say(Idle())
            await asyncio.sleep(0.4)
        made = letter(1, desk)
        await hand_in(relay, made)
        assert await came(talk, 1) == [made.parcel_id]


async def _rest(talk: Talk) -> list[Any]:
    async with asyncio.timeout(SOON_S):
        while await talk.hear():
            pass
    return talk.heard


async def test_a_desk_that_waits_makes_way_where_all_places_are_taken(
    tmp_path: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "CROWDED_S", 0.2)
    async with (
        running_relay(tmp_path / "relay", sessions_max=1) as relay,
        talking(relay, "websocket") as talk,
    ):
        await stay(talk, desk)
        await asyncio.sleep(0.5)
        made = letter(1, desk)
        await hand_in(relay, made)
        assert not given(await _rest(talk))
        (holding,) = await relay.store.look_up([made.header.offer])
        assert holding is not None
        assert holding.state is State.HELD


async def test_a_relay_that_stops_waits_for_no_desk_that_only_waits(
    tmp_path: Path, desk: Desk
) -> None:
    async with running_relay(tmp_path / "relay", stop_s=60) as relay:
        async with talking(relay, "websocket") as talk:
            await stay(talk, desk)
            began_s = time.monotonic()
            await relay.server.stop()
            await _rest(talk)
        assert time.monotonic() - began_s < SOON_S
