"""Who is a peer, when it is called, and what becomes of a call to one that is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from tests.relay.made_parcels import (
    TODAY,
    Made,
    make,
)
from tests.relay.made_peers import (
    add_by_hand,
    answering,
    card_of,
    hold,
    made_card,
    peer_at,
    peer_of,
    reach,
    relays,
    states,
)
from tests.relay.running_relay import Running, running_relay, talking

from qanat_protocol.frames import (
    AllInterest,
    Cursor,
    DeskInterest,
    End,
    Error,
    Frame,
    Idle,
    Offers,
    Welcome,
)
from qanat_protocol.relay_card import RelayCard
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import RelaySession, sign_peer_interest
from qanat_protocol.signing import SigningKey
from qanat_protocol.verdicts import Verdict
from qanat_relay.errors import DataError
from qanat_relay.peering.calling import call, call_peers
from qanat_relay.peering.peers import Peers
from qanat_relay.peering.record import PeerRecord, read_record, write_record
from qanat_relay.peering.talk import MAX_SESSIONS
from qanat_relay.store.interface import State

WELCOME = Welcome(1, TODAY, bytes(16), 2**30, 0, 0, 0)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([Error(Verdict.BUSY, ""), End()], "broke off"),
        ([WELCOME, End()], "broke off"),
        ([Error(Verdict.UNKNOWN_VERSION, "2"), End()], "one of the two has to be updated"),
        ([replace(WELCOME, version=2), End()], "one of the two has to be updated"),
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
                if session.session_hash:
                    break
            for frame in said:
                await socket.send_bytes(session.send(frame))
            async for _ in socket:
                pass
            return socket

        async with answering(answer) as address:
            peer = peer_at(relay, key, secret.public, address)
            async with asyncio.timeout(30):
                assert not await call(relay.node, peer)
            assert words in peer.record.failure
            assert not peer.sessions


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
            peer = peer_at(relay, key, secret.public, address)
            assert not await call(relay.node, peer)
            assert peer.record.failure == "something else than a relay answers there"
            assert not led


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


async def test_calls_end_when_they_are_told_to_at_whatever_moment(tmp_path: Path) -> None:
    async with relays(tmp_path, 2, peer_s=3600) as (one, other):
        for moment in range(60):
            # Something to call for.
            await hold(one, make(moment))
            calling = asyncio.create_task(call_peers(one.node))
            await _until(lambda: bool(peer_of(one, other).sessions))
            await _until(lambda: not peer_of(one, other).sessions)
            # The session is over, and what it went over is being closed.
            for _ in range(moment):
                await asyncio.sleep(0)
            calling.cancel()
            done, _ = await asyncio.wait({calling}, timeout=10)
            assert done


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)


async def test_a_peer_that_is_not_there_is_no_peer_that_stops_others(tmp_path: Path) -> None:
    async with relays(tmp_path, 2) as (one, other):
        gone = SigningKey.generate()
        peer = peer_at(one, gone, other.keys.sealing.public, "http://127.0.0.1:9")
        assert not await call(one.node, peer)
        assert peer.record.failure == "it can't be reached"
        assert "127.0.0.1" not in peer.path.read_text()
        await hold(one, make(1))
        assert await reach(one, other)


async def test_a_relay_with_another_sealing_key_is_not_the_peer(tmp_path: Path) -> None:
    async with relays(tmp_path, 3) as (one, two, three):
        # Two's card says that it is reached where three is.
        one.node.peers.take(card_of(two, three.url, serial=2))
        await hold(one, make(1))
        assert not await reach(one, two)
        assert await states(three, [make(1)]) == [None]


async def test_who_is_no_peer_yet_is_told_whom_to_ask(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(running_relay(tmp_path / "one"))
        other = await stack.enter_async_context(running_relay(tmp_path / "other"))
        one.node.peers.take(card_of(other))
        await hold(one, make(1))
        assert not await reach(one, other)
        assert "does not know this relay as a peer" in peer_of(one, other).record.failure
        assert await states(other, [make(1)]) == [None]
        other.node.peers.take(card_of(one))
        assert await reach(one, other)
        assert peer_of(one, other).record.failure == ""
        assert await states(other, [make(1)]) == [State.HELD]


def test_one_spoilt_card_stops_no_other_peer(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    key, secret = SigningKey.generate(), SealingSecret.generate()
    peers.take(made_card(key, secret.public))
    (tmp_path / "0.card").write_bytes(b"no card")
    assert peers.find(key.public) is not None
    assert len(peers.list_peers(strict=False)) == 1
    with pytest.raises(DataError, match=r"0\.card"):
        Peers(tmp_path).list_peers()


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

    def card(serial: int) -> RelayCard:
        return made_card(key, secret.public, serial=serial)

    peers.take(card(2))
    peers.take(card(3))
    with pytest.raises(DataError, match="newer"):
        peers.take(card(1))
    assert [peer.card.serial for peer in peers.list_peers()] == [3]
    peers.remove(key.public)
    assert peers.list_peers() == []
    assert peers.find(key.public) is None


async def test_of_many_sessions_with_a_peer_the_oldest_make_way(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay, AsyncExitStack() as stack:
        peer = SigningKey.generate()
        add_by_hand(relay, peer)
        known = relay.node.peers.find(peer.public)
        assert known is not None
        for count in range(1, MAX_SESSIONS + 4):
            talk = await stack.enter_async_context(talking(relay, "websocket"))
            await talk.say(sign_peer_interest(peer, talk.session.session_hash, number=0))
            await talk.until(Cursor)
            if count <= MAX_SESSIONS:
                assert len(known.sessions) == count
        async with asyncio.timeout(10):
            while len(known.sessions) > MAX_SESSIONS:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)


async def test_everything_is_asked_for_once_in_a_session(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay:
        peer = SigningKey.generate()
        add_by_hand(relay, peer)
        async with talking(relay, "websocket") as talk:
            for number in range(2):
                proof = sign_peer_interest(peer, talk.session.session_hash, number=number)
                await talk.say(proof)
            (error,) = await talk.until(Error)
            assert error.verdict == Verdict.UNEXPECTED_FRAME


async def test_a_stranger_is_given_nothing(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay:
        await hold(relay, make(1))
        friend, stranger = SigningKey.generate(), SigningKey.generate()
        add_by_hand(relay, friend)
        for key, signer in ((stranger, stranger), (friend, stranger)):
            async with talking(relay, "websocket") as talk:
                proof = sign_peer_interest(signer, talk.session.session_hash, number=0)
                await talk.say(replace(proof, signing_key=key.public))
                (error,) = await talk.until(Error)
                assert error.verdict == Verdict.REFUSED_DESK
                await talk.until(Idle)
                assert not talk.all(Offers) + talk.all(AllInterest)


async def test_a_proof_of_another_channel_is_none(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay:
        friend = SigningKey.generate()
        add_by_hand(relay, friend)
        async with talking(relay, "websocket") as talk:
            old = sign_peer_interest(friend, talk.session.session_hash, number=0)
        async with talking(relay, "websocket") as talk:
            await talk.say(old)
            (error,) = await talk.until(Error)
            assert error.verdict == Verdict.REFUSED_DESK
