"""Whose the files of a relay are: what root makes is the relay's, and what a user may not use is
named with what to do (root only: who else could be two users?)."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.relay.running_relay import Desk

from qanat_relay.cli import main
from qanat_relay.config import store_limits
from qanat_relay.settings import Sources
from qanat_relay.store.errors import StoreForbidden, StoreFull
from qanat_relay.store.sqlite import SqliteStore

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can be another user as well"
)
NOBODY = 65_534
OTHER = 54_321
Told = pytest.CaptureFixture[str]


@contextmanager
def user(number: int) -> Iterator[None]:
    """Be somebody else."""
    os.setegid(number)
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder into which everybody may look."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def data(place: Path) -> Path:
    """A relay of nobody's, with a store."""
    data = place / "relay"
    data.mkdir(mode=0o700)
    os.chown(data, NOBODY, NOBODY)
    with user(NOBODY):
        assert main(["init", "--data", str(data)]) == 0
        await make_store(data)
    return data


async def make_store(data: Path) -> None:
    limits = store_limits(Sources(data / "relay.toml", environment={}).read().config)
    await (await SqliteStore.open(data / "store", limits)).close()


def owners(data: Path) -> set[int]:
    return {path.stat().st_uid for path in (data, *data.rglob("*"))}


def name_of(number: int) -> str:
    return pwd.getpwuid(number).pw_name


async def test_what_root_makes_in_a_relays_folder_is_the_relays(place: Path, data: Path) -> None:
    card = place / "desk.card"
    card.write_bytes(Desk.made().card())
    database = data / "store" / "store.db"
    assert main(["desk", "add", "--data", str(data), str(card)]) == 0
    assert main(["status", "--data", str(data)]) == 0
    # Its header is gone: what can be read goes into a new file.
    with database.open("r+b") as file:
        file.write(bytes(100))
    assert main(["check", "--heal", "--data", str(data)]) == 0
    assert main(["compact", "--copies", "--data", str(data)]) == 0
    await make_store(data)
    assert owners(data) == {NOBODY}
    with user(NOBODY):
        await make_store(data)
        assert main(["desk", "list", "--data", str(data)]) == 0


def test_a_folder_that_root_sets_up_for_somebody_is_theirs(place: Path) -> None:
    data = place / "relay"
    data.mkdir(mode=0o700)
    os.chown(data, NOBODY, NOBODY)
    assert main(["init", "--data", str(data)]) == 0
    assert owners(data) == {NOBODY}


@pytest.mark.parametrize("lost", ["store/store.db", "store/store.lock", "store", "relay.toml"])
def test_what_somebody_else_wrote_into_the_folder_is_named_with_how_to_give_it_back(
    lost: str, data: Path, capsys: Told
) -> None:
    os.chown(data / lost, 0, 0)
    with user(NOBODY):
        for command in (["status"], ["check"], ["check", "--heal"], ["serve"]):
            capsys.readouterr()
            assert main([*command, "--data", str(data)]) == 2
            said = capsys.readouterr().err
            assert f"{data / lost} belongs to root" in said
            assert f"this runs as {name_of(NOBODY)}" in said
            assert f"sudo chown {name_of(NOBODY)} {data / lost}" in said
            assert "damaged" not in said
            assert "heal" not in said


@pytest.mark.parametrize("command", ["status", "check", "serve", "config", "init", "compact"])
def test_who_is_not_the_relays_user_is_told_who_is(command: str, data: Path, capsys: Told) -> None:
    with user(OTHER):
        capsys.readouterr()
        assert main([command, "--data", str(data)]) == 2
        said = capsys.readouterr().err
    owner = name_of(NOBODY)
    assert f"{data} belongs to {owner}, and this runs as {OTHER}, who may not use it" in said
    assert f"sudo -u {owner} qanat-relay" in said


def test_a_rehearsal_names_what_may_not_be_used(data: Path, capsys: Told) -> None:
    os.chown(data / "store" / "store.db", 0, 0)
    with user(NOBODY):
        assert main(["serve", "--dry-run", "--data", str(data), "--listen", "127.0.0.1:0"]) == 2
    said = capsys.readouterr().out
    assert f"wrong: {data / 'store' / 'store.db'} belongs to root" in said


async def test_a_store_in_a_folder_that_may_not_be_written_is_forbidden_and_not_broken(
    data: Path,
) -> None:
    limits = store_limits(Sources(data / "relay.toml", environment={}).read().config)
    (data / "store" / "store.lock").unlink()
    os.chown(data / "store", 0, 0)
    (data / "store").chmod(0o755)
    with user(NOBODY), pytest.raises(StoreForbidden, match="belongs to root"):
        await SqliteStore.open(data / "store", limits)
    assert not issubclass(StoreForbidden, StoreFull)


def test_files_of_somebody_elses_that_are_none_of_the_relays_hinder_nobody(
    data: Path, capsys: Told
) -> None:
    for name in ("lost+found", "store/store.db.damaged"):
        (data / name).mkdir(mode=0o700)
    with user(NOBODY):
        assert main(["status", "--data", str(data)]) == 0
