"""An editor before a screen: the app in a browser, on a desk that is served in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page, expect
from tests.client.desk.newsroom import Newsroom
from tests.client.desk.serve.window import Window, serving_of
from tests.web.browsers import Browser, browsing
from tests.web_source import WEB

from qanat_client.desk.serve.overall import counts_of
from qanat_client.web_app.files import AppFile

DESK_APP = WEB / "desk"
WORDS: dict[str, Any] = json.loads((DESK_APP / "src" / "words" / "en.json").read_text("utf-8"))
# What reaches beyond the window or beyond the column that it stands in.
BEYOND = """() => [...document.querySelectorAll("body *")]
  .filter((each) => each.getClientRects().length > 0 && !each.closest(".unseen")
    && each.parentElement.closest("svg") === null)
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1
    || (each.matches("main, main > *, .middle, .report")
      && each.scrollWidth > each.clientWidth + 1))
  .map((each) => each.cloneNode(false).outerHTML)"""


@dataclass
class Editor:
    """One window of the app."""

    page: Page
    browser: Browser
    served: Window | None = None

    @property
    def window(self) -> Window:
        """The server in this process, and a window of its own on it."""
        assert self.served is not None
        return self.served

    async def enter(self, link: str = "") -> None:
        """Open a link of the terminal, or the newest of the server in this process."""
        if not link:
            # The screen's today is the desk's.
            await self.page.clock.set_fixed_time(self.window.desk.clock())
            link = f"{self.window.address}/#{self.window.tokens[-1]}"
        await self.page.goto(link)
        await expect(self.page.get_by_role("listbox", name=WORDS["list.label"])).to_be_visible()

    def row(self, words: str) -> Locator:
        """The row of the list in which these words stand."""
        return self.page.get_by_role("option").filter(has_text=words)

    async def open(self, words: str) -> None:
        """Press the row, and wait for the report."""
        await self.row(words).click()
        # Other reports name it, too.
        own = self.report.locator(".report-head, .text").filter(has_text=words)
        await expect(own.first).to_be_visible()

    @property
    def report(self) -> Locator:
        return self.page.get_by_role("article", name=WORDS["report.label"])

    @property
    def incidents(self) -> Locator:
        """The field that finds an incident for the report, or names a new one."""
        return self.page.get_by_role("combobox", name=WORDS["incidents.add"])

    def button(self, key: str, **values: object) -> Locator:
        """A button by the key of its words."""
        return self.page.get_by_role("button", name=WORDS[key].format(**values), exact=True)

    def button_begins(self, key: str) -> Locator:
        """A button of the report that begins with these words: behind them stands its key."""
        return self.report.get_by_role("button", name=WORDS[key])

    def found(self, count: int) -> Locator:
        """How many reports the list says that it has."""
        form = "one" if count == 1 else "other"
        words = WORDS["list.total"][form].format(count=count)
        return self.page.locator(".found").get_by_text(words, exact=True)

    async def window_value(self, path: str) -> Any:
        """What the server says to a window of its own."""
        await self.window.log_in()
        return await self.window.get(path)

    async def tell_changed(self) -> None:
        """Let the server say to its windows that the desk has changed."""
        counts = await self.window.serving.vault_work(counts_of)
        self.window.serving.live.tell("changed", {"counts": counts})

    async def go(self, place: str) -> None:
        """To another place, by the left column."""
        places = self.page.get_by_role("navigation", name=WORDS["places"])
        await places.get_by_role("button", name=WORDS[f"place.{place}"]).click()

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)


@asynccontextmanager
async def editing(
    newsroom: Newsroom,
    app: Mapping[str, AppFile],
    profile: Path,
    *,
    width: int = 1280,
    height: int = 800,
) -> AsyncIterator[Editor]:
    """A served desk and a browser that has not opened it yet."""
    viewport = {"width": width, "height": height}
    async with (
        serving_of(newsroom, app=app) as window,
        # The zone of the machine shows in no picture.
        browsing(profile, viewport=viewport, timezone_id="Asia/Almaty") as browser,
    ):
        yield Editor(await browser.page(), browser, window)
