"""A reporter's phone: the web app in a browser, used through what a person sees of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page, expect
from tests.web.browsers import Browser

LANGUAGES = Path(__file__).parents[2] / "client" / "web" / "src" / "languages"
WORDS: dict[str, Any] = json.loads((LANGUAGES / "en.json").read_text("utf-8"))


def begins(key: str) -> re.Pattern[str]:
    """A message up to its first variable, in any of its plural forms."""
    message = WORDS[key]
    forms = message.values() if isinstance(message, dict) else [message]
    constant = [max(re.split(r"\{\w+\}", form), key=len) for form in forms]
    return re.compile("|".join(map(re.escape, constant)))


class Phone:
    """One page of the app, in English."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def take(cls, browser: Browser) -> Phone:
        return cls(await browser.page())

    async def visit(self, address: str) -> None:
        """Open the app; it is ready to be used, and to be opened without a network."""
        await self.page.goto(address)
        await self.is_ready()
        if await self.page.evaluate("isSecureContext"):
            await self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")

    @classmethod
    async def ready(cls, browser: Browser, address: str, card: Path) -> Phone:
        """One that has the app and a desk's card."""
        phone = await cls.take(browser)
        await phone.visit(address)
        await phone.add_desk(card)
        return phone

    async def is_ready(self) -> None:
        heading = self.page.get_by_role("heading", level=1)
        await expect(heading).to_have_text(WORDS["write.title"])

    async def reload(self) -> None:
        await self.page.reload()
        await self.is_ready()

    def button(self, key: str) -> Locator:
        return self.page.get_by_role("button", name=WORDS[key])

    async def press(self, key: str) -> None:
        await self.button(key).click()

    async def go(self, place: str) -> None:
        """To one of the five places: write, outbox, inbox, desk or more."""
        navigation = self.page.get_by_role("navigation")
        await navigation.get_by_role("button", name=WORDS[f"nav.{place}"], exact=True).click()
        titles = self.page.get_by_role("heading", level=1, name=WORDS[f"{place}.title"])
        await expect(titles).to_be_visible()

    async def go_further(self, screen: str) -> None:
        """To one of the screens behind More."""
        await self.go("more")
        await self.button(f"more.{screen}").filter(has_text=WORDS[f"more.{screen}.hint"]).click()
        titles = self.page.get_by_role("heading", level=1, name=WORDS[f"{screen}.title"])
        await expect(titles).to_be_visible()

    async def add_desk(self, card: Path) -> str:
        """Take in a card; the fingerprint that was shown."""
        await self.go("desk")
        await self.page.get_by_label(WORDS["desk.file"]).set_input_files(card)
        await expect(self.button("desk.keep")).to_be_visible()
        shown = await self.page.locator(".digits").first.inner_text()
        await self.press("desk.keep")
        await self.sees("desk.kept")
        return shown

    async def make_code(self) -> str:
        await self.go_further("code")
        await self.press("code.make")
        code = await self.page.locator(".digits.large").inner_text()
        await self.press("code.hide")
        return code

    async def write(
        self, text: str, *, where: str = "", files: Sequence[Path] = (), code: str = ""
    ) -> None:
        """Fill in a report; it is not sealed yet."""
        await self.go("write")
        await self.page.get_by_label(WORDS["write.text"]).fill(text)
        if where:
            await self.page.get_by_label(re.compile(f"^{WORDS['write.where']}")).fill(where)
        if files:
            await self.page.get_by_label(WORDS["write.file"]).set_input_files(files)
            await expect(self.page.locator("li.file")).to_have_count(len(files))
            reading = self.page.get_by_text(WORDS["write.file.reading"])
            await expect(reading).to_have_count(0)
        if code:
            await self.page.get_by_text(WORDS["write.more"]).click()
            await self.page.get_by_label(WORDS["write.code"]).fill(code)

    async def seal(self) -> None:
        await self.page.get_by_role("button", name=WORDS["write.seal"], exact=True).click()
        await self.sees("write.sealed")

    async def begin_to_send(self) -> None:
        await self.go("outbox")
        await self.press("send.now")

    async def send(self) -> None:
        """Send what waits; every relay of the card was reached."""
        await self.begin_to_send()
        await self.sees("send.done")

    async def fetch(self, code: str) -> None:
        """Fetch the answers to a code."""
        await self.go("inbox")
        await self.page.get_by_label(WORDS["code.field"]).fill(code)
        await self.press("inbox.fetch")
        await self.sees("inbox.found")

    async def live_in(self, country: str) -> None:
        """Say which country this is, by its two letters."""
        await self.go("outbox")
        await self.page.get_by_label(WORDS["home.label"]).select_option(country)

    async def wipe(self) -> None:
        await self.go_further("wipe")
        await self.page.get_by_label(begins("wipe.type")).fill(WORDS["wipe.word"])
        await self.press("wipe.typed")
        await self.sees("wipe.counts")

    async def sees(self, key: str) -> None:
        await self.reads(begins(key))

    async def reads(self, text: str | re.Pattern[str]) -> None:
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def databases(self) -> list[str]:
        found: list[str] = await self.page.evaluate(
            "indexedDB.databases().then((all) => all.map(({ name }) => name))"
        )
        return found
