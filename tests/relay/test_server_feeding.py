"""Several sessions that feed one parcel: no block twice, and each learns what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.relay.made_parcels import ORIGINAL_BYTES, PAGED_BLOCKS, PAGED_BYTES, TODAY, Made, part
from tests.relay.running_relay import Running, Talk, running_relay, talking, transfer

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import Ack, AckEntry, AckStatus, Answer, Answers, Block, Offers, Receipt
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import page_roots
from qanat_protocol.parcel import Rank
from qanat_relay import custody


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay") as running:
        yield running


def entries(talk: Talk, handle: int = 0) -> list[AckEntry]:
    return [entry for ack in talk.all(Ack) for entry in ack.entries if entry.handle == handle]


async def settled(talk: Talk, count: int) -> None:
    """Wait until so many blocks are acknowledged, or the whole is."""
    while not any(entry.status.is_final or entry.value == count for entry in entries(talk)):
        assert await talk.hear(), talk.heard


async def durable(talk: Talk, count: int, handle: int = 0) -> None:
    """Wait until so many blocks of a transfer are acknowledged."""
    while not any(entry.value == count for entry in entries(talk, handle)):
        assert await talk.hear(), talk.heard


async def body_of(relay: Running, made: Made) -> bytes:
    return b"".join(await relay.store.blocks(made.parcel_id, range(len(made.blocks))))


async def test_stored_so_far_counts_the_blocks_of_this_transfer_alone(relay: Running) -> None:
    original = part(1)
    await relay.store.write([original.put(0, 1, 2)], today=TODAY)
    async with talking(relay, "websocket") as one, talking(relay, "websocket") as other:
        await one.say(*transfer(original, 0, 9, 3))
        await durable(one, 2)
        # One of them is here already: it was sent, and is durable.
        await other.say(*transfer(original, 0, 3, 5, 7))
        await durable(other, 3)
        await one.say(*transfer(original, 0, 9, 3, 4)[-1:])
        await durable(one, 3)
    values = [entry.value for entry in entries(one)]
    assert values == sorted(values)
    assert {entry.status for entry in entries(one) + entries(other)} == {AckStatus.PARTIAL}


@pytest.mark.parametrize("size_bytes", [ORIGINAL_BYTES, PAGED_BYTES])
async def test_two_sessions_that_bring_half_each_both_learn_that_it_is_held(
    relay: Running, size_bytes: int
) -> None:
    film = part(1, size_bytes)
    count = len(film.blocks)
    async with talking(relay, "websocket") as one, talking(relay, "exchange") as other:
        halves = [transfer(film, 0, *range(first, count, 2)) for first in (0, 1)]
        opening = 1 if count <= PAGE_LEAVES else 2
        for at in range(0, max(map(len, halves)), opening):
            for talk, frames in zip((one, other), halves, strict=True):
                await talk.say(*frames[at : at + opening])
                await asyncio.sleep(0)
        for talk, half in zip((one, other), halves, strict=True):
            await settled(talk, sum(isinstance(frame, Block) for frame in half))
        await asyncio.gather(one.end(), other.end())
    assert sorted(entries(talk)[-1].status for talk in (one, other)) == [
        AckStatus.STORED,
        AckStatus.HAVE,
    ]
    for talk in (one, other):
        assert talk.all(Receipt)[0].ids == (film.parcel_id,)
    assert await body_of(relay, film) == film.body
    assert [problem async for problem in relay.store.check()] == []


async def test_a_session_whose_blocks_were_not_the_last_learns_at_its_end_that_all_is_held(
    relay: Running,
) -> None:
    film, untouched, lonely = part(1), part(2), part(3)
    async with talking(relay, "websocket") as one, talking(relay, "websocket") as other:
        await one.say(
            *transfer(film, 0, *range(6)),
            # A header alone, and one that nobody completes.
            *transfer(untouched, 1, 0)[:-1],
            *transfer(lonely, 2, 0),
        )
        await durable(one, 6)
        await durable(one, 1, handle=2)
        await other.say(*transfer(film, 0, *range(6, 11)), *transfer(untouched, 1))
        assert set((await other.statuses(2)).values()) == {
            AckEntry(0, AckStatus.STORED, 0),
            AckEntry(1, AckStatus.STORED, 0),
        }
        await one.end()
        await other.end()
    assert entries(one, 0)[-1] == AckEntry(0, AckStatus.HAVE, 0)
    assert entries(one, 1) == [AckEntry(1, AckStatus.HAVE, 0)]
    assert entries(one, 2)[-1] == AckEntry(2, AckStatus.PARTIAL, 1)
    for talk in (one, other):
        (receipt,) = talk.all(Receipt)
        assert set(receipt.ids) == {film.parcel_id, untouched.parcel_id}


async def test_later_blocks_of_what_another_session_completed_are_answered_with_have(
    relay: Running,
) -> None:
    film = part(1)
    async with talking(relay, "websocket") as one, talking(relay, "websocket") as other:
        frames = transfer(film, 0)
        await one.say(*frames[:5])
        await durable(one, 3)
        await other.say(*transfer(film, 0))
        await other.statuses(1)
        await one.say(frames[5])
        assert (await one.statuses(1))[0] == AckEntry(0, AckStatus.HAVE, 0)
        # What was on its way is dropped, and the session goes on.
        await one.say(*frames[6:], *transfer(part(2), 1))
        assert (await one.statuses(2))[1].status is AckStatus.STORED
        await one.end()
        await other.end()


async def test_a_transfer_that_brought_all_that_was_asked_for_hears_of_the_rest_at_its_end(
    relay: Running,
) -> None:
    film = part(1)
    await relay.store.write([film.put(0, 1)], today=TODAY)
    async with talking(relay, "websocket") as one:
        await one.say(Offers(0, (film.header.offer,)))
        assert (await one.until(Answers))[0].codes == (Answer.WANT_REST,)
        # What was told is dropped meanwhile: all that was to come leaves it in part again.
        for day in range(TODAY, TODAY + 19, 3):
            await relay.store.sweep(day)
        await one.say(*transfer(film, 0, held=Bitmap.from_indices([0, 1])))
        await durable(one, 9)
        await relay.store.write([film.put(0, 1)], today=TODAY)
        await one.end()
    assert entries(one)[-1] == AckEntry(0, AckStatus.HAVE, 0)


async def test_no_more_is_remembered_of_open_ends_than_a_bounded_number(
    relay: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custody, "MAX_UNSETTLED", 2)
    films = [part(number) for number in range(4)]
    async with talking(relay, "websocket") as one:
        for handle, film in enumerate(films):
            await one.say(*transfer(film, handle, 0))
            await durable(one, 1, handle)
        await relay.store.write([film.put() for film in films], today=TODAY)
        await one.end()
    told = {handle for handle in range(4) if entries(one, handle)[-1].status is AckStatus.HAVE}
    assert told == {2, 3}


async def test_what_a_cut_leaves_in_part_is_kept_with_its_lists(relay: Running) -> None:
    film = part(1, PAGED_BYTES)
    async with talking(relay, "websocket") as one:
        await one.say(*transfer(film, 0, 1, 2, PAGE_LEAVES + 5))
        await durable(one, 3)
    async with talking(relay, "websocket") as other:
        # Its own lists are those that are here already.
        await other.say(*transfer(film, 0, PAGE_LEAVES + 6, 3))
        await durable(other, 2)
    (half,) = await relay.store.list_halves([film.header.tag], Rank.ORIGINAL, 9)
    assert list(half.held) == [1, 2, 3, PAGE_LEAVES + 5, PAGE_LEAVES + 6]
    assert await relay.store.page_roots(film.parcel_id) == page_roots(film.leaves)
    assert await relay.store.leaves(film.parcel_id, PAGE_LEAVES, 16) == film.leaves[PAGE_LEAVES:]
    assert (await relay.store.stats()).partial_bytes == 5 * 16_384 + PAGED_BLOCKS * 32 + 64
    assert [problem async for problem in relay.store.check()] == []


async def test_lists_without_blocks_leave_nothing(relay: Running) -> None:
    film = part(1, PAGED_BYTES)
    async with talking(relay, "websocket") as one:
        lists = [frame for frame in transfer(film, 0) if not isinstance(frame, Block)]
        await one.say(*lists)
        await one.end()
    assert (await relay.store.stats()).partial == 0
