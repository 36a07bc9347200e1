"""What a session is given over a real socket, in which order, and who is given nothing."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.relay.made_parcels import (
    EXPIRY,
    LONG_LETTER_BYTES,
    PAGED_BLOCKS,
    PAGED_BYTES,
    PREVIEW_BYTES,
    THUMBNAIL_BYTES,
    TODAY,
    Made,
    make,
    part,
)
from tests.relay.running_relay import (
    CARRIERS,
    Desk,
    Running,
    Talk,
    running_relay,
    talking,
    transfer,
)

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.card import parse_card
from qanat_protocol.days import epoch_of
from qanat_protocol.frames import (
    Ack,
    AckEntry,
    AckStatus,
    AllInterest,
    Answer,
    Answers,
    Block,
    Cursor,
    DeskInterest,
    End,
    Error,
    Frame,
    HeaderFrame,
    Idle,
    Offers,
    Opened,
    OpenedInterest,
    Partial,
    PublicInterest,
    PublicWant,
    Purge,
    Receipt,
    RepliesInterest,
    Want,
    Welcome,
)
from qanat_protocol.parcel import Kind, parse_header
from qanat_protocol.public import DocumentClass, SealedPublic, seal_public
from qanat_protocol.receipt import verify_receipt
from qanat_protocol.session import sign_desk_interest, sign_peer_interest
from qanat_protocol.signing import SigningKey
from qanat_protocol.tags import public_tag
from qanat_protocol.transfer import Intake
from qanat_protocol.verdicts import Verdict
from qanat_relay.errors import DataError

EPOCH = epoch_of(TODAY)
FILM_BYTES = 2**25
"""More than all that is on its way at once."""


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay") as running:
        yield running


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def desk() -> Desk:
    return Desk.made()


def interest(talk: Talk, desk: Desk, **changes: Any) -> DeskInterest:
    values: dict[str, Any] = {
        "number": 0,
        "statement": desk.statement(),
        "first_epoch": EPOCH - 1,
        "last_epoch": EPOCH,
        **changes,
    }
    key = values.pop("key", desk.key)
    return sign_desk_interest(key, talk.session.session_hash, **values)


def given(frames: Sequence[Frame]) -> list[bytes]:
    """The ids of the parcels that came, whole and verified, in the order in which they ended."""
    intake = Intake()
    whole = []
    for frame in frames:
        if isinstance(frame, HeaderFrame):
            intake.open(frame)
        elif isinstance(frame, Block):
            verified = intake.block(frame)
            if verified is not None and verified.complete:
                whole.append(verified.header.parcel_id)
        elif type(frame).__name__ == "Leaves":
            intake.leaves(frame)  # type: ignore[arg-type]
    return whole


async def store(relay: Running, *parcels: Made) -> None:
    for parcel in parcels:
        await relay.store.write([parcel.put()], today=TODAY)


async def test_a_desk_is_given_its_parcels_in_the_order_of_their_worth(
    relay: Running, carrier: str, desk: Desk
) -> None:
    original = part(1, tag=desk.tag)  # type: ignore[arg-type]
    preview = part(2, PREVIEW_BYTES, tag=desk.tag)  # type: ignore[arg-type]
    thumbnail = part(3, THUMBNAIL_BYTES, tag=desk.tag)  # type: ignore[arg-type]
    letter = make(4, size_bytes=LONG_LETTER_BYTES, tag=desk.tag)
    urgent = make(5, tag=desk.tag, urgent=True)
    foreign = make(6)
    await store(relay, original, preview, thumbnail, letter, urgent, foreign)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk))
        offers = await talk.until(Offers, 2)
        assert [offer.offers for offer in offers] == [
            (preview.header.offer,),
            (original.header.offer,),
        ]
        await talk.say(Answers(0, (Answer.WANT, Answer.WANT)))
        await talk.until(Idle)
        frames = await talk.end()
    assert given(frames) == [
        each.parcel_id for each in (urgent, letter, thumbnail, preview, original)
    ]
    assert isinstance(frames[-1], End)
    (receipt,) = talk.all(Receipt)
    verify_receipt(relay.keys.signing.public, receipt)
    assert set(receipt.ids) == set(given(frames))


async def test_a_desk_that_comes_back_with_its_cursor_is_given_only_what_is_new(
    relay: Running, carrier: str, desk: Desk
) -> None:
    old, offered, new = make(1, tag=desk.tag), part(2, tag=desk.tag), make(3, tag=desk.tag)  # type: ignore[arg-type]
    await store(relay, old, offered)
    await relay.store.write([old.opened()], today=TODAY)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk))
        await talk.until(Offers)
        await talk.say(Answers(0, (Answer.HAVE,)))
        await talk.until(Idle)
        frames = await talk.end()
        cursor = talk.all(Cursor)[-1].cursor
    assert given(frames) == [old.parcel_id]
    assert talk.all(Opened) == [old.opened_frame()]
    assert len(cursor) == 64
    await store(relay, new)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk, cursor=cursor))
        await talk.until(Idle)
        frames = await talk.end()
    assert given(frames) == [new.parcel_id]
    assert talk.all(Offers) == []
    assert talk.all(Opened) == []


async def test_a_desks_own_opened_is_kept_beside_any_number_that_others_signed(
    relay: Running, carrier: str, desk: Desk
) -> None:
    letter = make(1, tag=desk.tag)
    await store(relay, letter)
    async with talking(relay, carrier) as talk:
        await talk.say(
            *(letter.opened_frame(SigningKey(bytes([number]) * 32)) for number in range(9))
        )
        # The same frame is not kept from a session that has proven nothing.
        await talk.say(letter.opened_frame(desk.key))
        await talk.end()
    assert letter.opened_frame(desk.key) not in await relay.store.list_opened([bytes(4)], 0, 99)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk), letter.opened_frame(desk.key))
        await talk.until(Idle)
        await talk.end()
    assert letter.opened_frame(desk.key) in await relay.store.list_opened([bytes(4)], 0, 99)


async def test_a_cursor_of_another_store_counts_as_none(
    relay: Running, carrier: str, desk: Desk
) -> None:
    letter = make(1, tag=desk.tag)
    await store(relay, letter)
    for cursor in (
        bytes(16) + bytes([255]) * 48,
        relay.store.incarnation + bytes([255]) * 48,
        b"?",
    ):
        async with talking(relay, carrier) as talk:
            await talk.say(interest(talk, desk, cursor=cursor))
            await talk.until(Idle)
            frames = await talk.end()
        assert given(frames) == [letter.parcel_id]


async def test_a_cursor_does_not_pass_offers_that_nobody_answered(
    relay: Running, carrier: str, desk: Desk
) -> None:
    letter, original = make(1, tag=desk.tag), part(2, tag=desk.tag)  # type: ignore[arg-type]
    await store(relay, letter, original)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk))
        await talk.end()
        cursor = talk.all(Cursor)[-1].cursor
    assert given(talk.heard) == [letter.parcel_id]
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk, cursor=cursor))
        (offers,) = await talk.until(Offers)
    assert offers.offers == (original.header.offer,)


async def test_nobody_is_given_a_desks_letters_without_the_desks_proof(
    relay: Running, carrier: str, desk: Desk
) -> None:
    await store(relay, make(1, tag=desk.tag))
    stranger = SigningKey.generate()
    async with talking(relay, carrier) as talk:
        good = interest(talk, desk, number=0)
        revoked = desk.statement(serial=2, revoked=(desk.key.public,))
        await talk.say(
            interest(talk, desk, number=1, key=stranger),
            replace(good, number=2),
            replace(good, number=3, signing_key=stranger.public),
            interest(talk, desk, number=4, statement=revoked),
            interest(talk, desk, number=5, statement=b"no statement"),
            replace(good, number=6, signature=bytes([1]) + bytes(64)),
        )
        await talk.until(Idle)
        frames = await talk.end()
    assert [error.verdict for error in talk.all(Error)] == [Verdict.REFUSED_DESK] * 6
    assert given(frames) == []
    assert isinstance(frames[-1], End)


async def test_a_proof_of_one_channel_opens_no_other(
    relay: Running, carrier: str, desk: Desk
) -> None:
    await store(relay, make(1, tag=desk.tag))
    async with talking(relay, carrier) as talk:
        overheard = interest(talk, desk)
    async with talking(relay, carrier) as talk:
        await talk.say(overheard)
        frames = await talk.end()
    assert [error.verdict for error in talk.all(Error)] == [Verdict.REFUSED_DESK]
    assert given(frames) == []


async def test_a_key_that_the_newest_statement_revokes_is_refused_with_an_older_one(
    relay: Running, carrier: str, desk: Desk
) -> None:
    await store(relay, make(1, tag=desk.tag))
    successor = replace(desk, key=SigningKey.generate())
    newest = successor.statement(serial=2, revoked=(desk.key.public,))
    relay.node.desks.take(parse_card(successor.card(statement=newest)))
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk))
        frames = await talk.end()
    assert [error.verdict for error in talk.all(Error)] == [Verdict.REFUSED_DESK]
    assert given(frames) == []


async def test_letters_are_never_given_as_replies(relay: Running, carrier: str, desk: Desk) -> None:
    letter, reply = make(1, tag=desk.tag), make(2, Kind.REPLY)
    await store(relay, letter, reply)
    async with talking(relay, carrier) as talk:
        await talk.say(RepliesInterest(0, 0, bytes(4)))
        (offers,) = await talk.until(Offers)
        assert offers.offers == (reply.header.offer,)
        await talk.say(Answers(0, (Answer.WANT,)), Want((letter.header.offer,)))
        await talk.until(Idle)
        frames = await talk.end()
    assert given(frames) == [reply.parcel_id]


async def test_a_prefix_that_would_single_somebody_out_is_shortened(
    relay: Running, carrier: str
) -> None:
    replies = [make(number, Kind.REPLY, tag=bytes([number]) + bytes(15)) for number in range(256)]
    await relay.store.write([reply.put() for reply in replies], today=TODAY)
    async with talking(relay, carrier) as talk:
        (welcome,) = talk.all(Welcome)
        assert (welcome.reply_bits, welcome.opened_bits) == (3, 0)
        await talk.say(RepliesInterest(0, 32, bytes([0b10101010, 0, 0, 0])))
        (offers,) = await talk.until(Offers)
    assert set(offers.offers) == {replies[number].header.offer for number in range(160, 192)}


async def test_a_reporter_is_told_what_was_opened(relay: Running, carrier: str) -> None:
    letters = [make(number) for number in range(3)]
    await store(relay, *letters)
    await relay.store.write([letters[0].opened(), letters[1].opened()], today=TODAY)
    async with talking(relay, carrier) as talk:
        await talk.say(OpenedInterest(0, 0, (bytes(4),)))
        await talk.until(Idle)
        await talk.end()
    assert {frame.parcel_id for frame in talk.all(Opened)} == {
        letters[0].parcel_id,
        letters[1].parcel_id,
    }


async def test_a_desk_may_ask_by_id_for_what_it_purged(
    relay: Running, carrier: str, desk: Desk
) -> None:
    letter = make(1, tag=desk.tag)
    await store(relay, letter)
    await relay.store.write([letter.purged()], today=TODAY)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk))
        await talk.until(Idle)
        assert given(talk.heard) == []
        assert talk.all(Purge) == [letter.purge_frame()]
        await talk.say(Want((letter.header.offer, bytes(16))))
        await talk.until(Idle, 2)
        frames = await talk.end()
    assert given(frames) == [letter.parcel_id]


async def test_what_is_not_there_any_more_does_not_break_off_what_is(
    relay: Running, carrier: str, desk: Desk
) -> None:
    gone, damaged, there = (
        make(number, size_bytes=LONG_LETTER_BYTES, tag=desk.tag) for number in range(3)
    )
    await store(relay, gone, damaged)
    await relay.store.write([gone.purged()], today=TODAY)
    assert (await relay.store.sweep(TODAY + 7)).purged_bodies == 1
    with contextlib.closing(sqlite3.connect(relay.data / "store" / "store.db")) as database:
        database.execute("DELETE FROM block")
        database.commit()
    await store(relay, there)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk), Want((gone.header.offer, there.header.offer)))
        await talk.until(Idle)
        frames = await talk.end()
    assert there.parcel_id in given(frames)
    assert isinstance(frames[-1], End)


async def test_a_session_that_asks_without_end_makes_the_relay_do_one_thing_at_a_time(
    relay: Running, carrier: str, desk: Desk
) -> None:
    letter = make(1, tag=desk.tag)
    await store(relay, letter)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(asyncio.all_tasks()))
            await asyncio.sleep(0.001)

    watching = asyncio.create_task(watch())
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk), *[Want((letter.header.offer,))] * 1000)
        await talk.until(Idle)
        frames = await talk.end()
    watching.cancel()
    assert letter.parcel_id in given(frames)
    assert most < 100


async def test_what_was_opened_is_told_to_one_interest_after_the_other(
    relay: Running, carrier: str
) -> None:
    letters = [make(number) for number in range(300)]
    await relay.store.write([letter.put() for letter in letters], today=TODAY)
    await relay.store.write([letter.opened() for letter in letters], today=TODAY)
    async with talking(relay, carrier) as talk:
        await talk.say(*(OpenedInterest(number, 0, (bytes(4),)) for number in range(2)))
        await talk.until(Idle)
        await talk.end()
    told = [frame.parcel_id for frame in talk.all(Opened)]
    assert told[:300] == told[300:] == sorted((one.parcel_id for one in letters), reverse=True)


async def test_a_session_is_offered_only_so_many_replies(relay: Running, carrier: str) -> None:
    replies = [make(number, Kind.REPLY, tag=number.to_bytes(16)) for number in range(1500)]
    await relay.store.write([reply.put() for reply in replies], today=TODAY)
    async with talking(relay, carrier) as talk:
        await talk.say(*(RepliesInterest(number, 0, bytes(4)) for number in range(4)))
        while sum(len(frame.offers) for frame in talk.all(Offers)) < 4096:
            assert await talk.hear()
        await talk.end()
    assert [len(frame.offers) for frame in talk.all(Offers)] == [1500, 1500, 1096]


async def test_blocks_that_are_told_to_be_held_are_left_out(
    relay: Running, carrier: str, desk: Desk
) -> None:
    film = part(1, PAGED_BYTES, tag=desk.tag)  # type: ignore[arg-type]
    await store(relay, film)
    held = Bitmap.from_indices(range(PAGED_BLOCKS - 4))
    async with talking(relay, carrier) as talk:
        await talk.say(Partial(film.parcel_id, held.to_bytes()), interest(talk, desk))
        await talk.until(Offers)
        await talk.say(Answers(0, (Answer.WANT_REST,)))
        await talk.until(Idle)
        await talk.end()
    assert [block.index for block in talk.all(Block)] == list(range(PAGED_BLOCKS - 4, PAGED_BLOCKS))


async def test_a_film_of_two_pages_comes_whole(relay: Running, carrier: str, desk: Desk) -> None:
    film = part(1, PAGED_BYTES, tag=desk.tag)  # type: ignore[arg-type]
    await store(relay, film)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk))
        await talk.until(Offers)
        await talk.say(Answers(0, (Answer.WANT,)))
        await talk.until(Idle)
        frames = await talk.end()
    assert given(frames) == [film.parcel_id]
    assert b"".join(block.data for block in talk.all(Block)) == film.body


async def test_a_letter_goes_before_the_rest_of_a_film(
    relay: Running, carrier: str, desk: Desk
) -> None:
    film, letter = part(1, FILM_BYTES, tag=desk.tag), make(2, tag=desk.tag)  # type: ignore[arg-type]
    await store(relay, film)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk))
        await talk.until(Offers)
        await talk.say(Answers(0, (Answer.WANT,)))
        await talk.until(Block)
        await store(relay, letter)
        await talk.say(Want((letter.header.offer,)))
        await talk.until(Idle)
        frames = await talk.end()
    assert given(frames) == [letter.parcel_id, film.parcel_id]


async def test_what_the_other_side_has_after_all_is_not_sent_on(
    relay: Running, carrier: str, desk: Desk
) -> None:
    film = part(1, FILM_BYTES, tag=desk.tag)  # type: ignore[arg-type]
    await store(relay, film)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk))
        await talk.until(Offers)
        await talk.say(Answers(0, (Answer.WANT,)))
        await talk.until(Block)
        await talk.say(Ack(1, (AckEntry(0, AckStatus.HAVE, 0),)))
        await talk.until(Idle)
        frames = await talk.end()
    assert given(frames) == []
    assert talk.all(Receipt) == []


async def test_hundreds_of_letters_come_with_cursors_between_them(
    relay: Running, carrier: str, desk: Desk
) -> None:
    letters = [make(number, tag=desk.tag) for number in range(300)]
    await relay.store.write([letter.put() for letter in letters], today=TODAY)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk))
        while len(talk.all(Cursor)) < 2:
            await talk.hear()
        cut_at = talk.all(Cursor)[-1]
        before = given(talk.heard[: talk.heard.index(cut_at)])
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk, cursor=cut_at.cursor))
        await talk.until(Idle)
        after = given(await talk.end())
    assert sorted(before + after) == sorted(letter.parcel_id for letter in letters)


async def test_peers_are_refused(relay: Running, carrier: str) -> None:
    await store(relay, make(1))
    async with talking(relay, carrier) as talk:
        peer = sign_peer_interest(SigningKey.generate(), talk.session.session_hash, number=0)
        assert isinstance(peer, AllInterest)
        await talk.say(peer)
        await talk.until(Idle)
        frames = await talk.end()
    assert [error.verdict for error in talk.all(Error)] == [Verdict.REFUSED_DESK]
    assert given(frames) == []


async def test_one_number_for_two_interests_ends_the_session(relay: Running, carrier: str) -> None:
    async with talking(relay, carrier) as talk:
        await talk.say(RepliesInterest(0, 0, bytes(4)), RepliesInterest(0, 0, bytes(4)))
        frames = await talk.rest()
    assert isinstance(frames[-1], Error)
    assert frames[-1].verdict == Verdict.UNEXPECTED_FRAME


def bulletin(desk: Desk, serial: int, **changes: Any) -> SealedPublic:
    values: dict[str, Any] = {
        "statement": desk.statement(),
        "document_class": DocumentClass.BULLETIN,
        "serial": serial,
        "issued_day": TODAY,
        "expiry_day": EXPIRY,
        "text": "Bread is given out at the school.",
        **changes,
    }
    return seal_public(values.pop("key", desk.key), **values)


def as_made(document: SealedPublic) -> Made:
    return Made(document.header, document.body, document.content_key)


async def hand_in(relay: Running, carrier: str, *documents: SealedPublic) -> list[AckEntry]:
    async with talking(relay, carrier) as talk:
        for handle, document in enumerate(documents):
            await talk.say(*transfer(as_made(document), handle))
            await talk.statuses(handle + 1)
        statuses = await talk.statuses(len(documents))
        await talk.end()
    return [statuses[handle] for handle in range(len(documents))]


async def test_a_desk_that_was_added_is_carried_and_read_by_all(
    relay: Running, carrier: str, desk: Desk
) -> None:
    relay.node.desks.take(parse_card(desk.card()))
    bulletins = [bulletin(desk, 1), bulletin(desk, 2, text="word " * 13_000)]
    statuses = await hand_in(relay, carrier, *bulletins)
    assert [entry.status for entry in statuses] == [AckStatus.STORED] * 2
    async with talking(relay, carrier) as talk:
        await talk.say(PublicInterest(0, (PublicWant(public_tag(desk.desk_id), 1, 0),)))
        await talk.until(Idle)
        frames = await talk.end()
    assert given(frames) == [bulletins[1].header.parcel_id]


async def test_public_documents_that_do_not_verify_are_not_carried(
    relay: Running, carrier: str, desk: Desk
) -> None:
    relay.node.desks.take(parse_card(desk.card()))
    good = bulletin(desk, 1)
    tampered = make(1, Kind.PUBLIC, 4096, tag=public_tag(desk.desk_id))
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(tampered, 0), *transfer(as_made(good), 1))
        statuses = await talk.statuses(2)
        await talk.end()
    assert statuses[0].status is AckStatus.REFUSED
    assert statuses[1].status is AckStatus.STORED
    assert [entry.header for entry in await relay.store.list_public(good.header.tag, 1, 0)] == [
        good.header
    ]


async def test_a_public_document_is_refused_where_the_newest_statement_revokes_its_key(
    relay: Running, carrier: str, desk: Desk
) -> None:
    successor = replace(desk, key=SigningKey.generate())
    newest = successor.statement(serial=2, revoked=(desk.key.public,))
    relay.node.desks.take(parse_card(successor.card(statement=newest)))
    (status,) = await hand_in(relay, carrier, bulletin(desk, 1))
    assert status.value == Verdict.NOT_CERTIFIED


async def test_an_older_card_never_replaces_a_newer_one(
    relay: Running, carrier: str, desk: Desk
) -> None:
    relay.node.desks.take(parse_card(desk.card(serial=3)))
    cards = [
        bulletin(desk, serial, document_class=DocumentClass.CARD, card=desk.card(serial=serial))
        for serial in (5, 4, 2)
    ]
    newest, older, oldest = await hand_in(relay, carrier, *cards)
    assert newest.status is AckStatus.STORED
    assert [older.value, oldest.value] == [Verdict.OLDER_SERIAL] * 2
    carried = relay.node.desks.find(public_tag(desk.desk_id))
    assert carried is not None
    assert carried.serial == 5


async def test_one_stolen_key_does_not_lock_a_desk_out_of_its_relay(
    relay: Running, carrier: str, desk: Desk
) -> None:
    def as_document(of: Desk, card: bytes, **changes: Any) -> SealedPublic:
        serial = parse_card(card).serial
        return bulletin(of, serial, document_class=DocumentClass.CARD, card=card, **changes)

    relay.node.desks.take(parse_card(desk.card()))
    last = 2**53 - 1
    stolen = as_document(desk, desk.card(serial=last))
    recovered = replace(desk, key=SigningKey.generate())
    newest = recovered.statement(serial=2, revoked=(desk.key.public,))
    anew = as_document(recovered, recovered.card(serial=2, statement=newest), statement=newest)
    statuses = await hand_in(relay, carrier, stolen, anew, as_document(desk, desk.card(serial=3)))
    assert [entry.value for entry in statuses] == [0, 0, Verdict.NOT_CERTIFIED]
    carried = relay.node.desks.find(public_tag(desk.desk_id))
    assert carried is not None
    assert (carried.serial, carried.signer) == (2, recovered.key.public)
    for claimed, expected in ((0, [anew]), (1, [anew]), (2, []), (last, [anew])):
        async with talking(relay, carrier) as talk:
            await talk.say(PublicInterest(0, (PublicWant(public_tag(desk.desk_id), 0, claimed),)))
            await talk.until(Idle)
            frames = await talk.end()
        assert given(frames) == [document.header.parcel_id for document in expected]


async def test_headers_that_are_given_are_those_that_were_handed_in(
    relay: Running, carrier: str, desk: Desk
) -> None:
    letter = make(1, tag=desk.tag)
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(letter, 0))
        await talk.statuses(1)
        await talk.say(interest(talk, desk))
        (header,) = await talk.until(HeaderFrame)
        await talk.end()
    assert parse_header(header.header) == letter.header


async def test_a_file_that_spoils_the_desks_folder_takes_no_desk_away(
    relay: Running, carrier: str, desk: Desk
) -> None:
    relay.node.desks.take(parse_card(desk.card()))
    assert relay.node.desks.find(public_tag(desk.desk_id)) is not None
    (relay.data / "desks" / "spoilt.card").write_bytes(b"no card")
    (status,) = await hand_in(relay, carrier, bulletin(desk, 1))
    assert status.status is AckStatus.STORED
    with pytest.raises(DataError, match="spoilt"):
        relay.node.desks.list_cards()
