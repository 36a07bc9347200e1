"""Homes that two programs use at once, that can't be written, that are locked or full: a sentence,
exit code 2, and nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.abroad import Abroad
from tests.end_to_end.commands import OBEYING, begin, qanat, queue_in, until, with_little_room

from qanat_client.demo.gate import Gate
from qanat_client.demo.programs import Answer


def film(folder: Path, size_bytes: int, *, seed: int = 1) -> Path:
    path = folder / f"film-{seed}.y4m"
    path.write_bytes(random.Random(seed).randbytes(size_bytes))
    return path


def is_told(answer: Answer, *words: str) -> bool:
    """Whether it ended with 2 and one sentence that says why."""
    assert answer.code == 2, (answer.code, answer.said)
    assert answer.result["exit"] == 2
    return any(word in answer.said for word in words)


async def test_two_programs_on_one_home_do_not_disturb_each_other(
    abroad: Abroad, tmp_path: Path
) -> None:
    home = await abroad.home()
    sent = [await queue_in(home, "first", "--attach", film(tmp_path, 1_000_000))]
    gate = Gate(rate_bytes_s=40_000)
    await gate.build()
    gate.open()
    syncing = await begin(home, "sync", "--proxy", gate.proxy)
    await until(lambda: gate.carried_bytes > 20_000 or syncing.returncode is not None)
    second = await qanat(home, "sync")
    assert is_told(second, "another qanat is syncing")
    sent += await asyncio.gather(*(queue_in(home, f"beside it, {number}") for number in range(4)))
    lines = (await qanat(home, "outbox")).result
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5]
    assert syncing.returncode is None, "it went on meanwhile"
    gate.rate_bytes_s = 50_000_000
    await syncing.communicate()
    gate.remove()
    assert syncing.returncode == 0
    assert (await qanat(home, "sync")).code == 0
    assert set(await abroad.arrived()) == set(sent)


@contextlib.contextmanager
def unwritable(home: Path) -> Iterator[None]:
    """Take the right to write from everything in a home."""
    everything = [home, *home.rglob("*")]
    modes = {path: path.stat().st_mode for path in everything}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


async def test_a_home_that_cannot_be_written_is_named_and_keeps_what_it_has(
    abroad: Abroad,
) -> None:
    home = await abroad.home()
    sent = await queue_in(home, "queued before")
    with unwritable(home):
        for command in (["send", "--no-code", "more"], ["sync"], ["outbox", "drop", "1", "--yes"]):
            refused = await qanat(home, *command, variables=OBEYING)
            assert is_told(refused, "can't be written", "read-only", "not writable"), refused.said
            assert str(home) in refused.said
    parent = home.parent / "locked-away"
    parent.mkdir(mode=0o500)
    refused = await qanat(parent / "home", "send", "--no-code", "more", variables=OBEYING)
    assert is_told(refused, "can't be written", "read-only", "permission"), refused.said
    assert [line["number"] for line in (await qanat(home, "outbox")).result] == [1]
    assert (await qanat(home, "sync")).code == 0
    assert set(await abroad.arrived()) == {sent}


async def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("mine")
    assert is_told(await qanat(tmp_path / "home", "outbox"), "not a directory")
    assert (tmp_path / "home").read_text() == "mine"


async def test_a_locked_database_is_waited_for_and_then_named(abroad: Abroad) -> None:
    home = await abroad.home()
    sent = [await queue_in(home, "queued before")]
    with contextlib.closing(sqlite3.connect(home / "qanat.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = await asyncio.gather(
            qanat(home, "send", "--no-code", "while it is locked"),
            qanat(home, "sync"),
            qanat(home, "outbox", "drop", "1", "--yes"),
        )
        other.execute("ROLLBACK")
    for answer in refused:
        assert is_told(answer, "locked"), answer.said
    with contextlib.closing(sqlite3.connect(home / "qanat.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(queue_in(home, "it waits as long as another write takes"))
        await asyncio.sleep(1)
        other.execute("COMMIT")
        sent.append(await waiting)
    assert (await qanat(home, "sync")).code == 0
    assert set(await abroad.arrived()) == set(sent)


@pytest.mark.parametrize("room_bytes", [0, 900_000])
async def test_a_disk_without_room_queues_nothing_half_and_loses_nothing(
    abroad: Abroad, tmp_path: Path, room_bytes: int
) -> None:
    home = await abroad.home()
    sent = [await queue_in(home, "queued before")]
    path = film(tmp_path, 2_000_000)
    refused = await qanat(
        home, "send", "--no-code", "with a film", "--attach", path,
        variables=with_little_room(room_bytes),
    )  # fmt: skip
    assert is_told(refused, "disk", "full"), refused.said
    lines = (await qanat(home, "outbox")).result
    assert [line["number"] for line in lines] == [1]
    # With room again it goes, and what the first try left is cleared away.
    sent.append(await queue_in(home, "with a film", "--attach", path))
    with contextlib.closing(sqlite3.connect(home / "qanat.db")) as database:
        assert database.execute(
            "SELECT count(*) FROM parcel WHERE batch IS NOT NULL"
        ).fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM parcel").fetchone() == (3,)
    assert not list(home.glob("sealing-*"))
    tight = await qanat(home, "sync", variables=with_little_room(0))
    assert is_told(tight, "disk", "full"), tight.said
    assert (await qanat(home, "sync")).code == 0
    assert set(await abroad.arrived()) == set(sent)


async def test_a_desk_whose_disk_is_full_takes_it_the_next_time(
    abroad: Abroad, tmp_path: Path
) -> None:
    home = await abroad.home()
    path = film(tmp_path, 2_000_000)
    sent = await queue_in(home, "with a film", "--attach", path)
    assert (await qanat(home, "sync")).code == 0
    refused = await abroad.ask_desk("pull", variables=with_little_room(1_000_000))
    assert is_told(refused, "disk", "full"), refused.said
    arrived = await abroad.arrived()
    assert arrived[sent]["files_arrived"] == 1
    assert set(await abroad.exported()) == {sent}
