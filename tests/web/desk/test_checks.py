"""Reports beside each other on the screen, and reports taken out: seen first, then downloaded."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from playwright.async_api import FloatRect, Locator, expect
from tests.client.desk.newsroom import Newsroom
from tests.web.desk.editor import WORDS, Editor, editing
from tests.web.desk.night import Night, fall

from qanat_client.web_app.files import AppFile

App = Mapping[str, AppFile]

HOSPITAL = "Раненые в городской больнице № 7"


async def picture(editor: Editor, name: str) -> None:
    """Keep what the screen shows, where QANAT_SCREENS names a folder."""
    if folder := os.environ.get("QANAT_SCREENS"):
        await editor.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def opened(editor: Editor, newsroom: Newsroom, folder: Path) -> Night:
    night = await fall(newsroom, editor.window.desk, folder)
    await editor.enter()
    await editor.open(HOSPITAL)
    return night


def figure(editor: Editor, what: str) -> Locator:
    """The table of one thing that is counted."""
    return editor.report.get_by_role("table", name=what, exact=True)


async def bar_of(table: Locator, words: str) -> FloatRect:
    """Where the bar of the row with these words lies on the screen."""
    bar = table.get_by_role("row").filter(has_text=words).locator("svg rect").last
    box = await bar.bounding_box()
    assert box is not None
    return box


async def test_figures_that_contradict_each_other_are_seen_side_by_side(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await opened(editor, newsroom, tmp_path)
        dead = figure(editor, "погибшие")
        await expect(dead).to_contain_text("100 to 200")
        await expect(dead).to_contain_text(WORDS["figures.contradicts"])
        await expect(dead).to_contain_text(WORDS["basis.heard"])
        await expect(dead).to_contain_text(WORDS["figures.noCommon"])
        wounded = figure(editor, "раненые")
        await expect(wounded.get_by_role("row").filter(has_text="5 to 10")).to_contain_text(
            WORDS["figures.contradicts"]
        )
        # This report's bar begins where that of the lower one has ended.
        mine = await bar_of(wounded, "16 to 20")
        other = await bar_of(wounded, "5 to 10")
        assert mine["x"] > other["x"] + other["width"]
        await picture(editor, "figures")


async def test_what_may_belong_together_is_named_with_reasons_and_gathered(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await opened(editor, newsroom, tmp_path)
        await expect(editor.report).to_contain_text(WORDS["related.title"])
        await expect(editor.report).to_contain_text("the same place: Алматы")
        await editor.window.log_in()
        made = await editor.window.post(
            "/api/incidents", {"name": "Square", "reports": [night.ids["hospital"]]}
        )
        await editor.button("related.addThis", name="Square").first.click()
        await expect(editor.report).to_contain_text("in an incident with it")
        page = await editor.window.get(f"/api/incidents/{made['id']}")
        assert len(page["rows"]) == 2
        await editor.go("incidents")
        await expect(editor.page.get_by_role("main")).to_contain_text(WORDS["incident.figures"])
        await picture(editor, "incident")


async def test_an_export_is_seen_before_it_is_taken_and_holds_nothing_blacked_out(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await opened(editor, newsroom, tmp_path)
        await editor.press("e")
        sheet = editor.page.get_by_role("dialog")
        await expect(editor.button("export.take")).to_be_disabled()
        await sheet.get_by_label(WORDS["export.words"]).fill("раненых\nникого")
        await sheet.get_by_role("checkbox", name=WORDS["export.field.where"], exact=True).check()
        await editor.button("export.look").click()
        await expect(sheet).to_contain_text("раненых: blacked out")
        await expect(sheet).to_contain_text("никого: blacked out 0 times")
        await expect(sheet).to_contain_text(WORDS["export.read"])
        await picture(editor, "export")
        # What was changed since has to be looked at again.
        await sheet.get_by_label(WORDS["export.words"]).fill("раненых")
        await expect(editor.button("export.take")).to_be_disabled()
        await editor.button("export.look").click()
        async with editor.page.expect_download() as waiting:
            await editor.button("export.take").click()
        download = await waiting.value
        assert download.suggested_filename == "reports.html"
        place = tmp_path / "reports.html"
        await download.save_as(place)
        text = place.read_text("utf-8")
        assert "█████" in text
        assert "раненых" not in text
        assert "Алматы" not in text.replace("в Алматы", "")
        assert not [identity for identity in night.ids.values() if identity[:8] in text]
        await expect(sheet).to_be_hidden()


async def test_a_published_page_shows_its_pictures_in_its_own_style(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await opened(editor, newsroom, tmp_path)
        await editor.window.log_in()
        order = {"format": "html", "public": False, "media": True, "ids": [night.ids["water"]]}
        said = await editor.window.ask("POST", "/api/export", order)
        with zipfile.ZipFile(io.BytesIO(said.body)) as archive:
            archive.extractall(tmp_path / "out")
        refused: list[str] = []
        editor.page.on("console", lambda message: refused.append(message.text))
        await editor.page.goto((tmp_path / "out" / "reports.html").as_uri())
        shown = editor.page.locator("img")
        await expect(shown).to_have_js_property("complete", value=True)
        assert await shown.evaluate("picture => picture.naturalWidth") > 0
        assert await editor.page.evaluate("document.body.offsetWidth") < 1000
        assert refused == []
