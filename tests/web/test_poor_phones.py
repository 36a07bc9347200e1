"""Phones that are full, closed in mid-seal or without a camera; films larger than the phone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.relay.small_disk import small_disk
from tests.web.browsers import Browser, browsing
from tests.web.phone import WORDS, Phone
from tests.web.served import Served

LARGEST_BYTES = 900_000_000
"""Nearly what a file may have."""
HUGE_BYTES = 3_000_000_000
DISK = "160m"
TEXT = "They took the phone."
LEFT = """async () => {
  const open = indexedDB.open("qanat");
  const base = await new Promise((done) => { open.onsuccess = () => done(open.result); });
  const counts = {};
  for (const table of ["item", "parcel", "body", "page"]) {
    const asked = base.transaction(table).objectStore(table).count();
    counts[table] = await new Promise((done) => { asked.onsuccess = () => done(asked.result); });
  }
  base.close();
  return counts;
}"""
NOTHING = {"item": 0, "parcel": 0, "body": 0, "page": 0}

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("built_app")]


@pytest.fixture
async def phone(served: Served, browser: Browser, card: Path) -> Phone:
    return await Phone.ready(browser, served.url, card)


def film_of(size_bytes: int, folder: Path) -> Path:
    """A film that takes no room on this disk."""
    film = folder / "film.mp4"
    with film.open("wb") as file:
        os.truncate(file.fileno(), size_bytes)
    return film


async def left(phone: Phone) -> dict[str, int]:
    """How many rows there are of what is sealed."""
    found: dict[str, int] = await phone.page.evaluate(LEFT)
    return found


async def begin_to_seal(phone: Phone) -> None:
    await phone.page.get_by_role("button", name=WORDS["write.seal"], exact=True).click()


async def begin_to_seal_a_film(phone: Phone, folder: Path) -> None:
    """And be in the middle of it."""
    await phone.write(TEXT, files=[film_of(LARGEST_BYTES, folder)])
    await begin_to_seal(phone)
    await phone.page.wait_for_function(f"({LEFT})().then(({{body}}) => body > 2)")


async def keeps_the_text(phone: Phone) -> None:
    assert await left(phone) == NOTHING
    assert await phone.page.get_by_label(WORDS["write.text"]).input_value() == TEXT


async def test_a_full_phone_keeps_the_text_and_seals_it_without_the_film(
    served: Served, card: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", DISK) as disk:
        async with browsing(disk / "profile") as browser:
            phone = await Phone.ready(browser, served.url, card)
            await begin_to_seal_a_film(phone, tmp_path)
            await phone.sees("full.title")
            await keeps_the_text(phone)
            await phone.press("full.bare")
            await phone.sees("write.sealed")
            assert (await left(phone))["item"] == 1


async def test_a_film_that_no_report_can_take_is_refused_at_once(
    phone: Phone, tmp_path: Path
) -> None:
    await phone.write(TEXT, files=[film_of(HUGE_BYTES, tmp_path)])
    await begin_to_seal(phone)
    await phone.sees("error.too_large")
    await keeps_the_text(phone)


async def test_a_sealing_that_is_stopped_leaves_nothing_but_the_text(
    phone: Phone, tmp_path: Path
) -> None:
    await begin_to_seal_a_film(phone, tmp_path)
    await phone.press("cancel")
    await phone.sees("write.cancelled")
    await keeps_the_text(phone)


async def test_what_a_page_that_was_closed_in_mid_seal_left_is_cleared_away_by_the_next(
    phone: Phone, served: Served, browser: Browser, tmp_path: Path
) -> None:
    await begin_to_seal_a_film(phone, tmp_path)
    await phone.page.close()
    after = await Phone.take(browser)
    await after.visit(served.url)
    await after.page.wait_for_function(f"({LEFT})().then(({{body}}) => body === 0)")
    assert await left(after) == NOTHING
    await after.go("outbox")
    await after.sees("outbox.empty")


async def test_a_camera_that_is_denied_leaves_link_and_file(phone: Phone) -> None:
    await phone.go("desk")
    await phone.press("desk.camera")
    denied = phone.page.get_by_text(WORDS["desk.camera.denied"])
    none = phone.page.get_by_text(WORDS["desk.camera.none"])
    await expect(denied.or_(none)).to_be_visible()
    await expect(phone.page.get_by_label(WORDS["desk.file"])).to_be_attached()
