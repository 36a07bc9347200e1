"""What leaves the desk, and how one finds things: asked for, seen, and only then given away."""

from __future__ import annotations

import os
import zipfile
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from pathlib import Path

from playwright.async_api import Locator, expect
from tests.client.desk.media.samples import SECRET, photo, recording
from tests.client.desk.newsroom import Attached, Newsroom
from tests.web.desk.editor import BEYOND, WORDS, Editor, editing
from tests.web.desk.night import Night, fall
from tests.web.test_screens import AXE, AXE_RUN

from qanat_client.web_app.files import AppFile
from qanat_protocol.card import parse_card
from qanat_protocol.statement import fingerprint

App = Mapping[str, AppFile]

HOSPITAL = "Раненые в городской больнице № 7"
SIZES = {1280: 800, 1920: 1080}
HARMFUL = "<script>document.title = 'harm'</script><img src=x onerror=alert(1)>"


async def looked_at(editor: Editor, name: str) -> None:
    """For everybody and within its edges, in both colour schemes and at both sizes. The pictures
    are kept where QANAT_SCREENS names a folder."""
    page, folder = editor.page, os.environ.get("QANAT_SCREENS")
    faults: list[str] = []
    await page.evaluate(AXE.read_text("utf-8"))
    for width, height in SIZES.items():
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            if folder:
                await page.screenshot(path=Path(folder) / f"{name}-{scheme}-{width}.png")
            for script in (AXE_RUN, BEYOND):
                faults += [f"{scheme} {width}: {each}" for each in await page.evaluate(script)]
    assert faults == []


async def fallen(editor: Editor, newsroom: Newsroom, folder: Path) -> Night:
    night = await fall(newsroom, editor.window.desk, folder)
    await editor.enter()
    return night


def said(key: str, count: int, **values: object) -> str:
    """The words of a message that has a plural."""
    form = "one" if count == 1 else "other"
    words: str = WORDS[key][form].format(count=count, **values)
    return words


def asked(sheet: Locator) -> Locator:
    """What the export offers to take."""
    return sheet.get_by_role("radio")


async def test_an_export_is_opened_where_the_reports_are_and_asks_which_of_them(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await fallen(editor, newsroom, tmp_path)
        sheet = editor.page.get_by_role("dialog")
        # From the list, all of it; nothing is open.
        await (
            editor.page.locator(".found").get_by_role("button", name=WORDS["export.button"]).click()
        )
        await expect(asked(sheet)).to_have_count(1)
        await expect(sheet.get_by_label(said("export.shown", 36))).to_be_checked()
        await editor.press("Escape")
        # From a report, that one.
        await editor.open(HOSPITAL)
        await editor.report.get_by_role("button", name=WORDS["export.button"]).click()
        one = sheet.get_by_label(WORDS["export.report"].format(name=HOSPITAL))
        await expect(one).to_be_checked()
        await expect(sheet.get_by_label(said("export.shown", 36))).not_to_be_checked()
        await editor.press("Escape")
        # By the key too; of several that were chosen, those.
        await editor.press("e")
        await expect(one).to_be_checked()
        await editor.press("Escape", "x", "j", "x")
        await expect(editor.page.locator(".choice-bar")).to_contain_text("2")
        await editor.press("e")
        await expect(sheet.get_by_label(said("export.chosen", 2))).to_be_checked()
        await expect(asked(sheet)).to_have_count(3)
        await editor.press("Escape")
        # Of an incident, all that it gathers, by its button and by the key.
        await editor.window.log_in()
        gathered = [night.ids["square"], night.ids["hospital"], night.ids["rumour"]]
        await editor.window.post("/api/incidents", {"name": "Square", "reports": gathered})
        await editor.go("incidents")
        main = editor.page.get_by_role("main")
        await main.get_by_role("button", name=WORDS["export.button"]).click()
        incident = sheet.get_by_label(said("export.incident", 3, name="Square"))
        await expect(incident).to_be_checked()
        await editor.button("export.look").click()
        await expect(sheet).to_contain_text(said("export.preview", 3))
        await editor.press("Escape", "e")
        await expect(incident).to_be_checked()


async def test_the_page_is_seen_as_it_will_be_with_films_and_what_is_not_confirmed_is_said(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = Night(editor.window.desk, newsroom)
        files = [
            Attached("IMG.jpg", photo(), "image/jpeg"),
            Attached("VID.mp4", recording(seconds=2, size=(320, 240)), "video/mp4"),
            Attached("list.pdf", b"%PDF-1.7", "application/pdf"),
        ]
        await night.bring(
            "film", night.writer(), HARMFUL, ago_h=2, files=files, what="Shots", language="en"
        )
        await editor.enter()
        said_by_browser: list[str] = []
        editor.page.on("console", lambda message: said_by_browser.append(message.text))
        await editor.open("Shots")
        await editor.press("e")
        sheet = editor.page.get_by_role("dialog")
        await sheet.get_by_role("checkbox", name=WORDS["export.media"]).check()
        await editor.button("export.look").click()
        await expect(sheet.get_by_role("alert")).to_have_text(
            said("export.unchecked", 1, states=f"{WORDS['state.new']}: 1")
        )
        await expect(sheet).to_contain_text(said("export.missing", 1))
        await expect(sheet).to_contain_text("list.pdf (this is a PDF document")
        page = editor.page.frame_locator("iframe")
        await expect(page.locator("article")).to_contain_text(HARMFUL)
        await expect(page.get_by_role("link", name="file-1.jpg")).to_be_visible()
        await expect(page.get_by_role("link", name="file-2.webm")).to_be_visible()
        shown = page.locator("img")
        await expect(shown).to_have_js_property("complete", value=True)
        assert await shown.evaluate("picture => picture.naturalWidth") > 0
        # Nothing of it is on this page, and the frame runs nothing.
        assert await editor.page.locator("article img[onerror]").count() == 0
        assert await page.locator("html").evaluate("() => document.title") != "harm"
        # What the test itself runs in the frame is blocked too, and that is all.
        assert [words for words in said_by_browser if "allow-scripts" not in words] == []
        await looked_at(editor, "export")
        async with editor.page.expect_download() as waiting:
            await editor.button("export.take").click()
        place = tmp_path / "reports.zip"
        await (await waiting.value).save_as(place)
        with zipfile.ZipFile(place) as archive:
            names = [name.rpartition("/")[2] for name in archive.namelist()]
            assert names == ["file-1.jpg", "file-2.webm", "reports.html"]
            assert not [n for n in archive.namelist() if SECRET.encode() in archive.read(n)]
        await expect(sheet).to_be_hidden()


async def test_what_is_confirmed_is_exported_without_a_warning(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fallen(editor, newsroom, tmp_path)
        await editor.open(HOSPITAL)
        await editor.press("3")
        await expect(editor.row(HOSPITAL)).to_contain_text(WORDS["state.corroborated"])
        await editor.press("e")
        sheet = editor.page.get_by_role("dialog")
        await editor.button("export.look").click()
        await expect(sheet).to_contain_text(said("export.preview", 1))
        await expect(sheet.get_by_role("alert")).to_have_count(0)
        # For colleagues it is a text, and nobody is warned of what is not confirmed.
        await sheet.get_by_label(WORDS["export.format"]).select_option("md")
        await sheet.get_by_role("radio").last.check()
        await editor.button("export.look").click()
        await expect(sheet.locator("pre")).to_contain_text("Раненые")
        await expect(sheet.get_by_role("alert")).to_have_count(0)


async def test_the_search_box_offers_who_where_and_what_while_one_types(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fallen(editor, newsroom, tmp_path)
        rows = (await editor.window_value("/api/aliases?begins="))["aliases"]
        alias = rows[0]
        offered = editor.page.get_by_role("listbox", name=WORDS["search.suggestions"])
        chips = editor.page.locator(".search-box .chip")
        await editor.press("/")
        await editor.page.keyboard.type(alias.partition("-")[0][:4])
        one = offered.get_by_role("option", name=f"alias:{alias}", exact=True)
        await expect(one).to_be_visible()
        await one.click()
        await expect(chips).to_have_text([f"alias:{alias}×"])
        await editor.press("Backspace")
        await expect(chips).to_have_count(0)
        # A city by any of its names, by the keys alone.
        field = editor.page.get_by_role("combobox")
        await field.fill("шымк")
        city = offered.get_by_role("option").filter(has_text="city:Shymkent")
        await expect(city).to_be_visible()
        await expect(city).to_contain_text("Шымкент")
        await looked_at(editor, "offers")
        # Enter looks for the word; the letters behind it are still letters, and no commands.
        await editor.press("Enter")
        await expect(offered).to_be_hidden()
        await expect(field).to_be_focused()
        await editor.press("ArrowDown")
        await expect(city).to_have_attribute("aria-selected", "true")
        mine = await city.get_attribute("id")
        await expect(field).to_have_attribute("aria-activedescendant", mine or "")
        await editor.press("Enter")
        await expect(chips).to_have_text(["city:Shymkent×"])
        await expect(field).to_have_value("")
        await expect(editor.found(2)).to_be_visible()
        # States, languages and tags, each as one types.
        for typed, chip in (
            ("unre", "is:unread"),
            ("check", "state:checking"),
            ("russ", "lang:ru"),
        ):
            await field.fill(typed)
            await expect(offered.get_by_role("option").filter(has_text=chip)).to_be_visible()
        await editor.press("ArrowDown", "Enter")
        await expect(chips).to_have_text(["city:Shymkent×", "lang:ru×"])
        # Words that begin nothing are looked for as they are.
        await field.fill("zzz")
        await expect(offered).to_be_hidden()
        await editor.press("Enter")
        await expect(editor.found(0)).to_be_visible()


async def test_a_bulletin_is_looked_at_once_more_before_it_goes_out(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await editor.enter()
        await editor.go("bulletins")
        languages = editor.page.get_by_label(WORDS["bulletins.language"])
        words = editor.page.get_by_label(WORDS["bulletins.words"])
        await languages.select_option("kk")
        await editor.button("bulletins.add").click()
        await languages.nth(1).select_option("ru")
        await words.nth(0).fill("Терезеден алыс тұрыңыз.")
        await editor.page.get_by_label(WORDS["bulletins.title"]).nth(1).fill("На эту ночь")
        await words.nth(1).fill("Держитесь подальше от окон.")
        place = tmp_path / "poster.jpg"
        place.write_bytes(photo())
        await editor.page.locator("input[type=file]").set_input_files(place)
        await editor.button("bulletins.look").click()
        look = editor.page.get_by_role("region", name=WORDS["look.title"])
        await expect(look.get_by_role("heading", name=WORDS["look.title"])).to_be_focused()
        for told in ("Қазақша", "Терезеден алыс", "Русский", "На эту ночь", "poster.jpg"):
            await expect(look).to_contain_text(told)
        await expect(look).to_contain_text(said("look.texts", 2))
        await expect(look).to_contain_text(WORDS["look.final"])
        relays = newsroom.card.relays
        await expect(look.locator(".look-relays li")).to_have_count(len(relays))
        await expect(look.locator("canvas")).to_have_js_property("width", 320)
        await looked_at(editor, "look")
        # Nothing went out; what was written is still there.
        await editor.button("look.back").click()
        await expect(words.nth(1)).to_have_value("Держитесь подальше от окон.")
        sent = editor.page.locator(".cards > li")
        await expect(sent).to_have_count(0)
        await editor.button("bulletins.look").click()
        await editor.button("bulletins.publish").click()
        await expect(sent).to_have_count(2)
        await expect(words).to_have_count(1)
        await expect(words).to_have_value("")


async def test_the_card_is_handed_to_reporters_as_a_file_and_as_a_link(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await editor.enter()
        await editor.go("desk")
        main = editor.page.get_by_role("main")
        await expect(main).to_contain_text(fingerprint(newsroom.card.desk_id))
        await looked_at(editor, "card")
        async with editor.page.expect_download() as waiting:
            await editor.button("card.save").click()
        card = Path(await (await waiting.value).path()).read_bytes()
        assert parse_card(card).desk_id == newsroom.card.desk_id
        await editor.page.get_by_label(WORDS["card.app"]).fill("https://relay.example/")
        async with editor.page.expect_download() as waiting:
            await editor.button("card.saveLink").click()
        link = Path(await (await waiting.value).path()).read_text("utf-8").strip()
        address, _, behind = link.partition("#")
        assert address == "https://relay.example/"
        assert urlsafe_b64decode(behind + "=" * (-len(behind) % 4)) == card
        await editor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await editor.button("card.copy").click()
        await expect(editor.page.get_by_text(f"{len(link):,}")).to_be_visible()
        assert await editor.page.evaluate("navigator.clipboard.readText()") == link
        await editor.page.get_by_label(WORDS["card.app"]).fill("relay.example")
        await editor.button("card.copy").click()
        refused = editor.page.get_by_text("a link takes the address of a web app")
        await expect(refused).to_be_visible()
