"""What is SQLite's own: its file and lock, a full disk, a locked or damaged database, a kill."""

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from tests.relay.made_parcels import (
    PAGED_BYTES,
    TAG,
    THUMBNAIL_BYTES,
    TODAY,
    make,
    part,
)

from qanat_protocol.frames import AckStatus
from qanat_protocol.limits import PAGE_LEAVES, THUMBNAIL_BODY_BYTES
from qanat_protocol.parcel import Kind, Rank
from qanat_relay.store.errors import (
    StoreBroken,
    StoreBusy,
    StoreClosed,
    StoreError,
    StoreForbidden,
    StoreFull,
    StoreInUse,
    StoreTooNew,
)
from qanat_relay.store.files import DATABASE, Migration, shipped_migrations
from qanat_relay.store.interface import Outcome, State, Store
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.rebuilding import heal
from qanat_relay.store.room import drop_body
from qanat_relay.store.rows import find_parcel
from qanat_relay.store.sqlite import SqliteStore
from qanat_relay.store.work import Work

REPOSITORY = Path(__file__).parents[2]
STORED = Outcome(AckStatus.STORED)

NEXT = Migration(
    len(shipped_migrations()) + 1, "ALTER TABLE store ADD COLUMN motto TEXT; -- a later version's"
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store that waits for no lock."""
    store = await SqliteStore.open(tmp_path / "store", StoreLimits(), busy_timeout_s=0.01)
    yield store
    await store.close()


@contextmanager
def database(folder: Path) -> Iterator[sqlite3.Connection]:
    """The file of a store, by another program that commits at once."""
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as connection:
        yield connection


async def reopened(folder: Path) -> SqliteStore:
    return await SqliteStore.open(folder, StoreLimits())


async def states(store: Store, *offers: bytes) -> list[State | None]:
    found = await store.look_up(offers)
    return [None if holding is None else holding.state for holding in found]


async def assert_goes_on(store: SqliteStore) -> None:
    """It takes a letter, keeps it, and nothing in it is wrong."""
    letter = make(9999)
    assert await store.write([letter.put()], today=TODAY) == [STORED]
    assert await states(store, letter.header.offer) == [State.HELD]
    assert [problem async for problem in store.check()] == []


# Durable, small, one to a folder


async def test_a_commit_waits_for_the_disk(store: SqliteStore, tmp_path: Path) -> None:
    async def ask(name: str) -> object:
        return await store._writer.step(
            lambda work: work.connection.execute(f"PRAGMA {name}").fetchone()[0]
        )

    assert await ask("synchronous") == 2
    assert await ask("journal_mode") == "wal"
    assert await ask("checkpoint_fullfsync") == 1


async def test_a_letter_of_4_kib_costs_at_most_115_hundredths_of_its_size(
    store: SqliteStore,
) -> None:
    empty = (await store.stats()).used_bytes
    letters = 3000
    for at in range(0, letters, 100):
        await store.write([make(number).put() for number in range(at, at + 100)], today=TODAY)
    grown = (await store.stats()).used_bytes - empty
    assert grown <= letters * 4096 * 1.15


async def test_only_the_owner_may_read_the_files(store: SqliteStore, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    await store.write([make(1).put()], today=TODAY)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_second_process_is_refused(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(StoreInUse, match="another qanat-relay"):
        await reopened(tmp_path / "store")
    await store.close()
    again = await reopened(tmp_path / "store")
    await again.close()


async def test_many_sessions_share_one_commit(store: SqliteStore, tmp_path: Path) -> None:
    def hold(_: object) -> None:
        gate.wait(30)

    gate = threading.Event()
    held = asyncio.ensure_future(store._writer.step(hold))
    calls = [
        asyncio.ensure_future(store.write([make(number).put()], today=TODAY))
        for number in range(50)
    ]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(held, *calls)
    entries = await store.list_tags([TAG], Rank.LETTER, 0, 99)
    ids = [entry.header.parcel_id for entry in entries]
    # Arrival in order of id over all fifty: so they were one commit.
    assert ids == sorted(ids)
    assert len(ids) == 50


# What fails


async def test_a_full_disk_acknowledges_nothing_and_passes(store: SqliteStore) -> None:
    async def allow(pages: int) -> None:
        await store._writer.step(
            lambda work: work.connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        )

    kept = make(1)
    await store.write([kept.put()], today=TODAY)
    await allow(1)  # SQLite makes of it what the file has already
    letters = [make(number) for number in range(2, 12)]
    calls = [store.write([letter.put()], today=TODAY) for letter in letters]
    results = await asyncio.gather(*calls, return_exceptions=True)
    failed = [
        letter
        for letter, result in zip(letters, results, strict=True)
        if isinstance(result, StoreFull)
    ]
    assert failed
    for letter, result in zip(letters, results, strict=True):
        (state,) = await states(store, letter.header.offer)
        assert state is (None if letter in failed else State.HELD)
        assert letter in failed or result == [STORED]
    await allow(2**30)
    assert await store.write([letter.put() for letter in failed], today=TODAY) == [STORED] * len(
        failed
    )
    await assert_goes_on(store)


async def test_a_failing_disk_acknowledges_nothing_and_passes(
    store: SqliteStore, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in (tmp_path / "store").iterdir())
    original = part(1)
    # No file may grow beyond this: the log's next frames cannot be written.
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        with pytest.raises((StoreBroken, StoreFull)):
            await store.write([original.put()], today=TODAY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await states(store, original.header.offer) == [None]
    assert await store.write([original.put()], today=TODAY) == [STORED]
    await assert_goes_on(store)


async def test_a_locked_database_is_busy_until_it_is_free(
    store: SqliteStore, tmp_path: Path
) -> None:
    letter = make(1)
    with database(tmp_path / "store") as other:
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(3):
            with pytest.raises(StoreBusy):
                await store.write([letter.put()], today=TODAY)
        with pytest.raises(StoreBusy):
            await store.sweep(TODAY)
        assert await states(store, letter.header.offer) == [None]
        other.execute("ROLLBACK")
    assert await store.write([letter.put()], today=TODAY) == [STORED]
    await assert_goes_on(store)


@contextmanager
def as_nobody() -> Iterator[None]:
    """For root, who may write everywhere, to be somebody who may not."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


async def test_a_folder_that_cannot_be_written_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        with as_nobody():
            for folder in (Path(name), Path(name) / "store"):
                with pytest.raises(StoreForbidden, match="cannot"):
                    await reopened(folder)
        Path(name).chmod(0o700)


async def test_a_writer_that_ends_by_a_mistake_refuses_and_says_so(
    store: SqliteStore,
) -> None:
    def mistake(_: object) -> None:
        raise ZeroDivisionError

    seen: list[object] = []
    before, threading.excepthook = threading.excepthook, lambda told: seen.append(told.exc_type)
    try:
        calls = [
            asyncio.ensure_future(store._writer.step(mistake)),
            asyncio.ensure_future(store.write([make(1).put()], today=TODAY)),
        ]
        for result in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(result, StoreClosed)
        await asyncio.to_thread(store._writer._thread.join)
    finally:
        threading.excepthook = before
    assert seen == [ZeroDivisionError]
    with pytest.raises(StoreClosed, match="restart"):
        await store.write([make(1).put()], today=TODAY)


# Versions and copies


async def test_an_upgrade_keeps_a_copy_of_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    letter = make(1)
    old = await reopened(folder)
    await old.write([letter.put()], today=TODAY)
    await old.close()
    steps = [*shipped_migrations(), NEXT]
    new = await SqliteStore.open(folder, StoreLimits(), migrations=steps)
    assert await new.blocks(letter.parcel_id, [0]) == [letter.body]
    assert new.incarnation == old.incarnation
    await new.close()
    with database(folder) as connection:
        assert connection.execute("SELECT motto FROM store").fetchone() == (None,)
    copy = folder / f"{DATABASE}.before-{NEXT.number:04}"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with pytest.raises(StoreTooNew, match=rf"version {NEXT.number}.*up to {NEXT.number - 1}"):
        await reopened(folder)
    copy.replace(folder / DATABASE)
    back = await reopened(folder)
    assert await back.blocks(letter.parcel_id, [0]) == [letter.body]
    await back.close()


async def test_what_was_in_part_before_there_were_lists_stays_and_is_given_once_they_come(
    tmp_path: Path,
) -> None:
    film, letter = part(1), make(2)
    store = await reopened(tmp_path)
    await store.write([film.put_bare(0, 3, 7), letter.put()], today=TODAY)
    await store.close()
    _undo_lists(tmp_path)
    store = await reopened(tmp_path)
    assert [problem async for problem in store.check()] == []
    assert await store.list_halves([TAG], Rank.ORIGINAL, 9) == []
    (holding,) = await store.look_up([film.header.offer])
    assert holding is not None
    assert holding.held is not None
    assert list(holding.held) == [0, 3, 7]
    await store.write([film.put(1)], today=TODAY)
    (half,) = await store.list_halves([TAG], Rank.ORIGINAL, 9)
    assert list(half.held) == [0, 1, 3, 7]
    assert await store.write([film.put()], today=TODAY) == [STORED]
    assert [problem async for problem in store.check()] == []
    await store.close()


_SIZES = ("letter_bytes", "reply_bytes", "part_bytes", "public_bytes")


async def test_an_upgrade_weighs_what_was_there(tmp_path: Path) -> None:
    store = await reopened(tmp_path)
    purged, opened = make(3), part(2)
    await store.write([make(1).put(), make(2).put(), part(1).put()], today=TODAY)
    await store.write([purged.put(), opened.put()], today=TODAY)
    await store.write([purged.purged(), opened.opened(), make(2).opened()], today=TODAY)
    weighed = await store.stats()
    await store.close()
    with database(tmp_path) as connection:
        connection.executescript(_without_sizes() + " PRAGMA user_version = 4")
    store = await reopened(tmp_path)
    assert [problem async for problem in store.check()] == []
    assert await store.stats() == replace(weighed, file_bytes=(await store.stats()).file_bytes)
    await store.close()
    assert weighed.letter_bytes == 2 * make(1).header.body_size
    assert weighed.part_bytes == 2 * part(1).header.body_size
    assert weighed.yielding_bytes == purged.header.body_size + opened.header.body_size


async def test_kinds_that_come_in_one_commit_are_weighed_apart(store: SqliteStore) -> None:
    letters = [make(number) for number in range(20)]
    thumbnails = [part(number, THUMBNAIL_BODY_BYTES) for number in range(20)]
    mixed = [each.put() for pair in zip(letters, thumbnails, strict=True) for each in pair]
    await store.write(mixed, today=TODAY)
    stats = await store.stats()
    assert stats.letter_bytes == sum(letter.header.body_size for letter in letters)
    assert stats.part_bytes == 20 * THUMBNAIL_BODY_BYTES
    assert [problem async for problem in store.check()] == []


async def test_a_weight_that_is_wrong_is_found(tmp_path: Path) -> None:
    store = await reopened(tmp_path)
    await store.write([make(1).put()], today=TODAY)
    await store.close()
    with database(tmp_path) as connection:
        connection.execute("UPDATE tally SET part_bytes = 1")
    store = await reopened(tmp_path)
    (problem,) = [problem async for problem in store.check()]
    assert problem.what == "the bytes of complete bodies are counted wrong"
    await store.close()


async def test_what_two_tags_have_is_found_and_healed_where_only_their_sum_is_right(
    tmp_path: Path,
) -> None:
    store = await reopened(tmp_path)
    parcels = [make(1, tag=b"1" * 16), make(2, tag=b"2" * 16, size_bytes=16_384)]
    film, reply = make(3, Kind.PART, 180_224, tag=b"2" * 16), make(4, Kind.REPLY)
    writes = [*(each.put() for each in (*parcels, reply)), film.put(0), part(5).put()]
    await store.write(writes, today=TODAY)
    assert [problem async for problem in store.check()] == []
    await store.close()
    with database(tmp_path) as connection:
        swap = "UPDATE tag_room SET kept = 22528 - kept WHERE tag IN (?, ?)"
        assert connection.execute(swap, (b"1" * 16, b"2" * 16)).rowcount == 2
    store = await reopened(tmp_path)
    (problem,) = [problem async for problem in store.check()]
    assert problem.what == "the bytes under 2 tags are counted wrong"
    await store.close()
    heal(tmp_path, lambda _: None)
    store = await reopened(tmp_path)
    assert [problem async for problem in store.check()] == []
    await store.close()


async def test_commits_are_counted_and_timed(store: SqliteStore) -> None:
    before = sum(store.commits.by_duration)
    await store.write([make(1).put()], today=TODAY)
    await store.try_commit()
    assert sum(store.commits.by_duration) == before + 2
    assert store.commits.took_s > 0
    assert store.commits.last_s is not None
    assert store.commits.failed == 0


async def test_a_trial_commit_writes_to_the_disk_and_changes_nothing(tmp_path: Path) -> None:
    store = await reopened(tmp_path)
    await store.write([make(1).put()], today=TODAY)
    log = tmp_path / f"{DATABASE}-wal"
    before, stats = log.stat().st_size, await store.stats()
    await store.try_commit()
    assert log.stat().st_size > before
    assert replace(await store.stats(), file_bytes=stats.file_bytes) == stats
    await store.close()


def _without_sizes() -> str:
    """What undoes steps 5 to 9 of the schema."""
    tags = "ALTER TABLE tombstone DROP COLUMN came_day; DROP TABLE tag_room;"
    tags += " ALTER TABLE tally DROP COLUMN kept_bytes;"
    tags += " ALTER TABLE tally DROP COLUMN yielding_bytes;"
    expiry = "CREATE INDEX parcel_by_expiry ON parcel (expiry);"
    expiry += " DROP INDEX parcel_expiring; DROP INDEX parcel_remembered;"
    return expiry + tags + "".join(f" ALTER TABLE tally DROP COLUMN {name};" for name in _SIZES)


def _undo_lists(folder: Path) -> None:
    """Make a store what it was before step 3 of the schema."""
    with database(folder) as connection:
        connection.executescript(
            _without_sizes() + " DROP INDEX parcel_by_rank;"
            " DROP INDEX partial_by_tag; DROP INDEX partial_by_lot; DROP TABLE leaf_list;"
            " ALTER TABLE partial DROP COLUMN provable; ALTER TABLE partial DROP COLUMN list_bytes;"
            " PRAGMA user_version = 2"
        )


async def test_a_new_store_and_a_current_one_leave_no_copy(tmp_path: Path) -> None:
    for _ in range(2):
        await (await reopened(tmp_path)).close()
    assert {file.name for file in tmp_path.iterdir()} == {DATABASE, "store.lock"}


async def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path) -> None:
    old = await reopened(tmp_path)
    await old.write([make(1).put()], today=TODAY)
    await old.close()
    broken = Migration(NEXT.number, "ALTER TABLE store ADD COLUMN motto TEXT; DROP TABLE nothing;")
    with pytest.raises(StoreBroken, match="nothing"):
        await SqliteStore.open(tmp_path, StoreLimits(), migrations=[*shipped_migrations(), broken])
    again = await reopened(tmp_path)
    await assert_goes_on(again)
    await again.close()


async def test_another_programs_database_is_not_taken_for_a_store(tmp_path: Path) -> None:
    with database(tmp_path) as connection:
        connection.execute("CREATE TABLE books (title TEXT)")
    with pytest.raises(StoreBroken, match="not a store"):
        await reopened(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"this was never a database" * 1000)
    with pytest.raises(StoreBroken):
        await reopened(tmp_path)


# Damage

DAMAGE: dict[str, tuple[str, str]] = {
    "a tag": ("UPDATE parcel SET tag = zeroblob(16)", "not what its header says"),
    "a body": (
        "UPDATE parcel SET body = zeroblob(length(body)) WHERE body IS NOT NULL",
        "body does not match",
    ),
    "no body": ("UPDATE parcel SET body = NULL", "body does not match"),
    "a block": ("UPDATE block SET data = zeroblob(16384) WHERE number % 262144 = 70", "block 70"),
    "no block": ("DELETE FROM block WHERE number % 262144 = 70", "block 70 of 80"),
    "a leaf": ("UPDATE block SET leaf = zeroblob(32) WHERE number % 262144 = 2", "block 2"),
    "page roots": ("UPDATE parcel SET page_roots = zeroblob(64)", "page roots"),
    "an id": ("UPDATE parcel SET id = zeroblob(32) WHERE kind = 1", "match the id"),
    "a header": ("UPDATE parcel SET header = zeroblob(96) WHERE kind = 1", "not valid"),
    "a count": ("UPDATE tally SET letters = letters + 1", "letters: 1 rows, 2"),
    "what makes way": ("UPDATE tally SET yielding_bytes = 1", "make way for others"),
    "arrivals": ("UPDATE tally SET last_arrival = 1", "arrival"),
    "partial bytes": ("UPDATE partial SET held_bytes = 5", "partial bodies"),
    "partial blocks": ("UPDATE partial SET held = 9", "2 blocks are there, 9"),
    "an orphan": ("DELETE FROM partial", "belong to no parcel"),
    "a list": (
        "UPDATE leaf_list SET hashes = zeroblob(352) WHERE number % 2048 = 0",
        "list of page 0 does not match",
    ),
    "no list": ("DELETE FROM leaf_list WHERE number % 2048 = 0", "noted wrong"),
    "a list too many": (
        "INSERT INTO leaf_list SELECT place * 2048 + 7, zeroblob(32) FROM partial",
        "list of page 7",
    ),
    "listed roots": (
        "UPDATE leaf_list SET hashes = zeroblob(64) WHERE number % 2048 = 1024",
        "page roots do not match the root",
    ),
    "no roots": ("DELETE FROM leaf_list WHERE number % 2048 = 1024", "list of page 0"),
    "a leaf of a half": (
        "UPDATE block SET leaf = zeroblob(32) WHERE number % 262144 = 5",
        "block 5 is not the one in its list",
    ),
    "a list's bytes": ("UPDATE partial SET list_bytes = 1", "partial bodies"),
    "a stray list": ("INSERT INTO leaf_list VALUES (5, zeroblob(32))", "belongs to no parcel"),
    "a bitmap": ("UPDATE partial SET provable = x'80'", "noted wrong"),
    "a way to a row": ("DELETE FROM offer", "not found by their ids"),
    "a wrong way": ("UPDATE offer SET arrival = 1", "not found by their ids"),
    "a tombstone": ("UPDATE tombstone SET value = zeroblob(32)", "lock"),
}


@pytest.mark.parametrize("what", DAMAGE)
async def test_a_check_finds_damage(tmp_path: Path, what: str) -> None:
    store = await SqliteStore.open(tmp_path, StoreLimits(), recent_max=1)
    letter = make(1)
    await store.write([letter.put(), part(2, PAGED_BYTES).put(), part(3).put(2, 5)], today=TODAY)
    await store.write([letter.opened(), part(4, PAGED_BYTES).put(20, PAGE_LEAVES + 5)], today=TODAY)
    assert [problem async for problem in store.check()] == []
    sql, expected = DAMAGE[what]
    with database(tmp_path) as connection:
        connection.execute(sql)
    problems = [problem.what async for problem in store.check()]
    assert any(expected in problem for problem in problems), problems
    await store.close()


async def test_a_check_of_a_torn_file_reports_and_ends(tmp_path: Path) -> None:
    store = await reopened(tmp_path)
    await store.write([make(number).put() for number in range(300)], today=TODAY)
    await store.close()
    size = (tmp_path / DATABASE).stat().st_size
    with (tmp_path / DATABASE).open("r+b") as file:
        for at in range(40_960, size, 40_960):
            file.seek(at)
            file.write(os.urandom(4096))
    torn = await reopened(tmp_path)
    assert [problem async for problem in torn.check()]
    await torn.close()


# The index of ids


async def test_parcels_are_found_before_they_are_indexed_after_it_and_after_a_kill(
    tmp_path: Path,
) -> None:
    letters = [make(number) for number in range(25)]
    offers = [letter.header.offer for letter in letters]
    store = await SqliteStore.open(tmp_path, StoreLimits(), recent_max=10)
    for letter in letters:
        assert await store.write([letter.put()], today=TODAY) == [STORED]
        assert (await states(store, letter.header.offer)) == [State.HELD]
    assert await states(store, *offers) == [State.HELD] * 25
    # The answer comes before the index is filled; what is asked next comes after it.
    assert await store.write([letters[0].put()], today=TODAY) == [Outcome(AckStatus.HAVE)]
    with database(tmp_path) as connection:
        (indexed,) = connection.execute("SELECT count(*) FROM offer").fetchone()
    assert indexed == 20
    # What a kill leaves is what another process sees now.
    shutil.copytree(tmp_path, tmp_path / "killed", ignore=shutil.ignore_patterns("killed"))
    await store.close()
    for folder in (tmp_path / "killed", tmp_path):
        again = await reopened(folder)
        assert await states(again, *offers) == [State.HELD] * 25
        assert await again.write([letters[24].put()], today=TODAY) == [Outcome(AckStatus.HAVE)]
        assert [problem async for problem in again.check()] == []
        await again.close()
    with database(tmp_path) as connection:
        (indexed,) = connection.execute("SELECT count(*) FROM offer").fetchone()
    assert indexed == 25


async def test_what_cannot_be_indexed_now_is_found_and_indexed_later(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path, StoreLimits(), recent_max=5)
    await store._writer.step(
        lambda work: work.connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON offer BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    )
    letters = [make(number) for number in range(12)]
    for letter in letters:
        assert await store.write([letter.put()], today=TODAY) == [STORED]
    offers = [letter.header.offer for letter in letters]
    assert await states(store, *offers) == [State.HELD] * 12
    await store._writer.step(lambda work: work.connection.execute("DROP TRIGGER full"))
    await assert_goes_on(store)
    await store.write([make(13).put(), make(14).put()], today=TODAY)
    # The answer comes before the index is filled; a step comes after it.
    await store.sweep(TODAY)
    with database(tmp_path) as connection:
        (indexed,) = connection.execute("SELECT count(*) FROM offer").fetchone()
    assert indexed == 15
    await store.close()


async def test_an_evicted_parcel_is_found_where_it_was_after_a_commit_that_failed(
    store: SqliteStore,
) -> None:
    thumbnail = part(1, THUMBNAIL_BYTES)
    offer = thumbnail.header.offer

    def evict(work: Work) -> None:
        row = find_parcel(work.connection, work.recent, offer)
        assert row is not None
        drop_body(work.connection, work.tally, row)

    assert await store.write([thumbnail.put()], today=TODAY) == [STORED]
    await store._writer.step(evict)
    await store._writer.step(
        lambda work: work.connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON parcel BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    )
    with pytest.raises(StoreError):
        await store.write([thumbnail.put()], today=TODAY)
    await store._writer.step(lambda work: work.connection.execute("DROP TRIGGER full"))
    assert await states(store, offer) == [State.EVICTED]
    assert await store.write([thumbnail.put()], today=TODAY) == [STORED]
    await store.sweep(TODAY)
    # Two rows of one id could never be indexed, nor anything behind them.
    assert not store._writer.recent
    assert await states(store, offer) == [State.HELD]
    assert [problem async for problem in store.check()] == []


# A kill


def test_an_acknowledged_parcel_survives_a_kill(tmp_path: Path) -> None:
    source = Random(os.urandom(8))
    paths = os.pathsep.join(str(REPOSITORY / part) for part in ("protocol", "relay", "."))
    acknowledged: set[tuple[str, int, int]] = set()
    for number in range(5):
        with subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.relay.writes_until_killed",
                str(tmp_path),
                str(1 + number * 100_000),
            ],
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": paths},
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(source.randint(1, 200))]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        assert all(lines), "it ended by itself"
        for line in lines:
            word, at, value = line.decode().split()
            acknowledged.add((word, int(at), int(value)))
        asyncio.run(assert_whole(tmp_path, acknowledged))
    assert {word for word, _, _ in acknowledged} >= {"letters", "partial"}


async def assert_whole(folder: Path, acknowledged: set[tuple[str, int, int]]) -> None:
    store = await reopened(folder)
    for word, number, value in acknowledged:
        if word == "letters":
            for letter in (make(number), make(-number)):
                assert await store.blocks(letter.parcel_id, [0]) == [letter.body]
        elif word == "purged":
            assert await states(store, make(number).header.offer) == [State.PURGED]
        else:
            original = part(number)
            (holding,) = await store.look_up([original.header.offer])
            assert holding is not None
            if holding.state is State.PARTIAL:
                assert word == "partial"
                assert holding.held is not None
                assert holding.held.count() >= value
            else:
                indices = range(len(original.blocks))
                body = await store.blocks(original.parcel_id, indices)
                assert b"".join(body) == original.body
    assert [problem async for problem in store.check()] == []
    await store.close()
