"""Databases whose schema is upgraded when the power goes: each is as it was or all of it is new,
with a whole copy of what it was, and the next start completes it."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.reporter_runs import parcels, qanat
from tests.power_cuts.cutting import Case, Check
from tests.power_cuts.desk_writer import KEY
from tests.power_cuts.upgrade_writer import OPENINGS, open_store
from tests.relay.made_parcels import TODAY, make, part

from qanat_client.desk import vault
from qanat_client.desk.vault import VAULT_NAME, Vault
from qanat_client.errors import HomeUnusable
from qanat_client.reporter import database
from qanat_relay.store import files
from qanat_relay.store.errors import StoreError, StoreTooNew
from qanat_relay.store.files import DATABASE

LETTERS = range(1, 20)


async def _fill_store(folder: Path) -> None:
    store = await open_store(folder, RELAY.shipped)
    writes = [make(number).put() for number in LETTERS]
    await store.write([*writes, part(1).put(*range(11))], today=TODAY)
    await store.close()


async def _check_store(folder: Path, migrations: Path) -> None:
    store = await open_store(folder, migrations)
    try:
        for made in [*map(make, LETTERS), part(1)]:
            body = await store.blocks(made.parcel_id, range(len(made.blocks)))
            assert b"".join(body) == made.body
        assert [problem async for problem in store.check()] == []
    finally:
        await store.close()


def _fill_home(folder: Path) -> None:
    card, file = write_card(MadeDesk().card(), folder.parent), folder.parent / "file"
    file.write_bytes(bytes(200_000))
    assert qanat(folder, "desk", "add", card, "--yes").code == 0
    for number in range(3):
        assert qanat(folder, "send", str(number), "--no-code", "--attach", file).code == 0


def _check_home(folder: Path, migrations: Path) -> None:
    OPENINGS["reporter"](folder, migrations)
    found = parcels(folder)
    assert len(found) == 6
    for header, body in found:
        assert len(body) == header.body_size


def _fill_vault(folder: Path) -> None:
    folder.mkdir()
    made = Vault.create(folder / VAULT_NAME, KEY)
    with made.transaction():
        for number in range(200):
            made.set_setting(f"name {number}", f"{number}" * 100)
    made.close()


def _check_vault(folder: Path, migrations: Path) -> None:
    opened = Vault.open(folder, KEY, migrations=migrations)
    try:
        assert opened.rows("PRAGMA cipher_integrity_check") == []
        rows = opened.rows("SELECT name, value FROM settings")
        assert {row[0]: row[1] for row in rows} == {f"name {n}": f"{n}" * 100 for n in range(200)}
    finally:
        opened.close()


@dataclass(frozen=True)
class Kind:
    """One of the three databases. fill: make one in a folder; check: open it with these migrations
    and see that all is there; keeps_copy: whether the copy stays when the upgrade is done."""

    name: str
    shipped: Path
    file: str
    copy: str
    keeps_copy: bool
    fill: Callable[[Path], None]
    check: Callable[[Path, Path], None]


RELAY = Kind(
    "relay",
    Path(files.__file__).with_name("migrations"),
    DATABASE,
    f"{DATABASE}.before-{{:04}}",
    keeps_copy=True,
    fill=lambda folder: asyncio.run(_fill_store(folder)),
    check=lambda folder, migrations: asyncio.run(_check_store(folder, migrations)),
)
REPORTER = Kind(
    "reporter",
    database.MIGRATIONS,
    "qanat.db",
    "qanat.db.before-{:04}",
    keeps_copy=True,
    fill=_fill_home,
    check=_check_home,
)
DESK = Kind(
    "desk",
    vault.MIGRATIONS,
    VAULT_NAME,
    f"{VAULT_NAME}.before-{{}}",
    keeps_copy=False,  # it holds secrets that are to be deleted
    fill=_fill_vault,
    check=_check_vault,
)
KINDS = [pytest.param(kind, id=kind.name) for kind in (RELAY, REPORTER, DESK)]


def later_schema(place: Path, kind: Kind) -> tuple[Path, int]:
    """The steps of a program two versions newer, and the number of its last one."""
    folder = place / "migrations"
    shutil.copytree(kind.shipped, folder)
    newest = max(int(step.name[:4]) for step in folder.glob("*.sql"))
    for number, script in enumerate(
        (
            "CREATE TABLE later (number INTEGER PRIMARY KEY, text TEXT NOT NULL);\n"
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)\n"
            "INSERT INTO later SELECT i, hex(zeroblob(50)) FROM n;\n",
            "CREATE INDEX later_by_text ON later (text, number);\n"
            "ALTER TABLE later ADD COLUMN more TEXT NOT NULL DEFAULT '';\n",
        ),
        start=newest + 1,
    ):
        (folder / f"{number:04}_later.sql").write_text(script)
    return folder, newest + 2


def is_new(kind: Kind, folder: Path) -> bool:
    """Whether the program of before refuses it as newer."""
    try:
        OPENINGS[kind.name](folder, kind.shipped)
    except StoreTooNew:
        return True
    except HomeUnusable as error:
        return "newer" in str(error)
    return False


def check_copy(kind: Kind, copy: Path) -> None:
    """Whoever goes back to the program of before finds all that there was."""
    back = copy.parent.parent / "back"
    back.mkdir()
    shutil.copy(copy, back / kind.file)
    kind.check(back, kind.shipped)
    shutil.rmtree(back)


def checking(kind: Kind, migrations: Path, newest: int) -> Check:
    copy_name = kind.copy.format(newest)

    def check(folder: Path, said: list[str]) -> None:
        was_new = is_new(kind, folder)
        copy = folder / copy_name
        assert was_new or not said
        if kind.keeps_copy:
            assert copy.exists() or not was_new
        if copy.exists():
            check_copy(kind, copy)
        if not was_new:
            kind.check(folder, kind.shipped)
        kind.check(folder, migrations)
        assert is_new(kind, folder)
        assert kind.keeps_copy == copy.exists() or was_new
        if kind.keeps_copy:
            check_copy(kind, copy)
        assert not list(folder.glob("*.unfinished*"))

    return check


def recorded(place: Path, kind: Kind, *how: str) -> tuple[Case, Check]:
    folder = place / "folder"
    kind.fill(folder)
    migrations, newest = later_schema(place, kind)
    case = Case.record(
        place, ["-m", "tests.power_cuts.upgrade_writer", kind.name, folder, migrations, *how]
    )
    return case, checking(kind, migrations, newest)


@pytest.mark.parametrize("kind", KINDS)
def test_an_upgrade_that_is_cut_leaves_the_old_or_the_new_and_is_completed(
    tmp_path: Path, kind: Kind
) -> None:
    case, check = recorded(tmp_path, kind)
    case.check(check, case.some_cuts(25, seed=7), seed=7)


def test_an_upgrade_that_is_careless_is_caught(tmp_path: Path) -> None:
    case, check = recorded(tmp_path, RELAY, "careless")
    with pytest.raises((AssertionError, StoreError, sqlite3.Error)):
        case.check_all(check, range(3))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_an_upgrade_that_is_cut_at_any_point_is_completed(
    tmp_path: Path, kind: Kind, seed: int
) -> None:
    case, check = recorded(tmp_path, kind)
    case.check(check, range(case.cuts + 1), seed)
