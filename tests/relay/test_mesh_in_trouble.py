"""Relays of which one comes and goes, is full, answers nobody or means ill: the others go on, and
what it keeps from travelling travels as soon as it may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from tests.relay.made_parcels import TODAY, Made, make, part
from tests.relay.made_peers import (
    add_by_hand,
    all_ended,
    answering,
    befriend,
    card_of,
    hold,
    peer_at,
    peer_of,
    reach,
    relays,
    states,
)
from tests.relay.running_relay import Running, Talk, running_relay, talking, transfer

from qanat_protocol.frames import (
    Answer,
    Answers,
    Block,
    Offers,
    Opened,
    Purge,
)
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import sign_peer_interest
from qanat_protocol.signing import SigningKey
from qanat_relay import custody, deposits
from qanat_relay.peering import calling
from qanat_relay.peering.calling import call, call_peers
from qanat_relay.store.interface import State


async def test_a_relay_that_comes_and_goes_gets_all_in_the_end_and_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "GATHER_S", 0.1)
    monkeypatch.setattr(calling, "FIRST_RETRY_S", 0.2)
    batches = [[*map(make, range(40 * each, 40 * each + 40)), part(each)] for each in range(6)]
    parcels: list[Made] = []
    async with running_relay(tmp_path / "one", peer_retry_s=1, peer_s=1) as one:
        async with running_relay(tmp_path / "other") as other:
            befriend(one, other)
            listen = (other.url.removeprefix("http://"),)
        caller = asyncio.create_task(call_peers(one.node))
        try:
            held = 0
            while batches or held < len(parcels):
                if batches:
                    parcels += batches.pop()
                    await hold(one, *parcels[-41:])
                async with running_relay(tmp_path / "other", listen=listen) as other:
                    # It is gone again as soon as a little more has come.
                    held = await _until_more(other, parcels, min(held + 20, len(parcels)))
                await asyncio.sleep(0.05)
        finally:
            caller.cancel()
            await asyncio.wait({caller})
        # What it had was not given to it again.
        assert peer_of(one, other).record.given <= len(parcels)


async def _until_more(relay: Running, parcels: list[Made], least: int) -> int:
    async with asyncio.timeout(30):
        while (held := (await states(relay, parcels)).count(State.HELD)) < least:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return held


async def test_what_a_full_relay_between_two_others_could_not_take_comes_when_it_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deposits, "DRY_PAUSE_S", 0.01)
    day = [TODAY]
    async with AsyncExitStack() as stack:

        async def start(name: str, **settings: Any) -> Running:
            relay = running_relay(tmp_path / name, clock=lambda: day[0] * 86_400.0, **settings)
            return await stack.enter_async_context(relay)

        one, other = await start("one"), await start("other")
        full = await start(
            "full", capacity_bytes=900_000, partial_bytes=262_144, largest_body_bytes=262_144
        )
        befriend(one, full)
        befriend(other, full)
        letters = [make(number) for number in range(250)]
        await hold(one, *letters)
        assert await reach(one, full)
        assert await reach(full, other)
        took = [
            letter
            for letter, state in zip(letters, await states(full, letters), strict=True)
            if state is State.HELD
        ]
        assert 0 < len(took) < len(letters)
        assert set(await states(other, took)) == {State.HELD}
        # The desk has read what came through, and says so; bodies that are purged make room.
        purged = [write for letter in took for write in (letter.opened(), letter.purged())]
        await other.store.write(purged, today=TODAY)
        day[0] += 1
        for _ in range(2):
            assert await reach(full, other)
            assert await reach(one, full)
        assert await reach(full, other)
        rest = [letter for letter in letters if letter not in took]
        assert State.HELD in set(await states(other, rest))
        assert set(await states(other, took)) <= {State.PURGED, None}


async def test_a_peer_that_takes_and_never_answers_is_given_up_by_name(tmp_path: Path) -> None:
    async def listens_only(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async with relays(tmp_path, 2, stall_s=1) as (one, other), answering(listens_only) as address:
        key, secret = SigningKey.generate(), SealingSecret.generate()
        deaf = peer_at(one, key, secret.public, address)
        await hold(one, make(1))
        deaf_call = asyncio.create_task(call(one.node, deaf))
        # Meanwhile others are called as ever.
        assert await reach(one, other)
        assert await states(other, [make(1)]) == [State.HELD]
        assert not await asyncio.wait_for(deaf_call, 20)
        assert deaf.record.failure in ("it answers no more", "the connection broke off")


# One that means ill, in the middle of others

Deed = Callable[[Talk, list[Made]], Awaitable[None]]


async def has_all_and_gives_nothing(talk: Talk, parcels: list[Made]) -> None:
    """It says that it has whatever it is offered, and offers what it never brings."""
    await talk.say(Offers(0, tuple(parcel.header.offer for parcel in parcels)))
    await talk.until(Answers)
    for offers in list(talk.all(Offers)):
        await talk.say(Answers(offers.first, (Answer.HAVE,) * len(offers.offers)))


async def changes_what_it_gives(talk: Talk, parcels: list[Made]) -> None:
    """Bodies are not what their headers say, and headers not what others sealed."""
    for handle, parcel in enumerate(parcels):
        for frame in transfer(parcel, handle):
            if isinstance(frame, Block):
                changed = bytes([frame.data[0] ^ 1]) + frame.data[1:]
                await talk.say(replace(frame, data=changed))
            else:
                await talk.say(frame)


async def says_that_all_is_over(talk: Talk, parcels: list[Made]) -> None:
    """Words of opening and purging that fit no lock."""
    key = SigningKey.generate()
    for parcel in parcels:
        await talk.say(
            Opened(parcel.parcel_id, bytes(32), key.public, key.sign("opened", b"", b"")),
            Purge(parcel.parcel_id, bytes(31) + b"1"),
        )


async def refuses_all(talk: Talk, parcels: list[Made]) -> None:
    """Whatever it is offered is not for it."""
    for offers in list(talk.all(Offers)):
        await talk.say(Answers(offers.first, (Answer.REFUSED,) * len(offers.offers)))


@pytest.mark.parametrize(
    "deed", [has_all_and_gives_nothing, changes_what_it_gives, says_that_all_is_over, refuses_all]
)
async def test_a_hostile_peer_of_all_keeps_nothing_from_travelling_among_the_others(
    tmp_path: Path, deed: Deed
) -> None:
    chance = Random(1)
    async with relays(tmp_path, 3) as honest:
        liar = SigningKey.generate()
        for relay in honest:
            add_by_hand(relay, liar)
        parcels: list[Made] = []
        for round_number in range(4):
            fresh = [make(10 * round_number + number) for number in range(5)]
            fresh.append(part(round_number))
            parcels += fresh
            for parcel in fresh:
                await hold(chance.choice(honest), parcel)
            # It comes to each before the others meet, and knows every parcel there is.
            for relay in honest:
                async with talking(relay, "websocket") as talk:
                    signed = sign_peer_interest(liar, talk.session.session_hash, number=0)
                    await talk.say(signed)
                    await talk.until(Offers)
                    await deed(talk, parcels)
                    await talk.end()
            for relay in honest:
                await all_ended(relay)
            one, other = chance.sample(honest, 2)
            await reach(one, other)
        for _ in range(2):
            for one in honest:
                for other in honest:
                    if one is not other:
                        assert await reach(one, other)
        for relay in honest:
            assert set(await states(relay, parcels)) == {State.HELD}
            for parcel in parcels:
                assert not await relay.store.list_opened([parcel.parcel_id[:4]], 32, 1)


async def test_a_thief_of_a_peers_key_is_fed_as_the_peer_is_and_no_more(tmp_path: Path) -> None:
    letters = [make(number) for number in range(4)]
    async with relays(tmp_path, 2) as (one, robbed):
        await hold(one, *letters[:2])
        # With the stolen key, from elsewhere: it is given what the peer is, sealed.
        async with talking(one, "websocket") as talk:
            key = robbed.keys.signing
            await talk.say(sign_peer_interest(key, talk.session.session_hash, number=0))
            await talk.until(Offers)
            await has_all_and_gives_nothing(talk, letters)
            await talk.end()
        await all_ended(one)
        await hold(robbed, *letters[2:])
        one.node.peers.take(card_of(robbed, serial=2))
        assert await reach(one, robbed)
        assert set(await states(one, letters)) == {State.HELD}
        # What the thief claimed to have the peer was not given; it asks from the beginning itself.
        assert await reach(robbed, one)
        assert set(await states(robbed, letters)) == {State.HELD}


async def test_two_that_give_each_other_much_at_once_wait_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if both disks were far slower than the line between them.
    monkeypatch.setattr(custody, "MAX_WAITING_BYTES", 65_536)
    sizes = [2**20] * 24
    ours = [part(number, size) for number, size in enumerate(sizes)]
    theirs = [part(100 + number, size) for number, size in enumerate(sizes)]
    async with relays(tmp_path, 2, stall_s=5) as (one, other):
        await hold(one, *ours)
        await hold(other, *theirs)
        assert await reach(one, other)
        assert set(await states(one, theirs)) == {State.HELD}
        assert set(await states(other, ours)) == {State.HELD}
