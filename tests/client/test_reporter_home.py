"""A home that is read-only, full, locked, damaged or shared; the code; the outbox; the wipe."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.reporter_runs import CODE, OTHER_CODE, START, parcels, qanat, qanat_process
from tests.end_to_end.at_terminal import at_terminal

from qanat_client.errors import DatabaseLocked, DiskFull, HomeReadOnly, HomeUnusable
from qanat_client.reporter import database
from qanat_client.reporter.home import Home, named_os_error
from qanat_client.reporter.sealing_room import SealingRoom
from qanat_client.terminal import human_size, printable, printable_line

NOBODY = 65_534


@contextlib.contextmanager
def as_somebody() -> Iterator[None]:
    """Root may write everywhere, so it steps down for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_home_that_cannot_be_written_has_a_name(
    home: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    card = write_card(desk.card(), tmp_path)
    assert qanat(home, "send", "before", "--no-code").code == 0
    (tmp_path / "closed").mkdir(mode=0o555)
    with as_somebody():
        new = qanat(tmp_path / "closed" / "home", "desk", "add", card, "--yes")
        old = qanat(home, "send", "x", "--no-code")
    assert (new.code, old.code) == (2, 2)
    assert "can't be written" in new.err
    assert "can't be written" in old.err
    assert len(parcels(home)) == 1


def test_a_home_that_is_a_file_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    ran = qanat(tmp_path / "home", "outbox")
    assert ran.code == 2
    assert "not a directory" in ran.err


def test_on_a_full_disk_nothing_is_half_queued_and_nothing_is_lost(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert qanat(home, "send", "before", "--no-code").code == 0
    film = tmp_path / "film"
    film.write_bytes(os.urandom(3_000_000))
    connect = sqlite3.connect

    def on_a_small_disk(*arguments: object, **options: object) -> sqlite3.Connection:
        made = connect(*arguments, **options)  # type: ignore[call-overload]
        made.execute("PRAGMA max_page_count = 80")
        assert isinstance(made, sqlite3.Connection)
        return made

    with monkeypatch.context() as patch:
        patch.setattr("sqlite3.connect", on_a_small_disk)
        full = qanat(home, "send", "x", "--no-code", "--attach", film)
    assert full.code == 2
    assert "disk is full" in full.err
    assert len(parcels(home)) == 1
    assert qanat(home, "send", "after", "--no-code", "--attach", film).code == 0
    assert len(parcels(home)) == 3


def test_a_locked_database_has_a_name_and_loses_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert qanat(home, "send", "before", "--no-code").code == 0
    monkeypatch.setattr(database, "_LOCKED_MS", 100)
    with contextlib.closing(sqlite3.connect(home / "qanat.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        locked = qanat(home, "send", "x", "--no-code")
        assert locked.code == 2
        assert "keeps the database locked" in locked.err
        holder.execute("ROLLBACK")
    assert qanat(home, "send", "x", "--no-code").code == 0
    assert len(parcels(home)) == 2


def test_a_damaged_database_has_a_name(home: Path) -> None:
    (home / "qanat.db").write_bytes(b"this is no database" * 2000)
    ran = qanat(home, "outbox")
    assert ran.code == 2
    assert "not a database of Qanat" in ran.err
    assert "not handed over are lost" in ran.err
    assert "Move the file away" in ran.err
    (home / "qanat.db").rename(home / "damaged")
    assert qanat(home, "send", "again", "--no-code").code == 0


def test_a_database_of_a_newer_program_is_left_alone(home: Path) -> None:
    assert qanat(home, "outbox").code == 0
    with contextlib.closing(sqlite3.connect(home / "qanat.db")) as made:
        made.execute("PRAGMA user_version = 9999")
    ran = qanat(home, "outbox")
    assert ran.code == 2
    assert "newer Qanat" in ran.err


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EROFS, HomeReadOnly),
        (errno.EACCES, HomeReadOnly),
        (errno.ENOSPC, DiskFull),
        (errno.EIO, HomeUnusable),
    ],
)
def test_the_systems_errors_have_names(number: int, kind: type[Exception]) -> None:
    assert type(named_os_error(OSError(number, os.strerror(number)), "it")) is kind


def test_sqlites_errors_have_names(home: Path) -> None:
    with contextlib.closing(database.connect(Home(home))) as one:
        one.execute("PRAGMA query_only = ON")
        with pytest.raises(HomeReadOnly):
            SealingRoom(Home(home), one).begin_part("batch", 1)
    with (
        contextlib.closing(database.connect(Home(home))) as one,
        contextlib.closing(database.connect(Home(home))) as two,
    ):
        two.execute("PRAGMA busy_timeout = 50")
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked):
            SealingRoom(Home(home), two).begin_part("batch", 1)


@pytest.mark.parametrize(
    "text", ['country = "kz"', "sync_on_send = 1", "original_copies = 0", "unknown = 1", "x ="]
)
def test_settings_that_mean_nothing_are_refused(home: Path, text: str) -> None:
    (home / "settings.toml").write_text(text)
    assert qanat(home, "outbox").code == 2


def test_a_code_is_made_well_formed_and_stored_nowhere(tmp_path: Path) -> None:
    made = qanat(tmp_path / "home", "code", "new", "--json")
    assert made.code == 0
    code = made.json["code"]
    assert len(code.split()) == 6
    (tmp_path / "code").write_text(code)
    assert qanat(tmp_path / "home", "code", "check", "--code-file", tmp_path / "code").code == 0
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (CODE[:-1] + str((int(CODE[-1]) + 1) % 10), "check digits"),
        (CODE[:-1], "there are 23"),
        ("", "there are 0"),
        (CODE + "x", "nothing else"),
    ],
)
def test_a_wrong_code_is_refused_without_being_shown(
    home: Path, tmp_path: Path, written: str, said: str
) -> None:
    (tmp_path / "code").write_text(written)
    for command in (["code", "check"], ["send", "x"], ["inbox"]):
        ran = qanat(home, *command, "--code-file", tmp_path / "code")
        assert ran.code == 2
        assert CODE[:8] not in ran.out + ran.err
    assert said in qanat(home, "code", "check", "--code-file", tmp_path / "code").err
    assert parcels(home) == []


def test_a_wrong_code_is_asked_for_again_at_a_terminal(tmp_path: Path) -> None:
    seen = at_terminal(
        shlex.join([*START, "code", "check"]),
        ("Code (not shown):", f"{CODE[:-1]}\n"),
        ("Code (not shown):", f"{CODE}\n"),
        folder=tmp_path,
        variables=dict(os.environ),
    )
    assert seen.code == 0, seen.screen
    assert "there are 23" in seen.screen
    assert "the code is well formed" in seen.screen
    assert CODE not in seen.screen


def test_the_code_file_may_be_named_by_the_environment(
    home: Path, tmp_path: Path, desk: MadeDesk
) -> None:
    (tmp_path / "code").write_text(OTHER_CODE)
    named = {"QANAT_CODE_FILE": str(tmp_path / "code")}
    assert qanat_process(home, "send", "x", env=named).code == 0
    assert desk.open(*parcels(home)[0])[1].reply_box is not None


def test_the_outbox_tells_reports_apart_and_what_they_weigh(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100_000)
    assert qanat(home, "send", "one", "--no-code").code == 0
    assert qanat(home, "send", "two", "--no-code", "--attach", file).code == 0
    said = qanat(home, "outbox").out
    assert "no file: queued; must arrive by" in said
    assert "1 file: queued; of 1 attached parcels 0 handed over" in said
    assert "2 reports, 0 opened" in said
    one, two = qanat(home, "outbox", "--json").json
    assert (one["files"], two["files"]) == (0, 1)
    assert one["size_bytes"] == 4096 + 96
    assert two["size_bytes"] > 100_000


def test_a_report_near_or_past_its_last_day_is_flagged(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    assert qanat(home, "send", "one", "--no-code").code == 0
    for days, word, flag in ((85, "near", "MUST ARRIVE BY"), (200, "past", "write it again")):
        now = time.time()
        with monkeypatch.context() as patch:
            later = now + days * 86_400
            patch.setattr("time.time", lambda later=later: later)
            assert qanat(home, "outbox", "--json").json[0]["urgency"] == word
            assert flag in qanat(home, "outbox").out


def test_a_report_is_dropped_on_the_persons_word_alone(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(9_000_000))
    assert qanat(home, "send", "one", "--no-code", "--attach", file).code == 0
    assert qanat(home, "send", "two", "--no-code").code == 0
    assert qanat(home, "outbox", "drop", "1").code == 2
    assert len(parcels(home)) == 3
    for number in ("99", str(10**30)):
        none = qanat(home, "outbox", "drop", number)
        assert none.code == 2
        assert f"no report number {number}" in none.err
    assert qanat(home, "outbox", "drop", "1", "--yes").code == 0
    assert qanat(home, "outbox", "drop", "1", "--yes").code == 2
    assert [one["number"] for one in qanat(home, "outbox", "--json").json] == [2]
    assert qanat(home, "send", "three", "--no-code").code == 0
    assert [one["number"] for one in qanat(home, "outbox", "--json").json] == [2, 3]


def test_looking_at_the_outbox_makes_no_home(tmp_path: Path) -> None:
    looked = qanat(tmp_path / "home", "outbox")
    assert looked.code == 0
    assert "the outbox is empty" in looked.out
    assert not (tmp_path / "home").exists()


def test_a_wipe_removes_what_is_ours_and_nothing_else(home: Path) -> None:
    assert qanat(home, "send", "one", "--no-code").code == 0
    assert qanat(home, "wipe").code == 2
    assert parcels(home)
    (home / "letter to mother.txt").write_text("not ours")
    wiped = qanat(home, "wipe", "--yes")
    assert wiped.code == 0
    assert "flash storage" in wiped.out
    assert [path.name for path in home.iterdir()] == ["letter to mother.txt"]
    (home / "letter to mother.txt").unlink()
    assert qanat(home, "outbox").code == 0
    assert qanat(home, "wipe", "--yes").code == 0
    assert not home.exists()
    assert qanat(home, "wipe", "--yes").code == 0


def test_every_command_explains_itself(tmp_path: Path) -> None:
    commands = [
        [], ["desk"], ["desk", "add"], ["desk", "list"], ["code"], ["code", "new"],
        ["code", "check"], ["send"], ["outbox"], ["outbox", "drop"], ["sync"], ["inbox"], ["wipe"],
    ]  # fmt: skip
    for command in commands:
        ran = qanat(tmp_path, *command, "--help")
        assert ran.code == 0, command
        assert len(ran.out) > 100
    assert "history" in qanat(tmp_path, "send", "--help").out
    assert "never holds what you" in qanat(tmp_path, "--help").out


def test_bad_usage_ends_with_2(tmp_path: Path) -> None:
    for command in ([], ["nothing"], ["send", "--seen", "--heard"], ["sync", "--every", "0"]):
        assert qanat(tmp_path, *command).code == 2


def test_strangers_texts_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202ec\nd") == "a\ufffd[2Jb\ufffdc\nd"
    assert printable_line("a\nb\u200ec\u2028") == "a\ufffdb\ufffdc\ufffd"
    assert printable("خبر\u200cها") == "خبر\u200cها"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5 << 20, "5.0 MiB"),
        (3 << 30, "3.0 GiB"),
    ],
)
def test_sizes_are_said_in_units_of_1024(size: int, said: str) -> None:
    assert human_size(size) == said
