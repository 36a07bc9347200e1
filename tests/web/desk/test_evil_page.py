"""A page of another origin on the same machine, and of a name that leads here: it reads nothing of
the desk and changes nothing. And what a browser leaves on the disk."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Error, Page, expect
from tests.client.desk.media.samples import photo, saved, scene
from tests.client.desk.newsroom import Attached, Newsroom
from tests.secret_search import RUN_BYTES, find_run, runs_of
from tests.web.browsers import PLAIN_NAME
from tests.web.desk.editor import WORDS, Editor, editing
from tests.web.desk.night import Night

from qanat_client.desk.catalogue import catch_up
from qanat_client.web_app.files import AppFile

App = Mapping[str, AppFile]

TRY = """async ({app, media, session, report}) => {
  const found = {};
  const tried = async (name, attempt) => {
    try { found[name] = await attempt(); } catch (error) { found[name] = "refused"; }
  };
  const soon = (work) => Promise.race([
    new Promise(work), new Promise((done) => setTimeout(() => done("refused"), 3000))]);
  const star = JSON.stringify({changes: [{what: "starred", report, value: true}]});
  const asked = {Authorization: `Bearer ${session}`, "Content-Type": "application/json"};
  await tried("simple", async () => await (await fetch(`${app}/api/desk`)).text());
  await tried("opaque", async () =>
    (await (await fetch(`${app}/api/desk`, {mode: "no-cors"})).text()) || "refused");
  await tried("preflighted", async () =>
    await (await fetch(`${app}/api/desk`, {headers: asked})).text());
  await tried("decided", async () =>
    await (await fetch(`${app}/api/decide`, {method: "POST", headers: asked, body: star})).text());
  await tried("plain", async () => (await (await fetch(`${app}/api/decide`,
    {method: "POST", mode: "no-cors", body: star})).text()) || "refused");
  await tried("form", async () => await soon((done) => {
    const frame = document.createElement("iframe");
    frame.name = "answer";
    frame.onload = () => {
      try { done(frame.contentDocument.body.textContent || "refused"); }
      catch (error) { done("refused"); }
    };
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, {method: "post", action: `${app}/api/decide`, target: "answer",
      enctype: "text/plain"});
    const field = document.createElement("input");
    Object.assign(field, {name: star.slice(0, -1), value: "}"});
    form.append(field);
    document.body.append(form);
    setTimeout(() => form.submit(), 100);
  }));
  await tried("events", async () => await soon((done) => {
    const events = new EventSource(`${app}/api/live`);
    events.onmessage = (event) => done(event.data);
    events.onerror = () => done("refused");
  }));
  await tried("socket", async () => await soon((done) => {
    const socket = new WebSocket(`${app.replace("http", "ws")}/api/live`);
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
  }));
  for (const [name, place] of [["app frame", `${app}/`], ["media frame", media]])
    await tried(name, async () => await soon((done) => {
      const frame = document.createElement("iframe");
      frame.onload = () => {
        try { done(frame.contentDocument?.body?.textContent || "refused"); }
        catch (error) { done("refused"); }
      };
      frame.src = place;
      document.body.append(frame);
    }));
  await tried("window", async () => await soon((done) => {
    const opened = window.open(`${app}/`);
    onmessage = (event) => done(event.data);
    setTimeout(() => {
      opened?.postMessage({session: true, token: session}, "*");
      try { done(opened.document.body.textContent || "refused"); }
      catch (error) { done("refused"); }
    }, 1500);
  }));
  for (const [name, tag, place] of [["script", "script", `${app}/api/desk`],
      ["image of an answer", "img", `${app}/api/desk`], ["picture", "img", media]])
    await tried(name, async () => await soon((done) => {
      const each = document.createElement(tag);
      each.onload = () => done(`${each.naturalWidth ?? "run"}`);
      each.onerror = () => done("refused");
      each.src = place;
      document.body.append(each);
    }));
  return found;
}"""


@asynccontextmanager
async def another_program() -> AsyncIterator[int]:
    """A page at a port of its own on this machine."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><body>evil</body>", content_type="text/html")

    application = web.Application()
    application.add_routes([web.get("/", page)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def desk_with_a_picture(editor: Editor, newsroom: Newsroom, text: str) -> str:
    """One report with a picture, open on the screen; its id."""
    night = Night(editor.window.desk, newsroom)
    thumbnail = saved(scene(80, 60), "JPEG")
    file = Attached("IMG_1.jpg", photo(), "image/jpeg", thumbnail)
    await night.bring("one", night.writer(), text, ago_h=1, files=[file])
    catch_up(night.desk.vault)
    await editor.enter()
    await editor.open(text[:40])
    await expect(editor.report.locator("img.still")).to_be_visible()
    return night.ids["one"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["127.0.0.1", PLAIN_NAME])
async def test_a_page_of_another_origin_reads_nothing_and_changes_nothing(
    newsroom: Newsroom, desk_app: App, tmp_path: Path, name: str
) -> None:
    async with (
        editing(newsroom, desk_app, tmp_path / "profile") as editor,
        another_program() as port,
    ):
        report = await desk_with_a_picture(editor, newsroom, "What nobody else may read.")
        media = await editor.report.locator("img.still").get_attribute("src")
        session = await editor.page.evaluate("JSON.stringify(sessionStorage)")
        editor.window.session = None
        await editor.window.log_in()
        before = await editor.window.get(f"/api/reports/{report}")
        for app in (editor.window.address, editor.window.address.replace("127.0.0.1", "localhost")):
            evil = await editor.browser.page()
            await evil.goto(f"http://{name}:{port}/")
            # Even with a session that it stole.
            given = {
                "app": app,
                # A page of this machine could show a picture whose address it knew.
                "media": media if name == PLAIN_NAME else f"{media}x",
                "session": editor.window.session,
                "report": report,
            }
            found = await evil.evaluate(TRY, given)
            assert set(found.values()) == {"refused"}, found
            await evil.close()
        assert await editor.window.get(f"/api/reports/{report}") == before
        assert session == await editor.page.evaluate("JSON.stringify(sessionStorage)")


async def test_a_name_that_leads_here_is_answered_nothing(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await desk_with_a_picture(editor, newsroom, "What nobody else may read.")
        await editor.window.log_in()
        for port in (editor.window.port, editor.window.serving.media_port):
            rebound = await editor.browser.page()
            answer = await rebound.goto(f"http://{PLAIN_NAME}:{port}/")
            assert answer is not None
            assert answer.status == 403
            found = await ask_from(rebound, editor.window.session or "")
            assert all(status in (0, 403) for status, _ in found)
            assert not any("Desk of the tests" in text for _, text in found)
            assert "Desk of the tests" not in await rebound.content()


async def ask_from(page: Page, session: str) -> list[Any]:
    """What a page is answered by its own origin, with a session."""
    found: list[Any] = await page.evaluate(
        """async (session) => await Promise.all(["/api/desk", "/api/inbox"].map(async (path) => {
          try {
            const answer = await fetch(path, {headers: {Authorization: `Bearer ${session}`}});
            return [answer.status, await answer.text()];
          } catch (error) { return [0, ""]; }
        }))""",
        session,
    )
    return found


def files_with(folder: Path, secrets: Iterable[bytes | str]) -> dict[str, str]:
    """The files in which a run of eight bytes of these stands, and which."""
    # Zeros and the like are everywhere.
    runs = frozenset(run for run in runs_of(secrets) if len({*run}) > RUN_BYTES // 2 + 1)
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and (run := find_run(path.read_bytes(), runs)):
            found[str(path.relative_to(folder))] = run
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_browsers_folder_holds_nothing_of_a_report_or_its_picture(
    newsroom: Newsroom, desk_app: App, tmp_path: Path, is_killed: bool
) -> None:
    text = f"{secrets.token_urlsafe(90)} {secrets.token_urlsafe(90)}"
    answered = secrets.token_urlsafe(60)
    profile = tmp_path / "profile"
    shown = b""
    kept: list[str] = []
    async with AsyncExitStack() as running:
        editor = await running.enter_async_context(editing(newsroom, desk_app, profile))
        await desk_with_a_picture(editor, newsroom, text)
        source = await editor.report.locator("img.still").get_attribute("src")
        async with editor.window.http.get(source or "") as given:
            shown = await given.read()
        kept = await editor.page.evaluate("Object.values(sessionStorage)")
        await editor.page.get_by_label(WORDS["search.label"]).fill(text[:30])
        await expect(editor.found(1)).to_be_visible()
        answer = editor.page.get_by_label(WORDS["answer.text"])
        await answer.click()
        await editor.page.keyboard.type(answered)
        await expect(answer).to_have_value(answered)
        await editor.page.reload()
        await expect(editor.row(text[:40])).to_be_visible()
        # As long as it may wait before it writes.
        await asyncio.sleep(8)
        if is_killed:
            for child in children_with(str(profile)):
                os.kill(child, signal.SIGKILL)
            await asyncio.sleep(1)
            with suppress(Error):
                await running.aclose()
    assert len(shown) > 100
    assert files_with(profile, [text, answered, shown[len(shown) // 2 :]]) == {}
    # A browser writes down what a window holds for a reload; it ends with the program.
    assert {Path(path).parts[:2] for path in files_with(profile, kept)} <= {
        ("Default", "Session Storage")
    }


def children_with(argument: str) -> list[int]:
    """The processes of this test's own browser: they name its folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if argument.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found
