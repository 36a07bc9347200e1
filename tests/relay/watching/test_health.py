"""/health says whether the store commits, and what asks often costs the disk nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.relay.made_parcels import TODAY, make
from tests.relay.running_relay import Running, running_relay
from tests.relay.watching.scraped import METRICS, get

from qanat_relay.store.files import DATABASE
from qanat_relay.store.sqlite import SqliteStore
from qanat_relay.watching import health


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay", listen_metrics=METRICS) as running:
        yield running


def commits(relay: Running) -> int:
    return sum(relay.store.commits.by_duration)


async def test_both_listeners_tell_it_and_the_older_name_too(relay: Running) -> None:
    listener = relay.server.metrics_urls[0].removesuffix("/metrics")
    for url in (f"{relay.url}/health", f"{relay.url}/healthz", f"{listener}/health"):
        assert await get(url) == (200, "ok\n")
    await relay.store.close()
    for url in (f"{relay.url}/health", f"{listener}/health"):
        assert (await get(url))[0] == 503


async def test_whoever_asks_often_makes_one_commit(relay: Running) -> None:
    before = commits(relay)
    answers = await asyncio.gather(*(get(f"{relay.url}/health") for _ in range(30)))
    assert set(answers) == {(200, "ok\n")}
    assert commits(relay) == before + 1


async def test_a_letter_that_was_just_committed_is_proof_enough(relay: Running) -> None:
    await relay.store.write([make(1).put()], today=TODAY)
    before = commits(relay)
    assert (await get(f"{relay.url}/health"))[0] == 200
    assert commits(relay) == before


async def test_a_store_that_commits_nothing_is_unwell_until_it_does_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FAILED_S", 0.0)
    monkeypatch.setattr("qanat_relay.store.sqlite.BUSY_TIMEOUT_S", 0.1)
    opened = SqliteStore.open

    async def impatient(folder: Path, limits: object) -> SqliteStore:
        return await opened(folder, limits, busy_timeout_s=0.1)  # type: ignore[arg-type]

    monkeypatch.setattr(SqliteStore, "open", impatient)
    async with running_relay(tmp_path) as relay:
        other = sqlite3.connect(tmp_path / "store" / DATABASE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        status, words = await get(f"{relay.url}/health")
        assert (status, words) == (503, "the store commits nothing: StoreBusy\n")
        other.execute("ROLLBACK")
        other.close()
        assert await get(f"{relay.url}/health") == (200, "ok\n")


async def test_a_commit_that_takes_too_long_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER_S", 0.2)
    async with running_relay(tmp_path) as relay:
        other = sqlite3.connect(tmp_path / "store" / DATABASE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = await get(f"{relay.url}/health")
        other.execute("ROLLBACK")
        other.close()
        assert answer == (503, "the store takes too long to commit\n")
