"""SQLite's log is put back into the database beside the writer."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from pathlib import Path

import pytest
from tests.relay.made_parcels import TODAY, make

from qanat_relay.store import files
from qanat_relay.store.checkpointer import Checkpointer
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

LETTERS = 64


async def test_what_is_in_the_log_comes_into_the_database_while_the_store_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHECKPOINT_BYTES", 32_768)
    store = await SqliteStore.open(tmp_path, StoreLimits())
    for number in range(LETTERS):
        await store.write([make(number).put()], today=TODAY)
    await asyncio.to_thread(_wait_for, tmp_path, LETTERS // 2)
    assert (await store.stats()).letters == LETTERS
    await store.close()
    assert not (tmp_path / f"{files.DATABASE}-wal").exists()
    assert _count_without_log(tmp_path) == LETTERS


def _wait_for(folder: Path, count: int) -> None:
    for _ in range(400):
        if _count_without_log(folder) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("nothing was put back in 20 s")


def _count_without_log(folder: Path) -> int:
    # As another program would find it if the log were lost.
    uri = f"{(folder / files.DATABASE).as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True)
    try:
        (count,) = connection.execute("SELECT count(*) FROM parcel").fetchone()
    except sqlite3.Error:
        # It is being written at this moment.
        count = 0
    finally:
        connection.close()
    return int(count)


def test_a_log_that_cannot_be_put_back_is_told_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.close()
    checkpointer = Checkpointer(connection)
    with caplog.at_level(logging.WARNING):
        checkpointer.rest()
        checkpointer.note(files.CHECKPOINT_BYTES)
        checkpointer.close()
    assert [record.getMessage() for record in caplog.records] == [
        "the store's log was not put back: StoreBroken"
    ] * 2
