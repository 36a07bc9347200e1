"""What the commands say beside a relay that starts for the first time."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.relay.relay_process import COMMAND, environment

from qanat_relay import viewing
from qanat_relay.cli import main
from qanat_relay.store.files import open_writer, shipped_migrations

Told = pytest.CaptureFixture[str]


def made_by_init(folder: Path) -> Path:
    """A relay whose database has only just been begun: an empty file, as SQLite opens it."""
    assert main(["init", "--data", str(folder)]) == 0
    (folder / "store").mkdir()
    (folder / "store" / "store.db").touch()
    return folder


@pytest.mark.parametrize("command", [["status"], ["check"], ["backup", "BACKUP"]])
def test_a_database_that_is_being_made_is_waited_for(
    command: list[str], tmp_path: Path, capsys: Told
) -> None:
    data = made_by_init(tmp_path / "relay")
    capsys.readouterr()

    def make_it() -> None:
        time.sleep(0.5)
        open_writer(
            data / "store", busy_timeout_s=5.0, migrations=shipped_migrations(), keeps_copy=False
        ).close()

    making = threading.Thread(target=make_it)
    making.start()
    words = [str(tmp_path / "backup") if word == "BACKUP" else word for word in command]
    assert main([*words, "--data", str(data)]) == 0
    making.join()
    assert "damaged" not in capsys.readouterr().err


@pytest.mark.parametrize("begun", ["empty", "with a header"])
def test_one_that_is_not_made_in_time_is_said_to_be_in_the_making(
    begun: str, tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewing, "MAKING_S", 0.3)
    data = made_by_init(tmp_path / "relay")
    database = data / "store" / "store.db"
    if begun == "with a header":
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    assert main(["status", "--data", str(data)]) == 2
    said = capsys.readouterr().err
    assert f"{database} is being made: try again in a moment" in said
    assert "heal" not in said


def test_a_copy_that_was_put_into_place_has_a_status_before_it_is_served(
    tmp_path: Path, capsys: Told
) -> None:
    data = made_by_init(tmp_path / "relay")
    open_writer(
        data / "store", busy_timeout_s=5.0, migrations=shipped_migrations(), keeps_copy=False
    ).close()
    with sqlite3.connect(data / "store" / "store.db") as connection:
        connection.execute("UPDATE store SET incarnation = NULL")
    assert main(["status", "--data", str(data)]) == 0
    assert "none before it is served" in capsys.readouterr().out


@pytest.mark.timeout(300)
def test_status_asked_again_and_again_while_a_relay_starts_never_speaks_of_damage(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    other = tmp_path / "other"
    starting = subprocess.Popen(
        [*COMMAND, "serve", "--data", str(other), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    codes: list[int] = []
    try:
        until_s = time.monotonic() + 120
        while 0 not in codes:
            assert time.monotonic() < until_s, said
            told = subprocess.run(
                [*COMMAND, "status", "--data", str(other)],
                env=environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            said.append(told.stderr)
            codes.append(told.returncode)
    finally:
        starting.kill()
        starting.communicate()
    assert [each for each in said if "damaged" in each or "Traceback" in each] == []
