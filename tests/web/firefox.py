"""Debian's Firefox, driven by Playwright over the WebDriver BiDi that Firefox speaks by itself.

Playwright asks at the start for one command that the extended-support release doesn't know. So the
two talk through a port of loopback that answers this one itself and hands all else through.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, web
from playwright.async_api import async_playwright
from tests.end_to_end.commands import until
from tests.web.browsers import PATIENCE_MS, Browser, watched

_PREFERENCES: dict[str, str | float | bool] = {
    # No name of the world is looked up.
    "network.dns.disabled": True,
    # Open tabs are saved each second, not each quarter of a minute.
    "browser.sessionstore.interval": 1000,
}
_ADDRESS = "WebDriverBiDiServer.json"
"""The file of the profile in which Firefox says on which port it listens."""
_LIGHT_OR_DARK = "emulation.setMediaFeaturesOverride"
"""The command; nothing but the default is asked for."""
_PATIENCE_S = PATIENCE_MS / 1000


def firefox() -> str:
    """The path of the browser; without one the test is skipped."""
    if found := shutil.which("firefox-esr"):
        return found
    pytest.skip("there is no Firefox. On Debian: sudo apt install firefox-esr")


@dataclass
class _Between:
    """Hands through what Playwright says to the Firefox of a profile, and what that answers."""

    profile: Path

    async def hand_through(self, request: web.Request) -> web.WebSocketResponse:
        near = web.WebSocketResponse(max_msg_size=0)
        await near.prepare(request)
        async with (
            ClientSession() as session,
            session.ws_connect(await self._address(), max_msg_size=0) as far,
        ):
            back = asyncio.create_task(_hand_back(far, near))
            async for message in near:
                command = json.loads(message.data)
                if command["method"] == _LIGHT_OR_DARK:
                    await near.send_json({"type": "success", "id": command["id"], "result": {}})
                else:
                    await far.send_str(message.data)
            await far.close()
            await back
        return near

    async def _address(self) -> str:
        said = self.profile / _ADDRESS
        async with asyncio.timeout(_PATIENCE_S):
            await until(lambda: said.exists() and said.stat().st_size > 0)
        place = json.loads(said.read_bytes())
        return f"ws://{place['ws_host']}:{place['ws_port']}/session"


async def _hand_back(far: ClientWebSocketResponse, near: web.WebSocketResponse) -> None:
    async for message in far:
        await near.send_str(message.data)
    await near.close()


@asynccontextmanager
async def _between(profile: Path) -> AsyncIterator[str]:
    """The address that Playwright connects to, whenever Firefox begins on this profile."""
    application = web.Application()
    application.router.add_get("/session", _Between(profile).hand_through)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def browsing_firefox(profile: Path, **options: Any) -> AsyncIterator[Browser]:
    """Firefox on this profile folder."""
    path = firefox()
    starter = profile.with_name(f"{profile.name}-starter")
    (profile / _ADDRESS).unlink(missing_ok=True)
    async with _between(profile) as address, async_playwright() as playwright:
        # Playwright goes to the first address that it reads.
        starter.write_text(
            f"#!/bin/sh\necho WebDriver BiDi listening on {address} >&2\n"
            f'exec {shlex.quote(path)} "$@"\n'
        )
        starter.chmod(0o700)
        context = await playwright.firefox.launch_persistent_context(
            profile,
            executable_path=starter,
            channel="moz-firefox",
            headless=True,
            firefox_user_prefs=_PREFERENCES,
            **options,
        )
        async with watched(context, profile) as browser:
            yield browser
    # What Firefox is itself made of, compiled: 19 MB, to which no page adds.
    shutil.rmtree(profile / "startupCache")
