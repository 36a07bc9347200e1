"""What a browser makes of the way in which a relay gives out the web app."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from tests.relay.made_app import app, relay
from tests.relay.running_relay import Running
from tests.web.browsers import Browser

__all__ = ["app", "relay"]

TRIES_INLINE = """() => {
  const script = document.createElement("script");
  script.textContent = "window.wasRun = true";
  document.body.append(script);
  return window.wasRun === true;
}"""
TRIES_STRANGER = """(url) => new Promise((resolve) => {
  const script = document.createElement("script");
  script.src = url;
  script.onload = () => resolve("ran");
  script.onerror = () => resolve("refused");
  document.body.append(script);
})"""
TRIES_STYLE = """() => {
  document.body.setAttribute("style", "color: rgb(9, 9, 9)");
  return getComputedStyle(document.body).color === "rgb(9, 9, 9)";
}"""
TRIES_IMAGE = """(url) => new Promise((resolve) => {
  const image = new Image();
  image.onload = () => resolve("shown");
  image.onerror = () => resolve("refused");
  image.src = url;
})"""
# Later, for what a debugger asks for at once is excused from the policy.
TRIES_EVAL = """() => new Promise((resolve) => setTimeout(() => {
  try { resolve(new Function("return 1")()); } catch { resolve("refused"); }
}))"""
# The smallest module there is.
TRIES_WASM = """async () => {
  const module = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
  return module instanceof WebAssembly.Module;
}"""
TRIES_FORM = """(url) => new Promise((resolve) => {
  document.addEventListener("securitypolicyviolation", (e) => resolve(e.effectiveDirective));
  const form = document.createElement("form");
  form.action = url;
  document.body.append(form);
  form.submit();
})"""

SIZES = """performance.getEntriesByType("resource")
  .map((entry) => [new URL(entry.name).pathname, entry.transferSize])"""


@pytest.fixture
async def stranger() -> AsyncIterator[str]:
    """Somebody else's site, which gives a script, a picture and what frames a page."""
    asked: list[str] = []

    async def give(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/frame":
            text = f'<!doctype html><iframe src="{request.query["of"]}"></iframe>'
            return web.Response(text=text, content_type="text/html")
        if request.path == "/image.svg":
            text = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
            return web.Response(text=text, content_type="image/svg+xml")
        return web.Response(text="window.wasRun = true", content_type="text/javascript")

    application = web.Application()
    application.router.add_get("/{name}", give)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
    assert set(asked) <= {"/frame", "/favicon.ico"}


async def test_a_page_of_ours_runs_and_asks_nobody_else(relay: Running, browser: Browser) -> None:
    page = await browser.page()
    answer = await page.goto(relay.url)
    assert answer is not None
    assert answer.status == 200
    await page.wait_for_function("document.body.dataset.ran === 'yes'")
    assert await page.evaluate("getComputedStyle(document.querySelector('main')).color") == (
        "rgb(1, 2, 3)"
    )
    assert await page.evaluate(TRIES_WASM) is True
    assert browser.strangers(relay.url) == []
    assert f"{relay.url}/assets/app-Abcdefg1.js" in browser.asked
    assert browser.complaints == []


async def test_what_does_not_come_from_the_relay_does_not_run(
    relay: Running, browser: Browser, stranger: str
) -> None:
    page = await browser.page()
    await page.goto(relay.url)
    assert await page.evaluate(TRIES_INLINE) is False
    assert await page.evaluate(TRIES_STRANGER, f"{stranger}/script.js") == "refused"
    assert await page.evaluate(TRIES_EVAL) == "refused"
    assert await page.evaluate(TRIES_STYLE) is False
    assert await page.evaluate(TRIES_IMAGE, f"{stranger}/image.svg") == "refused"
    assert await page.evaluate(TRIES_IMAGE, f"{relay.url}/icon.png") == "refused"  # no picture
    assert await page.evaluate(TRIES_FORM, f"{stranger}/form") == "form-action"
    assert await page.evaluate("window.wasRun") is None


async def test_no_other_site_can_frame_the_app(
    relay: Running, browser: Browser, stranger: str
) -> None:
    page = await browser.page()
    await page.goto(f"{stranger}/frame?of={relay.url}/")
    (frame,) = page.main_frame.child_frames
    assert await frame.evaluate("document.querySelector('main')") is None
    assert any("frame-ancestors" in complaint for complaint in browser.complaints)


async def test_what_is_named_after_its_content_comes_from_the_cache(
    relay: Running, browser: Browser
) -> None:
    page = await browser.page()
    for _ in range(2):
        await page.goto(relay.url)
    sizes = dict(await page.evaluate(SIZES))
    assert sizes["/assets/app-Abcdefg1.js"] == 0
    assert sizes["/assets/app-Bcdefgh1.css"] == 0
