"""An editor's whole morning: real relays, a real `qanat-desk serve`, a real browser, and reports in
five languages that contradict each other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.web.browsers import browsing
from tests.web.desk.editor import WORDS, Editor
from tests.web.desk.overnight import FILM, FILMER, HARMFUL, Night, night_before
from tests.web.desk.test_media import PLAYED

from qanat_client.demo.programs import command, environment
from qanat_client.web_app.files import AppFile

REPORTS = 9
QUESTION = "Спасибо. Кто ещё это видел?"
TONIGHT = {"kk": "Терезеден алыс тұрыңыз.", "ru": "Держитесь подальше от окон."}


@asynccontextmanager
async def served(night: Night) -> AsyncIterator[str]:
    """The link of `qanat-desk serve` as a process of its own."""
    given = ["--json", "--home", str(night.desk.home)]
    given += ["--passphrase-file", str(night.desk.passphrase_file), "serve"]
    process = await asyncio.create_subprocess_exec(
        *command("qanat-desk", given),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment({}),
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            said = await process.stdout.readline()
        yield json.loads(said)["link"]
    finally:
        process.terminate()
        await process.wait()


async def shown(editor: Editor, count: int) -> None:
    """Wait until so many reports have come and stand in the list."""
    async with asyncio.timeout(60):
        while not await editor.found(count).is_visible():
            await editor.press("n")
            await asyncio.sleep(0.3)


@pytest.mark.timeout(600)
async def test_an_editors_morning_from_the_link_to_the_atom_feed(
    desk_app: Mapping[str, AppFile], tmp_path: Path
) -> None:
    assert desk_app
    night = await night_before(tmp_path / "night")
    try:
        async with (
            served(night) as link,
            browsing(tmp_path / "profile", viewport={"width": 1280, "height": 800}) as browser,
        ):
            editor = Editor(await browser.page(), browser)
            await editor.enter(link)
            await shown(editor, REPORTS)
            await triage(editor)
            await compare(editor)
            await answer_and_tell(editor, night)
            await see_the_film(editor, night)
            await publish(editor)
            assert await editor.page.evaluate("window.harmed") is None
    finally:
        await night.stop()


async def triage(editor: Editor) -> None:
    """What is urgent first, by keys alone."""
    await editor.press("/")
    await editor.page.keyboard.type("is:urgent ")
    await expect(editor.found(2)).to_be_visible()
    await editor.press("Enter", "j", "Enter", "s", "2", "j", "Enter", "2")
    for words in ("Shooting on Republic Square", "Алаңда атыс"):
        await expect(editor.row(words)).to_contain_text(WORDS["state.checking"])
    await editor.press("/", "Backspace", "Enter")
    await expect(editor.found(REPORTS)).to_be_visible()
    # What was made to do harm is text like any other.
    await editor.row("HYPERLINK").first.click()
    await expect(editor.report).to_contain_text(HARMFUL)
    await editor.press("6")
    await expect(editor.row("HYPERLINK").first).to_contain_text(WORDS["state.rejected"])


async def compare(editor: Editor) -> None:
    """Three say different numbers of one place; they are gathered."""
    await editor.open("Раненые на площади")
    figures = editor.report.get_by_role("heading", name=WORDS["figures.title"])
    await expect(figures).to_be_visible()
    await expect(editor.report).to_contain_text(WORDS["figures.contradicts"])
    await expect(editor.report).to_contain_text(WORDS["basis.heard"])
    for words in ("Раненые на площади", "Shooting on Republic Square", "Schüsse in der Nacht"):
        await editor.open(words)
        await editor.press("Escape", "c")
        await editor.page.keyboard.type("The sq")
        # The first names it, by the entry that the arrow goes to; the others find it.
        new = editor.page.get_by_role("option", name="New incident “The sq”", exact=True)
        await expect(new).to_be_visible()
        if words == "Раненые на площади":
            await editor.page.keyboard.type("uare")
            await editor.press("ArrowDown")
        await editor.press("Enter")
        gathered = editor.report.get_by_role("button", name="The square", exact=True)
        await expect(gathered).to_be_visible()
    await editor.press("Escape", "g", "c")
    title = editor.page.locator(".page-body").get_by_role("heading", name="The square")
    await expect(title).to_be_visible()
    await expect(editor.page.locator(".page-body")).to_contain_text("Schüsse in der Nacht")
    await editor.press("g", "i")


async def answer_and_tell(editor: Editor, night: Night) -> None:
    """An answer to one, with a wish for the film, and a bulletin in two languages to all; both are
    read."""
    await editor.open("Раненые на площади")
    await expect(editor.report.locator(".parts")).to_contain_text(WORDS["part.missing"])
    await editor.button("files.ask").click()
    answer = editor.page.get_by_label(WORDS["answer.text"])
    await expect(answer).to_be_focused()
    await editor.page.keyboard.type(QUESTION)
    await editor.press("Control+Enter")
    replies = editor.report.locator(".replies")
    await expect(replies).to_contain_text(QUESTION)
    await expect(replies).to_contain_text(FILM)
    await editor.press("Escape", "g", "b")
    await editor.page.get_by_label(WORDS["bulletins.language"]).select_option("kk")
    await editor.button("bulletins.add").click()
    await editor.page.get_by_label(WORDS["bulletins.language"]).nth(1).select_option("ru")
    for at, text in enumerate(TONIGHT.values()):
        await editor.page.get_by_label(WORDS["bulletins.words"]).nth(at).fill(text)
    await editor.button("bulletins.look").click()
    await expect(editor.page.locator(".look-relays li")).to_have_count(2)
    await editor.button("bulletins.publish").click()
    await expect(editor.page.locator(".cards")).to_contain_text(TONIGHT["ru"])
    await editor.press("g", "o")
    handed = editor.page.locator(".card .mark.good")
    async with asyncio.timeout(60):
        while await handed.count() < 1 + len(TONIGHT):
            await editor.page.get_by_role("button", name=WORDS["pull.now"]).click()
            await asyncio.sleep(2)


async def see_the_film(editor: Editor, night: Night) -> None:
    """The reporter's device meets the network: the film comes into the report that is open, and
    takes nothing from what is being written."""
    await editor.press("g", "i")
    await editor.open("Раненые на площади")
    await expect(editor.report).to_contain_text(WORDS["files.wanted"])
    answer = editor.page.get_by_label(WORDS["answer.text"])
    await answer.fill("И ещё")
    await night.sync(FILMER)
    inbox = await night.reporters[FILMER].inbox()
    assert [reply["text"] for reply in inbox["replies"]] == [QUESTION]
    assert {bulletin["text"] for bulletin in inbox["bulletins"]} == set(TONIGHT.values())
    # What was asked for went first, or goes now.
    await night.sync(FILMER)
    play = editor.report.get_by_role("button", name=WORDS["media.play"])
    await expect(play).to_be_visible(timeout=60_000)
    await expect(editor.report.locator(".parts")).to_contain_text(WORDS["part.verified"])
    await expect(editor.report).not_to_contain_text(WORDS["files.wanted"])
    await expect(answer).to_have_value("И ещё")
    await expect(answer).to_be_focused()
    caption = editor.report.locator("figcaption .mark")
    await expect(caption.first).to_have_text(WORDS["rendition.original"], timeout=60_000)
    await play.click()
    video = editor.report.locator("video")
    await expect(video).to_be_visible(timeout=60_000)
    await video.evaluate("(video) => { video.muted = true; return video.play(); }")
    assert await video.evaluate(PLAYED) == [640, 480, True, True]
    await answer.fill("")


async def publish(editor: Editor) -> None:
    """What is published goes into a feed, and nothing else does."""
    await editor.open("Shooting on Republic Square")
    await editor.press("5")
    await expect(editor.row("Shooting on Republic Square")).to_contain_text(
        WORDS["state.published"]
    )
    await editor.press("Escape", "e")
    dialog = editor.page.get_by_role("dialog")
    await dialog.get_by_label(WORDS["export.format"]).select_option("atom")
    await dialog.get_by_role("button", name=WORDS["export.look"]).click()
    async with editor.page.expect_download() as coming:
        await dialog.get_by_role("button", name=WORDS["export.take"]).click()
    feed = Path(await (await coming.value).path()).read_text("utf-8")
    assert "Shooting on Republic Square" in feed
    assert "Schüsse" not in feed
    assert "HYPERLINK" not in feed
