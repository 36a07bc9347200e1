"""Every page of a vault is damaged alone, on the disk: what can be read stays readable, what can be
made again is, and what is gone is named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Attached, Made, Newsroom, Writer, open_directly

from qanat_client.desk.aliases import alias_of
from qanat_client.desk.catalogue import catalogue_one, uncatalogued
from qanat_client.desk.damage import Damage, damage_in, make_anew
from qanat_client.desk.decision_log import decision_log, fold_again
from qanat_client.desk.decisions import ReportState, gather, name_incident, set_state, star
from qanat_client.desk.desk import Desk, desk_in
from qanat_client.desk.faults import VaultDamaged, WrongPassphrase
from qanat_client.desk.finding import Wish, find
from qanat_client.desk.inbox import readable_items
from qanat_client.desk.relating.figures import figures_of_incident
from qanat_client.desk.vault import VAULT_NAME, Vault
from qanat_protocol.report import Figure

PAGE_BYTES = 4096
MANY = 60
SHARES = 4
INCIDENT = b"i" * 16


def flip(path: Path, page: int) -> None:
    """Turn one bit of a page, counted from 0 as in the file."""
    with path.open("r+b") as file:
        file.seek(page * PAGE_BYTES + 100)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def catalogue_all(desk: Desk) -> None:
    for report_id in uncatalogued(desk.vault):
        try:
            with desk.vault.transaction():
                catalogue_one(desk.vault, report_id)
        except VaultDamaged:
            continue


async def busy_desk(newsroom: Newsroom) -> list[bytes]:
    """A desk with what fills it."""
    newsroom.settle()
    return await fill(newsroom)


async def fill(newsroom: Newsroom) -> list[bytes]:
    """Reports with files, figures and decisions, of several pages in most tables; their ids."""
    desk = newsroom.open()
    ids = []
    parcels: list[Made] = []
    writers = [Writer(desk.card, desk.today) for _ in range(40)]
    for number in range(MANY):
        identity, made = writers[number % 40].write(
            # Some are longer than a page.
            f"Report {number}. {os.urandom(300 if number % 5 else 5000).hex()}",
            [Attached("a.jpg", os.urandom(40))],
            where="Almaty",
            figures=(Figure("wounded", number, number + 5),),
        )
        ids.append(identity)
        parcels += made
    await open_directly(desk, parcels)
    catalogue_all(desk)
    log = decision_log(desk)
    log.record([name_incident(INCIDENT, "The square"), *(gather(INCIDENT, each) for each in ids)])
    log.record([star(each, True) for each in ids])
    log.record([set_state(each, ReportState.CHECKING) for each in ids[::2]])
    desk.vault.close()
    return ids


def in_the_file(vault: Vault, ids: Sequence[bytes]) -> set[bytes]:
    """The reports that a reader finds who goes from row to row, and looks at nothing else."""
    found = set()
    for rowid in range(1, len(ids) + 1):
        try:
            found |= {
                each[0]
                for each in vault.rows("SELECT id, content FROM reports WHERE rowid = ?", rowid)
            }
        except VaultDamaged:
            continue
    return found


def all_pages(newsroom: Newsroom) -> list[int]:
    return list(range((newsroom.home / VAULT_NAME).stat().st_size // PAGE_BYTES))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(SHARES))
async def test_whichever_page_is_damaged_every_report_that_can_be_read_is_shown(
    newsroom: Newsroom, tmp_path: Path, first: int
) -> None:
    ids = await busy_desk(newsroom)
    path = newsroom.home / VAULT_NAME
    shutil.copy(path, tmp_path / "whole")
    desk = newsroom.open()
    whole = desk.vault
    names = {
        item.report.author: alias_of(desk.vault, item.report.author)
        for item in readable_items(desk.vault, ids)[0]
    }
    refused: list[int] = []
    lost: dict[int, int] = {}
    for page in all_pages(newsroom)[first::SHARES]:
        shutil.copy(tmp_path / "whole", path)
        flip(path, page)
        vault = None
        try:
            # As Vault.open, without the time that a passphrase takes.
            vault = whole.reopened()
            desk = desk_in(newsroom.home, vault, newsroom.clock)
        except (WrongPassphrase, VaultDamaged):
            refused.append(page)
            if vault is not None:
                vault.close()
            continue
        there = in_the_file(vault, ids)
        damage = damage_in(vault)
        assert page + 1 in damage.pages
        assert set(damage.reports) == set(ids) - there, page
        mending = vault.reopened()
        make_anew(mending, damage)
        mending.close()
        catalogue_all(desk)
        shown = set(find(vault, Wish()))
        assert shown >= there, page
        items, gone = readable_items(vault, ids)
        assert {item.report_id for item in items} == there
        assert set(gone) == set(ids) - there
        if "decisions" not in damage.tables:
            standing = decision_log(desk).standing_of(ids)
            assert standing.of(ids[0]).is_starred
            assert standing.of(ids[-2]).state is ReportState.CHECKING
            assert set(find(vault, Wish(incident=INCIDENT))) == shown
            figures_of_incident(vault, INCIDENT)
        if "settings" not in damage.tables and not gone:
            for author, alias in names.items():
                assert alias_of(vault, author) == alias
        if not damage.lost and not damage.reports:
            assert "nothing is lost" in damage.words
            if not damage.is_in_free_space:
                assert_whole(vault, damage)
        lost[page] = len(gone)
        vault.close()
    whole.close()
    # The first page, some of the schema, the cards and the signing key.
    assert len(refused) < len(lost) / 3
    # Behind the root of the reports none is reached any more.
    assert sum(0 < number < MANY / 4 for number in lost.values()) > 2


def assert_whole(vault: Vault, damage: Damage) -> None:
    """What is left hangs together; the pages that nothing refers to any more are told as such."""
    for (line,) in vault.rows("PRAGMA integrity_check(1000)"):
        assert line == "ok" or "never used" in line, (damage, line)


@pytest.mark.parametrize(
    ("names", "made", "lost"),
    [
        (("reports", "sqlite_autoindex_reports_1", "registers"), ("what is decided",), ""),
        (("parcels", "parcels_by_offer", "likenesses"), ("which pictures look alike",), "parcels"),
        (("decisions", "registers", "aliases"), ("lists and searches",), "the log of decisions"),
        (("parts", "likenesses", "registers"), ("what is decided",), "files of reports"),
        (("unlooked",), ("which pictures look alike",), ""),
        (("copies",), (), "which parcels brought a report"),
    ],
)
async def test_of_several_pages_that_are_damaged_what_can_be_is_made_anew_and_the_rest_is_named(
    newsroom: Newsroom, names: Sequence[str], made: tuple[str, ...], lost: str
) -> None:
    ids = await busy_desk(newsroom)
    vault = Vault.open(newsroom.home, newsroom.passphrase)
    roots = {row[0]: row[1] for row in vault.rows("SELECT name, rootpage FROM sqlite_master")}
    vault.close()
    for name in names:
        flip(newsroom.home / VAULT_NAME, roots[name] - 1)
    told = newsroom.run("check").value
    assert told["made_anew"] == list(made)
    assert lost in " ".join(told["lost"]) if lost else told["lost"] == []
    assert set(told["reports"]) == ({each.hex() for each in ids} if "reports" in names else set())
    # What was made anew is not met again.
    assert newsroom.run("check").value["made_anew"] == []


async def test_what_was_made_anew_stays_after_the_next_report_and_the_next_start(
    newsroom: Newsroom,
) -> None:
    ids = await busy_desk(newsroom)
    path = newsroom.home / VAULT_NAME
    desk = newsroom.open()
    page = desk.vault.value("SELECT rootpage FROM sqlite_master WHERE name = 'catalogue'")
    desk.vault.close()
    flip(path, page - 1)
    vault = Vault.open(newsroom.home, newsroom.passphrase)
    assert make_anew(vault, damage_in(vault)) == ("lists and searches",)
    vault.close()
    desk = newsroom.open()
    more, parcels = Writer(desk.card, desk.today).write("One more.")
    await open_directly(desk, parcels)
    catalogue_all(desk)
    assert find(desk.vault, Wish()) == [more, *ids[::-1]]
    assert find(desk.vault, Wish(words="one more")) == [more]
    again = damage_in(desk.vault)
    assert (again.pages, again.again, again.lost) == ((page,), (), ())
    desk.vault.close()


def test_a_whole_vault_has_no_damage(newsroom: Newsroom) -> None:
    newsroom.settle()
    vault = Vault.open(newsroom.home, newsroom.passphrase)
    damage = damage_in(vault)
    assert damage == Damage()
    assert make_anew(vault, damage) == ()
    vault.close()


async def test_what_stands_at_the_end_of_a_long_text_is_not_read_as_zeros(
    newsroom: Newsroom,
) -> None:
    newsroom.settle()
    desk = newsroom.open()
    identity, parcels = Writer(desk.card, desk.today).write("x" * 20_000)
    await open_directly(desk, parcels)
    desk.vault.close()
    path = newsroom.home / VAULT_NAME
    refused = 0
    for page in all_pages(newsroom)[60:]:
        flip(path, page)
        vault = Vault.open(newsroom.home, newsroom.passphrase)
        items, lost = readable_items(vault, [identity])
        refused += bool(lost)
        assert lost or items[0].report.text == "x" * 20_000
        vault.close()
        flip(path, page)
    assert refused >= 4


async def test_check_says_what_is_damaged_and_makes_anew_what_it_can(newsroom: Newsroom) -> None:
    ids = await busy_desk(newsroom)
    assert newsroom.do("check")["pages"] == []
    vault = Vault.open(newsroom.home, newsroom.passphrase)
    roots = {row[0]: row[1] for row in vault.rows("SELECT name, rootpage FROM sqlite_master")}
    vault.close()
    path = newsroom.home / VAULT_NAME
    flip(path, roots["registers"] - 1)
    assert newsroom.do("check")["made_anew"] == ["what is decided"]
    assert len(newsroom.do("list", "--starred", "--limit", "100")["reports"]) == len(ids)
    for name, words in (("cards", "cards of the desk"), ("epochs", "keys of weeks")):
        flip(path, roots[name] - 1)
        told = newsroom.run("check")
        assert told.code == 2
        assert words in told.value["lost"]
        assert "restore" in told.err
        flip(path, roots[name] - 1)


def those_left(newsroom: Newsroom, ids: Sequence[bytes]) -> set[bytes]:
    """Damages a page that holds some reports; the others."""
    path = newsroom.home / VAULT_NAME
    whole = Vault.open(newsroom.home, newsroom.passphrase)
    there: set[bytes] = set()
    for page in all_pages(newsroom)[60:]:
        flip(path, page)
        vault = whole.reopened()
        there = in_the_file(vault, ids)
        vault.close()
        if 0 < len(there) < len(ids):
            break
        flip(path, page)
    whole.close()
    return there


async def test_a_report_on_a_damaged_page_keeps_no_other_out_of_lists(newsroom: Newsroom) -> None:
    ids = await busy_desk(newsroom)
    vault = Vault.open(newsroom.home, newsroom.passphrase)
    catalogue = vault.value("SELECT rootpage FROM sqlite_master WHERE name = 'catalogue'")
    vault.close()
    there = those_left(newsroom, ids)
    flip(newsroom.home / VAULT_NAME, catalogue - 1)
    assert newsroom.run("check").value["made_anew"] == ["lists and searches"]
    listed = newsroom.run("list", "--limit", "100")
    shown = {row["id"] for row in listed.value["reports"] if not row.get("damaged")}
    assert shown == {each.hex() for each in there}
    assert "can't be looked through yet" in listed.err


async def test_a_list_and_an_export_at_the_command_line_go_on_without_what_is_damaged(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    ids = await busy_desk(newsroom)
    there = those_left(newsroom, ids)
    listed = newsroom.do("list", "--limit", "100")["reports"]
    assert {row["id"] for row in listed} == {each.hex() for each in ids}
    assert {row["id"] for row in listed if row.get("damaged")} == {
        each.hex() for each in set(ids) - there
    }
    written = newsroom.do("export", "-o", str(tmp_path / "out"))
    assert written["reports"] == len(there)
    assert written["left_out"]["damaged"] == len(ids) - len(there)


async def test_a_decision_that_reads_as_something_else_is_damage_and_no_error_of_the_format(
    newsroom: Newsroom,
) -> None:
    await busy_desk(newsroom)
    vault = Vault.open(newsroom.home, newsroom.passphrase)
    vault.run("DROP TRIGGER decisions_are_not_changed")
    content = vault.value("SELECT content FROM decisions LIMIT 1")
    vault.run(
        "UPDATE decisions SET content = ? WHERE content = ?", content[:-40] + bytes(40), content
    )
    with pytest.raises(VaultDamaged), vault.transaction():
        fold_again(vault)
    vault.close()
