"""What a session hands in over a real socket: checked, stored, acknowledged, resumed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.relay.made_parcels import (
    EDITOR,
    LETTER_BYTES,
    LONG_LETTER_BYTES,
    ORIGINAL_BYTES,
    PAGED_BLOCKS,
    PAGED_BYTES,
    TODAY,
    make,
    part,
)
from tests.relay.running_relay import (
    CARRIERS,
    Desk,
    Running,
    raw_talk,
    running_relay,
    talking,
    transfer,
)
from tests.relay.test_server_giving import interest

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import Cut
from qanat_protocol.frames import (
    Ack,
    AckStatus,
    Answer,
    Answers,
    Block,
    End,
    Error,
    Frame,
    HeaderFrame,
    Leaves,
    Offers,
    Opened,
    Partial,
    Purge,
    Receipt,
    Stamp,
    Want,
)
from qanat_protocol.parcel import Kind
from qanat_protocol.receipt import MAX_RECEIPT_IDS, verify_receipt
from qanat_protocol.session import HELLO
from qanat_protocol.verdicts import Verdict
from qanat_relay.store.interface import State


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay") as running:
        yield running


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def held(relay: Running, offer: bytes) -> State | None:
    (holding,) = await relay.store.look_up([offer])
    return None if holding is None else holding.state


async def test_a_letter_is_acknowledged_while_the_request_is_still_being_sent(
    relay: Running, carrier: str
) -> None:
    letters = [make(number) for number in range(3)]
    async with talking(relay, carrier) as talk:
        for handle, letter in enumerate(letters):
            await talk.say(*transfer(letter, handle))
            statuses = await talk.statuses(handle + 1)
            assert statuses[handle].status is AckStatus.STORED
            assert await held(relay, letter.header.offer) is State.HELD
        frames = await talk.end()
    assert isinstance(frames[-1], End)
    talk.session.finish()
    (receipt,) = talk.all(Receipt)
    verify_receipt(relay.keys.signing.public, receipt)
    assert receipt.day == TODAY
    assert set(receipt.ids) == {letter.parcel_id for letter in letters}


async def test_everything_may_be_said_before_anything_is_heard(
    relay: Running, carrier: str
) -> None:
    letters = [make(number) for number in range(700)]
    frames = [frame for handle, each in enumerate(letters) for frame in transfer(each, handle)]
    async with raw_talk(relay, carrier) as talk:
        await talk.send_raw(talk.session.start() + talk.session.send(HELLO, *frames))
        await talk.end()
    told = [parcel_id for receipt in talk.all(Receipt) for parcel_id in receipt.ids]
    assert sorted(told) == sorted(letter.parcel_id for letter in letters)
    assert len(await talk.statuses(700)) == 700
    commits = [ack.commit for ack in talk.all(Ack)]
    assert commits == sorted(commits)
    assert commits[0] == 1


async def test_a_body_of_several_pages_arrives(relay: Running, carrier: str) -> None:
    film = part(1, PAGED_BYTES)
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(film, 0))
        statuses = await talk.statuses(1)
        await talk.end()
    assert statuses[0].status is AckStatus.STORED
    stored = await relay.store.blocks(film.parcel_id, range(PAGED_BLOCKS))
    assert b"".join(stored) == film.body


async def test_half_a_parcel_is_resumed_where_it_was_cut(relay: Running, carrier: str) -> None:
    original = part(1)
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(original, 0, 0, 1, 2, 7))
        while not any(entry.value == 4 for ack in talk.all(Ack) for entry in ack.entries):
            assert await talk.hear()
    async with talking(relay, carrier) as talk:
        await talk.say(Offers(0, (original.header.offer,)))
        (answers,) = await talk.until(Answers)
        assert answers.codes == (Answer.WANT_REST,)
        (partial,) = talk.all(Partial)
        bitmap = Bitmap.from_bytes(partial.bitmap)
        assert (partial.parcel_id, list(bitmap)) == (original.parcel_id, [0, 1, 2, 7])
        await talk.say(*transfer(original, 0, held=bitmap))
        assert (await talk.statuses(1))[0].status is AckStatus.STORED
        await talk.end()
    assert talk.all(Receipt)[0].ids == (original.parcel_id,)


async def test_a_connection_that_dies_leaves_what_it_brought(relay: Running, carrier: str) -> None:
    letter, original = make(1), part(2)
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(letter, 0), *transfer(original, 1, 0, 1, 2))
        while set(await talk.statuses(1)) != {0, 1}:
            assert await talk.hear()
    assert await held(relay, letter.header.offer) is State.HELD
    assert await held(relay, original.header.offer) is State.PARTIAL


async def test_input_that_ends_without_end_is_acknowledged_and_not_ended(relay: Running) -> None:
    letter = make(1)
    async with talking(relay, "exchange") as talk:
        await talk.say(*transfer(letter, 0))
        await talk.finish_sending()
        frames = await talk.rest()
    assert (await talk.statuses(1))[0].status is AckStatus.STORED
    assert not any(isinstance(frame, End) for frame in frames)
    with pytest.raises(Cut):
        talk.session.finish()


async def test_offers_are_answered_from_what_is_held(relay: Running, carrier: str) -> None:
    known, purged, new = make(1), make(2), make(3)
    await relay.store.write([known.put(), purged.put()], today=TODAY)
    await relay.store.write([purged.purged()], today=TODAY)
    async with talking(relay, carrier) as talk:
        offers = tuple(each.header.offer for each in (known, purged, new))
        await talk.say(Offers(0, offers[:2]), Offers(2, offers[2:]))
        answers = await talk.until(Answers, 2)
        await talk.end()
    codes = [code for answer in answers for code in answer.codes]
    assert codes == [Answer.HAVE, Answer.TOMBSTONED, Answer.WANT]


async def test_a_receipt_is_given_for_what_was_offered_and_is_held(
    relay: Running, carrier: str
) -> None:
    known, purged, half = (make(number, size_bytes=ORIGINAL_BYTES) for number in (1, 2, 3))
    await relay.store.write([known.put(), purged.put(), half.put(0)], today=TODAY)
    await relay.store.write([purged.purged()], today=TODAY)
    async with talking(relay, carrier) as talk:
        await talk.say(Offers(0, tuple(each.header.offer for each in (known, purged, half))))
        await talk.until(Answers)
        await talk.end()
    (receipt,) = talk.all(Receipt)
    verify_receipt(relay.keys.signing.public, receipt)
    assert receipt.ids == (known.parcel_id,)


async def test_receipts_for_many_offers_go_before_there_are_too_many_to_remember(
    relay: Running,
) -> None:
    many = [make(number) for number in range(MAX_RECEIPT_IDS + 1)]
    await relay.store.write([each.put() for each in many], today=TODAY)
    async with talking(relay, "exchange") as talk:
        offers = [each.header.offer for each in many]
        await talk.say(Offers(0, tuple(offers[:-1])), Offers(MAX_RECEIPT_IDS, tuple(offers[-1:])))
        await talk.until(Receipt)
        await talk.end()
    assert [len(receipt.ids) for receipt in talk.all(Receipt)] == [MAX_RECEIPT_IDS, 1]


async def test_what_is_half_there_is_told_once_however_often_it_is_offered(
    relay: Running, carrier: str
) -> None:
    half = part(1)
    await relay.store.write([half.put(0, 1)], today=TODAY)
    async with talking(relay, carrier) as talk:
        offer = half.header.offer
        await talk.say(Offers(0, (offer,) * 2048), Offers(2048, (offer, bytes(16))))
        await talk.until(Answers, 2)
        assert [frame.parcel_id for frame in talk.all(Partial)] == [half.parcel_id]
        assert [frame.codes for frame in talk.all(Answers)] == [
            (Answer.WANT_REST,) * 2048,
            (Answer.WANT_REST, Answer.WANT),
        ]
        # Somebody else brings the rest meanwhile: nothing is lost by the older answer.
        await relay.store.write([half.put()], today=TODAY)
        held = Bitmap.from_indices([0, 1])
        await talk.say(*transfer(half, 0, *range(2, 11), held=held))
        assert (await talk.statuses(1))[0].status is AckStatus.HAVE
        await talk.end()


async def test_a_large_parcel_that_is_here_need_not_be_sent_on(
    relay: Running, carrier: str
) -> None:
    original = part(1)
    await relay.store.write([original.put()], today=TODAY)
    async with talking(relay, carrier) as talk:
        opening = transfer(original, 0, 0)[:2]
        await talk.say(*opening)
        assert (await talk.statuses(1))[0].status is AckStatus.HAVE
        # What was on its way behind the final status is dropped without a word.
        await talk.say(Block(0, 0, b"not even a block of it"))
        await talk.end()
    assert talk.all(Error) == []
    assert talk.all(Receipt)[0].ids == (original.parcel_id,)


async def test_each_parcel_that_is_refused_is_refused_by_name_and_the_session_goes_on(
    tmp_path: Path, carrier: str
) -> None:
    good = make(9)
    illegal = bytearray(make(1).header.encode())
    illegal[3] = 2
    damaged = make(5)
    wrong_list = part(6)
    frames: list[Frame] = [
        HeaderFrame(0, bytes(illegal)),
        *transfer(make(2, expiry_day=TODAY - 1), 1),
        *transfer(make(3, expiry_day=TODAY + 561), 2),
        HeaderFrame(3, replace(part(4).header, body_size=2**30).encode()),
        HeaderFrame(4, damaged.header.encode()),
        Block(4, 0, make(7).body),
        HeaderFrame(5, wrong_list.header.encode()),
        Leaves(5, 0, tuple(part(8).leaves)),
        HeaderFrame(6, make(10, Kind.PUBLIC, 4096).header.encode()),
        *transfer(good, 7),
    ]
    async with (
        running_relay(tmp_path / "small", largest_body_bytes=2**20) as relay,
        talking(relay, carrier) as talk,
    ):
        await talk.say(*frames)
        statuses = await talk.statuses(8)
        frames_heard = await talk.end()
        assert await held(relay, damaged.header.offer) is None
    assert [statuses[handle].value for handle in range(7)] == [
        Verdict.ILLEGAL_FLAGS,
        Verdict.EXPIRED,
        Verdict.EXPIRY_TOO_FAR,
        Verdict.REFUSED_SIZE,
        Verdict.BAD_ROOT,
        Verdict.BAD_ROOT,
        Verdict.REFUSED_DESK,
    ]
    assert {statuses[handle].status for handle in range(7)} == {AckStatus.REFUSED}
    assert statuses[7].status is AckStatus.STORED
    assert isinstance(frames_heard[-1], End)


async def test_what_breaks_the_session_is_told_and_what_came_before_is_kept(
    relay: Running, carrier: str
) -> None:
    letter = make(1)
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(letter, 0), HeaderFrame(7, make(2).header.encode()))
        frames = await talk.rest()
    assert isinstance(frames[-1], Error)
    assert frames[-1].verdict == Verdict.UNEXPECTED_FRAME
    assert (await talk.statuses(1))[0].status is AckStatus.STORED
    assert await held(relay, letter.header.offer) is State.HELD


async def test_more_open_transfers_than_allowed_end_the_session(
    relay: Running, carrier: str
) -> None:
    async with talking(relay, carrier) as talk:
        headers = [HeaderFrame(each, part(each).header.encode()) for each in range(65)]
        await talk.say(*headers)
        frames = await talk.rest()
    assert isinstance(frames[-1], Error)
    assert frames[-1].verdict == Verdict.TOO_LARGE


async def test_tombstones_are_checked_and_kept(relay: Running, carrier: str) -> None:
    opened, purged, untouched = make(1), make(2), make(3)
    await relay.store.write([opened.put(), purged.put(), untouched.put()], today=TODAY)
    good = opened.opened_frame()
    forged = replace(good, signature=bytes([1]) + bytes(64))
    async with talking(relay, carrier) as talk:
        await talk.say(
            forged,
            good,
            purged.purge_frame(),
            Purge(untouched.parcel_id, bytes(32)),
            Stamp(untouched.parcel_id, 0, 5, bytes(16)),
        )
        await talk.end()
    assert [error.verdict for error in talk.all(Error)] == [
        Verdict.BAD_SIGNATURE,
        Verdict.BAD_STAMP,
    ]
    tombstones = await relay.store.list_tombstones(None, 0, 10)
    assert sorted(frame.parcel_id for _, frame in tombstones) == sorted(
        [opened.parcel_id, purged.parcel_id]
    )
    assert await held(relay, purged.header.offer) is State.PURGED


async def test_what_a_desk_signed_itself_is_taken_from_it_by_its_word(
    relay: Running, carrier: str
) -> None:
    desk = Desk.made()
    own, others = make(1, tag=desk.tag), make(2)
    await relay.store.write([own.put(), others.put()], today=TODAY)
    unsigned = bytes([1]) + bytes(64)
    async with talking(relay, carrier) as talk:
        await talk.say(
            interest(talk, desk),
            replace(own.opened_frame(desk.key), signature=unsigned),
            replace(others.opened_frame(desk.key), signature=unsigned),
            replace(own.opened_frame(), signature=unsigned),
            own.opened_frame(),
        )
        await talk.end()
    assert [error.verdict for error in talk.all(Error)] == [Verdict.BAD_SIGNATURE]
    kept = [frame for _, frame in await relay.store.list_tombstones(None, 0, 10)]
    assert [
        (frame.parcel_id, frame.signing_key) for frame in kept if isinstance(frame, Opened)
    ] == [
        (own.parcel_id, desk.key.public),
        (own.parcel_id, EDITOR.public),
    ]


async def test_a_purged_parcel_is_not_taken_again(relay: Running, carrier: str) -> None:
    letter = make(1)
    await relay.store.write([letter.put()], today=TODAY)
    await relay.store.write([letter.purged()], today=TODAY)
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(letter, 0))
        statuses = await talk.statuses(1)
        await talk.end()
    assert statuses[0].status is AckStatus.TOMBSTONED
    assert talk.all(Receipt) == []


async def test_two_sessions_bring_the_two_halves_of_one_parcel(
    relay: Running, carrier: str
) -> None:
    original = part(1)
    async with talking(relay, carrier) as first, talking(relay, carrier) as second:
        await first.say(*transfer(original, 0, *range(6)))
        await second.say(*transfer(original, 0, *range(6, 11)))
        await asyncio.gather(first.end(), second.end())
    told = {
        entry.status for talk in (first, second) for ack in talk.all(Ack) for entry in ack.entries
    }
    assert AckStatus.STORED in told
    assert await held(relay, original.header.offer) is State.HELD


async def test_a_full_store_refuses_by_name_and_keeps_what_it_acknowledged(
    tmp_path: Path, carrier: str
) -> None:
    letters = [make(number, size_bytes=LONG_LETTER_BYTES) for number in range(60)]
    mib = 2**20
    async with running_relay(
        tmp_path / "small",
        capacity_bytes=mib,
        partial_bytes=mib,
        largest_body_bytes=mib // 4,
        # Else it would never be full.
        stamps=False,
        tag_share=1000,
    ) as relay:
        async with talking(relay, carrier) as talk:
            for handle, letter in enumerate(letters):
                await talk.say(*transfer(letter, handle))
                await talk.statuses(handle + 1)
            statuses = await talk.statuses(60)
            frames = await talk.end()
        assert isinstance(frames[-1], End)
        kept = [each for each in range(60) if statuses[each].status is AckStatus.STORED]
        refused = [each for each in range(60) if statuses[each].status is AckStatus.REFUSED]
        assert kept
        assert refused
        assert {statuses[each].value for each in refused} <= {
            Verdict.REFUSED_FULL,
            Verdict.REFUSED_QUOTA,
        }
        for each in kept:
            assert await held(relay, letters[each].header.offer) is State.HELD


async def test_a_letter_is_not_given_by_id_to_whoever_knows_it(
    relay: Running, carrier: str
) -> None:
    letter = make(1, size_bytes=LETTER_BYTES)
    await relay.store.write([letter.put()], today=TODAY)
    async with talking(relay, carrier) as talk:
        await talk.say(Want((letter.header.offer,)))
        frames = await talk.end()
    assert not any(isinstance(frame, HeaderFrame) for frame in frames)


async def test_a_larger_body_than_the_relay_takes_is_refused_before_it_is_sent(
    tmp_path: Path, carrier: str
) -> None:
    async with (
        running_relay(tmp_path / "small", largest_body_bytes=262_144) as relay,
        talking(relay, carrier) as talk,
    ):
        await talk.say(*transfer(part(1, 278_528), 0, 0)[:1])
        statuses = await talk.statuses(1)
        await talk.say(*transfer(part(2, ORIGINAL_BYTES), 1))
        assert (await talk.statuses(2))[1].status is AckStatus.STORED
        await talk.end()
    assert statuses[0].value == Verdict.REFUSED_SIZE


async def test_a_session_goes_on_where_others_hold_all_that_may_wait(relay: Running) -> None:
    others_bytes = 64 * 2**20
    relay.node.waiting.size_bytes += others_bytes
    letters = [make(number, size_bytes=16_384) for number in range(200)]
    async with talking(relay, "exchange") as talk:
        for handle, letter in enumerate(letters):
            await talk.say(*transfer(letter, handle))
        statuses = await talk.statuses(len(letters))
        await talk.end()
    assert {entry.status for entry in statuses.values()} == {AckStatus.STORED}
    assert relay.node.waiting.size_bytes == others_bytes


async def test_what_waits_is_let_go_however_a_session_ends(relay: Running, carrier: str) -> None:
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(make(1), 0), *transfer(part(2), 1, 0, 1, 2))
        await talk.statuses(1)
    async with asyncio.timeout(20):
        while relay.node.waiting.size_bytes:  # noqa: ASYNC110 - a number, which wakes nobody
            await asyncio.sleep(0.01)
