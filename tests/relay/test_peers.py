"""Relays that feed each other, over real sockets: what passes, once, and what never comes back."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
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
from tests.relay.made_peers import (
    add_by_hand,
    all_ended,
    befriend,
    card_of,
    hold,
    peer_of,
    reach,
    relays,
    states,
)
from tests.relay.running_relay import Running, running_relay, talking, transfer

from qanat_protocol.frames import (
    AllInterest,
    Answer,
    Answers,
    Cursor,
    Idle,
    Offers,
)
from qanat_protocol.limits import MAX_OFFERS
from qanat_protocol.parcel import Kind
from qanat_protocol.session import sign_peer_interest
from qanat_protocol.signing import SigningKey
from qanat_relay import deposits
from qanat_relay.peering.peers import MAX_CLAIMS
from qanat_relay.store.interface import State

OTHER_TAG = b"a second tag ..."


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
        add_by_hand(relay, peer)
        await hold(relay, letter)
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.session_hash, number=0))
            (offers,) = await talk.until(Offers)
            assert offers.offers == (letter.header.offer,)
            await talk.say(Answers(0, (Answer.HAVE,)), Offers(0, (ours.header.offer,)))
            await talk.until(Answers)
            await talk.say(*transfer(ours, 0))
            await talk.statuses(1)
            (cursor,) = await talk.until(Cursor)
            await talk.end()
        await all_ended(relay)
        async with talking(relay, "websocket") as talk:
            await talk.say(
                sign_peer_interest(peer, talk.session.session_hash, number=0, cursor=cursor.cursor)
            )
            await talk.until(Idle)
            assert not talk.all(Offers)
            assert len(talk.all(Cursor)) == 1
        # Who begins anew is offered all of it: it may have lost what it had.
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.session_hash, number=0))
            (offers,) = await talk.until(Offers)
            assert set(offers.offers) == {letter.header.offer, ours.header.offer}


async def test_the_newest_letters_are_offered_first(tmp_path: Path) -> None:
    peer = SigningKey.generate()
    letters = [make(number) for number in range(3)]
    async with running_relay(tmp_path) as relay:
        for letter in letters:
            await hold(relay, letter)
        add_by_hand(relay, peer)
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.session_hash, number=0))
            (interest,) = await talk.until(AllInterest)
            assert interest.signing_key == relay.keys.signing.public
            (offers,) = await talk.until(Offers)
            assert offers.offers == tuple(letter.header.offer for letter in reversed(letters))


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
        add_by_hand(one, slow)
        await hold(other, letter)
        async with talking(one, "websocket") as talk:
            await talk.say(
                sign_peer_interest(slow, talk.session.session_hash, number=0),
                Offers(0, (letter.header.offer,)),
            )
            (answers,) = await talk.until(Answers)
            assert answers.codes == (Answer.WANT,)
            assert await reach(one, other)
            assert await states(one, [letter]) == [None]
            assert not peer_of(one, other).record.cursor
        await all_ended(one)
        assert await reach(one, other)
        assert await states(one, [letter]) == [State.HELD]
        assert peer_of(one, other).record.cursor


async def test_a_peer_that_offers_what_it_never_brings_takes_no_more_than_its_time(
    tmp_path: Path,
) -> None:
    letter = make(1)
    async with relays(tmp_path, 2) as (one, honest):
        liar = SigningKey.generate()
        add_by_hand(one, liar)
        await hold(honest, letter)
        async with talking(one, "websocket") as talk:
            await talk.say(sign_peer_interest(liar, talk.session.session_hash, number=0))
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
        await all_ended(one)
        assert not one.node.peers._claims
        assert await reach(one, honest)
        assert await states(one, [make(2)]) == [State.HELD]


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
        thief.node.peers.take(card_of(third))
        parcels = [make(number) for number in range(6)]
        await hold(third, *parcels[:2])
        await hold(twin, *parcels[2:4])
        await hold(thief, *parcels[4:])
        for serial, one in enumerate((twin, thief, twin, thief), 2):
            third.node.peers.take(card_of(one, serial=serial))
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
        add_by_hand(relay, peer)
        await hold(relay, *letters)
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.session_hash, number=0))
            (offers,) = await talk.until(Offers)
            await talk.say(Answers(0, (Answer.WANT,) * 5 + (Answer.HAVE,) * 5))
            await talk.until(Cursor)
        await all_ended(relay)
        # It ended without END: nobody knows what of it is on the peer's disk.
        async with talking(relay, "websocket") as talk:
            await talk.say(sign_peer_interest(peer, talk.session.session_hash, number=0))
            assert await talk.until(Offers) == [offers]
            assert relay.node.peers.find(peer.public) is not None


async def test_a_full_relay_takes_no_more_and_gives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deposits, "DRY_PAUSE_S", 0.01)
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
        await all_ended(relay)
        assert relay.node.news.from_others(b"") == before
