"""What a first visit leaves out is kept when it is asked for, and is there without a network; what
a person in danger needs is there at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect
from tests.end_to_end.abroad import Abroad
from tests.web.browsers import Browser
from tests.web.phone import LANGUAGES, Phone

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("built_app")]

KEEPS = """async (part) => {
  for (const name of await caches.keys()) {
    for (const {url} of await (await caches.open(name)).keys()) if (url.includes(part)) return true;
  }
  return false;
}"""


def title(language: str) -> str:
    words: dict[str, Any] = json.loads((LANGUAGES / f"{language}.json").read_text("utf-8"))
    return str(words["write.title"])


async def speaks(page: Page, language: str) -> None:
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text(title(language))


async def keeps(page: Page, part: str) -> bool:
    found: bool = await page.evaluate(KEEPS, part)
    return found


async def test_a_language_that_was_chosen_is_there_without_a_network(
    abroad: Abroad, browser: Browser
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(abroad.relay.url)
    assert await keeps(phone.page, "/en-")
    assert not await keeps(phone.page, "/ru-")
    await phone.page.locator("select.language").select_option("ru")
    await speaks(phone.page, "ru")
    await expect(phone.page.locator("html")).to_have_attribute("lang", "ru")
    await phone.page.wait_for_function(KEEPS, arg="/ru-")
    await abroad.relay.stop()
    await phone.page.reload()
    await speaks(phone.page, "ru")


async def test_the_reader_of_codes_is_kept_once_the_desks_screen_was_open(
    abroad: Abroad, browser: Browser
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(abroad.relay.url)
    assert not await keeps(phone.page, "/decode-")
    await phone.reload()
    await phone.go("desk")
    await phone.page.wait_for_function(KEEPS, arg="/decode-")


async def test_all_else_is_kept_some_twenty_seconds_after_the_app_was_opened_again(
    abroad: Abroad, browser: Browser
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(abroad.relay.url)
    await phone.page.clock.install()
    await phone.reload()
    left_out = ["/ru-", "/decode-", "icon-512", "notes.svg"]
    assert not any([await keeps(phone.page, part) for part in left_out])
    await phone.page.clock.fast_forward(20_000)
    for part in left_out:
        await phone.page.wait_for_function(KEEPS, arg=part)


async def test_leaving_leads_to_the_empty_page_without_a_network_from_the_first_visit_on(
    abroad: Abroad, browser: Browser
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(abroad.relay.url)
    await abroad.relay.stop()
    await phone.press("exit")
    await expect(phone.page.get_by_role("textbox", name="Notes")).to_be_visible()
    assert await phone.page.title() == "Notes"


async def test_leaving_after_a_wipe_shows_nothing_of_where_the_app_came_from(
    abroad: Abroad, browser: Browser
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(abroad.relay.url)
    await phone.wipe()
    await abroad.relay.stop()
    await phone.press("wipe.leave")
    await phone.page.wait_for_url("**/notes.html")
    assert await phone.page.evaluate("document.body.innerText.trim()") == ""
    assert await phone.page.title() == "…"
