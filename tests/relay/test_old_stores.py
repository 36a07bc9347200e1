"""Stores of older programs, opened by this one."""

import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.relay.made_parcels import make
from tests.relay.old_store import VERSIONS, assert_all_there, unpack
from tests.relay.small_disk import small_disk

from qanat_relay.cli import main
from qanat_relay.store.errors import StoreFull, StoreTooNew
from qanat_relay.store.files import DATABASE, shipped_migrations
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

NEWEST = len(shipped_migrations())


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    assert isinstance(version, int)
    return version


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_older_store_is_upgraded_and_its_copy_is_what_it_was(
    tmp_path: Path, version: int
) -> None:
    path = unpack(version, tmp_path / "store")
    assert version_of(path) == version
    await assert_all_there(path.parent)
    assert version_of(path) == NEWEST
    copy = path.with_name(f"{DATABASE}.before-{NEWEST:04}")
    assert version_of(copy) == version
    shutil.copy(copy, tmp_path / "copy")
    copy.unlink()
    await (await SqliteStore.open(path.parent, StoreLimits())).close()
    assert not copy.exists()
    (back := tmp_path / "back").mkdir()
    shutil.copy(tmp_path / "copy", back / DATABASE)
    await assert_all_there(back)


async def test_the_older_program_refuses_the_upgraded_store_by_name(tmp_path: Path) -> None:
    path = unpack(1, tmp_path / "store")
    await assert_all_there(path.parent)
    with pytest.raises(StoreTooNew, match=rf"version {NEWEST}.*up to 1\. Update it"):
        await SqliteStore.open(path.parent, StoreLimits(), migrations=shipped_migrations()[:1])


async def test_where_no_copy_has_room_the_store_is_upgraded_without_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk, caplog.at_level(logging.WARNING):
        path = unpack(1, disk / "store")
        await assert_all_there(path.parent)
        assert not list(path.parent.glob("*before*"))
    assert "without one" in caplog.text


async def test_an_upgrade_that_finds_no_room_at_all_leaves_the_old_one(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        path = unpack(1, disk / "store")
        filler = disk / "filler"
        with filler.open("wb") as file:
            file.write(bytes(1024 * 1024 - 204_800 - 3 * 4096))
        with pytest.raises(StoreFull):
            await SqliteStore.open(path.parent, StoreLimits())
        assert version_of(path) == 1
        filler.unlink()
        await assert_all_there(path.parent)


async def test_an_older_store_is_neither_called_damaged_nor_backed_up_unread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "relay"
    assert main(["init", "--data", str(data)]) == 0
    path = unpack(1, data / "store")
    before = path.read_bytes()
    capsys.readouterr()
    for command in (["check"], ["backup", str(tmp_path / "it.backup")]):
        assert main([*command, "--data", str(data)]) == 1
        said = capsys.readouterr()
        assert "of version 1" in said.err
        assert "serve" in said.err
        assert said.out == ""
    assert path.read_bytes() == before
    assert not (tmp_path / "it.backup").exists()
    await assert_all_there(path.parent)
    assert main(["backup", str(tmp_path / "it.backup"), "--data", str(data)]) == 0


async def test_a_damaged_store_of_an_older_program_is_healed_into_one_of_today(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "relay"
    assert main(["init", "--data", str(data)]) == 0
    path = unpack(1, data / "store")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE parcel SET body = zeroblob(4096) WHERE id = ?", (make(3).parcel_id,)
        )
    assert main(["check", "--heal", "--data", str(data)]) == 0
    assert "Lost here: 1 parcel" in capsys.readouterr().out
    assert main(["check", "--data", str(data)]) == 0
    store = await SqliteStore.open(path.parent, StoreLimits())
    for number in (1, 4):
        assert await store.blocks(make(number).parcel_id, [0]) == [make(number).body]
    await store.close()
