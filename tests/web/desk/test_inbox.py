"""The inbox on the screen: the list, the search, the keys, what comes in while one reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from playwright.async_api import expect
from tests.client.desk.newsroom import Newsroom
from tests.web.desk.editor import WORDS, editing
from tests.web.desk.night import fall

from qanat_client.desk.catalogue import catch_up
from qanat_client.web_app.files import AppFile

App = Mapping[str, AppFile]


async def test_an_editor_opens_the_link_and_reads_what_came_overnight(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        # The link's token stays neither in the address nor in the history.
        assert editor.page.url == f"{editor.window.address}/"
        await editor.open("Задержания на рынке")
        await expect(editor.report).to_contain_text("среди них подросток")
        await expect(editor.report).to_contain_text(WORDS["basis.seen"])
        await expect(editor.report).to_contain_text("8 to 12")
        origin = editor.window.serving.media_port
        assert editor.browser.strangers(editor.window.address, f"http://127.0.0.1:{origin}") == []


async def test_the_keys_alone_lead_through_the_list_and_mark_what_they_are_on(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await expect(editor.row("Су жоқ")).to_be_visible()
        await editor.press("j", "j", "Enter")
        await expect(editor.report).to_contain_text("Су екі сағаттан бері жоқ")
        await editor.press("s", "2")
        await expect(editor.row("Су жоқ")).to_contain_text(WORDS["state.checking"])
        await editor.press("x", "k", "x", "5")
        for words in ("Су жоқ", "Задержания на рынке"):
            await expect(editor.row(words)).to_contain_text(WORDS["state.published"])
        await editor.press("Escape", "r")
        await expect(editor.page.get_by_label(WORDS["answer.text"])).to_be_focused()
        await editor.press("Escape", "t")
        await editor.page.keyboard.type("Water")
        await editor.press("Enter")
        await expect(editor.report.get_by_text("#water")).to_be_visible()
        # Whoever stays on a report has read it. A Cyrillic keyboard's key at the same place.
        await editor.press("Escape")
        market = editor.row("Задержания на рынке")
        await expect(market).not_to_contain_text(WORDS["row.unread"])
        await editor.page.evaluate(
            "dispatchEvent(new KeyboardEvent('keydown', { key: 'г', code: 'KeyU' }))"
        )
        await expect(market).to_contain_text(WORDS["row.unread"])
        # What the screen showed, the desk has.
        report = await editor.window_value(f"/api/reports/{night.ids['water']}")
        assert report["decided"]["starred"]
        assert report["decided"]["state"] == "published"
        await editor.press("?")
        await expect(editor.page.get_by_role("dialog")).to_contain_text(WORDS["keys.author"])
        await editor.press("Escape", "g", "b")
        await expect(
            editor.page.get_by_role("heading", name=WORDS["bulletins.new"])
        ).to_be_visible()
        await editor.press("g", "i")
        await expect(editor.row("Су жоқ")).to_be_visible()


async def test_words_and_filters_narrow_the_list_together(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await editor.press("/")
        await editor.page.keyboard.type("lang:ru is:first-hand ")
        await expect(editor.found(3)).to_be_visible()
        await editor.page.keyboard.type("елка")
        await expect(editor.found(0)).to_be_visible()
        for _ in range(4):
            await editor.press("Backspace")
        await editor.page.keyboard.type("тяжелом")
        await expect(editor.found(1)).to_be_visible()
        await expect(editor.row("Раненые в городской больнице")).to_be_visible()
        await editor.press("Control+a", "Backspace", "Backspace", "Backspace", "Enter")
        await expect(editor.found(36)).to_be_visible()
        await editor.page.get_by_role("button", name=WORDS["view.urgent"]).click()
        await expect(editor.found(2)).to_be_visible()


async def test_the_reports_of_a_loud_pseudonym_are_one_row_that_opens_and_is_muted(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        more = WORDS["row.group"]["other"].format(count=23)
        await editor.page.get_by_text(more).click()
        await expect(editor.found(24)).to_be_visible()
        await editor.open("Сообщение 24.")
        await editor.button("report.mute").click()
        await expect(editor.button("report.unmute")).to_be_visible()
        await editor.page.get_by_role("button", name=WORDS["view.all"], exact=False).first.click()
        await expect(editor.found(12)).to_be_visible()
        await editor.page.get_by_role(
            "button", name=WORDS["list.muted"]["other"].format(count=24)
        ).click()
        await expect(editor.found(24)).to_be_visible()


async def test_what_comes_in_while_one_reads_moves_nothing_until_it_is_asked_for(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await editor.open("Су жоқ")
        place = await editor.row("Су жоқ").bounding_box()
        for number in range(3):
            await night.bring(f"new {number}", night.writer(), f"Jetzt {number}.", ago_h=0)
        catch_up(night.desk.vault)
        await editor.tell_changed()
        bar = editor.page.get_by_text(WORDS["list.fresh"]["other"].format(count=3))
        await expect(bar).to_be_visible()
        assert await editor.page.get_by_text("Jetzt 0.").count() == 0
        moved = await editor.row("Су жоқ").bounding_box()
        assert place is not None
        assert moved is not None
        # The bar pushes the list down by its own height; no row of the list was put before.
        assert abs(moved["y"] - place["y"]) < 50
        await editor.press("Escape", "n")
        await expect(editor.row("Jetzt 2.")).to_be_visible()
        await expect(editor.report).to_contain_text("Су жоқ")
