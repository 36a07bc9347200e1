"""Relays that feed each other, over real sockets: what passes, once, and what never comes back."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.relay.made_parcels import (
    LONG_LETTER_BYTES,
    PAGED_BYTES,
    PREVIEW_BYTES,
    THUMBNAIL_BYTES,
    TODAY,
    Made,
    make,
    part,
)
from tests.relay.running_relay import Running, running_relay, talking, transfer

from qanat_protocol.frames import (
    AllInterest,
    Answer,
    Answers,
    Cursor,
    DeskInterest,
    End,
    Error,
    Frame,
    Idle,
    Offers,
    Welcome,
)
from qanat_protocol.limits import MAX_OFFERS
from qanat_protocol.parcel import Kind
from qanat_protocol.relay_card import parse_relay_card, sign_relay_card
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import RelaySession, sign_peer_interest
from qanat_protocol.signing import SigningKey
from qanat_protocol.verdicts import Verdict
from qanat_relay.errors import DataError
from qanat_relay.peering.calling import call, call_peers
from qanat_relay.peering.peers import MAX_CLAIMS, Peer, Peers
from qanat_relay.peering.record import PeerRecord, read_record, write_record
from qanat_relay.peering.talk import MAX_SESSIONS
from qanat_relay.store.interface import State

OTHER_TAG = b"a second tag ..."


def card_of(relay: Running, *addresses: str, name: str = "a relay", serial: int = 1) -> bytes:
    return sign_relay_card(
        relay.keys.signing,
        serial=serial,
        issued_day=TODAY,
        name=name,
        addresses=addresses or (relay.url,),
        sealing_key=relay.keys.sealing.public,
        largest_body=2**30,
    )


def befriend(*relays: Running) -> None:
    """Each takes the cards of all others."""
    for relay in relays:
        for other in relays:
            if other is not relay:
                relay.node.peers.take(parse_relay_card(card_of(other)))


def peer_of(relay: Running, other: Running) -> Peer:
    found = relay.node.peers.find(other.keys.signing.public)
    assert found is not None
    return found


async def reach(relay: Running, other: Running) -> bool:
    return await call(relay.node, peer_of(relay, other))


async def hold(relay: Running, *parcels: Made) -> None:
    await relay.store.write([parcel.put() for parcel in parcels], today=TODAY)
    relay.node.news.tell(None)


async def states(relay: Running, parcels: Sequence[Made]) -> list[State | None]:
    found = await relay.store.look_up([parcel.header.offer for parcel in parcels])
    return [None if holding is None else holding.state for holding in found]


@asynccontextmanager
async def relays(folder: Path, count: int, **settings: Any) -> AsyncIterator[list[Running]]:
    """So many, each the others' peer."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(running_relay(folder / str(number), **settings))
            for number in range(count)
        ]
        befriend(*made)
        yield made


ALL_KINDS = [
    *(make(number, urgent=number % 2 == 0) for number in range(6)),
    make(6, size_bytes=LONG_LETTER_BYTES),
    make(7, Kind.REPLY, tag=OTHER_TAG),
    part(8, THUMBNAIL_BYTES),
    part(9, PREVIEW_BYTES),
    part(10),
    part(11, PAGED_BYTES),
]


async def test_each_gives_the_other_what_it_lacks_over_one_connection(tmp_path: Path) -> None:
    async with relays(tmp_path, 2) as (one, other):
        await hold(one, *ALL_KINDS[::2])
        await hold(other, *ALL_KINDS[1::2], ALL_KINDS[0])
        assert await reach(one, other)
        for relay in (one, other):
            assert set(await states(relay, ALL_KINDS)) == {State.HELD}
            for parcel in ALL_KINDS:
                blocks = await relay.store.blocks(parcel.parcel_id, range(len(parcel.blocks)))
                assert b"".join(blocks) == parcel.body
        assert peer_of(one, other).record.given == peer_of(other, one).record.taken == 5
        assert peer_of(other, one).record.given == peer_of(one, other).record.taken == 6


async def test_nothing_is_offered_again_nor_to_whom_it_came_from(tmp_path: Path) -> None:
    peer, letter, ours = SigningKey.generate(), make(1), make(2)
    async with running_relay(tmp_path) as relay:
        _add(relay, peer)
        await hold(relay, letter)
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.channel_hash, number=0))
            (offers,) = await talk.until(Offers)
            assert offers.offers == (letter.header.offer,)
            await talk.say(Answers(0, (Answer.HAVE,)), Offers(0, (ours.header.offer,)))
            await talk.until(Answers)
            await talk.say(*transfer(ours, 0))
            await talk.statuses(1)
            (cursor,) = await talk.until(Cursor)
            await talk.end()
        await _all_ended(relay)
        async with talking(relay, "websocket") as talk:
            await talk.say(
                sign_peer_interest(peer, talk.session.channel_hash, number=0, cursor=cursor.cursor)
            )
            await talk.until(Idle)
            assert not talk.all(Offers)
            assert len(talk.all(Cursor)) == 1
        # Who begins anew is offered all of it: it may have lost what it had.
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.channel_hash, number=0))
            (offers,) = await talk.until(Offers)
            assert set(offers.offers) == {letter.header.offer, ours.header.offer}


async def _all_ended(relay: Running) -> None:
    async with asyncio.timeout(10):
        while relay.server.sessions_running:  # noqa: ASYNC110 - nobody tells of the last one's end
            await asyncio.sleep(0.01)


async def test_the_newest_letters_are_offered_first(tmp_path: Path) -> None:
    peer = SigningKey.generate()
    letters = [make(number) for number in range(3)]
    async with running_relay(tmp_path) as relay:
        for letter in letters:
            await hold(relay, letter)
        _add(relay, peer)
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.channel_hash, number=0))
            (interest,) = await talk.until(AllInterest)
            assert interest.signing_key == relay.keys.signing.public
            (offers,) = await talk.until(Offers)
            assert offers.offers == tuple(letter.header.offer for letter in reversed(letters))


def _add(relay: Running, key: SigningKey) -> None:
    envelope = sign_relay_card(
        key,
        serial=1,
        issued_day=TODAY,
        name="by hand",
        addresses=(),
        sealing_key=relay.keys.sealing.public,
        largest_body=2**30,
    )
    relay.node.peers.take(parse_relay_card(envelope))


async def test_a_stranger_is_given_nothing(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay:
        await hold(relay, make(1))
        friend, stranger = SigningKey.generate(), SigningKey.generate()
        _add(relay, friend)
        for key, signer in ((stranger, stranger), (friend, stranger)):
            async with talking(relay, "websocket") as talk:
                proof = sign_peer_interest(signer, talk.session.channel_hash, number=0)
                await talk.say(replace(proof, signing_key=key.public))
                (error,) = await talk.until(Error)
                assert error.verdict == Verdict.REFUSED_DESK
                await talk.until(Idle)
                assert not talk.all(Offers) + talk.all(AllInterest)


async def test_a_proof_of_another_channel_is_none(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay:
        friend = SigningKey.generate()
        _add(relay, friend)
        async with talking(relay, "websocket") as talk:
            old = sign_peer_interest(friend, talk.session.channel_hash, number=0)
        async with talking(relay, "websocket") as talk:
            await talk.say(old)
            (error,) = await talk.until(Error)
            assert error.verdict == Verdict.REFUSED_DESK


async def test_who_is_no_peer_yet_is_told_whom_to_ask(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(running_relay(tmp_path / "one"))
        other = await stack.enter_async_context(running_relay(tmp_path / "other"))
        one.node.peers.take(parse_relay_card(card_of(other)))
        await hold(one, make(1))
        assert not await reach(one, other)
        assert "does not know this relay as a peer" in peer_of(one, other).record.failure
        assert await states(other, [make(1)]) == [None]
        other.node.peers.take(parse_relay_card(card_of(one)))
        assert await reach(one, other)
        assert peer_of(one, other).record.failure == ""
        assert await states(other, [make(1)]) == [State.HELD]


async def test_what_was_purged_does_not_come_back(tmp_path: Path) -> None:
    purged, evicted = make(1), part(2)
    async with relays(tmp_path, 2) as (one, other):
        await hold(one, purged, evicted)
        await hold(other, purged)
        await other.store.write([purged.purged()], today=TODAY)
        assert await reach(one, other)
        assert await states(one, [purged]) == await states(other, [purged]) == [State.PURGED]
        assert await reach(other, one)
        assert await states(other, [purged]) == [State.PURGED]


async def test_that_it_was_opened_comes_with_a_parcel(tmp_path: Path) -> None:
    letter = make(1)
    async with relays(tmp_path, 2) as (one, other):
        await hold(one, letter)
        await one.store.write([letter.opened()], today=TODAY)
        assert await reach(other, one)
        (told,) = await other.store.list_opened([letter.parcel_id[:4]], 32, 9)
        assert told == letter.opened_frame()
        # And where the parcel is there before.
        later = make(2)
        await hold(one, later)
        assert await reach(one, other)
        await other.store.write([later.opened()], today=TODAY)
        assert await reach(one, other)
        assert await one.store.list_opened([later.parcel_id[:4]], 32, 9) == [later.opened_frame()]


async def test_what_two_peers_offer_at_once_comes_from_one(tmp_path: Path) -> None:
    letters = [make(number) for number in range(300)]
    async with relays(tmp_path, 3) as (one, two, three):
        await hold(one, *letters)
        await hold(two, *letters)
        assert all(await asyncio.gather(reach(three, one), reach(three, two)))
        assert set(await states(three, letters)) == {State.HELD}
        given = peer_of(one, three).record.given + peer_of(two, three).record.given
        assert given == len(letters)
        # What one of them was spared is settled with the next contact.
        assert all(await asyncio.gather(reach(three, one), reach(three, two)))
        for peer in (peer_of(three, one), peer_of(three, two)):
            assert peer.record.cursor


async def test_what_the_one_that_was_to_bring_it_did_not_the_other_brings(tmp_path: Path) -> None:
    letter = make(1)
    async with relays(tmp_path, 2) as (one, other):
        slow = SigningKey.generate()
        _add(one, slow)
        await hold(other, letter)
        async with talking(one, "websocket") as talk:
            await talk.say(
                sign_peer_interest(slow, talk.session.channel_hash, number=0),
                Offers(0, (letter.header.offer,)),
            )
            (answers,) = await talk.until(Answers)
            assert answers.codes == (Answer.WANT,)
            assert await reach(one, other)
            assert await states(one, [letter]) == [None]
            assert not peer_of(one, other).record.cursor
        await _all_ended(one)
        assert await reach(one, other)
        assert await states(one, [letter]) == [State.HELD]
        assert peer_of(one, other).record.cursor


async def test_a_peer_that_offers_what_it_never_brings_takes_no_more_than_its_time(
    tmp_path: Path,
) -> None:
    letter = make(1)
    async with relays(tmp_path, 2) as (one, honest):
        liar = SigningKey.generate()
        _add(one, liar)
        await hold(honest, letter)
        async with talking(one, "websocket") as talk:
            await talk.say(sign_peer_interest(liar, talk.session.channel_hash, number=0))
            for first in range(0, 2 * MAX_CLAIMS, MAX_OFFERS):
                ids = tuple(number.to_bytes(16) for number in range(first, first + MAX_OFFERS))
                await talk.say(Offers(first, ids))
            await talk.until(Answers, 2 * MAX_CLAIMS // MAX_OFFERS)
            assert len(one.node.peers._claims) == MAX_CLAIMS
            assert await reach(one, honest)
            assert await states(one, [letter]) == [State.HELD]
            # What it claims to have of others' is theirs to bring once it has had its time.
            await hold(honest, make(2))
            await talk.say(Offers(2 * MAX_CLAIMS, (make(2).header.offer,)))
            assert await reach(one, honest)
        await _all_ended(one)
        assert not one.node.peers._claims
        assert await reach(one, honest)
        assert await states(one, [make(2)]) == [State.HELD]


async def test_a_store_that_was_restored_gets_what_it_lacks(tmp_path: Path) -> None:
    letters = [make(number) for number in range(20)]
    async with running_relay(tmp_path / "one") as one:
        async with running_relay(tmp_path / "other") as other:
            befriend(one, other)
            await hold(other, *letters[:10])
            await other.store.backup(tmp_path / "copy.db")
            await hold(other, *letters[10:])
            assert await reach(one, other)
        shutil.rmtree(tmp_path / "other" / "store")
        (tmp_path / "other" / "store").mkdir()
        shutil.copy(tmp_path / "copy.db", tmp_path / "other" / "store" / "relay.db")
        async with running_relay(tmp_path / "other") as other:
            one.node.peers.take(parse_relay_card(card_of(other, serial=2)))
            assert set(await states(other, letters[10:])) == {None}
            assert await reach(one, other)
            assert set(await states(other, letters)) == {State.HELD}


async def test_once_a_day_all_is_compared(tmp_path: Path) -> None:
    day = [TODAY]
    letter = make(1)
    async with relays(tmp_path, 2, clock=lambda: day[0] * 86_400.0) as (one, other):
        await hold(one, letter)
        assert await reach(one, other)
        # Lost without a trace: no cursor tells of it.
        await _lose(other, letter)
        assert await reach(one, other)
        assert await states(other, [letter]) == [None]
        day[0] += 1
        assert await reach(one, other)
        assert await states(other, [letter]) == [State.HELD]


async def _lose(relay: Running, parcel: Made) -> None:
    path = next((relay.data / "store").glob("*.db"))
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM parcel WHERE id = ?", (parcel.parcel_id,))
    connection.close()


async def test_two_relays_with_one_stolen_key_cost_repeated_lists_and_lose_nothing(
    tmp_path: Path,
) -> None:
    day = [TODAY]
    async with AsyncExitStack() as stack:

        async def start(name: str) -> Running:
            relay = running_relay(tmp_path / name, clock=lambda: day[0] * 86_400.0)
            return await stack.enter_async_context(relay)

        third, twin = await start("third"), await start("twin")
        (tmp_path / "thief").mkdir()
        for seed in ("signing.seed", "sealing.seed"):
            shutil.copy(tmp_path / "twin" / seed, tmp_path / "thief" / seed)
        thief = await start("thief")
        befriend(third, twin)
        thief.node.peers.take(parse_relay_card(card_of(third)))
        parcels = [make(number) for number in range(6)]
        await hold(third, *parcels[:2])
        await hold(twin, *parcels[2:4])
        await hold(thief, *parcels[4:])
        for serial, one in enumerate((twin, thief, twin, thief), 2):
            third.node.peers.take(parse_relay_card(card_of(one, serial=serial)))
            assert await reach(third, one)
            assert await reach(one, third)
        assert set(await states(third, parcels)) == {State.HELD}
        # What is taken to be at the one because the other has it comes with the next day.
        day[0] += 1
        for one in (twin, thief):
            assert await reach(one, third)
            assert set(await states(one, parcels)) == {State.HELD}


async def test_clocks_that_are_years_apart_stop_nothing_but_what_has_expired(
    tmp_path: Path,
) -> None:
    day = [TODAY + 800]
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(running_relay(tmp_path / "one"))
        late = await stack.enter_async_context(
            running_relay(tmp_path / "late", clock=lambda: day[0] * 86_400.0)
        )
        befriend(one, late)
        old, new = make(1), make(2, expiry_day=TODAY + 810)
        await hold(one, old)
        await late.store.write([new.put()], today=day[0])
        assert await reach(one, late)
        # Each takes what its own day lets it.
        assert await states(late, [old]) == [None]
        day[0] = TODAY
        assert await reach(one, late)
        assert await states(late, [old]) == [State.HELD]


async def test_a_session_that_is_cut_keeps_what_came(tmp_path: Path) -> None:
    letters = [make(number) for number in range(10)]
    async with running_relay(tmp_path) as relay:
        peer = SigningKey.generate()
        _add(relay, peer)
        await hold(relay, *letters)
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.channel_hash, number=0))
            (offers,) = await talk.until(Offers)
            await talk.say(Answers(0, (Answer.WANT,) * 5 + (Answer.HAVE,) * 5))
            await talk.until(Cursor)
        await _all_ended(relay)
        # It ended without END: nobody knows what of it is on the peer's disk.
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.channel_hash, number=0))
            assert await talk.until(Offers) == [offers]
            assert relay.node.peers.find(peer.public) is not None


async def test_a_full_relay_takes_no_more_and_gives_on(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(running_relay(tmp_path / "one"))
        full = await stack.enter_async_context(
            running_relay(
                tmp_path / "full",
                capacity_bytes=900_000,
                partial_bytes=262_144,
                largest_body_bytes=262_144,
            )
        )
        befriend(one, full)
        letters = [make(number) for number in range(300)]
        own = make(1000)
        await hold(full, own)
        await hold(one, *letters)
        assert await reach(one, full)
        assert await states(one, [own]) == [State.HELD]
        there = (await states(full, letters)).count(State.HELD)
        assert 0 < there < len(letters)


async def test_what_is_new_goes_to_a_peer_at_once_and_one_that_was_away_catches_up(
    tmp_path: Path,
) -> None:
    async with relays(tmp_path, 2, peer_s=3600, peer_retry_s=1) as (one, other):
        calling = [asyncio.create_task(call_peers(relay.node)) for relay in (one, other)]
        try:
            await hold(one, make(1))
            await _until_held(other, [make(1)])
            await hold(other, make(2))
            await _until_held(one, [make(2)])
        finally:
            for task in calling:
                task.cancel()
            await asyncio.wait(calling)


async def _until_held(relay: Running, parcels: Sequence[Made]) -> None:
    async with asyncio.timeout(30):
        while set(await states(relay, parcels)) != {State.HELD}:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)


async def test_a_peer_that_is_not_there_is_no_peer_that_stops_others(tmp_path: Path) -> None:
    async with relays(tmp_path, 2) as (one, other):
        gone = SigningKey.generate()
        one.node.peers.take(
            parse_relay_card(
                sign_relay_card(
                    gone,
                    serial=1,
                    issued_day=TODAY,
                    name="gone",
                    addresses=("http://127.0.0.1:9",),
                    sealing_key=other.keys.sealing.public,
                    largest_body=2**30,
                )
            )
        )
        peer = one.node.peers.find(gone.public)
        assert peer is not None
        assert not await call(one.node, peer)
        assert peer.record.failure == "it can't be reached"
        assert "127.0.0.1" not in peer.path.read_text()
        await hold(one, make(1))
        assert await reach(one, other)


@asynccontextmanager
async def answering(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """The address of somebody who answers for a relay."""
    application = web.Application()
    application.add_routes([web.get("/v1/sync", answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


WELCOME = Welcome(1, TODAY, bytes(16), 2**30, 0, 0, 0)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([Error(Verdict.BUSY, ""), End()], "broke off"),
        ([WELCOME, End()], "broke off"),
        ([WELCOME, DeskInterest(0, b"", bytes(32), 0, 0, None, bytes(65))], "breaks the protocol"),
    ],
)
async def test_a_peer_that_ends_or_asks_as_none_does_ends_the_call(
    tmp_path: Path, said: list[Frame], words: str
) -> None:
    async with running_relay(tmp_path) as relay:
        secret, key = SealingSecret.generate(), SigningKey.generate()

        async def answer(request: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            session = RelaySession(secret)
            async for message in socket:
                session.receive(message.data)
                if session.channel_hash:
                    break
            for frame in said:
                await socket.send_bytes(session.send(frame))
            async for _ in socket:
                pass
            return socket

        async with answering(answer) as address:
            peer = _peer_at(relay, key, secret, address)
            async with asyncio.timeout(30):
                assert not await call(relay.node, peer)
            assert words in peer.record.failure
            assert not peer.sessions


def _peer_at(relay: Running, key: SigningKey, secret: SealingSecret, address: str) -> Peer:
    envelope = sign_relay_card(
        key,
        serial=1,
        issued_day=TODAY,
        name="",
        addresses=(address,),
        sealing_key=secret.public,
        largest_body=2**30,
    )
    relay.node.peers.take(parse_relay_card(envelope))
    found = relay.node.peers.find(key.public)
    assert found is not None
    return found


async def test_nobody_is_led_elsewhere_by_a_redirect(tmp_path: Path) -> None:
    led: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        led.append(request.path)
        return web.Response(status=404)

    async with running_relay(tmp_path) as relay, answering(elsewhere) as target:

        async def redirect(_: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"{target}/v1/sync")

        async with answering(redirect) as address:
            key, secret = SigningKey.generate(), SealingSecret.generate()
            peer = _peer_at(relay, key, secret, address)
            assert not await call(relay.node, peer)
            assert peer.record.failure == "something else than a relay answers there"
            assert not led


async def test_everything_is_asked_for_once_in_a_session(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay:
        peer = SigningKey.generate()
        _add(relay, peer)
        async with talking(relay, "websocket") as talk:
            for number in range(2):
                proof = sign_peer_interest(peer, talk.session.channel_hash, number=number)
                await talk.say(proof)
            (error,) = await talk.until(Error)
            assert error.verdict == Verdict.UNEXPECTED_FRAME


async def test_of_many_sessions_with_a_peer_the_oldest_make_way(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay, AsyncExitStack() as stack:
        peer = SigningKey.generate()
        _add(relay, peer)
        known = relay.node.peers.find(peer.public)
        assert known is not None
        for _ in range(MAX_SESSIONS + 3):
            talk = await stack.enter_async_context(talking(relay, "websocket"))
            await talk.say(sign_peer_interest(peer, talk.session.channel_hash, number=0))
            await talk.until(Cursor)
        async with asyncio.timeout(10):
            while len(known.sessions) > MAX_SESSIONS:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)


async def test_a_purge_that_came_before_its_parcel_is_told_again(tmp_path: Path) -> None:
    letter = make(1)
    async with relays(tmp_path, 3) as (one, knowing, slow):
        await hold(knowing, letter)
        await knowing.store.write([letter.purged()], today=TODAY)
        await hold(slow, letter)
        claim = object()
        # Another session is bringing it when the purge is told.
        assert one.node.peers.claim(letter.header.offer, claim)
        assert await reach(one, knowing)
        one.node.peers.release(claim)
        assert await reach(one, slow)
        assert await states(one, [letter]) == [State.HELD]
        assert await reach(one, knowing)
        assert await states(one, [letter]) == [State.PURGED]


async def test_word_of_what_is_not_here_is_no_news(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay:
        before = relay.node.news.from_others(b"")
        async with talking(relay, "websocket") as talk:
            await talk.say(make(1).purge_frame(), make(1).opened_frame())
            await talk.end()
        await _all_ended(relay)
        assert relay.node.news.from_others(b"") == before


def test_one_spoilt_card_stops_no_other_peer(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    key, secret = SigningKey.generate(), SealingSecret.generate()
    envelope = sign_relay_card(
        key,
        serial=1,
        issued_day=TODAY,
        name="n",
        addresses=(),
        sealing_key=secret.public,
        largest_body=2**30,
    )
    peers.take(parse_relay_card(envelope))
    (tmp_path / "0.card").write_bytes(b"no card")
    assert peers.find(key.public) is not None
    assert len(peers.list_peers(strict=False)) == 1
    with pytest.raises(DataError, match=r"0\.card"):
        Peers(tmp_path).list_peers()


async def test_a_relay_with_another_sealing_key_is_not_the_peer(tmp_path: Path) -> None:
    async with relays(tmp_path, 3) as (one, two, three):
        # Two's card says that it is reached where three is.
        one.node.peers.take(parse_relay_card(card_of(two, three.url, serial=2)))
        await hold(one, make(1))
        assert not await reach(one, two)
        assert await states(three, [make(1)]) == [None]


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "record"
    record = PeerRecord(cursor=b"c" * 64, incarnation=b"i" * 16, contact_s=5, failure="words")
    write_record(path, record)
    assert read_record(path) == record
    for damaged in (b"", b"[]", b"{}", b'{"cursor": 5}', path.read_bytes().replace(b"5", b"-5")):
        path.write_bytes(damaged)
        assert read_record(path) == PeerRecord()


def test_an_older_card_does_not_take_the_place_of_a_newer(tmp_path: Path) -> None:
    peers = Peers(tmp_path / "peers")
    key, secret = SigningKey.generate(), SealingSecret.generate()

    def card(serial: int) -> bytes:
        return sign_relay_card(
            key,
            serial=serial,
            issued_day=TODAY,
            name="n",
            addresses=(),
            sealing_key=secret.public,
            largest_body=2**30,
        )

    peers.take(parse_relay_card(card(2)))
    peers.take(parse_relay_card(card(3)))
    with pytest.raises(DataError, match="newer"):
        peers.take(parse_relay_card(card(1)))
    assert [peer.card.serial for peer in peers.list_peers()] == [3]
    peers.remove(key.public)
    assert peers.list_peers() == []
    assert peers.find(key.public) is None
