"""Relays that lie, break off or serve nonsense: nothing wrong is kept, nothing right is lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.client.desk.lying_relay import LyingRelay, Script, lying_relay
from tests.client.desk.newsroom import Attached, Made, Newsroom, Writer, frames_of
from tests.client.desk.test_pull import Relays, hand_over, pulled, relays

from qanat_client.desk.epochs import secret_of
from qanat_client.desk.tombstones import MAX_UNPROVEN_ALARMS
from qanat_protocol.days import iso
from qanat_protocol.frames import (
    Ack,
    AckStatus,
    Answer,
    Answers,
    Block,
    Cursor,
    DeskInterest,
    Error,
    HeaderFrame,
    Idle,
    Offers,
    Opened,
    Partial,
    Purge,
    Want,
)
from qanat_protocol.letter import open_letter
from qanat_protocol.parcel import Kind
from qanat_protocol.receipt import sign_receipt
from qanat_protocol.report import encode_report
from qanat_protocol.signing import SigningKey
from qanat_protocol.tombstone import purge_key, sign_opened
from qanat_protocol.verdicts import Verdict

__all__ = ["relays"]


@pytest.fixture
async def liar(newsroom: Newsroom) -> AsyncIterator[LyingRelay]:
    async with lying_relay(newsroom.clock.now_s) as relay:
        yield relay


async def desk_of(newsroom: Newsroom, *urls: str) -> Writer:
    named = [part for url in urls for part in ("--relay", url)]
    return Writer(await asyncio.to_thread(newsroom.init, *named), newsroom.clock.today)


def gives(*parcels: Made, cursor: bytes = b"all of it") -> Script:
    """A script that gives parcels and then tells a cursor."""

    async def script(relay: LyingRelay) -> None:
        await relay.hear(DeskInterest)
        for handle, made in enumerate(parcels):
            await relay.say(*frames_of(made, handle))
        await relay.say(Cursor(0, cursor))

    return script


async def test_an_honest_script_is_believed(newsroom: Newsroom, liar: LyingRelay) -> None:
    writer = await desk_of(newsroom, liar.url)
    liar.script = gives(writer.write()[1][0])
    done = await pulled(newsroom)
    assert (done.code, done.value["reports"]) == (0, 1)


async def test_receipts_that_were_heard_before_a_cut_are_kept(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    identity, parcels = writer.write("Text.", [Attached("a", b"data")])
    days = newsroom.clock.today - 1, newsroom.clock.today

    async def script(relay: LyingRelay) -> None:
        await relay.hear(DeskInterest)
        for handle, made in enumerate(parcels):
            await relay.say(*frames_of(made, handle))
        for day, made in zip(days, parcels, strict=True):
            await relay.say(sign_receipt(relay.key, day, [made.parcel_id]))
        # What was said has to be heard before the line breaks.
        await asyncio.sleep(1)
        await relay.cut()

    liar.script = script
    await pulled(newsroom)
    assert (await pulled(newsroom)).code == 0
    report = newsroom.do("show", identity.hex()[:8])
    assert {(word["parcel_id"], word["day"]) for word in report["custody"]} == {
        (made.parcel_id.hex(), iso(day)) for day, made in zip(days, parcels, strict=True)
    }


async def test_a_cursor_is_used_and_once_a_day_what_is_before_it_is_compared(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    asked = []
    for days in (0, 0, 1, 0):
        liar.script = gives(writer.write()[1][0], cursor=b"position 7")
        newsroom.clock.pass_days(days)
        await pulled(newsroom)
        interest = await liar.hear(DeskInterest)
        assert isinstance(interest, DeskInterest)
        estimate = None if interest.estimate is None else len(interest.estimate)
        asked.append((interest.cursor, estimate))
    cursor = b"position 7"
    assert asked == [(None, None), (cursor, 0), (cursor, 512), (cursor, 0)]


async def test_a_cursor_is_not_kept_before_what_stands_before_it(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    _, parcels = writer.write("Text.", [Attached("film", os.urandom(400_000))])
    film = parcels[1]

    async def script(relay: LyingRelay) -> None:
        await relay.hear(DeskInterest)
        await relay.say(*frames_of(parcels[0], 0))
        await relay.say(Offers(0, (film.header.offer,)))
        await relay.hear(Answers)
        await relay.say(*frames_of(film, 1, range(5)))
        # It claims to have given all, and breaks off.
        await relay.say(Cursor(0, b"too far"))
        await asyncio.sleep(0.05)
        await relay.cut()

    liar.script = script
    await pulled(newsroom)

    async def rest(relay: LyingRelay) -> None:
        want = await relay.hear(Want)
        assert isinstance(want, Want)
        assert want.offers == (film.header.offer,)
        partial = await relay.hear(Partial)
        assert isinstance(partial, Partial)
        assert (partial.parcel_id, partial.bitmap) == (film.parcel_id, b"\xf8")
        await relay.say(*frames_of(film, 0, range(5, len(film.blocks))))

    liar.script = rest
    done = await pulled(newsroom)
    assert done.value["relays"][0]["complaint"] == ""
    assert newsroom.do("list")["reports"][0]["state"] == "complete"


async def test_a_block_that_does_not_match_is_not_kept_and_fetched_elsewhere(
    newsroom: Newsroom, liar: LyingRelay, relays: Relays
) -> None:
    honest = await relays.start("honest")
    writer = await desk_of(newsroom, liar.url, honest.url)
    _, parcels = writer.write("Text.", [Attached("film", os.urandom(100_000))])
    film = parcels[1]
    await hand_over(newsroom, parcels, 1)

    async def script(relay: LyingRelay) -> None:
        await relay.hear(DeskInterest)
        frames = frames_of(film, 0)
        block = frames[-1]
        assert isinstance(block, Block)
        await relay.say(*frames[:-1], replace(block, data=bytes(len(block.data))))
        ack = await relay.hear(Ack)
        assert isinstance(ack, Ack)
        assert ack.entries[0].status is AckStatus.REFUSED
        assert ack.entries[0].value == Verdict.BAD_ROOT

    liar.script = script
    done = await pulled(newsroom)
    assert "not what the header says" in done.value["relays"][0]["complaint"]
    assert newsroom.do("list")["reports"][0]["state"] == "complete"


async def test_an_illegal_header_is_refused_and_the_session_goes_on(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    letter = writer.write()[1][0]

    async def script(relay: LyingRelay) -> None:
        await relay.hear(DeskInterest)
        await relay.say(HeaderFrame(0, b"\x02" + letter.header.encode()[1:]))
        await relay.say(*frames_of(letter, 1))

    liar.script = script
    done = await pulled(newsroom)
    assert (done.code, done.value["reports"]) == (0, 1)
    ack = await liar.hear(Ack)
    assert isinstance(ack, Ack)
    assert (ack.entries[0].status, ack.entries[0].value) == (
        AckStatus.REFUSED,
        Verdict.UNKNOWN_VERSION,
    )


async def test_parcels_that_are_not_for_this_desk_are_not_stored(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    content = encode_report(writer.report()[0])
    liar.script = gives(
        writer.seal(content, tag=os.urandom(16)), writer.seal(content, kind=Kind.REPLY)
    )
    done = await pulled(newsroom)
    assert done.value["set_aside"] == 0
    assert not list((newsroom.home / "parcels").iterdir())
    acks = [frame for frame in liar.heard if isinstance(frame, Ack)]
    assert [ack.entries[0].value for ack in acks] == [Verdict.WRONG_RECIPIENT] * 2


async def test_a_relay_that_breaks_the_protocol_costs_the_others_nothing(
    newsroom: Newsroom, liar: LyingRelay, relays: Relays
) -> None:
    honest = await relays.start("honest")
    writer = await desk_of(newsroom, liar.url, honest.url)
    await hand_over(newsroom, writer.write()[1], 1)

    async def script(relay: LyingRelay) -> None:
        await relay.say(HeaderFrame(7, bytes(96)))

    liar.script = script
    done = await pulled(newsroom)
    assert (done.code, done.value["reports"]) == (0, 1)
    assert [relay["complete"] for relay in done.value["relays"]] == [False, True]


async def test_a_relay_that_refuses_this_desk_gives_exit_code_4(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    await desk_of(newsroom, liar.url)

    async def script(relay: LyingRelay) -> None:
        await relay.say(Error(Verdict.REFUSED_DESK, "not here \x1b[2J"[:8]))

    liar.script = script
    done = await pulled(newsroom)
    assert done.code == 4
    assert "not here" in done.value["relays"][0]["complaint"]


async def test_a_receipt_by_another_key_is_not_kept(newsroom: Newsroom, liar: LyingRelay) -> None:
    writer = await desk_of(newsroom, liar.url)
    letter = writer.write()[1][0]

    async def script(relay: LyingRelay) -> None:
        await relay.say(*frames_of(letter, 0))
        forged = sign_receipt(SigningKey.generate(), newsroom.clock.today, [letter.parcel_id])
        await relay.say(forged)

    liar.script = script
    done = await pulled(newsroom)
    assert "receipt does not verify" in done.value["relays"][0]["complaint"]
    assert newsroom.do("list")["reports"][0]["custody"] == []


async def test_tombstones_that_only_a_relay_claims_are_told_apart(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    letter = writer.write()[1][0]
    thief = sign_opened(SigningKey.generate(), letter.parcel_id, os.urandom(32))

    async def script(relay: LyingRelay) -> None:
        await relay.say(Purge(os.urandom(32), os.urandom(32)))
        # Halfway, the header is known and the letter is not opened.
        await relay.say(*frames_of(letter, 0)[:1], thief)

    liar.script = script
    await pulled(newsroom)
    alarms = {alarm["what"] for alarm in newsroom.do("list")["alarms"]}
    assert alarms == {
        "purged, not by this desk; the parcel never came, so only the relay says so",
        "marked as opened, not by this desk; the parcel never came, so only the relay says so",
    }


async def test_alarms_that_a_relay_makes_up_have_an_end_and_hide_no_real_one(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    letter = writer.write()[1][0]
    spoiled = writer.seal(b"no report")
    desk = newsroom.open()
    secret = secret_of(desk.vault, writer.epoch)
    assert secret is not None
    key = open_letter(spoiled.header, spoiled.body, secret).content_key
    desk.vault.close()

    async def script(relay: LyingRelay) -> None:
        await relay.hear(DeskInterest)
        await relay.say(*frames_of(spoiled, 0), Cursor(0, b"x"))
        await relay.say(*(Purge(os.urandom(32), os.urandom(32)) for _ in range(200)))
        await relay.say(Purge(spoiled.parcel_id, purge_key(key)))
        await relay.say(*frames_of(letter, 1))

    liar.script = script
    done = await pulled(newsroom)
    assert done.value["reports"] == 1
    alarms = [alarm["what"] for alarm in newsroom.do("list")["alarms"]]
    made_up = sum("only the relay says so" in alarm for alarm in alarms)
    assert made_up == MAX_UNPROVEN_ALARMS
    assert sum("holds the parcel's key" in alarm for alarm in alarms) == 1


async def test_a_receipt_for_what_never_came_is_not_kept(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    letter = writer.write()[1][0]
    ids = [letter.parcel_id, *(os.urandom(32) for _ in range(100))]

    async def script(relay: LyingRelay) -> None:
        await relay.hear(DeskInterest)
        await relay.say(*frames_of(letter, 0))
        await relay.say(sign_receipt(relay.key, newsroom.clock.today, ids))

    liar.script = script
    await pulled(newsroom)
    desk = newsroom.open()
    assert desk.vault.rows("SELECT parcel_id FROM receipts") == [(letter.parcel_id,)]
    desk.vault.close()


async def test_our_own_tombstones_coming_back_are_no_alarm(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    liar.script = gives(writer.write()[1][0])
    await pulled(newsroom)
    mine = await liar.hear(Opened)

    async def script(relay: LyingRelay) -> None:
        await relay.say(mine)

    liar.script = script
    await pulled(newsroom)
    assert newsroom.do("list")["alarms"] == []


async def test_an_offer_is_answered_once_and_what_is_here_is_not_wanted(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    letter = writer.write()[1][0]
    other = os.urandom(16)

    async def script(relay: LyingRelay) -> None:
        await relay.say(*frames_of(letter, 0), Cursor(0, b"x"))
        await relay.say(Offers(0, (letter.header.offer, other)))
        answers = await relay.hear(Answers)
        assert isinstance(answers, Answers)
        assert answers.codes == (Answer.HAVE, Answer.WANT)

    liar.script = script
    assert (await pulled(newsroom)).code == 0


async def test_what_a_relay_no_longer_has_is_not_asked_for_for_ever(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    await desk_of(newsroom, liar.url)

    async def script(relay: LyingRelay) -> None:
        await relay.say(Offers(0, (os.urandom(16),)))
        await relay.hear(Answers)

    liar.script = script
    await pulled(newsroom)
    await pulled(newsroom)
    assert not [frame for frame in liar.heard if isinstance(frame, Want)]


async def test_idle_is_no_end_and_a_relay_that_only_breaks_off_was_not_reached(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    await desk_of(newsroom, liar.url)

    async def script(relay: LyingRelay) -> None:
        await relay.say(Idle())
        await relay.cut()

    liar.script = script
    assert (await pulled(newsroom)).code == 3


async def test_what_one_relay_breaks_off_another_is_asked_for_in_the_same_pull(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    async with lying_relay(newsroom.clock.now_s) as other:
        writer = await desk_of(newsroom, liar.url, other.url)
        _, parcels = writer.write("Text.", [Attached("film", os.urandom(400_000))])
        letter, film = parcels
        promised, declined = asyncio.Event(), asyncio.Event()

        async def breaks_off(relay: LyingRelay) -> None:
            await relay.say(*frames_of(letter, 0), Offers(0, (film.header.offer,)))
            answers = await relay.hear(Answers)
            assert isinstance(answers, Answers)
            assert answers.codes == (Answer.WANT,)
            promised.set()
            await declined.wait()
            await relay.say(*frames_of(film, 1, range(7)))
            await asyncio.sleep(0.05)
            await relay.cut()

        async def is_asked_later(relay: LyingRelay) -> None:
            await promised.wait()
            await relay.say(Offers(0, (film.header.offer,)))
            answers = await relay.hear(Answers)
            assert isinstance(answers, Answers)
            assert answers.codes == (Answer.HAVE,)
            declined.set()
            relay.script = gives_the_rest
            # It goes on until the first one has broken off.
            await asyncio.sleep(0.3)

        async def gives_the_rest(relay: LyingRelay) -> None:
            want = await relay.hear(Want)
            assert isinstance(want, Want)
            assert want.offers == (film.header.offer,)
            held = sum(isinstance(frame, Partial) for frame in relay.heard)
            assert held >= 1
            await relay.say(*frames_of(film, 0, range(7, len(film.blocks))))

        liar.script, other.script = breaks_off, is_asked_later
        done = await pulled(newsroom)
        assert done.code == 0
        assert [relay["complete"] for relay in done.value["relays"]] == [False, True]
        assert (done.value["reports"], done.value["attachments"]) == (1, 1)
        assert newsroom.do("list")["reports"][0]["state"] == "complete"
