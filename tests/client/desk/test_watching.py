"""A watch: what arrives comes by the session that is open, and whatever breaks is made anew."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from tests.client.desk.lying_relay import LyingRelay, lying_relay
from tests.client.desk.newsroom import Attached, Made, Newsroom
from tests.client.desk.test_halves import film, hand_over_some
from tests.client.desk.test_lying_relays import desk_of
from tests.client.desk.test_pull import Relays, desk_on, hand_over, pull_well, relays
from tests.relay.running_relay import Running, running_relay

from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.desk import Desk
from qanat_client.desk.inbox import inbox
from qanat_client.desk.pull import PullResult
from qanat_client.desk.watching import Watch
from qanat_protocol.frames import Answers, DeskInterest, Idle, Offers

__all__ = ["relays"]

SOON_S = 20.0


@dataclass
class Watching:
    """A watch that runs, and what it has told."""

    desk: Desk
    task: asyncio.Task[None]
    told: list[PullResult]
    said: list[str]

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(SOON_S):
            while not happened():
                assert not self.task.done(), self.task.result()
                await asyncio.sleep(0.02)

    @property
    def reports(self) -> int:
        return sum(result.opened.reports for result in self.told)

    @property
    def parts(self) -> int:
        return sum(result.opened.parts for result in self.told)


@asynccontextmanager
async def watching(
    newsroom: Newsroom, *, every_s: float = 0.2, stall_s: float = 60.0
) -> AsyncIterator[Watching]:
    """A watch of the desk until the end of the block."""
    desk = newsroom.open()
    told: list[PullResult] = []
    said: list[str] = []
    watch = Watch(
        desk,
        desk.card.relays,
        CarrierSettings(stall_s=stall_s),
        every_s=every_s,
        advance=lambda _: None,
        tell=told.append,
        say=said.append,
    )
    task = asyncio.create_task(watch.run())
    try:
        yield Watching(desk, task, told, said)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        desk.vault.close()


def sessions(relay: Running) -> list[asyncio.Task[None]]:
    return list(relay.server._sessions._running)


def break_sessions(relay: Running) -> None:
    for session in list(relay.server._sessions._running.values()):
        session.link.abort()


async def test_what_arrives_is_opened_told_and_answered_in_the_session_that_is_open(
    newsroom: Newsroom, relays: Relays
) -> None:
    relay = await relays.start("one")
    writer = await desk_on(newsroom, relay)
    async with watching(newsroom) as watch:
        await watch.until(lambda: len(watch.told) == 1)
        (session,) = sessions(relay)
        parcels: list[Made] = []
        for number in (1, 2):
            photo = Attached("photo.jpg", os.urandom(200_000), thumbnail=b"t" * 500)
            _, parcels = writer.write(f"Report {number}.", [photo])
            await hand_over(newsroom, parcels)
            await watch.until(lambda: watch.reports == number and watch.parts == 2 * number)  # noqa: B023
        # The relay has it from the desk that they were opened, and the desk knows that it has.
        ids = [made.header.offer for made in parcels]
        held, told = await relay.store.look_up(ids), 0
        for _ in range(100):
            held = await relay.store.look_up(ids)
            told = watch.desk.vault.value("SELECT count(*) FROM told")
            if all(each is not None and each.opened for each in held) and told == 6:
                break
            await asyncio.sleep(0.1)
        assert all(each is not None and each.opened for each in held)
        assert told == 6
        assert sessions(relay) == [session]
    assert (await pull_well(newsroom))["relays"][0]["parcels"] == 0


async def test_what_another_command_queues_goes_out_by_the_session_that_is_open(
    newsroom: Newsroom, relays: Relays
) -> None:
    relay = await relays.start("one")
    await desk_on(newsroom, relay)
    async with watching(newsroom) as watch:
        await watch.until(lambda: len(watch.told) == 1)
        (session,) = sessions(relay)
        await asyncio.to_thread(newsroom.do, "bulletin", "News for everybody.")
        await watch.until(
            lambda: (
                watch.desk.vault.value("SELECT count(*) FROM handed WHERE status = 'held'") == 2
                or watch.desk.vault.value("SELECT count(*) FROM handed WHERE status = 'refused'")
                > 0
            )
        )
        assert sessions(relay) == [session]


async def test_a_film_that_comes_in_part_is_taken_as_it_comes(
    newsroom: Newsroom, relays: Relays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qanat_relay.desk_giving.HALVES_S", 0.1)
    writer = await desk_on(newsroom, await relays.start("one"))
    _, (letter, original) = writer.write("A film.", [film()])
    blocks = len(original.blocks)
    async with watching(newsroom) as watch:
        await watch.until(lambda: len(watch.told) == 1)
        await hand_over(newsroom, [letter])
        for share in (range(100), range(100, 250)):
            await hand_over_some(newsroom, original, share, 0)
            count = share.stop
            await watch.until(
                lambda: watch.desk.vault.value("SELECT max(blocks_held) FROM parcels") >= count  # noqa: B023
            )
        await hand_over_some(newsroom, original, range(250, blocks), 0)
        await watch.until(lambda: watch.parts == 1)
        (told,) = [each for result in watch.told for each in result.relays.values()][-1:]
        taken = sum(each.size_bytes for result in watch.told for each in result.relays.values())
        assert told.complaint == ""
        assert taken == len(original.body) + len(letter.body)


async def test_a_session_that_breaks_is_made_anew_and_nothing_comes_twice(
    newsroom: Newsroom, relays: Relays
) -> None:
    relay = await relays.start("one")
    writer = await desk_on(newsroom, relay)
    async with watching(newsroom) as watch:
        for number in range(1, 4):
            _, parcels = writer.write(f"Report {number}.")
            await hand_over(newsroom, parcels)
            await watch.until(lambda: watch.reports == number)  # noqa: B023
            break_sessions(relay)
        await watch.until(lambda: len(sessions(relay)) == 1)
        assert len([line for line in watch.said if "tried again" in line]) == 1
        assert sum(r.parcels for each in watch.told for r in each.relays.values()) == 3
        assert watch.task.done() is False


async def test_a_relay_that_comes_back_is_found_and_a_dead_one_holds_up_nobody(
    newsroom: Newsroom, relays: Relays, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("relay")
    clock = newsroom.clock
    async with running_relay(folder, clock=clock) as relay:
        port = relay.url.rpartition(":")[2]
        other = await relays.start("two")
        writer = await desk_on(newsroom, relay, other)
    async with watching(newsroom) as watch:
        await watch.until(lambda: len(watch.told) == 1)
        await hand_over(newsroom, writer.write("By the other.")[1], 1)
        await watch.until(lambda: watch.reports == 1)
        async with running_relay(folder, clock=clock, listen=(f"127.0.0.1:{port}",)):
            await hand_over(newsroom, writer.write("By the one that was dead.")[1], 0)
            await watch.until(lambda: watch.reports == 2)


async def test_a_day_ends_a_watch_in_order(newsroom: Newsroom, relays: Relays) -> None:
    relay = await relays.start("one")
    writer = await desk_on(newsroom, relay)
    async with watching(newsroom) as watch:
        await hand_over(newsroom, writer.write("Today.")[1])
        await watch.until(lambda: watch.reports == 1)
        newsroom.clock.pass_days(1)
        async with asyncio.timeout(SOON_S):
            await watch.task
        assert sessions(relay) == []
        assert watch.told[-1].relays[relay.keys.signing.public].complaint == ""


async def test_a_relay_that_answers_no_idle_is_given_up_by_name_and_asked_again(
    newsroom: Newsroom,
) -> None:
    async with lying_relay(newsroom.clock.now_s) as liar:
        await desk_of(newsroom, liar.url)

        async def says_nothing(relay: LyingRelay) -> None:
            await relay.hear(DeskInterest)
            await relay.say(Idle())
            await asyncio.sleep(60)

        liar.script = says_nothing
        async with watching(newsroom, stall_s=0.5) as watch:
            await watch.until(lambda: liar.sessions > 1)
            assert any("nothing has moved" in line for line in watch.said)


async def test_what_a_relay_was_asked_for_and_does_not_give_another_brings(
    newsroom: Newsroom, relays: Relays
) -> None:
    honest = await relays.start("honest")
    async with lying_relay(newsroom.clock.now_s) as liar:
        writer = await desk_of(newsroom, liar.url, honest.url)
        identity, (letter, original) = writer.write("A film.", [film(500_000)])

        async def offers_only(relay: LyingRelay) -> None:
            await relay.hear(DeskInterest)
            await relay.say(Offers(0, (original.header.offer,)))
            await relay.hear(Answers)
            # Once the other one was told that this one brings it.
            await asyncio.sleep(1)
            while True:
                await relay.say(Idle(sum(isinstance(frame, Idle) for frame in relay.heard)))
                await asyncio.sleep(0.1)

        liar.script = offers_only
        async with watching(newsroom) as watch:
            await watch.until(lambda: any(isinstance(frame, Answers) for frame in liar.heard))
            await hand_over(newsroom, [letter, original], 1)
            await watch.until(lambda: watch.parts == 1)
            (item,) = inbox(watch.desk.vault)
            assert item.report_id == identity


async def test_a_watch_says_once_that_no_relay_is_there(
    newsroom: Newsroom, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with running_relay(tmp_path_factory.mktemp("relay"), clock=newsroom.clock) as relay:
        await desk_on(newsroom, relay)
    async with watching(newsroom) as watch:
        await watch.until(lambda: len(watch.told) == 1)
        (result,) = watch.told
        assert all(relay.failed for relay in result.relays.values())
        await asyncio.sleep(3)
        assert len(watch.said) == 1
