"""The desk's own disk and vault failing under a window: told by name, nothing lost, the rest goes
on where it can."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Attached, Clock, Made, Newsroom, Writer, open_directly
from tests.client.desk.serve.test_lists import bring
from tests.client.desk.serve.window import SOON_S, Window, listening_to, until, window_on
from tests.client.desk.test_damage import INCIDENT, PAGE_BYTES, busy_desk, flip
from tests.client.desk.test_pull import Relays, desk_on, hand_over
from tests.relay.small_disk import small_disk

from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.damage import Damage, damage_in
from qanat_client.desk.faults import VaultDamaged
from qanat_client.desk.inbox import items_of
from qanat_client.desk.media import alike
from qanat_client.desk.media.near import unlooked
from qanat_client.desk.serve import mending
from qanat_client.desk.serve.pull_wish import PullWish
from qanat_client.desk.vault import VAULT_NAME, Vault
from qanat_client.errors import BadInput, HomeUnusable


@pytest.fixture
async def relays(newsroom: Newsroom, tmp_path: Path) -> AsyncIterator[Relays]:
    async with AsyncExitStack() as stack:
        yield Relays(stack, tmp_path, newsroom.clock)


async def warned(window: Window, words: str) -> str:
    """Wait until the screen says this."""
    async with asyncio.timeout(SOON_S):
        while True:
            for warning in (await window.get("/api/desk"))["warnings"]:
                if words in warning:
                    return str(warning)
            await asyncio.sleep(0.05)


async def test_a_disk_that_is_full_in_the_middle_of_a_pull_is_told_and_the_pull_goes_on_later(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        newsroom = Newsroom(disk / "desk", Clock(time.time()))
        async with AsyncExitStack() as stack:
            relays = Relays(stack, tmp_path, newsroom.clock)
            writer = await desk_on(newsroom, await relays.start("one"))
            sent = [
                writer.write(f"Report {number}.", [Attached("a.jpg", os.urandom(300_000))])
                for number in range(5)
            ]
            for _, parcels in sent:
                await hand_over(newsroom, parcels)
            # A vault grows by its journal; what is left is less than the five files.
            ballast = disk / "ballast"
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            ballast.write_bytes(bytes(free - 900_000))
            wish = PullWish(str(newsroom.home), newsroom.passphrase, 1.0)
            async with window_on(newsroom, wish) as window, listening_to(window) as heard:
                state = await heard.until("pull", lambda pull: "tried again" in pull["words"])
                assert state["state"] == "failed"
                assert "the disk is full" in state["words"]
                # Reading goes on.
                await window.post("/api/inbox", {})
                ballast.unlink()
                await window.post("/api/pull", {})
                await heard.until("pull", lambda pull: pull["state"] == "watching")
                async with asyncio.timeout(SOON_S):
                    while True:
                        page = await window.post("/api/inbox", {"grouped": False})
                        if [row["files_here"] for row in page["rows"]] == [1] * 5:
                            break
                        await asyncio.sleep(0.1)
                assert {row["id"] for row in page["rows"]} == {each.hex() for each, _ in sent}


async def test_a_decision_on_a_full_disk_is_refused_by_name_and_can_be_made_again(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        newsroom = Newsroom(disk / "desk")
        newsroom.settle()
        async with window_on(newsroom) as window:
            (report,) = await bring(
                window.desk, Writer(window.desk.card, window.desk.today), ["Text."]
            )
            ballast = disk / "ballast"
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            ballast.write_bytes(bytes(free))
            star = {"what": "starred", "report": report, "value": True}
            said = await window.ask("POST", "/api/decide", {"changes": [star]})
            assert (said.status, "the disk is full" in said.value["error"]) == (507, True)
            found = await window.get(f"/api/reports/{report}")
            assert found["decided"]["starred"] is False
            ballast.unlink()
            assert await window.post("/api/decide", {"changes": [star]}) == {"decisions": 1}


async def test_a_vault_that_another_program_holds_for_long_is_told_and_nothing_is_lost(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.settle()
    monkeypatch.setattr("qanat_client.desk.vault.BUSY_TIMEOUT_S", 0.5)
    async with window_on(newsroom) as window:
        (report,) = await bring(window.desk, Writer(window.desk.card, window.desk.today), ["Text."])
        star = {"what": "starred", "report": report, "value": True}
        other = Vault.open(newsroom.home, newsroom.passphrase)
        other.run("BEGIN EXCLUSIVE")
        try:
            said = await window.ask("POST", "/api/decide", {"changes": [star]})
            assert (said.status, "another qanat-desk" in said.value["error"]) == (409, True)
            said = await window.ask("POST", "/api/inbox", {})
            assert said.status == 409
        finally:
            other.run("ROLLBACK")
            other.close()
        assert await window.post("/api/decide", {"changes": [star]}) == {"decisions": 1}


async def many_reports(newsroom: Newsroom) -> list[str]:
    """Reports that fill some pages, not made ready for lists yet."""
    desk = newsroom.open()
    ids = []
    parcels: list[Made] = []
    for number in range(24):
        writer = Writer(desk.card, desk.today)
        identity, made = writer.write(f"Report {number}. " + os.urandom(250).hex())
        ids.append(identity.hex())
        parcels += made
    await open_directly(desk, parcels)
    desk.vault.close()
    return ids


def unread_in(vault: Vault, read: Callable[[Vault, bytes], object], ids: list[str]) -> set[str]:
    """Which of these can't be read so."""
    found = set()
    for each in ids:
        try:
            read(vault, bytes.fromhex(each))
        except VaultDamaged:
            found.add(each)
    return found


def read_content(vault: Vault, report_id: bytes) -> None:
    vault.rows("SELECT content FROM reports WHERE id = ?", report_id)


def read_item(vault: Vault, report_id: bytes) -> None:
    items_of(vault, [report_id])


def spoil_some_reports(newsroom: Newsroom, ids: list[str]) -> set[str]:
    """Damage a page that holds some of these reports and of nothing else; which they are."""
    path = newsroom.home / VAULT_NAME
    whole = Vault.open(newsroom.home, newsroom.passphrase)
    bad: set[str] = set()
    for page in range(path.stat().st_size // PAGE_BYTES - 1, 1, -1):
        flip(path, page)
        try:
            vault = whole.reopened()
            bad = unread_in(vault, read_content, ids)
            is_of_reports = 0 < len(bad) < len(ids) and unread_in(vault, read_item, ids) == bad
            vault.close()
        except (HomeUnusable, BadInput):
            # Nothing can be read without this one.
            is_of_reports = False
        if is_of_reports:
            whole.close()
            return bad
        flip(path, page)
    raise AssertionError("no page holds some reports alone")


async def test_a_damaged_page_takes_the_reports_on_it_and_the_rest_goes_on(
    newsroom: Newsroom,
) -> None:
    newsroom.settle()
    ids = await many_reports(newsroom)
    desk = newsroom.open()
    catch_up(desk.vault)
    desk.vault.close()
    bad = spoil_some_reports(newsroom, ids)
    async with window_on(newsroom) as window:
        said = await window.ask("GET", f"/api/reports/{min(bad)}")
        assert (said.status, "can't be read" in said.value["error"]) == (507, True)
        assert "restore" in await warned(window, "damaged")
        page = await window.post("/api/inbox", {})
        assert {row["id"]: row.get("damaged", False) for row in page["rows"]} == {
            each: each in bad for each in ids
        }
        good = [each for each in ids if each not in bad]
        for each in good:
            assert (await window.get(f"/api/reports/{each}"))["id"] == each
        stars = [{"what": "starred", "report": each, "value": True} for each in good]
        assert await window.post("/api/decide", {"changes": stars}) == {"decisions": len(good)}
        assert (await window.get("/api/desk"))["counts"]["starred"] == len(good)


async def test_new_reports_are_shown_although_some_are_on_a_damaged_page(
    newsroom: Newsroom,
) -> None:
    newsroom.settle()
    ids = await many_reports(newsroom)
    bad = spoil_some_reports(newsroom, ids)
    async with window_on(newsroom) as window, listening_to(window) as heard:
        await heard.until("changed", lambda said: said["counts"]["waiting"] == len(bad))
        page = await window.post("/api/inbox", {"words": "report"})
        assert {row["id"] for row in page["rows"]} == set(ids) - bad
        await warned(window, "damaged")


def page_of(newsroom: Newsroom, name: str) -> int:
    """The first page of a table or an index, counted from 0."""
    vault = Vault.open(newsroom.home, newsroom.passphrase)
    root = vault.value("SELECT rootpage FROM sqlite_master WHERE name = ?", name)
    vault.close()
    return int(root) - 1


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("catalogue", "lists and searches"),
        ("catalogue_words_data", "lists and searches"),
        ("aliases", "lists and searches"),
        ("registers", "what is decided"),
        ("likenesses", "which pictures look alike"),
        ("sqlite_autoindex_reports_1", "indexes"),
    ],
)
async def test_what_comes_from_the_reports_is_made_anew_while_windows_are_open(
    newsroom: Newsroom, name: str, what: str
) -> None:
    ids = {each.hex() for each in await busy_desk(newsroom)}
    flip(newsroom.home / VAULT_NAME, page_of(newsroom, name))
    wish = {"grouped": False, "words": "report", "starred": True, "limit": 200}
    async with window_on(newsroom) as window:

        async def are_all_found() -> bool:
            page = await window.post("/api/inbox", wish)
            return {row["id"] for row in page["rows"]} == ids

        for path in (f"/api/reports/{min(ids)}/related", f"/api/reports/{min(ids)}/figures"):
            await window.get(path)
        await window.post("/api/overview", {})
        await until(are_all_found)
        assert f"Made anew from what is left: {what}" in await warned(window, "damaged")
        assert "nothing is lost" in await warned(window, "damaged")
        assert (await window.get("/api/desk"))["counts"]["starred"] == len(ids)


async def test_what_cannot_be_mended_is_looked_for_less_and_less_and_keeps_no_likeness_waiting(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pdqhash", reason="it is compiled: make near")
    await busy_desk(newsroom)
    flip(newsroom.home / VAULT_NAME, page_of(newsroom, "parts"))
    looks = []

    def counted_damage(vault: Vault) -> Damage:
        looks.append(vault)
        return damage_in(vault)

    monkeypatch.setattr(mending, "damage_in", counted_damage)
    monkeypatch.setattr(mending, "AGAIN_S", 0.2)
    monkeypatch.setattr(alike, "AT_A_TIME", 60)
    monkeypatch.setattr(alike, "PAUSE_S", 0.5)
    async with window_on(newsroom) as window:
        await until(lambda: unlooked(window.desk.vault) == 0)
        assert "files of reports" in await warned(window, "damaged")
    assert 0 < len(looks) < 8


async def test_of_an_incident_and_an_export_a_damaged_page_takes_the_reports_on_it_alone(
    newsroom: Newsroom,
) -> None:
    ids = [each.hex() for each in await busy_desk(newsroom)]
    bad = spoil_some_reports(newsroom, ids)
    async with window_on(newsroom) as window:
        found = await window.get(f"/api/incidents/{INCIDENT.hex()}")
        assert {row["id"]: row.get("damaged", False) for row in found["rows"]} == {
            each: each in bad for each in ids
        }
        said = {other["report"] for row in found["figures"]["rows"] for other in row["others"]}
        assert said == set(ids) - bad
        assert {file["report"] for file in found["media"]} == set(ids) - bad
        good = next(each for each in ids if each not in bad)
        for path in ("", "/related", "/figures"):
            assert "error" not in await window.get(f"/api/reports/{good}{path}")
        wish = {"format": "csv", "preview": True}
        written = await window.post("/api/export", wish)
        assert written["reports"] == len(ids) - len(bad)
        assert {"why": "damaged", "n": len(bad)} in written["left_out"]
        words = await warned(window, "damaged")
        for each in bad:
            assert each[:8] in words


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("parts", "what arrived of its files"),
        ("parcels", "the parcel that brought it"),
        ("decisions", "the log of decisions"),
    ],
)
async def test_what_stands_beside_a_report_and_is_damaged_is_left_out_of_it_and_named(
    newsroom: Newsroom, name: str, what: str
) -> None:
    ids = [each.hex() for each in await busy_desk(newsroom)]
    flip(newsroom.home / VAULT_NAME, page_of(newsroom, name))
    async with window_on(newsroom) as window:
        report = await window.get(f"/api/reports/{ids[0]}")
        assert report["text"].startswith("Report 0.")
        assert what in report["unreadable"]
        page = await window.post("/api/inbox", {"grouped": False, "limit": 200})
        assert {row["id"] for row in page["rows"]} == set(ids)
        assert (await window.get("/api/desk"))["counts"]["reports"] == len(ids)
        await window.get(f"/api/incidents/{INCIDENT.hex()}")
        written = await window.post("/api/export", {"format": "csv", "preview": True})
        assert written["reports"] == len(ids)
        await warned(window, "damaged")
