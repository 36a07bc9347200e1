"""How what a session is given takes turns: mailboxes, tombstones, sessions among each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest
from tests.relay.made_parcels import (
    LONG_LETTER_BYTES,
    TODAY,
    Made,
    make,
)
from tests.relay.running_relay import Desk, Running, Talk, running_relay, talking

from qanat_protocol.days import epoch_of
from qanat_protocol.frames import (
    Answer,
    Answers,
    Block,
    Frame,
    HeaderFrame,
    Idle,
    Offers,
    Opened,
    Purge,
)
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.parcel import Kind, parse_header
from qanat_protocol.session import sign_desk_interest
from qanat_protocol.tags import desk_tag
from qanat_relay.gift import SLICE_BLOCKS
from qanat_relay.gifts import MAX_OPEN_PARTS
from qanat_relay.tombstones import FIRST_BYTES, TOMBSTONE_BYTES

EPOCH = epoch_of(TODAY)
FILM_BYTES = 4 * 2**17
"""Four turns of eight blocks each."""


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay") as running:
        yield running


@pytest.fixture
def desk() -> Desk:
    return Desk.made()


async def ask(talk: Talk, desk: Desk, first_epoch: int = EPOCH) -> None:
    await talk.say(
        sign_desk_interest(
            desk.key,
            talk.session.session_hash,
            number=0,
            statement=desk.statement(),
            first_epoch=first_epoch,
            last_epoch=EPOCH,
        )
    )


async def take_offers(talk: Talk) -> None:
    (offers,) = await talk.until(Offers)
    await talk.say(Answers(0, (Answer.WANT,) * len(offers.offers)))


def film(number: int, tag: bytes, size_bytes: int = FILM_BYTES) -> Made:
    return make(number, Kind.PART, size_bytes, tag=tag)


def open_at_once(frames: Sequence[Frame]) -> int:
    """How many transfers were open at most."""
    left: dict[int, int] = {}
    most = 0
    for frame in frames:
        if isinstance(frame, HeaderFrame):
            left[frame.handle] = parse_header(frame.header).body_size
            most = max(most, len(left))
        elif isinstance(frame, Block):
            left[frame.handle] -= len(frame.data)
            if not left[frame.handle]:
                del left[frame.handle]
    assert not left
    return most


def turns(frames: Sequence[Frame]) -> list[int]:
    """The handles of blocks, each once for as long as no other had its turn."""
    return [handle for handle, _ in groupby(f.handle for f in frames if isinstance(f, Block))]


async def test_films_of_two_mailboxes_take_turns(relay: Running, desk: Desk) -> None:
    tags = [desk_tag(desk.desk_id, epoch) for epoch in (EPOCH - 1, EPOCH)]
    films = [film(number, tag) for number, tag in enumerate(tags)]
    await relay.store.write([each.put() for each in films], today=TODAY)
    async with talking(relay, "exchange") as talk:
        await ask(talk, desk, EPOCH - 1)
        await take_offers(talk)
        await talk.until(Idle)
        frames = await talk.end()
    assert turns(frames) == [0, 1] * 4


async def test_films_of_one_mailbox_come_one_after_the_other(relay: Running, desk: Desk) -> None:
    films = [film(number, desk.tag) for number in range(3)]
    await relay.store.write([each.put() for each in films], today=TODAY)
    async with talking(relay, "exchange") as talk:
        await ask(talk, desk)
        await take_offers(talk)
        await talk.until(Idle)
        frames = await talk.end()
    assert turns(frames) == [0, 1, 2]


async def test_no_more_transfers_are_open_than_the_other_side_takes(
    relay: Running, desk: Desk
) -> None:
    # Each of these mailboxes has a film of two turns, and a letter of one.
    epochs = range(EPOCH - 80, EPOCH + 1)
    parcels = [
        each
        for epoch in epochs
        for each in (
            film(epoch, desk_tag(desk.desk_id, epoch), 180_224),
            make(epoch, size_bytes=LONG_LETTER_BYTES, tag=desk_tag(desk.desk_id, epoch)),
        )
    ]
    for start in range(0, len(parcels), 50):
        some = parcels[start : start + 50]
        await relay.store.write([each.put() for each in some], today=TODAY)
    async with talking(relay, "exchange") as talk:
        await ask(talk, desk, epochs[0])
        await take_offers(talk)
        await talk.until(Idle)
        frames = await talk.end()
    assert len([f for f in frames if isinstance(f, HeaderFrame)]) == len(parcels)
    assert open_at_once(frames) == MAX_OPEN_PARTS


async def test_tombstones_are_a_quarter_of_what_comes_while_letters_wait(
    relay: Running, desk: Desk
) -> None:
    gone = [make(number, tag=desk.tag) for number in range(1500)]
    letters = [make(number, tag=desk.tag) for number in range(1500, 1900)]
    for start in range(0, 1500, 500):
        some = gone[start : start + 500]
        await relay.store.write([each.put() for each in some], today=TODAY)
        await relay.store.write([each.opened() for each in some], today=TODAY)
        await relay.store.write([each.purged() for each in some], today=TODAY)
    await relay.store.write([each.put() for each in letters], today=TODAY)
    async with talking(relay, "exchange") as talk:
        await ask(talk, desk)
        await talk.until(Idle)
        frames = await talk.end()
    last = max(index for index, frame in enumerate(frames) if isinstance(frame, Block))
    before = frames[: last + 1]
    letter_bytes = sum(len(frame.data) for frame in before if isinstance(frame, Block))
    told = [frame for frame in before if isinstance(frame, Opened | Purge)]
    assert letter_bytes == 400 * 4096
    assert FIRST_BYTES // 2 < len(told) * TOMBSTONE_BYTES <= FIRST_BYTES + letter_bytes // 3
    all_told = [frame for frame in frames if isinstance(frame, Opened | Purge)]
    assert len(all_told) == len({*all_told}) == 2 * 1500


async def test_a_session_that_takes_thousands_of_letters_holds_up_no_others_first_letter(
    relay: Running, desk: Desk
) -> None:
    letters = [make(number, size_bytes=16_384, tag=desk.tag) for number in range(2000)]
    for start in range(0, len(letters), 200):
        some = letters[start : start + 200]
        await relay.store.write([each.put() for each in some], today=TODAY)
    other = Desk.made()
    await relay.store.write([make(9999, tag=other.tag).put()], today=TODAY)
    async with talking(relay, "exchange") as greedy, talking(relay, "exchange") as modest:
        await ask(greedy, desk)
        await greedy.until(Block, 100)
        before = greedy.received_bytes
        await ask(modest, other)
        await modest.until(Block)
        meanwhile_bytes = greedy.received_bytes - before
        await greedy.until(Block, len(letters))
    # The other session's few questions to the store each wait behind one or two of these turns.
    assert meanwhile_bytes < 32 * SLICE_BLOCKS * BLOCK_BYTES
