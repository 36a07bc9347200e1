"""The window's session: a link good once, its end, and a server that goes away and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import expect
from tests.client.desk.newsroom import Newsroom
from tests.client.desk.serve.window import serving_of
from tests.web.browsers import browsing
from tests.web.desk.editor import WORDS, Editor, editing
from tests.web.desk.night import fall

from qanat_client.desk.catalogue import catch_up
from qanat_client.web_app.files import AppFile

App = Mapping[str, AppFile]


async def stand_outside(editor: Editor) -> None:
    """Open the window without a link."""
    await editor.page.goto(editor.window.address)
    title = editor.page.get_by_role("heading", name=WORDS["over.title"])
    await expect(title).to_be_visible()


async def test_a_window_without_a_session_shows_nothing_of_the_desk_and_says_what_to_do(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await stand_outside(editor)
        assert "Desk of the tests" not in await editor.page.inner_text("body")
        field = editor.page.get_by_label(WORDS["over.link"])
        await field.fill("http://127.0.0.1:1/#nonsense")
        await field.press("Enter")
        await expect(editor.page.get_by_role("alert")).to_be_visible()
        await field.fill(f"{editor.window.address}/#{editor.window.tokens[-1]}")
        await field.press("Enter")
        await expect(editor.row("Су жоқ")).to_be_visible()


async def test_a_link_that_is_put_into_the_address_of_an_open_tab_counts(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await stand_outside(editor)
        await editor.page.goto(f"{editor.window.address}/#{editor.window.tokens[-1]}")
        await expect(editor.row("Су жоқ")).to_be_visible()


async def test_a_link_that_was_used_lets_no_second_window_in_and_a_reload_needs_none(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        used = editor.window.tokens[-1]
        await editor.enter()
        await editor.page.reload()
        await expect(editor.row("Су жоқ")).to_be_visible()
        other = await editor.browser.page()
        await other.goto(f"{editor.window.address}/#{used}")
        await expect(other.get_by_role("alert")).to_contain_text("used already")
        assert used not in other.url
        assert await editor.page.evaluate("Object.keys(localStorage).length") == 0
        assert await editor.page.evaluate("document.cookie") == ""


async def test_a_session_that_ended_takes_the_desk_off_the_screen(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await editor.open("Су жоқ")
        await editor.page.evaluate("sessionStorage.setItem('session', 'of somebody else')")
        await editor.press("s")
        await expect(editor.page.get_by_role("heading", name=WORDS["over.title"])).to_be_visible()
        assert "Су жоқ" not in await editor.page.inner_text("body")


@asynccontextmanager
async def impostor(port: int) -> AsyncIterator[list[tuple[str, Mapping[str, str], str]]]:
    """Another program at the port: the path, headers and body of whatever it was asked."""
    asked: list[tuple[str, Mapping[str, str], str]] = []

    async def hear(request: web.Request) -> web.Response:
        asked.append((request.path, dict(request.headers), await request.text()))
        return web.json_response({"proof": "00" * 32, "session": "none"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", hear)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield asked
    finally:
        await runner.cleanup()


async def test_a_program_that_took_the_port_is_told_nothing_once_the_break_was_noticed(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with browsing(tmp_path / "profile", viewport={"width": 1280, "height": 800}) as browser:
        async with serving_of(newsroom, app=desk_app) as window:
            await fall(newsroom, window.desk, tmp_path)
            editor = Editor(await browser.page(), browser, window)
            await editor.enter()
            await editor.open("Су жоқ")
            await editor.press("Escape", "r")
            await editor.page.keyboard.type("For its writer alone")
        gone = editor.page.get_by_text(WORDS["gone.words"])
        await expect(gone).to_be_visible()
        async with impostor(window.port) as asked:
            await editor.press("Control+Enter")
            over = editor.page.get_by_role("heading", name=WORDS["over.title"])
            await expect(over).to_be_visible()
            assert {path for path, _, _ in asked} == {"/api/proof"}
            assert not any("Authorization" in headers for _, headers, _ in asked)
            assert not any("writer" in body for _, _, body in asked)


async def test_the_window_says_that_nobody_answers_and_goes_on_by_itself(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await editor.open("Су жоқ")
        await editor.page.context.set_offline(True)
        editor.window.serving.live.close()
        gone = editor.page.get_by_text(WORDS["gone.words"])
        await expect(gone).to_be_visible()
        # What was there can still be read.
        await expect(editor.report).to_contain_text("Су екі сағаттан бері жоқ")
        await editor.press("s")
        await expect(editor.page.get_by_text(WORDS["error.gone"]).first).to_be_visible()
        await night.bring("meanwhile", night.writer(), "Meanwhile.", ago_h=0)
        catch_up(night.desk.vault)
        await editor.page.context.set_offline(False)
        await expect(gone).to_be_hidden()
        fresh = editor.page.get_by_text(WORDS["list.fresh"]["one"].format(count=1))
        await expect(fresh.or_(editor.row("Meanwhile.")).first).to_be_visible()
