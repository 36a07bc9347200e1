"""What a desk is told and given of parcels that a relay holds in part, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.relay.made_parcels import (
    LONG_LETTER_BYTES,
    PAGED_BLOCKS,
    PAGED_BYTES,
    TODAY,
    Made,
    make,
    part,
)
from tests.relay.running_relay import Desk, Running, Talk, running_relay, talking, transfer
from tests.relay.test_server_giving import interest

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import (
    Answer,
    Answers,
    Block,
    Cursor,
    Error,
    Frame,
    HeaderFrame,
    Idle,
    Leaves,
    Offers,
    Partial,
    Receipt,
    Want,
)
from qanat_protocol.limits import MAX_PARTIALS_BYTES, PAGE_LEAVES, PARTIAL_BYTES
from qanat_protocol.parcel import parse_header
from qanat_protocol.transfer import Intake
from qanat_protocol.verdicts import Verdict
from qanat_relay import halves
from qanat_relay.halves import MAX_HALVES


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay") as running:
        yield running


@pytest.fixture
def desk() -> Desk:
    return Desk.made()


def film_for(desk: Desk, number: int = 1, size_bytes: int = PAGED_BYTES) -> Made:
    return part(number, size_bytes, tag=desk.tag)  # type: ignore[arg-type]


def blocks_in(talk: Talk) -> list[int]:
    return [block.index for block in talk.all(Block)]


def bitmap(*indices: int) -> bytes:
    return Bitmap.from_indices(indices).to_bytes()


async def hold(relay: Running, made: Made, *indices: int) -> None:
    await relay.store.write([made.put(*indices)], today=TODAY)


async def pull(talk: Talk, desk: Desk, *before: Frame, code: Answer = Answer.WANT) -> None:
    """Ask as a desk that answers every offer with one code, until nothing more comes."""
    await talk.say(*before, interest(talk, desk))
    answered = 0
    while not talk.all(Idle):
        assert await talk.hear()
        asked = sum(len(frame.offers) for frame in talk.all(Offers))
        if asked > answered:
            await talk.say(Answers(answered, (code,) * (asked - answered)))
            answered = asked
    await talk.end()
    assert talk.all(Error) == []


async def test_a_body_in_part_is_told_by_its_bitmap_before_it_is_offered_and_given(
    relay: Running, desk: Desk
) -> None:
    film = film_for(desk)
    await hold(relay, film, 3, 5, PAGE_LEAVES + 5)
    async with talking(relay, "exchange") as talk:
        await pull(talk, desk)
    (told,) = talk.all(Partial)
    assert told == Partial(film.parcel_id, bitmap(3, 5, PAGE_LEAVES + 5))
    kinds = [type(frame) for frame in talk.heard]
    assert kinds.index(Partial) + 1 == kinds.index(Offers)
    # Whoever knows what was told knows when the transfer is complete.
    intake = Intake()
    (header,) = talk.all(HeaderFrame)
    intake.open(header)
    intake.leave_out(0, Bitmap.below(PAGED_BLOCKS) - Bitmap.from_bytes(told.bitmap))
    for frame in talk.heard:
        if isinstance(frame, Leaves):
            intake.leaves(frame)
        elif isinstance(frame, Block):
            verified = intake.block(frame)
            assert verified is not None
            assert verified.complete == (frame.index == PAGE_LEAVES + 5)
    assert blocks_in(talk) == [3, 5, PAGE_LEAVES + 5]
    # It never held the whole, and signs nothing of the kind.
    assert talk.all(Receipt) == []


async def test_only_blocks_that_the_desk_lacks_are_given(relay: Running, desk: Desk) -> None:
    film = film_for(desk)
    await hold(relay, film, 3, 5, PAGE_LEAVES + 5)
    async with talking(relay, "exchange") as talk:
        await pull(talk, desk, Partial(film.parcel_id, bitmap(0, 5, PAGE_LEAVES + 8)))
    assert blocks_in(talk) == [3, PAGE_LEAVES + 5]


async def test_the_newest_word_on_what_need_not_be_sent_counts(relay: Running, desk: Desk) -> None:
    film = film_for(desk)
    await hold(relay, film, 3, 5, PAGE_LEAVES + 5)
    async with talking(relay, "websocket") as talk:
        await talk.say(Partial(film.parcel_id, bitmap(3)), interest(talk, desk))
        await talk.until(Offers)
        await talk.say(
            Partial(film.parcel_id, bitmap(5, PAGE_LEAVES + 5)), Answers(0, (Answer.WANT_REST,))
        )
        await talk.until(Idle)
        await talk.end()
    assert blocks_in(talk) == [3]


async def test_a_half_that_has_nothing_new_is_not_even_offered(relay: Running, desk: Desk) -> None:
    film = film_for(desk)
    await hold(relay, film, 3, 5)
    async with talking(relay, "exchange") as talk:
        await pull(talk, desk, Partial(film.parcel_id, bitmap(3, 4, 5)))
    assert not talk.all(Offers)
    assert not talk.all(Partial)
    await hold(relay, film, 6)
    async with talking(relay, "exchange") as talk:
        await pull(talk, desk, Partial(film.parcel_id, bitmap(3, 4, 5)))
    assert blocks_in(talk) == [6]


async def test_a_half_that_is_not_wanted_is_not_sent(relay: Running, desk: Desk) -> None:
    await hold(relay, film_for(desk), 3)
    async with talking(relay, "exchange") as talk:
        await pull(talk, desk, code=Answer.HAVE)
    assert blocks_in(talk) == []


async def test_what_is_whole_comes_before_halves_of_its_rank_and_no_cursor_waits_for_them(
    relay: Running, desk: Desk
) -> None:
    letter, half_letter = (make(number, size_bytes=LONG_LETTER_BYTES, tag=desk.tag)
                           for number in (1, 2))  # fmt: skip
    film, half_film = film_for(desk, 3), film_for(desk, 4)
    for half in (half_letter, half_film):
        await hold(relay, half, 1)
    for whole in (letter, film):
        await hold(relay, whole)
    async with talking(relay, "exchange") as talk:
        await pull(talk, desk)
    ids = [parse_header(frame.header).parcel_id for frame in talk.all(HeaderFrame)]
    assert ids.index(letter.parcel_id) < ids.index(half_letter.parcel_id)
    assert ids.index(film.parcel_id) < ids.index(half_film.parcel_id)
    assert ids[-1] == half_film.parcel_id
    (receipt,) = talk.all(Receipt)
    assert set(receipt.ids) == {letter.parcel_id, film.parcel_id}
    # The cursor stands behind all that was whole; halves are told again whatever it says.
    cursor = talk.all(Cursor)[-1].cursor
    async with talking(relay, "exchange") as talk:
        await talk.say(interest(talk, desk, cursor=cursor))
        await talk.until(Partial)
        assert {frame.parcel_id for frame in talk.all(Partial)} == {half_letter.parcel_id}
        await talk.say(Answers(0, (Answer.HAVE,)))
        await talk.until(Partial, 2)
        await talk.say(Answers(1, (Answer.HAVE,)))
        await talk.until(Idle)
        await talk.end()


async def test_the_rest_is_offered_as_a_whole_when_it_has_come(relay: Running, desk: Desk) -> None:
    film = film_for(desk)
    await hold(relay, film, 3)
    async with talking(relay, "exchange") as talk:
        await pull(talk, desk)
    cursor = None if not talk.all(Cursor) else talk.all(Cursor)[-1].cursor
    await hold(relay, film)
    async with talking(relay, "exchange") as talk:
        await talk.say(Partial(film.parcel_id, bitmap(3)), interest(talk, desk, cursor=cursor))
        await talk.until(Offers)
        await talk.say(Answers(0, (Answer.WANT_REST,)))
        await talk.until(Idle)
        await talk.end()
    assert talk.all(Partial) == []
    assert blocks_in(talk) == [index for index in range(PAGED_BLOCKS) if index != 3]


async def test_nobody_else_is_told_of_halves(relay: Running, desk: Desk) -> None:
    film = film_for(desk)
    await hold(relay, film, 3)
    async with talking(relay, "exchange") as talk:
        await pull(talk, Desk.made())
    assert not talk.all(Partial)
    assert not talk.all(Offers)
    async with talking(relay, "exchange") as talk:
        await talk.say(Want((film.header.offer,)))
        await talk.until(Idle)
        await talk.end()
    assert talk.all(HeaderFrame) == []


async def test_a_half_that_is_purged_while_it_is_offered_breaks_nothing_off(
    relay: Running, desk: Desk
) -> None:
    film = film_for(desk)
    await hold(relay, film, 3)
    async with talking(relay, "websocket") as talk:
        await talk.say(interest(talk, desk))
        await talk.until(Offers)
        await relay.store.write([film.purged()], today=TODAY)
        await talk.say(Answers(0, (Answer.WANT,)))
        await talk.until(Idle)
        await talk.end()
    assert blocks_in(talk) == []


async def test_opened_and_purge_of_what_is_here_in_part_are_kept_and_free_it(
    relay: Running, desk: Desk
) -> None:
    film = film_for(desk)
    await hold(relay, film, 3)
    async with talking(relay, "exchange") as talk:
        words = film.opened_frame(desk.key), film.purge_frame()
        await pull(talk, desk, *words, code=Answer.HAVE)
    stats = await relay.store.stats()
    assert (stats.partial, stats.partial_bytes, stats.purged) == (0, 0, 1)
    async with talking(relay, "exchange") as talk:
        await talk.say(*transfer(film, 0))
        await talk.statuses(1)
        await talk.end()
    assert (await relay.store.stats()).partial == 0


async def test_a_flood_of_halves_costs_a_pull_a_bounded_number_of_bytes(
    relay: Running, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = [film_for(desk, number, 180_224) for number in range(2 * MAX_HALVES)]
    letters = [make(number, size_bytes=LONG_LETTER_BYTES, tag=desk.tag) for number in range(70)]
    await relay.store.write([one.put(0) for one in [*flood, *letters]], today=TODAY)
    whole, fullest = film_for(desk, 1000), film_for(desk, 1001)
    await hold(relay, whole)
    await hold(relay, fullest, 1, 2)
    async with talking(relay, "exchange") as talk:
        await pull(talk, desk)
    told = [frame.parcel_id for frame in talk.all(Partial)]
    assert len(told) == len(set(told)) == 2 * MAX_HALVES
    assert fullest.parcel_id in told
    assert len(blocks_in(talk)) == PAGED_BLOCKS + 2 * MAX_HALVES + 1
    assert talk.all(Receipt)[0].ids == (whole.parcel_id,)
    monkeypatch.setattr(halves, "MAX_HALVES_BYTES", 3 * (PARTIAL_BYTES + 1))
    async with talking(relay, "exchange") as talk:
        await pull(talk, desk)
    assert len(talk.all(Partial)) == 2 * 3


async def test_a_desk_may_tell_of_one_parcel_again_and_of_so_many_at_most(
    relay: Running, desk: Desk
) -> None:
    film = film_for(desk)
    await hold(relay, film, 3)
    long = Partial(film.parcel_id, b"\xff" * 8_000)
    async with talking(relay, "exchange") as talk:
        for _ in range(150):
            await talk.say(long)
        await pull(talk, desk)
        assert talk.all(Offers) == []
    async with talking(relay, "exchange") as talk:
        for number in range(MAX_PARTIALS_BYTES // (8_000 + PARTIAL_BYTES) + 1):
            await talk.say(Partial(number.to_bytes(32, "big"), b"\xff" * 8_000))
        await talk.rest()
    assert [error.verdict for error in talk.all(Error)] == [Verdict.TOO_LARGE]


def test_what_one_session_is_told_leaves_the_other_side_half_its_memory() -> None:
    assert 4 * halves.MAX_HALVES_BYTES <= MAX_PARTIALS_BYTES // 2
