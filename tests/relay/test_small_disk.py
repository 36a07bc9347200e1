"""A relay on a disk of 40 MB that fills up: it refuses by name, loses nothing that it acknowledged,
and goes on by itself, without a restart, when there is room again."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.relay.made_parcels import EXPIRY, TODAY, Made, make, part
from tests.relay.made_peers import states
from tests.relay.running_relay import Running, running_relay, talking, transfer
from tests.relay.small_disk import small_disk

from qanat_protocol.frames import AckStatus
from qanat_protocol.verdicts import Verdict
from qanat_relay.config import Config
from qanat_relay.store.errors import StoreFull
from qanat_relay.store.interface import Outcome, PutBlocks, State, StoredBlock, Write
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.shortness import AGAIN_S
from qanat_relay.store.sqlite import SqliteStore

SIZE = "40m"
FILM_BYTES = 50_331_648
STORED = Outcome(AckStatus.STORED)
SO_FAR = Outcome(AckStatus.PARTIAL, 0)
FULL = Outcome(AckStatus.REFUSED, Verdict.REFUSED_FULL)


@dataclass(frozen=True)
class Film:
    """More than the disk has, cut into its blocks."""

    made: Made
    blocks: tuple[StoredBlock, ...]


@pytest.fixture(scope="module")
def film() -> Film:
    made = part(1, FILM_BYTES)
    return Film(made, made.blocks)


@asynccontextmanager
async def store_in(disk: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(disk / "store", StoreLimits())
    try:
        yield store
    finally:
        await store.close()


async def fill_with(store: SqliteStore, film: Film, at_once: int) -> int:
    """Bring a film until the store has no room for more of it; how many blocks it took."""
    blocks, taken = film.blocks, 0
    for first in range(0, len(blocks), at_once):
        put = PutBlocks(film.made.header, blocks[first : first + at_once])
        try:
            (outcome,) = await store.write([put], today=TODAY)
        except StoreFull:
            return taken
        if outcome.status is not AckStatus.PARTIAL:
            assert outcome == FULL
            return taken
        taken = outcome.value
    raise AssertionError("all of it found room")


async def fill_with_letters(store: SqliteStore, first: int, *, at_once: int = 100) -> list[Made]:
    """Letters until one is refused; those that were acknowledged."""
    kept: list[Made] = []
    while True:
        letters = [make(first + len(kept) + n, size_bytes=16_384) for n in range(at_once)]
        outcomes = await store.write([each.put() for each in letters], today=TODAY)
        assert set(outcomes) <= {STORED, FULL}
        kept += [each for each, told in zip(letters, outcomes, strict=True) if told == STORED]
        if FULL in outcomes:
            return kept


async def write_each(store: SqliteStore, letters: list[Made]) -> list[Outcome]:
    """One commit each, as they come by and by."""
    outcomes = []
    for each in letters:
        outcomes += await store.write([each.put()], today=TODAY)
    return outcomes


def log_bytes(disk: Path) -> int:
    return sum(path.stat().st_size for path in disk.rglob("*-wal"))


def put_log_back(disk: Path) -> None:
    """What was written stands in the database's file, and takes none of the disk twice."""
    with closing(sqlite3.connect(disk / "store" / "store.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert log_bytes(disk) == 0


@pytest.mark.parametrize("at_once", [16, 256, 1024])
async def test_letters_are_taken_after_a_film_for_which_there_was_no_room(
    at_once: int, film: Film, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        async with store_in(disk) as store:
            await fill_with(store, film, at_once)
            letters = [make(number) for number in range(10, 210)]
            assert set(await write_each(store, letters)) == {STORED}
            # It is the film in part that made way, as far as it had to: nobody was promised it.
            more = await fill_with_letters(store, 1000)
            assert len(more) * 16_384 > 20 * 2**20
            kept = letters + more
            bodies = await store.bodies([each.parcel_id for each in kept])
            assert bodies == [each.body for each in kept]
            assert [problem async for problem in store.check()] == []


async def test_the_room_that_status_tells_of_is_there_and_no_more(
    film: Film, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        async with store_in(disk) as store:
            await fill_with(store, film, 256)
            capacity_bytes = Config().capacity_bytes
            told = (await store.stats()).free_bytes(capacity_bytes)
            assert told < 2**21
            await store.sweep(TODAY + 3)
            dropped = [(await store.sweep(day)).partials for day in range(TODAY + 6, EXPIRY, 3)]
            assert sum(dropped) == 1
            told = (await store.stats()).free_bytes(capacity_bytes)
            assert told > 25 * 2**20
            kept = await fill_with_letters(store, 10)
            # What a letter costs beside its body is in the room that it takes.
            assert 0.8 * told < len(kept) * 16_384 < 1.05 * told
            assert (await store.stats()).free_bytes(capacity_bytes) < 2**20


@pytest.mark.parametrize("by", ["expiry", "purge", "the operator"])
async def test_a_full_disk_recovers_without_a_restart(by: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        filler = disk / "filler"
        if by == "the operator":
            filler.write_bytes(bytes(20 * 2**20))
        async with store_in(disk) as store:
            kept = await fill_with_letters(store, 1)
            late = [make(number, size_bytes=16_384) for number in range(100_000, 100_050)]
            assert FULL in await write_each(store, late)
            bodies = await store.bodies([each.parcel_id for each in kept])
            assert bodies == [each.body for each in kept]
            if by == "expiry":
                swept = [(await store.sweep(day)).expired for day in range(TODAY, EXPIRY + 4, 3)]
                assert sum(swept) >= len(kept)
            elif by == "purge":
                for each in kept[:500]:
                    assert await store.write([each.purged()], today=TODAY) == [STORED]
            else:
                filler.unlink()
            again = [make(-number, size_bytes=16_384) for number in range(1, 400)]
            today = EXPIRY + 2 if by == "expiry" else TODAY
            if by == "expiry":
                late_day = EXPIRY + 60
                again = [make(-n, size_bytes=16_384, expiry_day=late_day) for n in range(1, 400)]
            outcomes = []
            for each in again:
                outcomes += await store.write([each.put()], today=today)
            assert set(outcomes) == {STORED}
            assert [problem async for problem in store.check()] == []


async def test_a_reader_that_stays_for_long_makes_a_full_disk_refuse_and_not_wait(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        async with store_in(disk) as store:
            kept = await fill_with_letters(store, 1, at_once=300)
            # A backup, for one: while it reads, the log cannot be cut.
            reader = sqlite3.connect(disk / "store" / "store.db", isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM parcel").fetchone()
            for each in kept[:300]:
                with suppress(StoreFull):
                    await store.write([each.purged()], today=TODAY)
            refused = 0
            for number in range(100_000, 100_500):
                try:
                    outcomes = await store.write(
                        [make(number, size_bytes=16_384).put()], today=TODAY
                    )
                except StoreFull:
                    outcomes = [FULL]
                refused += outcomes == [FULL]
            assert refused
            reader.execute("ROLLBACK")
            reader.close()
            await asyncio.sleep(AGAIN_S)
            again = [make(number) for number in range(200_000, 200_050)]
            for each in kept[300:600]:
                assert await store.write([each.purged()], today=TODAY) == [STORED]
            assert set(await write_each(store, again)) == {STORED}
            assert log_bytes(disk) < 2**20
            held = await store.bodies([each.parcel_id for each in kept[600:]])
            assert held == [each.body for each in kept[600:]]


@asynccontextmanager
async def one_group(store: SqliteStore, writes: list[Write]) -> AsyncIterator[list[Any]]:
    """A call for each, handed over together at the end; then what came of them is in the list."""
    told: list[Any] = []
    go_on = threading.Event()
    holding = asyncio.create_task(store._writer.care(lambda _: go_on.wait()))
    await asyncio.sleep(0)
    try:
        yield told
        calls = [asyncio.create_task(store.write([write], today=TODAY)) for write in writes]
        await asyncio.sleep(0)
    finally:
        go_on.set()
        await holding
    told += await asyncio.gather(*calls, return_exceptions=True)


async def test_what_finds_no_room_in_a_group_is_tried_once_and_not_by_each_call(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        async with store_in(disk) as store:
            kept = [make(number) for number in range(100)]
            assert set(await store.write([each.put() for each in kept], today=TODAY)) == {STORED}
            put_log_back(disk)
            filler = disk / "filler"
            purges: list[Write] = [each.purged() for each in kept]
            async with one_group(store, purges) as told:
                filler.write_bytes(bytes(shutil.disk_usage(disk).free))
            assert {type(each) for each in told} == {StoreFull}
            # The group, and the first of its calls alone: the others want no less.
            assert store.commits.failed == 2
            filler.unlink()
            async with one_group(store, purges) as told:
                pass
            assert told == [[STORED]] * len(purges)
            assert [problem async for problem in store.check()] == []


async def test_a_log_that_has_no_room_in_the_database_costs_a_group_one_try(
    film: Film, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        async with store_in(disk) as store:
            put_log_back(disk)
            with closing(sqlite3.connect(disk / "store" / "store.db")) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM parcel").fetchone()
                await fill_with(store, film, 64)
                filler = disk / "filler"
                letters: list[Write] = [make(number).put() for number in range(10, 110)]
                failed = store.commits.failed
                async with one_group(store, letters) as told:
                    filler.write_bytes(bytes(shutil.disk_usage(disk).free))
                assert {type(each) for each in told} == {StoreFull}
                assert store.commits.failed == failed + 1
            filler.unlink()
            await asyncio.sleep(AGAIN_S)
            async with one_group(store, letters) as told:
                pass
            assert told == [[STORED]] * len(letters)


async def test_what_is_asked_about_is_told_as_it_would_be_taken(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        async with store_in(disk) as store:
            # More than half of what is free, as it comes a block at a time.
            assert await store.write([part(1, 24 << 20).ask()], today=TODAY) == [SO_FAR]
            parts = [part(number) for number in range(2, 40)]
            assert set(await store.write([each.put() for each in parts], today=TODAY)) == {STORED}
            put_log_back(disk)
            filler, letter = disk / "filler", make(1)
            free_bytes = shutil.disk_usage(disk).free
            # Parts would go, but not even what that takes in the log has room.
            filler.write_bytes(bytes(free_bytes - (1 << 19)))
            assert not await store.takes_letters(today=TODAY)
            for write in (letter.ask(), letter.put(), make(2, size_bytes=40_960).ask()):
                assert await store.write([write], today=TODAY) == [FULL]
            assert set(await states_of(store, parts)) == {State.HELD}
            filler.unlink()
            assert await store.takes_letters(today=TODAY)
            assert await store.write([letter.ask(), letter.put()], today=TODAY) == [SO_FAR, STORED]


async def states_of(store: SqliteStore, parcels: list[Made]) -> list[State | None]:
    held = await store.look_up([each.parcel_id[:16] for each in parcels])
    return [None if one is None else one.state for one in held]


async def test_over_a_line_a_film_is_refused_by_name_and_the_letters_behind_it_are_signed_for(
    film: Film, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        async with running_relay(disk / "relay", largest_body_bytes=2**26, stamps=False) as relay:
            await bring_film(relay, film)
            letters = [make(number) for number in range(10, 60)]
            async with talking(relay, "exchange") as talk:
                for handle, each in enumerate(letters):
                    await talk.say(*transfer(each, handle))
                told = await talk.statuses(len(letters))
                await talk.end()
            assert {each.status for each in told.values()} == {AckStatus.STORED}
            assert set(await states(relay, letters)) == {State.HELD}


async def bring_film(relay: Running, film: Film) -> None:
    frames = transfer(film.made, 0)
    async with talking(relay, "exchange") as talk:
        for start in range(0, len(frames), 64):
            await talk.say(*frames[start : start + 64])
        told = await talk.statuses(1)
        assert told[0].status is AckStatus.REFUSED
        assert told[0].value == Verdict.REFUSED_FULL
