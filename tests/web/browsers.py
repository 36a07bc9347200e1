"""The system's Chromium, driven by Playwright, with a profile of its own on the disk.

Nothing that it does may leave loopback: no name of the world is looked up.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    async_playwright,
    expect,
)

PATIENCE_MS = 60_000
"""The machine may be busy; nothing here is judged by the clock."""

expect.set_options(timeout=PATIENCE_MS)

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# What would talk to its maker, which nothing here answers.
_OPTIONS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
PLAIN_NAME = "relay.lan"
"""A name that leads to loopback, and whose pages are not secure ones over plain http."""
_RULES = f"MAP {PLAIN_NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


def chromium() -> str:
    """The path of the browser; without one the test is skipped."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip("there is no Chromium. On Debian and Ubuntu: sudo apt install chromium")


@dataclass
class Browser:
    """A running browser, and all that it asked for and complained of."""

    context: BrowserContext
    profile: Path
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def page(self) -> Page:
        """A new page, watched from its first byte on."""
        page = await self.context.new_page()
        self._watch(page)
        return page

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(error.stack or str(error)))

    def note_request(self, request: Request) -> None:
        self.asked.append(request.url)

    def note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def strangers(self, *own: str) -> list[str]:
        """What was asked for beyond these origins."""
        kept = ("data:", "blob:", "about:", *(f"{origin}/" for origin in own))
        return [url for url in self.asked if not url.startswith(kept)]


@asynccontextmanager
async def watched(context: BrowserContext, profile: Path) -> AsyncIterator[Browser]:
    """What was started, until it is closed."""
    context.set_default_timeout(PATIENCE_MS)
    browser = Browser(context, profile)
    context.on("request", browser.note_request)
    context.on("console", browser.note_console)
    try:
        yield browser
    finally:
        await context.close()


Browsing = Callable[[Path], AbstractAsyncContextManager[Browser]]
"""Starts a browser on a profile folder; with the same one again it is the same phone, restarted."""
in_both = pytest.mark.parametrize("browse", ["chromium", "firefox"], indirect=True)
in_both_where_there_is_time = pytest.mark.parametrize(
    "browse", ["chromium", pytest.param("firefox", marks=pytest.mark.soak)], indirect=True
)
"""In Firefox with `make soak` alone."""


@asynccontextmanager
async def browsing(profile: Path, **options: Any) -> AsyncIterator[Browser]:
    """Chromium on this profile folder."""
    path = chromium()
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=path,
            headless=True,
            args=[*_OPTIONS, f"--host-resolver-rules={_RULES}"],
            **options,
        )
        async with watched(context, profile) as browser:
            yield browser
