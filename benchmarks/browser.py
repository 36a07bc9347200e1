"""What measurements of the web app share: a relay that serves it, and the system's Chromium."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from playwright.async_api import BrowserContext, async_playwright

from benchmarks.machine import Machine, look_at
from qanat_client.demo.programs import Relay, run
from qanat_client.web_app.files import read_app

__all__ = ["Missing", "browsing", "measured", "relay_serving"]

Result = TypeVar("Result")


class Missing(Exception):
    """Something is not here that a measurement needs."""


@asynccontextmanager
async def browsing(profile: Path) -> AsyncIterator[BrowserContext]:
    """Chromium with a profile of its own."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=_chromium(),
            args=["--disable-background-networking", "--disable-gpu", "--disable-quic"],
        )
        yield context
        await context.close()


@asynccontextmanager
async def relay_serving(folder: Path) -> AsyncIterator[Relay]:
    """A relay on loopback, which gives out the web app."""
    relay = Relay(folder / "relay", "the relay", "DE")
    made = await run("qanat-relay", "init", "--data", relay.data, "--name", "a relay")
    if made.code:
        raise RuntimeError(made.said)
    await relay.start(0)
    try:
        yield relay
    finally:
        await relay.stop()


def measured(measure: Callable[[Path], Awaitable[Result]]) -> tuple[Result, Machine]:
    """What a measurement finds, in a folder of its own, and the machine. Raises Missing."""
    if not read_app():
        raise Missing("the web app is not built: make app")
    _chromium()

    async def work(folder: Path) -> Result:
        return await measure(folder)

    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(work(Path(name))), look_at(Path(name))


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise Missing("there is no Chromium. On Debian and Ubuntu: sudo apt install chromium")
    return found
