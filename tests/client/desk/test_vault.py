"""The vault: nothing readable on disk, nothing lost, and errors with names."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.client.desk.newsroom import (
    PASSPHRASE,
    Attached,
    Newsroom,
    Writer,
    deposit,
    open_directly,
)
from tests.client.desk.test_pull import Relays, desk_on, pulled, relays
from tests.derived_once import derived_each_time

from qanat_client.desk import vault as vault_module
from qanat_client.desk.faults import NotADesk, VaultDamaged, WrongPassphrase
from qanat_client.desk.root_key import read_root_keys, seal_root_keys
from qanat_client.desk.spool import Spool
from qanat_client.desk.vault import MIGRATIONS, Vault
from qanat_client.errors import BadInput, DatabaseLocked, DiskFull, HomeReadOnly, HomeUnusable
from qanat_protocol.record import pack, unpack
from qanat_protocol.signing import SigningKey

__all__ = ["relays"]


@pytest.fixture(autouse=True)
def _by_the_passphrase() -> Iterator[None]:
    with derived_each_time():
        yield


START = "import sys; from qanat_client.desk.cli import main; sys.exit(main())"


def program(
    newsroom: Newsroom, *arguments: str, preexec_fn: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own."""
    secret = newsroom.home.parent / "passphrase"
    secret.write_text(newsroom.passphrase)
    given = ["--home", str(newsroom.home), "--passphrase-file", str(secret), *arguments]
    return subprocess.run(
        [sys.executable, "-c", START, *given],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        preexec_fn=preexec_fn,
    )


def as_another_user(work: Callable[[], int]) -> int:
    """What `work` returns in a child that is not root: root may write everywhere."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresuid(65_534, 65_534, 65_534)
            code = work()
        finally:
            if code == 99:
                traceback.print_exc()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


async def test_nothing_of_a_report_lies_readable_in_the_home(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    words = b"Sixteen people were hurt near the akimat"
    data = b"untouched original " * 2_000
    writer = Writer(desk.card, desk.today)
    _, parcels = writer.write(words.decode(), [Attached("evidence-name.mp4", data)])
    assert (await open_directly(desk, parcels)).parts == 1
    open_files = newsroom.files()
    desk.vault.close()
    for content in [*open_files.values(), *newsroom.files().values()]:
        for secret in (words, data[:64], b"evidence-name", writer.key.public):
            runs = {secret[at : at + 8] for at in range(len(secret) - 7)}
            assert not any(run in content or run.hex().encode() in content for run in runs)
    assert set(newsroom.files()) == {
        "desk.vault",
        "desk.card",
        "root.key",
        "parcels/small.bodies",
        "parcels/small.bodies-journal",
        *(f"parcels/{made.parcel_id.hex()}" for made in parcels if len(made.blocks) > 1),
    }


def test_only_its_owner_may_read_what_is_secret(newsroom: Newsroom) -> None:
    newsroom.init()
    for name in ("desk.vault", "root.key"):
        assert (newsroom.home / name).stat().st_mode & 0o077 == 0


def test_a_wrong_passphrase_is_told_and_changes_nothing(newsroom: Newsroom) -> None:
    newsroom.init()
    before = newsroom.files()
    newsroom.passphrase = "another one"
    done = newsroom.run("list")
    assert done.code == 2
    assert done.value["error"] == "WrongPassphrase"
    assert newsroom.files() == before


@pytest.mark.parametrize(
    "passphrase",
    ["it's not so short", "'; DROP TABLE reports; --", "Құпия сөз ұзақ", '"x" and ten more'],
)
def test_any_passphrase_opens_what_it_closed(newsroom: Newsroom, passphrase: str) -> None:
    newsroom.passphrase = passphrase
    newsroom.init()
    newsroom.do("list")
    newsroom.passphrase = passphrase + "'"
    assert newsroom.run("list").value["error"] == "WrongPassphrase"


def test_a_passphrase_opens_in_whatever_form_its_letters_come(newsroom: Newsroom) -> None:
    newsroom.passphrase = unicodedata.normalize("NFD", "Öffnet keiner й")
    newsroom.init()
    newsroom.passphrase = unicodedata.normalize("NFC", "Öffnet keiner й")
    newsroom.do("list")
    newsroom.do("card", "--certify")


def test_without_a_passphrase_or_a_person_the_program_says_what_it_needs(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.passphrase = ""
    assert newsroom.run("init", "--name", "x").code == 2
    assert not (newsroom.home / "desk.vault").exists()


def test_a_home_without_a_desk_is_named(newsroom: Newsroom) -> None:
    done = newsroom.run("list")
    assert done.code == 2
    assert "holds no desk" in done.err
    with pytest.raises(NotADesk):
        Vault.open(newsroom.home, PASSPHRASE)
    assert not newsroom.home.exists()


def test_a_damaged_vault_is_named_and_left_alone(newsroom: Newsroom) -> None:
    newsroom.settle()
    path = newsroom.home / "desk.vault"
    data = path.read_bytes()
    damaged = data[:4096] + os.urandom(len(data) - 4096)
    path.write_bytes(damaged)
    done = newsroom.run("list")
    assert done.code == 2
    assert done.value["error"] in (VaultDamaged.__name__, HomeUnusable.__name__)
    assert path.read_bytes() == damaged


def test_a_locked_vault_is_named(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    newsroom.settle()
    monkeypatch.setattr(vault_module, "BUSY_TIMEOUT_S", 0.1)
    holder, other = (Vault.open(newsroom.home, PASSPHRASE) for _ in range(2))
    with holder.transaction():
        holder.set_setting("a", "b")
        with pytest.raises(DatabaseLocked), other.transaction():
            other.set_setting("a", "c")
    assert other.setting("a") == "b"
    holder.close()
    other.close()


def test_a_transaction_that_fails_leaves_nothing_behind(newsroom: Newsroom) -> None:
    newsroom.settle()
    vault = Vault.open(newsroom.home, PASSPHRASE)

    def fail() -> None:
        with vault.transaction():
            vault.set_setting("a", "b")
            raise BadInput("stop")

    with pytest.raises(BadInput):
        fail()
    assert vault.setting("a") is None
    vault.close()


def test_a_full_disk_is_named_and_what_was_stored_stays(newsroom: Newsroom) -> None:
    newsroom.settle()
    vault = Vault.open(newsroom.home, PASSPHRASE)
    pages = vault.value("PRAGMA page_count")
    vault.run(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskFull), vault.transaction():
        vault.set_setting("large", "x" * 1_000_000)
    assert vault.setting("large") is None
    vault.close()
    assert newsroom.do("list")["reports"] == []


async def test_a_film_that_finds_no_room_comes_whole_with_a_later_pull(
    newsroom: Newsroom, relays: Relays, tmp_path: Path
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    _, parcels = writer.write("Text first.", [Attached("film", os.urandom(6_000_000))])
    await deposit(newsroom.card.relays[0], parcels)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))

    # The relay's store is in this process; the limit holds for the desk's alone.
    done = await asyncio.to_thread(program, newsroom, "--json", "pull", preexec_fn=limit)
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["error"] == "DiskFull"
    assert len(newsroom.do("list")["reports"]) == 1
    value = (await pulled(newsroom)).value
    listed = newsroom.do("list")["reports"]
    assert [report["state"] for report in listed] == ["complete"], value


async def test_a_pull_that_is_killed_again_and_again_loses_nothing(
    newsroom: Newsroom, relays: Relays, tmp_path: Path
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    film = os.urandom(12_000_000)
    identity, parcels = writer.write("Text first.", [Attached("film", film)])
    await deposit(newsroom.card.relays[0], parcels)
    body = newsroom.home / "parcels" / parcels[1].parcel_id.hex()

    def kill_halfway(size_bytes: int) -> None:
        secret = newsroom.home.parent / "passphrase"
        secret.write_text(newsroom.passphrase)
        given = ["--home", str(newsroom.home), "--passphrase-file", str(secret), "pull"]
        running = subprocess.Popen(
            [sys.executable, "-c", START, *given],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.DEVNULL,
        )
        while running.poll() is None:
            if body.exists() and body.stat().st_blocks * 512 >= size_bytes:
                running.kill()
        running.wait()

    for size_bytes in (1, 5_000_000, 9_000_000):
        await asyncio.to_thread(kill_halfway, size_bytes)
    await pulled(newsroom)
    (report,) = newsroom.do("list")["reports"]
    assert (report["id"], report["state"]) == (identity.hex(), "complete")
    folder = tmp_path / "out"
    newsroom.do("export", "-o", str(folder))
    assert (folder / "files" / report["short_id"] / "film").read_bytes() == film


def migrations_with(place: Path, script: str) -> Path:
    """The schema's steps, and one more, as a later program would have them."""
    folder = place / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    newest = max(int(step.name[:4]) for step in folder.iterdir())
    (folder / f"{newest + 1:04}_later.sql").write_text(script)
    return folder


def test_an_upgrade_leaves_no_copy_that_would_keep_secrets(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    later = migrations_with(tmp_path, "-- More.\nCREATE TABLE more (\n    x\n);\n")
    vault = Vault.open(newsroom.home, PASSPHRASE, migrations=later)
    assert vault.rows("SELECT * FROM more") == []
    assert vault.value("SELECT count(*) FROM epochs") == 26
    vault.close()
    assert set(newsroom.files()) == {"desk.vault", "desk.card", "root.key"}
    refused = newsroom.run("list")
    assert refused.code == 2
    assert "use a newer one" in refused.err


def test_an_upgrade_that_fails_changes_nothing_and_leaves_the_copy(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    later = migrations_with(tmp_path, "CREATE TABLE more (x);\nINSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(HomeUnusable):
        Vault.open(newsroom.home, PASSPHRASE, migrations=later)
    files = newsroom.files()
    newest = len(list(later.iterdir()))
    assert files[f"desk.vault.before-{newest}"] == files["desk.vault"]
    assert newsroom.do("list")["reports"] == []


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user of this machine may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_home_that_can_only_be_read_is_read_and_not_written(public_folder: Path) -> None:
    newsroom = Newsroom(public_folder / "desk")
    newsroom.init()
    for path in [newsroom.home, *newsroom.home.iterdir()]:
        path.chmod(0o555 if path.is_dir() else 0o444)

    def work() -> int:
        if newsroom.run("list").code != 0:
            return 1
        refused = [newsroom.run("set", "dummies", "1"), newsroom.run("card", "--renew")]
        named = [run.code == 2 and run.value["error"] == "HomeReadOnly" for run in refused]
        return 0 if all(named) else 2

    newsroom.do("list")
    assert as_another_user(work) == 0
    newsroom.home.chmod(0o755)


def test_disk_faults_have_names(tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable):
        Spool(tmp_path / "missing" / "folder")
    assert issubclass(HomeReadOnly, HomeUnusable)


def root_keys(tmp_path: Path, change: Callable[[list[object]], None] | None = None) -> Path:
    """A root key file, perhaps changed."""
    fields: list[object] = list(
        unpack(
            seal_root_keys(SigningKey(b"1" * 32), SigningKey(b"2" * 32), PASSPHRASE),
            max_bytes=1024,
        )
    )
    if change is not None:
        change(fields)
    path = tmp_path / "root.key"
    path.write_bytes(pack(fields))  # type: ignore[arg-type]
    return path


def test_the_root_keys_come_back_with_their_passphrase_alone(tmp_path: Path) -> None:
    path = root_keys(tmp_path)
    root, successor = read_root_keys(path, PASSPHRASE)
    assert (root.seed, successor.seed) == (b"1" * 32, b"2" * 32)
    with pytest.raises(WrongPassphrase):
        read_root_keys(path, PASSPHRASE + " ")
    assert b"1" * 8 not in path.read_bytes()


def _flip(fields: list[object]) -> None:
    sealed = fields[6]
    assert isinstance(sealed, bytes)
    fields[6] = sealed[:-1] + bytes([sealed[-1] ^ 1])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_flip, WrongPassphrase),
        (lambda fields: fields.__setitem__(0, 2), BadInput),
        (lambda fields: fields.__setitem__(1, 2**40), BadInput),
        (lambda fields: fields.__setitem__(2, 2**30), BadInput),
        (lambda fields: fields.__setitem__(3, 0), BadInput),
        (lambda fields: fields.__setitem__(4, b"short"), BadInput),
        (lambda fields: fields.append(1), BadInput),
    ],
)
def test_a_root_key_file_that_was_changed_is_refused(
    tmp_path: Path, change: Callable[[list[object]], None], error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_root_keys(root_keys(tmp_path, change), PASSPHRASE)


def test_a_file_that_is_no_root_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    path.write_bytes(b"something else")
    with pytest.raises(BadInput, match="not a root key file"):
        read_root_keys(path, PASSPHRASE)
    with pytest.raises(HomeUnusable):
        read_root_keys(tmp_path / "missing", PASSPHRASE)
