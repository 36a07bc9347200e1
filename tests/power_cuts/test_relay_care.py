"""A relay that is backed up, compacted, restored or healed when the power goes: no backup is half
there, nothing that the store held is lost, and the same command comes to its end afterwards."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.power_cuts.commands import run
from tests.power_cuts.cutting import Case
from tests.relay.made_parcels import TODAY, make, part
from tests.relay.old_store import assert_all_there, unpack

from qanat_relay.store import files
from qanat_relay.store.errors import StoreError
from qanat_relay.store.files import DATABASE
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

LETTERS = range(1, 30)
GONE = range(100, 160)
DAMAGED = 7
SHIPPED = Path(files.__file__).with_name("migrations")


async def _fill(folder: Path) -> None:
    store = await SqliteStore.open(folder, StoreLimits())
    await store.write([make(number).put() for number in LETTERS], today=TODAY)
    await store.write([part(1).put(), part(2).put(1, 3)], today=TODAY)
    gone = [make(number, expiry_day=TODAY + 1).put() for number in GONE]
    await store.write(gone, today=TODAY)
    await store.sweep(TODAY)
    await store.sweep(TODAY + 2)
    await store.close()


def filled(place: Path) -> Path:
    """A folder with a relay that holds something, and something unused."""
    folder = place / "folder"
    folder.mkdir()
    assert run("qanat-relay", "init", "--data", folder / "relay").code == 0
    asyncio.run(_fill(folder / "relay" / "store"))
    return folder


async def _assert_there(folder: Path, without: int | None) -> None:
    store = await SqliteStore.open(folder, StoreLimits())
    try:
        for made in [*(make(number) for number in LETTERS if number != without), part(1)]:
            blocks = await store.blocks(made.parcel_id, range(len(made.blocks)))
            assert b"".join(blocks) == made.body
        assert [problem async for problem in store.check()] == []
    finally:
        await store.close()
    assert not list(folder.glob("*.unfinished*"))


def assert_there(data: Path, without: int | None = None) -> None:
    assert run("qanat-relay", "check", "--data", data).code == 0
    asyncio.run(_assert_there(data / "store", without))


def check_care(folder: Path, said: list[str]) -> None:
    ended = {int(line.split()[1]) for line in said if line.startswith("ended")}
    backup, back = folder / "it", folder / "back"
    assert backup.exists() or 1 not in ended
    assert_there(folder / "relay")
    if backup.exists():
        elsewhere = folder / "elsewhere"
        assert run("qanat-relay", "restore", backup, "--data", elsewhere).code == 0
        assert_there(elsewhere)
        shutil.rmtree(elsewhere)
    else:
        assert (
            run("qanat-relay", "backup", backup, "--with-keys", "--data", folder / "relay").code
            == 0
        )
    if 3 not in ended:
        if (back / "store" / DATABASE).exists() and not (back / "restore.unfinished").exists():
            # All of it was done but the saying.
            assert_there(back)
            return
        assert run("qanat-relay", "restore", backup, "--data", back).code == 0
    assert_there(back)
    assert (back / "signing.seed").read_bytes() == (folder / "relay/signing.seed").read_bytes()


def care(place: Path, *how: str) -> Case:
    folder = filled(place)
    data, back, backup = folder / "relay", folder / "back", folder / "it"
    command: list[str | Path] = ["-m", "tests.power_cuts.commands", *how]
    command += ["qanat-relay", "backup", backup, "--with-keys", "--data", data, ","]
    command += ["qanat-relay", "compact", "--data", data, ","]
    command += ["qanat-relay", "restore", backup, "--data", back]
    return Case.record(place, command)


def test_a_backup_a_compaction_and_a_restore_that_are_cut_lose_nothing(tmp_path: Path) -> None:
    case = care(tmp_path)
    case.check(check_care, case.some_cuts(20, seed=3), seed=3)


def test_care_that_never_waits_for_the_disk_is_caught(tmp_path: Path) -> None:
    case = care(tmp_path, "careless")
    with pytest.raises((AssertionError, StoreError, sqlite3.Error, OSError)):
        check_ends(case, seeds=9)


def check_ends(case: Case, seeds: int) -> None:
    """What is there when all has been said."""
    for seed in range(seeds):
        case.check(check_care, [case.cuts], seed)


# Healing


def spoil(folder: Path) -> None:
    """A letter's body, and a page of an index, so that a new database is made."""
    path = folder / "relay" / "store" / DATABASE
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE parcel SET body = zeroblob(4096) WHERE id = ?", (make(DAMAGED).parcel_id,)
        )
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'store'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xa5" * 4096)


def check_healed(folder: Path, said: list[str]) -> None:
    data = folder / "relay"
    if not said:
        assert run("qanat-relay", "check", "--heal", "--data", data).code == 0
    assert_there(data, without=DAMAGED)
    assert (data / "store" / f"{DATABASE}.damaged").is_file()


def healing(place: Path) -> Case:
    folder = filled(place)
    spoil(folder)
    commands: list[str | Path] = ["-m", "tests.power_cuts.commands"]
    return Case.record(
        place, [*commands, "qanat-relay", "check", "--heal", "--data", folder / "relay"]
    )


def check_said(folder: Path, said: list[str]) -> None:
    check_healed(folder, [line for line in said if line.startswith("ended")])


def test_a_healing_that_is_cut_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    case = healing(tmp_path)
    case.check(check_said, case.some_cuts(25, seed=5), seed=5)


# An upgrade of a real old store


def check_old(folder: Path, said: list[str]) -> None:
    if said:
        with closing(sqlite3.connect(folder / DATABASE)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() != (1,)
    asyncio.run(assert_all_there(folder))


def upgrading(place: Path) -> Case:
    unpack(1, place / "folder")
    writer = "tests.power_cuts.upgrade_writer"
    return Case.record(place, ["-m", writer, "relay", place / "folder", SHIPPED])


def test_an_upgrade_of_a_real_old_store_that_is_cut_is_completed(tmp_path: Path) -> None:
    case = upgrading(tmp_path)
    case.check(check_old, case.some_cuts(25, seed=9), seed=9)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_care_that_is_cut_at_any_point_loses_nothing(tmp_path: Path, seed: int) -> None:
    cases = ((care, check_care), (healing, check_said), (upgrading, check_old))
    for number, (record, check) in enumerate(cases):
        (place := tmp_path / str(number)).mkdir()
        case = record(place)
        case.check(check, range(case.cuts + 1), seed)
