"""Pictures, films and sounds of strangers on the screen, and what leaves it blacked out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from playwright.async_api import expect
from tests.client.desk.media.samples import SECRET, photo, recording, saved, scene
from tests.client.desk.newsroom import Attached, Newsroom
from tests.web.desk.editor import WORDS, Editor, editing
from tests.web.desk.night import Night

from qanat_client.desk.catalogue import catch_up
from qanat_client.web_app.files import AppFile

App = Mapping[str, AppFile]
THUMBNAIL = saved(scene(80, 60), "JPEG")
PLAYED = """async (video) => {
  for (let tries = 0; video.currentTime < 0.5 && tries < 200; tries += 1)
    await new Promise((done) => setTimeout(done, 50));
  return [video.videoWidth, video.videoHeight, video.currentTime >= 0.5, video.error === null];
}"""


async def report_with(editor: Editor, newsroom: Newsroom, *files: Attached) -> None:
    """One report with these files, open on the screen."""
    night = Night(editor.window.desk, newsroom)
    await night.bring("one", night.writer(), "Look at what I saw.", ago_h=1, files=files)
    catch_up(night.desk.vault)
    await editor.enter()
    await editor.open("Look at what I saw.")


async def natural_size(editor: Editor) -> list[int]:
    picture = editor.report.locator("img.still")
    await expect(picture).to_be_visible()
    size: list[int] = await picture.evaluate(
        "async (img) => { await img.decode(); return [img.naturalWidth, img.naturalHeight]; }"
    )
    return size


async def test_a_picture_is_shown_in_the_list_and_in_the_report_as_what_it_is(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        file = Attached("IMG_1.jpg", photo(), "image/jpeg", THUMBNAIL)
        await report_with(editor, newsroom, file)
        await expect(editor.row("Look at").locator("img.thumb")).to_be_visible()
        caption = editor.report.locator("figcaption")
        await expect(caption).to_contain_text(WORDS["rendition.original"])
        await expect(caption).to_contain_text("JPEG picture, 320 x 240 pixels")
        assert await natural_size(editor) == [320, 240]
        await editor.button("rendition.thumbnail").click()
        await expect(caption).to_contain_text("80 x 60 pixels")
        source = await editor.report.locator("img.still").get_attribute("src")
        port = editor.window.serving.media_port
        assert source is not None
        assert source.startswith(f"http://127.0.0.1:{port}/m/")


async def test_what_a_file_says_of_itself_is_shown_as_text_when_it_is_asked_for(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await report_with(editor, newsroom, Attached("IMG_1.jpg", photo(), "image/jpeg"))
        told = editor.report.locator(".particulars")
        await expect(told).not_to_contain_text(SECRET)
        await told.locator("summary").click()
        await expect(told).to_contain_text(f"Samsung {SECRET}")
        await expect(told).to_contain_text("43.25670, 76.92860")
        await expect(told).to_contain_text("2022:01:06 10:30:00")


async def test_a_film_plays_only_when_it_is_asked_for(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        film = recording("mp4", "libx264", "aac", seconds=4, size=(320, 240))
        await report_with(editor, newsroom, Attached("a.mp4", film, "video/mp4"))
        assert await natural_size(editor) == [320, 240]
        assert await editor.report.locator("video").count() == 0
        await editor.button("media.play").click()
        video = editor.report.locator("video")
        await expect(video).to_be_visible()
        await video.evaluate("(video) => { video.muted = true; return video.play(); }")
        assert await video.evaluate(PLAYED) == [320, 240, True, True]


async def test_a_sound_plays_and_what_is_none_is_a_sentence(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        sound = recording("ogg", None, "libopus", seconds=2)
        files = (Attached("a.ogg", sound, "audio/ogg"), Attached("b.mp4", b"%PDF-", "video/mp4"))
        await report_with(editor, newsroom, *files)
        await editor.button("media.listen").first.click()
        await expect(editor.report.locator("audio")).to_be_visible()
        words = "this is a PDF document: the desk shows only pictures, films and sound"
        await expect(editor.report).to_contain_text(words)


async def test_only_what_can_be_done_is_offered_and_the_rest_is_said_in_words(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        silent = recording("mp4", "libx264", None, seconds=1, size=(320, 240))
        files = (
            Attached("a.mp4", silent, "video/mp4"),
            Attached("b.pdf", b"%PDF-1.7", "application/pdf"),
        )
        await report_with(editor, newsroom, *files)
        await expect(editor.button("media.play")).to_have_count(1)
        await expect(editor.report).to_contain_text("this MP4 recording is silent")
        why = "this is a PDF document: the desk shows only pictures, films and sound"
        await expect(editor.report).to_contain_text(WORDS["media.notPlayed"].format(why=why))
        for key in ("media.listen", "media.look"):
            await expect(editor.button(key)).to_have_count(0)
        # A document says nothing of itself that the desk reads.
        await expect(editor.report.locator(".particulars")).to_have_count(1)


async def test_boxes_drawn_by_pointer_and_by_keys_are_black_in_what_is_saved(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        picture = Image.new("RGB", (400, 300), "white")
        data = saved(picture, "PNG")
        await report_with(editor, newsroom, Attached("page.png", data, "image/png"))
        assert await natural_size(editor) == [400, 300]
        await editor.report.get_by_role("button", name=WORDS["media.blackOut"]).click()
        area = editor.report.locator(".blacking-area svg")
        await area.scroll_into_view_if_needed()
        place = await area.bounding_box()
        assert place is not None
        mouse = editor.page.mouse
        await mouse.move(place["x"] + place["width"] * 0.1, place["y"] + place["height"] * 0.1)
        await mouse.down()
        await mouse.move(place["x"] + place["width"] * 0.3, place["y"] + place["height"] * 0.3)
        await mouse.up()
        await editor.button("media.addBox").click()
        box = editor.report.get_by_role("button", name=WORDS["media.box"].format(number=2))
        await expect(box).to_be_focused()
        for _ in range(6):
            await editor.press("Control+ArrowRight")
        await editor.press("Control+Shift+ArrowDown", "ArrowDown")
        async with editor.page.expect_download() as caught:
            await editor.report.get_by_role("button", name="Save with 2 boxes").click()
        path = tmp_path / "saved.png"
        await (await caught.value).save_as(path)
        made = Image.open(io.BytesIO(path.read_bytes())).convert("L")
        assert made.size == (400, 300)
        black = {
            (x, y)
            for x in range(0, 400, 10)
            for y in range(0, 300, 10)
            if made.getpixel((x, y)) == 0
        }
        assert {(50, 40), (110, 80), (300, 130), (340, 190)} <= black
        assert not black & {(20, 20), (130, 100), (200, 150), (270, 150), (370, 150), (300, 110)}
        await box.focus()
        await editor.press("Delete")
        await expect(box).to_have_count(0)
