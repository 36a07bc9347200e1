"""A picture or a film over the whole window, and files that arrive while one looks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from playwright.async_api import Locator, expect
from tests.client.desk.media.samples import recording, saved, scene
from tests.client.desk.newsroom import Attached, Made, Newsroom, open_directly
from tests.web.desk.editor import WORDS, Editor, editing
from tests.web.desk.night import Night
from tests.web.desk.test_media import PLAYED, THUMBNAIL
from tests.web.test_screens import AXE, AXE_RUN
from tests.web_source import need_web

from qanat_client.desk.catalogue import catch_up
from qanat_client.web_app.files import AppFile

App = Mapping[str, AppFile]
LARGE = saved(scene(2400, 1600), "JPEG")
FILM = recording("mp4", "libx264", "aac", seconds=4, size=(320, 240))
PICTURE_FILE = Attached("IMG_1.jpg", LARGE, "image/jpeg", THUMBNAIL)
FILM_FILE = Attached("a.mp4", FILM, "video/mp4")
TEXT = "Look at what I saw."


async def opened(
    editor: Editor, newsroom: Newsroom, files: Sequence[Attached], *, missing: int = 0
) -> Sequence[Made]:
    """One report on the screen; what of it has not arrived."""
    night = Night(editor.window.desk, newsroom)
    identity, parcels = night.writer().write(TEXT, files)
    assert identity
    here = len(parcels) - missing
    await open_directly(night.desk, parcels[:here])
    catch_up(night.desk.vault)
    await editor.enter()
    await editor.open(TEXT)
    return parcels[here:]


def window_of(editor: Editor) -> Locator:
    return editor.page.get_by_role("dialog")


async def drawn(editor: Editor) -> tuple[float, float, float]:
    """Where the picture stands in the window, and how wide it is."""
    picture = window_of(editor).locator(".stage img")
    box = await picture.bounding_box()
    assert box is not None
    return round(box["x"]), round(box["y"]), round(box["width"])


async def look(editor: Editor, name: str) -> list[str]:
    """What axe finds in both colour schemes; a picture of each where QANAT_SCREENS says so."""
    faults = []
    for scheme in ("light", "dark"):
        await editor.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        if folder := os.environ.get("QANAT_SCREENS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            await editor.page.screenshot(path=Path(folder) / f"{name}-{scheme}.png")
        faults += [f"{name} {scheme}: {each}" for each in await editor.page.evaluate(AXE_RUN)]
    return faults


async def test_a_picture_fills_the_window_by_key_and_by_click_and_gives_the_focus_back(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    need_web()
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        files = (
            PICTURE_FILE,
            Attached("notes.pdf", b"%PDF-", "application/pdf"),
            FILM_FILE,
        )
        await opened(editor, newsroom, files)
        shown = window_of(editor)
        stage = shown.locator(".stage")
        await editor.report.locator("img.still").first.click()
        await expect(shown).to_contain_text("IMG_1.jpg")
        await expect(stage).to_be_focused()
        await expect(shown).to_contain_text(WORDS["rendition.original"])
        await expect(shown).to_contain_text("2,400 x 1,600 pixels")
        await expect(shown).to_contain_text(hashlib.sha256(LARGE).hexdigest())
        await expect(shown).to_contain_text(WORDS["media.fileOf"].format(number=1, count=3))
        await editor.page.evaluate(AXE.read_text("utf-8"))
        assert await look(editor, "enlarged") == []
        # No Tab leads out of it.
        for _ in range(20):
            await editor.press("Tab")
            assert await editor.page.evaluate(
                "document.activeElement === document.body"
                " || document.querySelector('dialog').contains(document.activeElement)"
            )
        await editor.press("Escape")
        await expect(shown).to_have_count(0)
        enlarge = editor.button("media.enlarge").first
        await enlarge.focus()
        await enlarge.press("Enter")
        await expect(stage).to_be_focused()
        # The list's keys do nothing behind it.
        await editor.press("s", "2", "Escape")
        await expect(shown).to_have_count(0)
        await expect(enlarge).to_be_focused()
        await expect(editor.row(TEXT)).not_to_contain_text(WORDS["state.checking"])
        await editor.press("v")
        await expect(shown).to_contain_text("IMG_1.jpg")
        await editor.button("close").click()
        await expect(enlarge).to_be_focused()


async def test_it_is_seen_pixel_by_pixel_and_moved_by_mouse_and_by_keys(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await opened(editor, newsroom, [PICTURE_FILE])
        await editor.press("Escape", "v")
        shown = window_of(editor)
        await expect(shown).to_contain_text("2,400 x 1,600 pixels")
        whole = await drawn(editor)
        await editor.press("1")
        await expect(shown).to_contain_text(WORDS["media.scale"].format(percent=100))
        left, top, width = await drawn(editor)
        assert width == 2400
        await editor.press("ArrowRight", "ArrowDown")
        assert await drawn(editor) == (left - 80, top - 80, width)
        mouse = editor.page.mouse
        await mouse.move(600, 400)
        await mouse.down()
        await mouse.move(700, 450, steps=3)
        await mouse.up()
        assert await drawn(editor) == (left + 20, top - 30, width)
        await mouse.wheel(0, -100)
        # What is under the pointer stays there.
        nearer = await drawn(editor)
        assert nearer[2] == 3000
        assert abs((700 - nearer[0]) / 3000 - (700 - left - 20) / 2400) < 0.001
        await editor.button("map.farther").click()
        assert (await drawn(editor))[2] == 2400
        await editor.press("+")
        assert (await drawn(editor))[2] == 3000
        await editor.button("map.whole").click()
        assert await drawn(editor) == whole
        await editor.button("media.real").click()
        assert (await drawn(editor))[2] == 2400
        await editor.press("0")
        assert await drawn(editor) == whole
        await editor.page.locator(".stage").dblclick(position={"x": 300, "y": 200})
        assert (await drawn(editor))[2] == 2400
        await shown.get_by_role("button", name=WORDS["rendition.thumbnail"]).click()
        await expect(shown).to_contain_text("80 x 60 pixels")


async def test_the_next_file_is_a_key_away_and_a_film_plays_there(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    need_web()
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await opened(editor, newsroom, [PICTURE_FILE, FILM_FILE])
        shown = window_of(editor)
        await editor.press("Escape", "v")
        await expect(editor.button("media.previousFile")).to_be_disabled()
        await editor.press("n")
        await expect(shown).to_contain_text("a.mp4")
        await expect(shown.locator(".stage")).to_be_focused()
        await expect(shown).to_contain_text("one picture of a film")
        await editor.button("media.previousFile").click()
        await expect(shown).to_contain_text("IMG_1.jpg")
        await editor.button("media.nextFile").click()
        await expect(shown).to_contain_text("a.mp4")
        await shown.get_by_role("button", name=WORDS["media.play"]).click()
        video = shown.locator("video")
        await expect(video).to_be_visible()
        await video.evaluate("(video) => { video.muted = true; return video.play(); }")
        assert await video.evaluate(PLAYED) == [320, 240, True, True]
        await editor.page.evaluate(AXE.read_text("utf-8"))
        assert await look(editor, "enlarged-film") == []
        await editor.button("media.asStill").click()
        await expect(video).to_have_count(0)
        await editor.press("Escape")
        # The film that plays in the report goes on over the window.
        await editor.report.get_by_role("button", name=WORDS["media.play"]).click()
        await expect(editor.report.locator("video")).to_be_visible()
        await editor.button("media.enlargeFilm").click()
        await expect(video).to_be_visible()
        assert await editor.report.locator(".media > figure > video").evaluate("v => v.paused")


async def test_an_original_that_arrives_is_shown_by_itself_and_disturbs_nothing(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        missing = await opened(editor, newsroom, [PICTURE_FILE], missing=1)
        caption = editor.report.locator("figcaption")
        await expect(caption).to_contain_text(WORDS["rendition.thumbnail"])
        await editor.button("files.ask").click()
        answer = editor.page.get_by_label(WORDS["answer.text"])
        await expect(editor.report).to_contain_text(WORDS["answer.toAsk"])
        await answer.fill("Half an ans")
        place = WORDS["element.place"]
        note = editor.page.get_by_label(WORDS["checking.note"].format(element=place))
        await note.fill("the fountain")
        await editor.report.get_by_role("button", name=WORDS["media.blackOut"]).click()
        await editor.button("media.addBox").click()
        box = editor.report.get_by_role("button", name=WORDS["media.box"].format(number=1))
        await expect(box).to_be_focused()
        await note.fill("the fountain is")
        await open_directly(editor.window.desk, missing)
        # Boxes stay over what they were drawn on, until the editor takes the better one.
        await expect(editor.report).to_contain_text(
            WORDS["media.better"].format(rendition=WORDS["rendition.original"])
        )
        await expect(note).to_be_focused()
        await expect(note).to_have_value("the fountain is")
        await expect(answer).to_have_value("Half an ans")
        await editor.button("media.useBetter").click()
        await expect(box).to_be_visible()
        await expect(
            editor.report.get_by_role("button", name=WORDS["media.useBetter"])
        ).to_have_count(0)
        await editor.button("close").click()
        await expect(caption).to_contain_text(WORDS["rendition.original"])
        await expect(caption).to_contain_text("2,400 x 1,600 pixels")
        await expect(editor.button("files.ask")).to_have_count(0)
        # Nothing is left to ask for, and nothing unsent but what was written.
        await expect(editor.report).not_to_contain_text(WORDS["answer.toAsk"])
        await answer.fill("")
        await expect(editor.button("answer.send")).to_be_disabled()


async def test_an_original_that_arrives_comes_into_the_enlarged_view_where_one_looks(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        small = saved(scene(240, 160), "JPEG")
        file = Attached("IMG_1.jpg", LARGE, "image/jpeg", small)
        missing = await opened(editor, newsroom, [file], missing=1)
        shown = window_of(editor)
        await editor.press("Escape", "v")
        await expect(shown).to_contain_text(WORDS["rendition.thumbnail"])
        await expect(shown.locator(".stage img")).to_be_visible()
        await editor.press("+", "+", "+", "ArrowRight")
        seen = await drawn(editor)
        await open_directly(editor.window.desk, missing)
        await expect(shown).to_contain_text(WORDS["rendition.original"])
        await expect(shown).to_contain_text("2,400 x 1,600 pixels")
        assert await drawn(editor) == seen
        await expect(shown.locator(".stage")).to_be_focused()
