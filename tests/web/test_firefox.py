"""What Firefox does by itself: each quarter of a minute it saves all open tabs, fields and all."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.abroad import Abroad
from tests.secret_search import find_run, runs_of
from tests.web.browsers import PATIENCE_MS
from tests.web.firefox import browsing_firefox
from tests.web.phone import WORDS, Phone
from tests.web.saved_tabs import saved_tabs

from qanat_client.demo.media import make_photo

TEXT = "Under the bridge there are two rows of shields, and behind them water cannons."
WHERE = "Below the northern ramp"
MARK = (
    """() => document.body.append(Object.assign(document.createElement("input"), {id: "mark"}))"""
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("built_app")]


async def saved_with(phone: Phone, profile: Path, mark: str) -> list[dict[str, Any]]:
    """The saved tabs, once they hold what is typed now into a field that is not the app's."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while mark not in json.dumps(tabs := saved_tabs(profile)):
            # Of several changes in a row Firefox may leave out the last one until the next.
            await phone.page.locator("#mark").fill("")
            await phone.page.locator("#mark").fill(mark)
            await asyncio.sleep(0.5)
    return tabs


def saved_fields(tabs: list[dict[str, Any]]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for tab in tabs:
        for by in ("id", "xpath"):
            kept |= tab.get("formdata", {}).get(by, {})
    return kept


async def test_what_is_kept_of_open_tabs_holds_nothing_that_was_written_or_chosen(
    abroad: Abroad, tmp_path: Path
) -> None:
    profile, photo = tmp_path / "profile", tmp_path / "balcony-at-dusk.jpg"
    make_photo(photo, seed=7)
    async with browsing_firefox(profile) as browser:
        phone = await Phone.take(browser)
        await phone.visit(abroad.relay.url)
        await phone.page.evaluate(MARK)
        await phone.add_desk(abroad.card_file)
        code = await phone.make_code()
        await phone.live_in("KZ")
        home = await saved_with(phone, profile, "at the outbox")
        await phone.write(TEXT, where=WHERE, files=[photo], code=code)
        await phone.page.get_by_label(WORDS["write.heard"]).check()
        await phone.page.get_by_label(WORDS["write.language"]).select_option("kk")
        for switch in await phone.page.get_by_role("checkbox").all():
            await switch.check()
        written = await saved_with(phone, profile, "written")
        await phone.seal()
        sealed = await saved_with(phone, profile, "sealed")
    secrets = runs_of([TEXT, WHERE, photo.name, code])
    for tabs, mark in ((home, "at the outbox"), (written, "written"), (sealed, "sealed")):
        assert saved_fields(tabs) == {"mark": mark}
        assert find_run(json.dumps(tabs).encode(), secrets) is None
