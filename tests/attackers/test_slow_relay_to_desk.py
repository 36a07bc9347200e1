"""Relays that stall, drip, never end or say what can't be, and a desk that has others to ask."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.client.desk.lying_relay import LyingRelay, Script, lying_relay
from tests.client.desk.newsroom import Attached, Newsroom, Writer, frames_of
from tests.client.desk.test_lying_relays import desk_of
from tests.client.desk.test_pull import Relays, hand_over, pulled, relays

from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.pull import PullResult, pull
from qanat_protocol.frames import Ack, AckEntry, AckStatus, Cursor, DeskInterest, Idle

__all__ = ["relays"]

BOUNDED = (
    "However much it sends, neither phone nor desk keeps more in memory than some tens of MiB above"
    " what an honest relay costs, and one that drips is given up."
)
GOES_ON = (
    "Whatever it says or leaves unsaid, the other relays of the card go on, and nothing is deleted"
    " on its word."
)
IMPATIENT = CarrierSettings(stall_s=0.4, session_s=3.0)


@pytest.fixture
async def liar(
    tmp_path_factory: pytest.TempPathFactory, newsroom: Newsroom
) -> AsyncIterator[LyingRelay]:
    async with lying_relay(newsroom.clock.now_s) as relay:
        yield relay


async def impatient_pull(newsroom: Newsroom) -> PullResult:
    desk = newsroom.open()
    try:
        return await pull(desk, desk.card.relays, IMPATIENT, lambda _: None)
    finally:
        desk.vault.close()


async def half_a_film(relay: LyingRelay, writer: Writer) -> None:
    await relay.hear(DeskInterest)
    _, (_, film) = writer.write("It does not end.", [Attached("film", os.urandom(100_000))])
    await relay.say(*frames_of(film, 0, range(3)))


def stalls(writer: Writer) -> Script:
    async def script(relay: LyingRelay) -> None:
        await half_a_film(relay, writer)
        await asyncio.sleep(60)

    return script


def drips(writer: Writer) -> Script:
    async def script(relay: LyingRelay) -> None:
        await half_a_film(relay, writer)
        while True:
            await relay.say(Idle())
            await asyncio.sleep(0.1)

    return script


def never_ends(writer: Writer) -> Script:
    async def script(relay: LyingRelay) -> None:
        await half_a_film(relay, writer)
        while True:
            await relay.say(*[Cursor(0, os.urandom(64))] * 50)
            await asyncio.sleep(0.01)

    return script


@pytest.mark.promise(BOUNDED)
@pytest.mark.parametrize(
    ("how", "words"),
    [(stalls, "nothing has moved"), (drips, "too slow"), (never_ends, "the rest goes next time")],
)
async def test_a_relay_that_holds_a_desk_up_is_given_up_by_name_and_costs_the_others_nothing(
    newsroom: Newsroom, liar: LyingRelay, relays: Relays, how: object, words: str
) -> None:
    honest = await relays.start("honest")
    writer = await desk_of(newsroom, liar.url, honest.url)
    await hand_over(newsroom, writer.write("By the other.")[1], 1)
    assert callable(how)
    liar.script = how(writer)
    result = await impatient_pull(newsroom)
    of_the_liar = result.relays[liar.key.public]
    assert of_the_liar.failed
    assert words in of_the_liar.complaint
    assert of_the_liar.size_bytes == 3 * 16_384
    assert result.opened.reports == 1
    # What came of it is kept: the film is gone on with from there.
    desk = newsroom.open()
    held = desk.vault.value("SELECT blocks_held FROM parcels WHERE state = 'partial'")
    desk.vault.close()
    assert held == 3


@pytest.mark.promise(GOES_ON)
async def test_a_relay_that_acknowledges_what_it_was_never_handed_is_named(
    newsroom: Newsroom, liar: LyingRelay, relays: Relays
) -> None:
    honest = await relays.start("honest")
    writer = await desk_of(newsroom, liar.url, honest.url)
    await hand_over(newsroom, writer.write()[1], 1)

    async def script(relay: LyingRelay) -> None:
        await relay.say(Ack(1, (AckEntry(2**32 - 1, AckStatus.STORED, 0),)))

    liar.script = script
    done = await pulled(newsroom)
    assert (done.code, done.value["reports"]) == (0, 1)
    assert [relay["complete"] for relay in done.value["relays"]] == [False, True]
    assert "never sent" in done.value["relays"][0]["complaint"]


@pytest.mark.promise(GOES_ON)
async def test_cursors_of_a_store_that_is_another_each_time_cost_nothing_twice(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    writer = await desk_of(newsroom, liar.url)
    letter = writer.write()[1][0]
    heard: list[bytes | None] = []

    async def script(relay: LyingRelay) -> None:
        heard.append((await relay.hear(DeskInterest)).cursor)
        await relay.say(*frames_of(letter, 0), Cursor(0, os.urandom(64)))

    reports, parcels = [], []
    for _ in range(3):
        liar.welcome = replace(liar.welcome, incarnation=os.urandom(16))
        liar.script = script
        done = await pulled(newsroom)
        assert done.code == 0
        assert done.value["relays"][0]["alarms"] == []
        reports.append(done.value["reports"])
        parcels.append(done.value["relays"][0]["parcels"])
    assert (reports, parcels) == ([1, 0, 0], [1, 0, 0])
    # Each time it is asked with what it gave last, and nothing else of the desk's.
    assert heard[0] is None
    assert len(set(heard)) == 3
