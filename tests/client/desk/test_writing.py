"""Replies, wishes and bulletins: sealed, queued, given to every relay, hidden among dummies."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

import pytest
from PIL import Image
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly
from tests.client.desk.test_pull import Relays, desk_on, pulled, relays

from qanat_client.desk.outgoing import Outbox
from qanat_protocol.days import epoch_of, last_day
from qanat_protocol.errors import CannotOpen
from qanat_protocol.hashing import sha256
from qanat_protocol.labels import label
from qanat_protocol.letter import LetterType, open_letter
from qanat_protocol.parcel import Header, Kind, parse_header
from qanat_protocol.public import DocumentClass, parse_public
from qanat_protocol.reply import REPLY_GRACE_DAYS, Reply, verify_reply
from qanat_protocol.tags import mailbox_prefix, public_tag, reply_tag

__all__ = ["relays"]


async def received(newsroom: Newsroom, *, boxed: bool = True) -> tuple[Writer, str]:
    """A desk with one report, of which the film has not come."""
    if not newsroom.home.exists():
        newsroom.settle()
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    if boxed:
        writer.with_box()
    identity, parcels = writer.write(
        "Text.", [Attached("a.jpg", b"a"), Attached("film.mp4", os.urandom(20_000))], language="kk"
    )
    await open_directly(desk, parcels[:2])
    desk.vault.close()
    return writer, identity.hex()


def queued(newsroom: Newsroom) -> list[tuple[Header, bytes]]:
    desk = newsroom.open()
    found = Outbox(desk.vault).not_handed(b"nobody")
    desk.vault.close()
    return found


def read_replies(newsroom: Newsroom, writer: Writer) -> list[Reply]:
    """The replies in the queue that the writer can open, each checked as a reporter checks it."""
    assert writer.reply_secret is not None
    assert writer.box is not None
    found = []
    for header, body in queued(newsroom):
        try:
            letter = open_letter(header, body, writer.reply_secret)
        except CannotOpen:
            continue
        assert letter.letter_type is LetterType.REPLY
        reply = verify_reply(
            letter.content,
            letter.signature,
            desk_id=newsroom.card.desk_id,
            reply_key=writer.box.reply_key,
            bind=header.bind,
        )
        epoch = epoch_of(newsroom.clock.today)
        assert header.tag == reply_tag(writer.box.mailbox_secret, epoch, reply.number)
        assert header.expiry_day == last_day(epoch) + REPLY_GRACE_DAYS
        found.append(reply)
    return found


async def test_a_reply_opens_with_the_reply_key_and_names_no_text_of_the_report(
    newsroom: Newsroom,
) -> None:
    writer, identity = await received(newsroom)
    newsroom.do("reply", identity[:8], "Who saw it?")
    (reply,) = read_replies(newsroom, writer)
    assert (reply.text, reply.language, reply.number) == ("Who saw it?", "kk", 0)
    assert reply.answers is not None
    assert reply.answers.hex() == identity
    assert reply.wanted == ()


async def test_replies_of_a_week_are_numbered_and_begin_anew_in_the_next(
    newsroom: Newsroom,
) -> None:
    writer, identity = await received(newsroom)
    for text in ("one", "two"):
        newsroom.do("reply", identity[:8], text)
    assert sorted(reply.number for reply in read_replies(newsroom, writer)) == [0, 1]
    first = {header.tag[:4] for header, _ in queued(newsroom)}
    newsroom.clock.pass_days(7)
    newsroom.do("reply", identity[:8], "three")
    later = [header for header, _ in queued(newsroom) if header.tag[:4] not in first]
    assert writer.box is not None
    assert reply_tag(writer.box.mailbox_secret, epoch_of(newsroom.clock.today), 0) in {
        header.tag for header in later
    }
    assert mailbox_prefix(writer.box.mailbox_secret, 0) not in first


async def test_dummies_go_with_a_reply_and_look_like_it(newsroom: Newsroom) -> None:
    _, identity = await received(newsroom)
    newsroom.do("reply", identity[:8], "A short answer.")
    headers = [header for header, _ in queued(newsroom)]
    assert len(headers) == 4
    assert {(h.kind, h.urgent, h.expiry_day, h.body_size) for h in headers} == {
        (Kind.REPLY, False, headers[0].expiry_day, 4096)
    }
    # A long answer that does not deflate is not the only one of its size.
    newsroom.do("reply", identity[:8], os.urandom(6000).hex())
    longer = [header.body_size for header, _ in queued(newsroom)][4:]
    assert len(longer) == 4
    assert set(longer) == {longer[0]} != {4096}
    # Nor does the order in which they go tell which one it is.
    ids = [header.parcel_id for header in headers]
    assert ids == sorted(ids)
    newsroom.do("set", "dummies", "0")
    newsroom.do("reply", identity[:8], "Alone.")
    assert len(queued(newsroom)) == 9


async def test_want_names_the_originals_that_are_missing(newsroom: Newsroom) -> None:
    writer, identity = await received(newsroom)
    report = newsroom.do("show", identity[:8])
    film = report["files"][1]["parts"][0]["parcel_id"]
    assert newsroom.do("want", identity[:8])["wanted"] == 1
    (reply,) = read_replies(newsroom, writer)
    assert [parcel_id.hex() for parcel_id in reply.wanted] == [film]
    for number, words in (("1", "is here already"), ("3", "has 2 files")):
        refused = newsroom.run("want", identity[:8], "--file", number)
        assert refused.code == 2
        assert words in refused.err
    assert newsroom.do("want", identity[:8], "--file", "2")["wanted"] == 1


async def test_a_report_without_a_code_cannot_be_answered(newsroom: Newsroom) -> None:
    _, identity = await received(newsroom, boxed=False)
    refused = newsroom.run("reply", identity[:8], "Hello?")
    assert refused.code == 2
    assert "without a code" in refused.err
    assert queued(newsroom) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ffffffff", "text"), "there is no report"),
        (("xyz", "text"), "is no report id"),
        (("{id}", "x" * 16_385), "can't be sent"),
        (("{id}", "a bell \x07"), "can't be sent"),
        (("{id}",), "give the text"),
        (("{id}", ""), "the reply is empty"),
    ],
)
async def test_a_reply_that_makes_no_sense_is_refused_and_nothing_is_queued(
    newsroom: Newsroom, arguments: tuple[str, ...], words: str
) -> None:
    _, identity = await received(newsroom)
    refused = newsroom.run("reply", *(part.format(id=identity[:8]) for part in arguments))
    assert refused.code == 2
    assert words in refused.err
    assert queued(newsroom) == []
    desk = newsroom.open()
    assert desk.vault.value("SELECT count(*) FROM mailboxes") == 0
    desk.vault.close()


async def test_what_is_queued_reaches_every_relay_and_their_word_is_shown(
    newsroom: Newsroom, relays: Relays
) -> None:
    one, two = await relays.start("one"), await relays.start("two")
    await desk_on(newsroom, one, two)
    _, identity = await received(newsroom)
    newsroom.do("reply", identity[:8], "Hello.")
    assert all(not entry["relays"] for entry in newsroom.do("outgoing")["outgoing"])
    await pulled(newsroom)
    outgoing = newsroom.do("outgoing")["outgoing"]
    assert sorted(entry["what"] for entry in outgoing) == ["dummy", "dummy", "dummy", "reply"]
    for entry in outgoing:
        assert {(word["relay"], word["status"]) for word in entry["relays"]} == {
            (one.url, "held"),
            (two.url, "held"),
        }
    for relay in (one, two):
        assert len(await relay.store.list_replies(bytes(4), 0, 100)) == 4
    # Once expired on every relay it is forgotten.
    newsroom.clock.pass_days(7 + REPLY_GRACE_DAYS)
    await pulled(newsroom)
    left = [entry["what"] for entry in newsroom.do("outgoing")["outgoing"]]
    assert set(left) <= {"card"}


async def test_bulletins_form_a_chain_that_everybody_can_check(newsroom: Newsroom) -> None:
    newsroom.settle()
    newsroom.do("bulletin", "First news.", "--title", "One", "--language", "en")
    newsroom.do("bulletin", "Second news.")
    first, second = (parse_public(header, body) for header, body in queued(newsroom))
    assert (first.serial, first.title, first.language, first.text) == (
        1,
        "One",
        "en",
        "First news.",
    )
    assert first.previous == bytes(32)
    assert (second.serial, second.previous) == (2, first.document_hash)
    assert {header.tag for header, _ in queued(newsroom)} == {public_tag(newsroom.card.desk_id)}
    assert first.document_class is DocumentClass.BULLETIN
    assert sha256(label("document")) != first.document_hash


def jpeg_with_place(path: Path) -> bytes:
    """A photo whose metadata says where it was taken."""
    image = Image.effect_noise((900, 700), 90).convert("RGB")
    exif = image.getexif()
    exif[0x010E] = "taken at 43.2389 N, 76.8897 E"
    image.save(path, "JPEG", exif=exif)
    return path.read_bytes()


def test_a_picture_in_a_bulletin_carries_no_metadata(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.settle()
    photo = tmp_path / "photo.jpg"
    assert b"43.2389" in jpeg_with_place(photo)
    newsroom.do("bulletin", "Look.", "--picture", str(photo))
    ((header, body),) = queued(newsroom)
    (picture,) = parse_public(header, body).pictures
    assert len(picture.data) <= 130_048
    assert b"43.2389" not in picture.data
    assert not Image.open(io.BytesIO(picture.data)).getexif()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("",), "needs a text"),
        (("x" * 65_537,), "can't be sent"),
        (("text", "--title", "x" * 257), "can't be sent"),
        (("text", "--picture", "/dev/null"), "can't be used as a picture"),
        (("text", *("--picture", "{photo}") * 5), "at most 4 pictures"),
    ],
)
def test_a_bulletin_that_makes_no_sense_is_refused(
    newsroom: Newsroom, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    newsroom.settle()
    photo = tmp_path / "photo.jpg"
    jpeg_with_place(photo)
    refused = newsroom.run("bulletin", *(part.format(photo=photo) for part in arguments))
    assert refused.code == 2
    assert words in refused.err
    assert queued(newsroom) == []


async def test_a_relay_that_does_not_carry_the_desk_refuses_bulletins_until_it_does(
    newsroom: Newsroom, relays: Relays
) -> None:
    one = await relays.start("one")
    await desk_on(newsroom, one)
    sent = await asyncio.to_thread(newsroom.do, "bulletin", "News.", "--now")
    assert (sent["bulletin"], sent["relays"][0]["complete"]) == (1, True)
    newsroom.do("bulletin", "More news.")
    await pulled(newsroom)
    statuses = [entry["relays"][0]["status"] for entry in newsroom.do("outgoing")["outgoing"]]
    assert set(statuses) == {"refused"}
    one.node.desks.add(newsroom.card.envelope)
    await pulled(newsroom)
    statuses = [entry["relays"][0]["status"] for entry in newsroom.do("outgoing")["outgoing"]]
    assert set(statuses) == {"held"}


def test_a_text_comes_from_a_file_too(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.settle()
    text = tmp_path / "news.txt"
    text.write_bytes("Қазақша жаңалық\r\nekinshi\n".encode())
    newsroom.do("bulletin", "--text-file", str(text))
    ((header, body),) = queued(newsroom)
    assert parse_public(header, body).text == "Қазақша жаңалық\nekinshi"
    text.write_bytes(b"\xff\xfe")
    assert newsroom.run("bulletin", "--text-file", str(text)).code == 2
    assert parse_header(header.encode()) == header


async def test_outgoing_says_what_dummies_are_for(newsroom: Newsroom) -> None:
    _, identity = await received(newsroom)
    newsroom.do("reply", identity, "Thank you.")
    done = newsroom.run("outgoing")
    dummies = sum(entry["what"] == "dummy" for entry in done.value["outgoing"])
    assert f"{dummies} of these are dummies" in done.err
