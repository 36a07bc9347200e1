"""What a relay does in the background is told of when it ends, begun anew, and seen outside."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.relay.running_relay import running_relay
from tests.relay.watching.scraped import METRICS, get, scrape

from qanat_relay import background
from qanat_relay.background import Background
from qanat_relay.config import Config, store_limits
from qanat_relay.events import Event
from qanat_relay.logs import start_logging, told
from qanat_relay.serving import serve
from qanat_relay.store.checkpointer import Checkpointer
from qanat_relay.store.errors import StoreClosed
from qanat_relay.store.files import DATABASE
from qanat_relay.store.sqlite import SqliteStore

WAIT_S = 30.0


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    until_s = time.monotonic() + WAIT_S
    while not await holds():
        assert time.monotonic() < until_s, "it took too long"
        await asyncio.sleep(0.02)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(background, "MOST_PAUSE_S", 0.1)
    monkeypatch.setattr(background, "WELL_S", 1.0)
    start_logging("error")


async def test_a_keeper_that_dies_is_seen_in_health_and_metrics_and_begins_anew(
    quick: None, tmp_path: Path
) -> None:
    async with running_relay(tmp_path, listen_metrics=METRICS) as relay:
        assert (await get(f"{relay.url}/health"))[0] == 200
        config, before = relay.node.config, told[Event.WORK_FAILED.label]
        unheard_of: Any = None
        relay.node.keeper.change(replace(config, capacity_bytes=unheard_of))

        async def fails() -> bool:
            return (await get(f"{relay.url}/health"))[0] == 503

        async def is_well() -> bool:
            return (await get(f"{relay.url}/health"))[0] == 200

        await until(fails)
        status, words = await get(f"{relay.url}/health")
        assert (status, words) == (503, "a part of the relay's work fails: keeper\n")
        listener = relay.server.metrics_urls[0].removesuffix("/metrics")
        assert (await get(f"{listener}/health"))[0] == 503
        seen = await scrape(relay)
        assert seen.value("work_fails", part="keeper") == 1
        assert seen.value("work_fails", part="silence") == 0
        assert told[Event.WORK_FAILED.label] > before
        relay.node.keeper.change(config)
        await until(is_well)
        assert (await scrape(relay)).value("work_fails", part="keeper") == 0
        assert relay.node.gate.asks


async def test_a_part_that_just_ends_is_begun_anew_too_and_the_others_go_on(quick: None) -> None:
    parts, begun, ticks = Background(), 0, 0

    async def ends() -> None:
        nonlocal begun
        begun += 1

    async def goes_on() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    parts.begin("ends", ends)
    parts.begin("goes on", goes_on)

    async def is_begun_often() -> bool:
        return begun >= 4

    await until(is_begun_often)
    assert parts.parts == {"ends": True, "goes on": False}
    await parts.end("ends")
    assert parts.parts == {"goes on": False}
    before = ticks

    async def goes_on_still() -> bool:
        return ticks > before

    await until(goes_on_still)
    await parts.end()
    await parts.end()
    assert parts.parts == {}


async def test_a_part_that_fails_while_it_is_ended_is_not_begun_again(quick: None) -> None:
    parts, begun = Background(), 0

    async def fails_at_the_end() -> None:
        nonlocal begun
        begun += 1
        try:
            await asyncio.sleep(WAIT_S)
        except asyncio.CancelledError:
            raise ConnectionError from None

    parts.begin("stubborn", fails_at_the_end)
    await asyncio.sleep(0.05)
    async with asyncio.timeout(WAIT_S):
        await parts.end()
    assert begun == 1


async def test_a_relay_whose_store_writes_no_more_ends_so_that_it_is_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = SqliteStore.open
    stores: list[SqliteStore] = []

    async def noted(folder: Path, limits: Any) -> SqliteStore:
        stores.append(await opened(folder, limits))
        return stores[-1]

    monkeypatch.setattr(SqliteStore, "open", noted)
    start_logging("error")
    before = told[Event.STORE_ENDED.label]
    listening = asyncio.Event()
    config = replace(Config(), listen=("127.0.0.1:0",))
    task = asyncio.create_task(serve(tmp_path, config, [], lambda _: listening.set()))
    async with asyncio.timeout(WAIT_S):
        await listening.wait()

        def mistake(_: object) -> None:
            raise LookupError

        with pytest.raises(StoreClosed):
            await stores[0]._writer.step(mistake)
        with pytest.raises(StoreClosed):
            await task
    assert told[Event.STORE_ENDED.label] == before + 1


async def test_a_checkpointer_that_died_keeps_no_care_of_the_store_waiting(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path, store_limits(Config()))
    await store.close()
    connection = sqlite3.connect(tmp_path / DATABASE, check_same_thread=False)
    checkpointer = Checkpointer(connection)
    unheard_of: Any = "no queue"
    checkpointer._calls.put(unheard_of)
    began_s = time.monotonic()
    await asyncio.to_thread(checkpointer.rest)
    assert time.monotonic() - began_s < WAIT_S
    connection.close()
