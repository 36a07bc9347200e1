"""Rows that are given to a statement as a table, and tables that are made anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.desk.newsroom import PASSPHRASE, Attached, Newsroom, Writer, open_directly

from qanat_client.desk.vault import MIGRATIONS, VAULT_NAME, Row, Vault
from qanat_client.errors import HomeUnusable

OF_ROWS = ("parcels", "reports", "copies", "parts")


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    vault = Vault.create(tmp_path / VAULT_NAME, PASSPHRASE)
    yield vault
    vault.close()


def test_rows_that_are_given_are_written_and_looked_for_as_a_table(vault: Vault) -> None:
    given = [(number.to_bytes(32), number % 2) for number in range(1000)]
    with vault.transaction():
        assert vault.run_with("INSERT INTO told SELECT c0, ?, c1 FROM GIVEN", given, b"r") == 1000
    some = [(given[number][0], f"row {number}") for number in (7, 8, 999)]
    found = vault.rows_with(
        "SELECT c1, purged FROM GIVEN g JOIN told t ON t.parcel_id = g.c0 WHERE relay = ?",
        [*some, (b"another", "nowhere")],
        b"r",
    )
    assert sorted(map(tuple, found)) == [("row 7", 1), ("row 8", 0), ("row 999", 1)]


def test_no_rows_are_nothing_to_do(vault: Vault) -> None:
    assert vault.run_with("DELETE FROM told WHERE parcel_id IN (SELECT c0 FROM GIVEN)", []) == 0
    assert vault.rows_with("SELECT c0 FROM GIVEN", []) == []


def test_of_rows_of_which_one_is_refused_none_is_kept(vault: Vault) -> None:
    given = [(bytes(32), 0), (bytes(32), 1)]
    with pytest.raises(HomeUnusable), vault.transaction():
        vault.run_with("INSERT INTO told SELECT c0, x'', c1 FROM GIVEN", given)
    assert vault.value("SELECT count(*) FROM told") == 0


async def test_a_desk_of_an_older_schema_keeps_every_row_and_its_references(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    for number in range(5):
        await open_directly(desk, writer.write(f"Report {number}.", [Attached("a", b"data")])[1])
    before = rows_of(desk.vault)
    home = tmp_path / "home"
    home.mkdir()
    older = older_vault(home, tmp_path / "older", before)
    waiting = older.rows("SELECT * FROM uncatalogued")
    older.close()
    upgraded = Vault.open(home, PASSPHRASE)
    assert rows_of(upgraded) == before
    assert upgraded.rows("SELECT * FROM uncatalogued") == waiting
    assert len(waiting) == 5
    assert upgraded.rows("PRAGMA foreign_key_check") == []
    assert upgraded.value("PRAGMA integrity_check") == "ok"
    # What holds for a row that is put in holds as before.
    with pytest.raises(HomeUnusable, match="FOREIGN KEY"), upgraded.transaction():
        upgraded.run("INSERT INTO copies VALUES (x'00', x'00')")
    with pytest.raises(HomeUnusable, match="CHECK"), upgraded.transaction():
        upgraded.run("UPDATE parcels SET state = 'lost'")
    with upgraded.transaction():
        upgraded.run("DELETE FROM uncatalogued")
        upgraded.run("INSERT INTO reports SELECT x'00', parcel_id, author, content, signature,"
                     " urgent, arrived_s, refers, withdraws FROM reports LIMIT 1")  # fmt: skip
    assert upgraded.rows("SELECT report_id FROM uncatalogued") == [(b"\0",)]
    upgraded.close()
    desk.vault.close()


def rows_of(vault: Vault) -> dict[str, list[Row]]:
    return {name: vault.rows(f"SELECT * FROM {name} ORDER BY 1, 2") for name in OF_ROWS}  # noqa: S608


def older_vault(home: Path, migrations: Path, rows: dict[str, list[Row]]) -> Vault:
    """One with the schema before the tables were made anew, and with these rows."""
    shutil.copytree(MIGRATIONS, migrations)
    for step in migrations.iterdir():
        if int(step.name[:4]) >= 6:
            step.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qanat_client.desk.vault.MIGRATIONS", migrations)
        vault = Vault.create(home / VAULT_NAME, PASSPHRASE)
    with vault.transaction():
        for name, found in rows.items():
            for row in found:
                vault.run(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", *row)  # noqa: S608
    return vault
