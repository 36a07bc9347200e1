"""What is only remembered of letters that have expired, most of which were purged long before,
makes neither a sweep nor a letter that needs room any slower."""

import asyncio
import sqlite3
from collections.abc import Awaitable
from pathlib import Path

from tests.relay.made_parcels import EXPIRY, TODAY, make

from qanat_protocol.frames import AckStatus
from qanat_protocol.verdicts import Verdict
from qanat_relay.store.interface import Outcome
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

REMEMBERED = 2000


async def steps_of(store: SqliteStore, work: Awaitable[object]) -> int:
    """Instructions of SQLite that its writer takes for something."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_progress_handler(step, 1)

    def rest(connection: sqlite3.Connection) -> None:
        connection.set_progress_handler(None, 0)

    await store._writer.care(watch)
    await work
    await store._writer.care(rest)
    return count


async def store_after(folder: Path, remembered: int) -> SqliteStore:
    """A store without room, on the day after so many letters that were purged have expired."""
    store = await SqliteStore.open(folder, StoreLimits())
    letters = [make(number) for number in range(remembered)]
    await store.write([letter.put() for letter in letters], today=TODAY)
    await store.write([letter.purged() for letter in letters], today=TODAY)
    for day in (*range(TODAY, EXPIRY, 3), EXPIRY, EXPIRY + 1):
        await store.sweep(day)
    store.limit(StoreLimits(max_body_bytes=4096, max_partial_bytes=4096, max_store_bytes=4096))
    return store


async def test_what_is_remembered_of_expired_letters_costs_no_sweep_and_no_letter(
    tmp_path: Path,
) -> None:
    stores = [await store_after(tmp_path / str(many), many) for many in (0, REMEMBERED)]
    assert [(await store.stats()).purged for store in stores] == [0, REMEMBERED]
    letter = make(REMEMBERED, expiry_day=EXPIRY + 50).put()
    puts, sweeps = [], []
    for store in stores:
        write = asyncio.create_task(store.write([letter], today=EXPIRY + 1))
        puts.append(await steps_of(store, write))
        assert (await write) == [Outcome(AckStatus.REFUSED, Verdict.REFUSED_FULL)]
        sweeps.append(await steps_of(store, store.sweep(EXPIRY + 1)))
        await store.close()
    # Passing them all by would take some for each.
    assert puts[1] < puts[0] + REMEMBERED
    assert sweeps[1] < sweeps[0] + REMEMBERED
