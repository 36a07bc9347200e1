"""The process that pulls beside the windows: what arrives is seen at once, whatever befalls it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Clock, Newsroom
from tests.client.desk.serve.window import listening_to, window_on
from tests.client.desk.test_pull import Relays, desk_on, hand_over, pulled
from tests.relay.running_relay import running_relay

from qanat_client.desk.pull import pull_lock
from qanat_client.desk.serve.pull_wish import PullWish

EVERY_S = 1.0


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    """The process that pulls has a clock of its own: the machine's."""
    return Newsroom(tmp_path / "desk", Clock(time.time()))


@pytest.fixture
async def relays(newsroom: Newsroom, tmp_path: Path) -> AsyncIterator[Relays]:
    async with AsyncExitStack() as stack:
        yield Relays(stack, tmp_path, newsroom.clock)


def wish_of(newsroom: Newsroom) -> PullWish:
    return PullWish(str(newsroom.home), newsroom.passphrase, EVERY_S)


async def test_what_a_relay_holds_is_in_the_inbox_at_once_and_every_window_is_told(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    async with window_on(newsroom, wish_of(newsroom)) as window, listening_to(window) as heard:
        state = await heard.until("pull", lambda pull: pull["state"] == "watching")
        await heard.until("pull", lambda pull: pull["relays"][0:] and pull["relays"][0]["reached"])
        assert state["came"] == {"reports": 0, "parts": 0}
        identity, parcels = writer.write("A fire in the night.")
        await hand_over(newsroom, parcels)
        await heard.until("changed", lambda said: said["counts"]["unread"] == 1)
        (row,) = (await window.post("/api/inbox", {"words": "night"}))["rows"]
        assert row["id"] == identity.hex()
        state = await heard.until("pull", lambda pull: pull["came"]["reports"] == 1)
        (relay,) = state["relays"]
        assert (relay["reached"], relay["words"]) == (True, "")


async def test_a_relay_that_is_dead_is_told_and_costs_the_others_nothing(
    newsroom: Newsroom, relays: Relays, tmp_path: Path
) -> None:
    good = await relays.start("one")
    async with running_relay(tmp_path / "bad", clock=newsroom.clock) as bad:
        writer = await desk_on(newsroom, good, bad)
    async with window_on(newsroom, wish_of(newsroom)) as window, listening_to(window) as heard:
        await hand_over(newsroom, writer.write("Text.")[1])
        state = await heard.until(
            "pull", lambda pull: pull["came"]["reports"] == 1 and pull["relays"][1]["words"]
        )
        assert [relay["reached"] for relay in state["relays"]] == [True, False]


async def test_a_process_that_is_killed_is_told_and_started_again_with_growing_pauses(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    async with window_on(newsroom, wish_of(newsroom)) as window, listening_to(window) as heard:
        for pause in ("1 s", "2 s"):
            await heard.until("pull", lambda pull: pull["state"] == "watching")
            pid = window.serving.pulling.pid
            assert pid is not None
            heard.events.clear()
            os.kill(pid, signal.SIGKILL)
            state = await heard.until("pull", lambda pull: "tried again" in pull["words"])
            assert state["state"] == "failed"
            assert "SIGKILL" in state["words"]
            assert pause in state["words"]
            # Nobody has to wait who does not want to.
            await window.post("/api/pull", {})
        await heard.until("pull", lambda pull: pull["state"] == "watching")
        await hand_over(newsroom, writer.write("Text.")[1])
        await heard.until("changed", lambda said: said["counts"]["reports"] == 1)


async def test_while_another_desk_pulls_this_one_says_so_and_takes_over_when_it_has_ended(
    newsroom: Newsroom, relays: Relays
) -> None:
    await desk_on(newsroom, await relays.start("one"))
    with pull_lock(newsroom.home):
        async with window_on(newsroom, wish_of(newsroom)) as window, listening_to(window) as heard:
            state = await heard.until("pull", lambda pull: pull["state"] == "elsewhere")
            assert "another qanat-desk" in state["words"]
            assert (await window.get("/api/desk"))["pull"]["state"] == "elsewhere"
    async with window_on(newsroom, wish_of(newsroom)) as window, listening_to(window) as heard:
        await heard.until("pull", lambda pull: pull["state"] == "watching")


async def test_a_pull_at_the_command_line_beside_it_says_that_another_pulls(
    newsroom: Newsroom, relays: Relays
) -> None:
    await desk_on(newsroom, await relays.start("one"))
    async with window_on(newsroom, wish_of(newsroom)) as window, listening_to(window) as heard:
        await heard.until("pull", lambda pull: pull["state"] == "watching")
        done = await pulled(newsroom)
        assert (done.code, "another qanat-desk is pulling" in done.err) == (2, True)
        assert (await window.get("/api/desk"))["pull"]["state"] == "watching"


async def test_two_windows_of_two_programs_work_on_one_desk(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    async with (
        window_on(newsroom, wish_of(newsroom)) as first,
        listening_to(first) as first_heard,
    ):
        await first_heard.until("pull", lambda pull: pull["state"] == "watching")
        async with (
            window_on(newsroom, wish_of(newsroom)) as second,
            listening_to(second) as heard,
        ):
            await heard.until("pull", lambda pull: pull["state"] == "elsewhere")
            identity, parcels = writer.write("Text.")
            await hand_over(newsroom, parcels)
            # The second sees what the first has pulled, and the first what the second decided.
            await heard.until("changed", lambda said: said["counts"]["unread"] == 1)
            read = {"what": "read", "report": identity.hex(), "value": True}
            await second.post("/api/decide", {"changes": [read]})
            await first_heard.until(
                "changed", lambda said: said["counts"]["reports"] and not said["counts"]["unread"]
            )


async def test_the_process_that_pulls_ends_with_the_one_that_serves(
    newsroom: Newsroom, relays: Relays
) -> None:
    await desk_on(newsroom, await relays.start("one"))
    async with window_on(newsroom, wish_of(newsroom)) as window, listening_to(window) as heard:
        await heard.until("pull", lambda pull: pull["state"] == "watching")
        pid = window.serving.pulling.pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pull_lock(newsroom.home):
        await asyncio.sleep(0)


async def test_a_passphrase_that_is_wrong_for_the_process_is_a_clear_state(
    newsroom: Newsroom,
) -> None:
    newsroom.settle()
    wish = PullWish(str(newsroom.home), "not the one it is", EVERY_S)
    async with window_on(newsroom, wish) as window, listening_to(window) as heard:
        state = await heard.until("pull", lambda pull: pull["state"] == "failed")
        assert "does not open the vault" in state["words"]
