"""Every place at 1280 and 1920 px, light and dark: for everybody, and within its edges.

QANAT_SCREENS names a folder for the pictures; otherwise they are thrown away.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.client.desk.newsroom import Newsroom
from tests.web.desk.editor import BEYOND, WORDS, Editor, editing
from tests.web.desk.night import Night, fall
from tests.web.test_screens import AXE, AXE_RUN, RAW, unreached
from tests.web_source import need_web

from qanat_client.web_app.files import AppFile

App = Mapping[str, AppFile]
HEIGHTS = {1280: 800, 1920: 1080}
SCHEMES = ("light", "dark")
PLACES = ("overview", "incidents", "bulletins", "outgoing", "desk")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("QANAT_SCREENS") or tmp_path / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def work(editor: Editor, night: Night) -> None:
    """What an editor has done by the middle of the morning."""
    window, ids = editor.window, night.ids
    await window.log_in()
    gathered = [ids["square"], ids["hospital"], ids["rumour"]]
    await window.post("/api/incidents", {"name": "Shooting on the square", "reports": gathered})
    await window.post("/api/incidents", {"name": "Roadblocks", "reports": [ids["persian"]]})
    changes = [
        {"what": "state", "report": ids["square"], "value": "checking"},
        {"what": "state", "report": ids["hospital"], "value": "corroborated"},
        {"what": "state", "report": ids["rumour"], "value": "doubtful"},
        {"what": "starred", "report": ids["square"], "value": True},
        {"what": "tag", "report": ids["hospital"], "tag": "hospital", "value": True},
        {"what": "tag", "report": ids["square"], "tag": "shooting", "value": True},
        {
            "what": "element",
            "report": ids["square"],
            "element": "place",
            "value": "high",
            "note": "the fountain is in the picture",
        },
        {"what": "element", "report": ids["square"], "element": "date", "value": "medium"},
        *({"what": "read", "report": ids[name], "value": True} for name in ("hospital", "rumour")),
    ]
    await window.post("/api/decide", {"changes": changes})
    text = "Рахмет. Екінші суретті толық жібере аласыз ба?"
    await window.post(f"/api/reports/{ids['square']}/reply", {"text": text, "want": [1]})
    texts = [
        {"language": "kk", "title": "Бүгін түнде", "text": "Терезеден алыс тұрыңыз."},
        {"language": "ru", "title": "На эту ночь", "text": "Держитесь подальше от окон."},
    ]
    await window.post("/api/bulletins", {"texts": texts})


async def places(editor: Editor) -> AsyncIterator[str]:
    """Go through all of them."""
    page = editor.page
    await editor.go("inbox")
    await editor.page.get_by_role("button", name=WORDS["view.all"]).first.click()
    await editor.row("Алаңда атыс").click()
    await expect(editor.report).to_contain_text("терезеден көрдім")
    await editor.report.locator(".log summary").click()
    await editor.report.evaluate("(report) => report.scrollTo(0, 0)")
    await page.wait_for_timeout(300)
    yield "report"
    await editor.press("/")
    await page.keyboard.type("is:unread ")
    await page.wait_for_timeout(300)
    yield "search"
    await page.get_by_role("button", name=WORDS["view.all"]).first.click()
    for place in PLACES:
        await editor.go(place)
        if place == "overview":
            drawn = page.get_by_label(WORDS["map.label"])
            await expect(drawn).to_be_visible()
        await page.wait_for_timeout(300)
        yield place
    await editor.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    yield "keys"
    await editor.press("Escape")


@pytest.mark.timeout(600)
async def test_every_place_is_for_everybody_and_stays_within_its_edges(
    newsroom: Newsroom, desk_app: App, tmp_path: Path, pictures: Path
) -> None:
    need_web()
    faults: list[str] = []
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        page = editor.page
        night = await fall(newsroom, editor.window.desk, tmp_path)
        await work(editor, night)
        await editor.enter()
        await page.evaluate(AXE.read_text("utf-8"))
        for width, height in HEIGHTS.items():
            await page.set_viewport_size({"width": width, "height": height})
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                async for place in places(editor):
                    name = f"{place}-{scheme}-{width}"
                    await page.screenshot(path=pictures / f"{name}.png")
                    faults += [f"{name}: {each}" for each in await page.evaluate(AXE_RUN)]
                    faults += [f"{name}: raw {each}" for each in await page.evaluate(RAW)]
                    faults += [f"{name}: beyond {each}" for each in await page.evaluate(BEYOND)]
        await page.goto(editor.window.address)
        await page.evaluate("sessionStorage.clear()")
        await page.reload()
        await expect(page.get_by_role("heading", name=WORDS["over.title"])).to_be_visible()
        await page.evaluate(AXE.read_text("utf-8"))
        faults += [f"over: {each}" for each in await page.evaluate(AXE_RUN)]
    assert faults == []


@pytest.mark.timeout(600)
async def test_every_control_of_every_place_is_reached_by_tab_and_seen_to_be(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    faults: list[str] = []
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await fall(newsroom, editor.window.desk, tmp_path)
        await work(editor, night)
        await editor.enter()
        async for place in places(editor):
            # Behind the keys, which lie over the screen, nothing is to be reached.
            if place != "keys":
                faults += [f"{place}: {each}" for each in await unreached(editor.page)]
    assert faults == []
