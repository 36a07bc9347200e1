"""Pulling from real relays on loopback: what comes, once, in spite of dead and lying relays."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.client.desk.newsroom import Attached, Clock, Made, Newsroom, Run, Writer, deposit
from tests.relay.running_relay import Running, running_relay

from qanat_client.desk.arrivals import Arrivals
from qanat_client.desk.card_book import renew_card
from qanat_client.desk.inbox import inbox
from qanat_client.desk.pull import pull_lock
from qanat_client.desk.spool import Spool
from qanat_protocol.card import RelayEntry
from qanat_protocol.days import iso
from qanat_protocol.frames import AckStatus, Purge
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.receipt import verify_single
from qanat_protocol.tombstone import purge_key
from qanat_protocol.verdicts import Verdict

DEAD = "http://127.0.0.1:9"


class Relays:
    """Relays on loopback that share the desk's clock."""

    def __init__(self, stack: AsyncExitStack, folder: Path, clock: Clock) -> None:
        self._stack = stack
        self._folder = folder
        self._clock = clock

    async def start(self, name: str) -> Running:
        relay = running_relay(self._folder / name, clock=self._clock)
        return await self._stack.enter_async_context(relay)


@pytest.fixture
async def relays(newsroom: Newsroom, tmp_path: Path) -> AsyncIterator[Relays]:
    async with AsyncExitStack() as stack:
        yield Relays(stack, tmp_path, newsroom.clock)


async def desk_on(newsroom: Newsroom, *relays: Running) -> Writer:
    """Make the desk with these relays, and somebody who writes to it."""
    named = [part for relay in relays for part in ("--relay", relay.url)]
    card = await asyncio.to_thread(newsroom.init, *named)
    return Writer(card, newsroom.clock.today)


async def pulled(newsroom: Newsroom, *arguments: str) -> Run:
    return await asyncio.to_thread(newsroom.run, "pull", *arguments)


async def pull_well(newsroom: Newsroom) -> dict[str, Any]:
    done = await pulled(newsroom)
    assert done.code == 0, done.err
    assert [relay["complaint"] for relay in done.value["relays"]].count("") == len(
        done.value["relays"]
    ), done.value
    value: dict[str, Any] = done.value
    return value


def entry_of(newsroom: Newsroom, number: int = 0) -> RelayEntry:
    return newsroom.card.relays[number]


async def hand_over(newsroom: Newsroom, parcels: list[Made], number: int = 0) -> None:
    for status in await deposit(entry_of(newsroom, number), parcels):
        assert status.status in (AckStatus.STORED, AckStatus.HAVE), status


async def test_a_report_with_all_its_parts_reaches_the_desk(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    film = Attached("film.mp4", os.urandom(3_000_000), "video/mp4", thumbnail=b"t" * 500)
    identity, parcels = writer.write("Text.", [film], urgent=True)
    await hand_over(newsroom, parcels)
    value = await pull_well(newsroom)
    assert (value["reports"], value["attachments"], value["set_aside"]) == (1, 2, 0)
    (report,) = newsroom.do("list")["reports"]
    assert (report["id"], report["state"], report["urgent"]) == (
        identity.hex(),
        "complete",
        True,
    )


async def test_a_second_pull_brings_nothing_twice(newsroom: Newsroom, relays: Relays) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    await hand_over(newsroom, writer.write("Text.", [Attached("a", os.urandom(200_000))])[1])
    await pull_well(newsroom)
    for days in (0, 1, 1):
        newsroom.clock.pass_days(days)
        value = await pulled(newsroom)
        assert value.code == 0
        (relay,) = value.value["relays"]
        assert (relay["parcels"], relay["size_bytes"]) == (0, 0)
        assert value.value["reports"] == 0


async def test_an_original_is_not_fetched_from_two_relays(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"), await relays.start("two"))
    _, parcels = writer.write("Text.", [Attached("film", os.urandom(2_000_000))])
    await hand_over(newsroom, parcels, 0)
    await hand_over(newsroom, parcels, 1)
    value = (await pulled(newsroom)).value
    taken = sum(relay["size_bytes"] for relay in value["relays"])
    film = parcels[1].header.body_size
    letters = 2 * parcels[0].header.body_size
    assert film < taken <= film + letters
    assert value["attachments"] == 1


async def test_what_a_dead_relay_did_not_bring_another_one_does(
    newsroom: Newsroom, relays: Relays
) -> None:
    one, two = await relays.start("one"), await relays.start("two")
    writer = await desk_on(newsroom, one, two)
    _, parcels = writer.write("Text.", [Attached("film", os.urandom(400_000))])
    await hand_over(newsroom, parcels, 1)
    await one.server.stop()
    done = await pulled(newsroom)
    assert done.code == 0
    assert [relay["reached"] for relay in done.value["relays"]] == [False, True]
    assert (done.value["reports"], done.value["attachments"]) == (1, 1)


async def test_with_no_relay_in_reach_the_exit_code_is_3(
    newsroom: Newsroom, relays: Relays
) -> None:
    one = await relays.start("one")
    await desk_on(newsroom, one)
    await one.server.stop()
    done = await pulled(newsroom)
    assert done.code == 3
    assert done.value["reports"] == 0


async def test_both_relays_custody_is_kept_as_evidence(newsroom: Newsroom, relays: Relays) -> None:
    writer = await desk_on(newsroom, await relays.start("one"), await relays.start("two"))
    identity, parcels = writer.write("Text.")
    await hand_over(newsroom, parcels, 0)
    await hand_over(newsroom, parcels, 1)
    newsroom.clock.pass_days(2)
    await pulled(newsroom)
    report = newsroom.do("show", identity.hex()[:8])
    assert len(report["custody"]) == 2
    keys = {entry.signing_key for entry in newsroom.card.relays}
    for word in report["custody"]:
        single = verify_single(bytes.fromhex(word["receipt"]))
        assert single.relay_key in keys
        assert single.parcel_id == parcels[0].parcel_id
        # The day on which it was handed over, not the one on which it was fetched.
        assert iso(single.day) == word["day"] == iso(newsroom.clock.today - 2)


async def test_a_relay_is_told_at_once_that_a_letter_was_opened(
    newsroom: Newsroom, relays: Relays
) -> None:
    one, two = await relays.start("one"), await relays.start("two")
    writer = await desk_on(newsroom, one, two)
    _, parcels = writer.write("Text.", [Attached("a", b"data")])
    for number in (0, 1):
        await hand_over(newsroom, parcels, number)
    await pulled(newsroom)
    for relay in (one, two):
        opened = await relay.store.list_opened([bytes(4)], 0, 100)
        assert {frame.parcel_id for frame in opened} == {made.parcel_id for made in parcels}


async def test_a_relay_that_gets_an_opened_parcel_later_is_told_then(
    newsroom: Newsroom, relays: Relays
) -> None:
    one, two = await relays.start("one"), await relays.start("two")
    writer = await desk_on(newsroom, one, two)
    _, parcels = writer.write("Text.", [Attached("film", os.urandom(300_000))])
    await hand_over(newsroom, parcels, 0)
    await pulled(newsroom)
    await hand_over(newsroom, parcels, 1)
    await pulled(newsroom)
    opened = await two.store.list_opened([bytes(4)], 0, 100)
    assert {frame.parcel_id for frame in opened} == {made.parcel_id for made in parcels}


async def test_a_purge_waits_for_the_days_that_the_policy_says(
    newsroom: Newsroom, relays: Relays
) -> None:
    one = await relays.start("one")
    writer = await desk_on(newsroom, one)
    _, parcels = writer.write("Text.", [Attached("a", b"data")])
    await hand_over(newsroom, parcels)
    for days, purged in ((0, False), (13, False), (1, True)):
        newsroom.clock.pass_days(days)
        await pull_well(newsroom)
        again = await deposit(entry_of(newsroom), parcels)
        assert [status.status is AckStatus.TOMBSTONED for status in again] == [purged] * 2


async def test_a_policy_of_no_days_purges_at_once(newsroom: Newsroom, relays: Relays) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    assert newsroom.do("set", "purge-after-days", "0") == {"purge-after-days": 0}
    _, parcels = writer.write("Text.")
    await hand_over(newsroom, parcels)
    await pull_well(newsroom)
    (again,) = await deposit(entry_of(newsroom), parcels)
    assert again.status is AckStatus.TOMBSTONED


async def test_a_letter_that_was_set_aside_is_never_purged(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    newsroom.do("set", "purge-after-days", "0")
    spoiled = writer.seal(b"not a report")
    await hand_over(newsroom, [spoiled])
    assert (await pull_well(newsroom))["set_aside"] == 1
    newsroom.clock.pass_days(30)
    await pull_well(newsroom)
    (again,) = await deposit(entry_of(newsroom), [spoiled])
    assert again.status is AckStatus.HAVE
    (entry,) = newsroom.do("list", "--set-aside")["set_aside"]
    assert entry["verdict"] == Verdict.MALFORMED.name.lower()


async def test_a_tombstone_that_this_desk_did_not_issue_is_an_alarm(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    _, parcels = writer.write("Text.", [Attached("a", b"data")])
    thumbnail = parcels[1]
    purge = Purge(thumbnail.parcel_id, purge_key(thumbnail.content_key))
    await hand_over(newsroom, parcels)
    await deposit(entry_of(newsroom), [], [purge])
    done = await pulled(newsroom)
    assert done.code == 0
    assert "ALARM" in done.err
    listed = newsroom.run("list")
    (alarm,) = listed.value["alarms"]
    assert alarm["parcel_id"] == thumbnail.parcel_id.hex()
    assert "purged, not by this desk" in alarm["what"]
    assert "ALARM" in listed.err
    # The same is not told again and again.
    assert (await pulled(newsroom)).value["relays"][0]["alarms"] == []


async def test_a_cut_in_the_middle_of_a_film_is_resumed(newsroom: Newsroom, relays: Relays) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    _, parcels = writer.write("Text.", [Attached("film", os.urandom(9_000_000))])
    film = parcels[1]
    await hand_over(newsroom, parcels)
    desk = newsroom.open()
    arrivals = Arrivals(desk.vault, Spool(desk.home), desk.clock)
    relay = entry_of(newsroom).signing_key
    incoming = arrivals.begin(film.header, relay)
    assert incoming is not None
    held = range(len(film.blocks) - 20)
    for index in held:
        arrivals.take(incoming, index, film.blocks[index])
    arrivals.flush(relay, outstanding=[film.header.offer])
    desk.vault.close()
    value = await pull_well(newsroom)
    assert value["attachments"] == 1
    (relay_said,) = value["relays"]
    assert relay_said["size_bytes"] < 25 * BLOCK_BYTES
    done = (await pulled(newsroom)).value
    assert done["relays"][0]["size_bytes"] == 0
    desk = newsroom.open()
    assert [item.state for item in inbox(desk.vault)] == ["complete"]
    desk.vault.close()


async def test_a_pull_beside_another_one_is_refused(newsroom: Newsroom, relays: Relays) -> None:
    await desk_on(newsroom, await relays.start("one"))
    with pull_lock(newsroom.home):
        done = await pulled(newsroom)
    assert done.code == 2
    assert "another qanat-desk is pulling" in done.err


async def test_only_relays_of_the_card_are_pulled_from(newsroom: Newsroom, relays: Relays) -> None:
    one, two = await relays.start("one"), await relays.start("two")
    await desk_on(newsroom, one, two)
    done = await pulled(newsroom, "--relay", two.url)
    assert [relay["address"] for relay in done.value["relays"]] == [two.url]
    refused = await pulled(newsroom, "--relay", DEAD)
    assert refused.code == 2
    assert "not on the desk's card" in refused.err


async def test_a_pull_keeps_the_card_half_a_year_ahead_and_publishes_it(
    newsroom: Newsroom, relays: Relays
) -> None:
    one = await relays.start("one")
    await desk_on(newsroom, one)
    one.node.desks.add(newsroom.card.envelope)
    await pull_well(newsroom)
    assert newsroom.card.serial == 1
    newsroom.clock.pass_days(7)
    assert (await pull_well(newsroom))["renewed_card"] == 2
    assert (newsroom.card.serial, len(newsroom.card.sealing_keys)) == (2, 30)
    outgoing = newsroom.do("outgoing")["outgoing"]
    assert [(entry["what"], entry["relays"][0]["status"]) for entry in outgoing] == [
        ("card", "held")
    ]
    assert (await pull_well(newsroom))["renewed_card"] is None


async def test_a_card_that_was_made_and_not_published_is_published_by_the_next_pull(
    newsroom: Newsroom, relays: Relays
) -> None:
    one = await relays.start("one")
    await desk_on(newsroom, one)
    one.node.desks.add(newsroom.card.envelope)
    desk = newsroom.open()
    # As after a kill, or on a disk that was full when the card was to be queued.
    renew_card(desk)
    desk.vault.close()
    await pull_well(newsroom)
    outgoing = newsroom.do("outgoing")["outgoing"]
    assert [(entry["what"], entry["relays"][0]["status"]) for entry in outgoing] == [
        ("card", "held")
    ]
    await pull_well(newsroom)
    assert len(newsroom.do("outgoing")["outgoing"]) == 1


async def test_a_clock_that_was_behind_when_a_letter_was_opened_purges_nothing_early(
    newsroom: Newsroom, relays: Relays
) -> None:
    relay_clock = Clock(newsroom.clock.now_s)
    async with running_relay(newsroom.home.parent / "one", clock=relay_clock) as one:
        writer = await desk_on(newsroom, one)
        (letter,) = writer.write("Text.")[1]
        await hand_over(newsroom, [letter])
        newsroom.clock.pass_days(-6 * 365)
        assert (await pull_well(newsroom))["reports"] == 1
        newsroom.clock.pass_days(6 * 365)
        for days, purged in ((0, 0), (13, 0), (1, 1)):
            newsroom.clock.pass_days(days)
            relay_clock.pass_days(days)
            await pull_well(newsroom)
            desk = newsroom.open()
            assert desk.vault.value("SELECT max(purged) FROM told") == purged
            desk.vault.close()


async def test_a_clock_that_jumped_makes_no_card(newsroom: Newsroom, relays: Relays) -> None:
    relay_clock = Clock()
    async with running_relay(newsroom.home.parent / "one", clock=relay_clock) as one:
        await desk_on(newsroom, one)
        newsroom.clock.pass_days(300)
        value = (await pulled(newsroom)).value
    assert value["renewed_card"] is None
    assert newsroom.card.serial == 1
