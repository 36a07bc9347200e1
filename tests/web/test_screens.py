"""Every screen in every language, on a phone and on a laptop: for everybody, and within its edges.

QANAT_SCREENS names a folder for the pictures; otherwise they are thrown away.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect
from tests.end_to_end.abroad import Abroad
from tests.web.browsers import browsing
from tests.web.phone import LANGUAGES, WORDS, Phone
from tests.web_source import WEB, need_web

from qanat_client.demo.media import make_photo

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
SPOKEN = ("kk", "ru", "en", "de", "fa")
DIFFERENT = ("de", "fa")
"""The longest words, and those from right to left."""
PLACES = ("write", "outbox", "inbox", "desk", "more")
BEHIND_MORE = ("code", "help", "share", "install", "wipe")
HEIGHTS = {360: 740, 1280: 800}
PHONE, LAPTOP = HEIGHTS
LEAST_TARGET = 44
"""CSS pixels each way: what a thumb hits."""

# What reaches beyond the page, and words that are cut off within their own box.
NARROW = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const beyond = wide <= 0 ? [] : [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 1
      || each.getBoundingClientRect().left < -1);
  const cut = [...document.querySelectorAll("button, a, label, legend, h1, h2, h3, p, summary")]
    .filter((each) => each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1);
  return [...beyond, ...cut].map((each) => each.outerHTML.slice(0, 120));
}"""
# What no reader should see: a variable, a month without a name.
RAW = r"""() => document.body.innerText.match(/\{\w+\}|\bM\d\d\b|undefined|NaN/g) ?? []"""
# A box that is ticked is as large as the words beside it, which tick it too.
SMALL = """(least) => [...document.querySelectorAll(
    "button, a[href], select, textarea, summary, .file-button, input:not([type=file])")]
  .map((each) => ["checkbox", "radio"].includes(each.type) ? each.labels[0] : each)
  .filter((each) => {
    const { width, height } = each.getBoundingClientRect();
    return width > 0 && (width < least || height < least);
  })
  .map((each) => each.outerHTML.slice(0, 120))"""
# Of several that exclude each other Tab goes to one; the arrow keys choose.
REACHABLE = """() => {
  window.stops = [...document.querySelectorAll(
      "button, a[href], select, textarea, summary, input")]
    .filter((each) => !each.disabled && each.getClientRects().length > 0);
  document.activeElement.blur();
  return window.stops.length;
}"""
FOCUSED = """() => {
  const shown = document.activeElement.closest(".file-button") ?? document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(shown);
  const isSeen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return [window.stops.indexOf(document.activeElement), isSeen];
}"""
STOP = """(at) => window.stops[at].outerHTML.slice(0, 120)"""
GROUPS = """() => window.stops.map(({ type, name }) => type === "radio" ? name : "")"""
AXE_RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)"""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("QANAT_SCREENS") or tmp_path / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def words_of(language: str) -> dict[str, Any]:
    words: dict[str, Any] = json.loads((LANGUAGES / f"{language}.json").read_text("utf-8"))
    return words


@dataclass
class Screens:
    """The screens of a phone on which something was written, sent and received."""

    phone: Phone
    pictures: Path
    words: dict[str, Any]

    async def speak(self, language: str) -> None:
        page = self.phone.page
        await page.locator("select.language").select_option(language)
        await page.wait_for_function(
            "(wanted) => document.documentElement.lang === wanted", arg=language
        )
        self.words = words_of(language)

    async def each(self) -> AsyncIterator[str]:
        """Go through all of them; what is folded is open."""
        page = self.phone.page
        for place in PLACES:
            await self._go(place)
            await self._unfold()
            yield place
        for name in BEHIND_MORE:
            await self._go("more")
            hint = self.words[f"more.{name}.hint"]
            await page.locator("button.entry").filter(has_text=hint).click()
            if name == "code":
                await page.get_by_role("button", name=self.words["code.make"], exact=True).click()
                await expect(page.locator(".digits.large")).to_be_visible()
            await self._unfold()
            yield name

    async def _go(self, place: str) -> None:
        navigation = self.phone.page.get_by_role("navigation")
        name = self.words[f"nav.{place}"]
        await navigation.get_by_role("button", name=name, exact=True).click()

    async def _unfold(self) -> None:
        folded = self.phone.page.locator("details:not([open]) > summary")
        # Whatever was opened is not among them any more.
        while await folded.count():
            await folded.first.click()

    async def look(self, name: str) -> list[str]:
        """Take a picture; what is beyond the edges."""
        page = self.phone.page
        size = page.viewport_size
        assert size is not None
        beyond = await page.evaluate(NARROW)
        # As high as the screen is long: what is fixed to its edges stands there in the picture too.
        height: int = await page.evaluate("document.documentElement.scrollHeight")
        await page.set_viewport_size({"width": size["width"], "height": height})
        picture = self.pictures / f"{name}.png"
        await page.screenshot(path=picture)
        await page.set_viewport_size(size)
        assert picture.stat().st_size > 4096
        faults = [f"{name}: beyond the edge: {each}" for each in beyond]
        return faults + [f"{name}: not for people: {each}" for each in await page.evaluate(RAW)]

    async def ask_axe(self, name: str) -> list[str]:
        return [f"{name}: {each}" for each in await self.phone.page.evaluate(AXE_RUN)]


async def live_on(phone: Phone, abroad: Abroad, photo: Path) -> None:
    """A report that the relay has, one that waits, one that is written, and a bulletin."""
    await phone.visit(abroad.relay.url)
    await phone.add_desk(abroad.card_file)
    await phone.write("They came at night, in two buses.", files=[photo])
    await phone.seal()
    await abroad.desk.bulletin("For tonight", "Stay away from the windows.\nWater is safe.")
    await phone.send()
    await phone.write("The line was down, this one waits.")
    await phone.seal()
    await phone.write("An ambulance, three people.", where="Almaty", files=[photo])
    await phone.page.get_by_text(WORDS["write.more"]).click()
    await phone.press("write.figure.add")


@dataclass(frozen=True)
class Looks:
    """In which languages the screens of a width are looked at, and in which of them axe is asked
    too, as it is of the dark screens."""

    width: int
    languages: Sequence[str]
    asked: Sequence[str]


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("built_app")
@pytest.mark.parametrize(
    "looks",
    [
        Looks(PHONE, SPOKEN, ("fa",)),
        Looks(LAPTOP, DIFFERENT, ()),
        pytest.param(Looks(PHONE, SPOKEN, SPOKEN), marks=pytest.mark.soak),
        pytest.param(Looks(LAPTOP, SPOKEN, ("fa",)), marks=pytest.mark.soak),
    ],
    ids=lambda looks: f"{looks.width}-{len(looks.languages)}-{len(looks.asked)}",
)
async def test_every_screen_is_for_everybody_and_stays_within_its_edges(
    looks: Looks, abroad: Abroad, tmp_path: Path, pictures: Path
) -> None:
    width = looks.width
    need_web()
    faults: list[str] = []
    photo = tmp_path / "photo.jpg"
    make_photo(photo, seed=7)
    viewport = {"width": width, "height": HEIGHTS[width]}
    async with browsing(tmp_path / "profile", viewport=viewport) as browser:
        screens = Screens(Phone(await browser.page()), pictures, WORDS)
        page = screens.phone.page
        await live_on(screens.phone, abroad, photo)
        await page.evaluate(AXE.read_text("utf-8"))
        for language in looks.languages:
            await screens.speak(language)
            direction = await page.evaluate("getComputedStyle(document.body).direction")
            assert direction == ("rtl" if language == "fa" else "ltr")
            async for screen in screens.each():
                name = f"{screen}-{language}-{width}"
                faults += await screens.look(name)
                if width == PHONE:
                    small = await page.evaluate(SMALL, LEAST_TARGET)
                    faults += [f"{name}: too small: {each}" for each in small]
                if language in looks.asked:
                    faults += await screens.ask_axe(name)
        await page.emulate_media(color_scheme="dark")
        await screens.speak("en")
        async for screen in screens.each():
            name = f"{screen}-dark-{width}"
            faults += await screens.look(name)
            faults += await screens.ask_axe(name)
        assert browser.strangers(abroad.relay.url, abroad.relay.url.replace("http", "ws")) == []
    assert faults == []


async def unreached(page: Page) -> list[str]:
    """Press Tab from where the screen begins, all the way round and once more; what was passed by,
    or was reached and not seen to be."""
    count = await page.evaluate(REACHABLE)
    left = set(range(count))
    faults: list[str] = []
    for _ in range(2 * count + 2):
        if not left:
            break
        await page.keyboard.press("Tab")
        at, is_seen = await page.evaluate(FOCUSED)
        if at < 0:
            continue
        left.discard(at)
        if not is_seen:
            faults.append(f"no focus is seen on {await page.evaluate(STOP, at)}")
    groups = await page.evaluate(GROUPS)
    reached = {group for at, group in enumerate(groups) if group and at not in left}
    passed = [at for at in left if groups[at] not in reached]
    return faults + [f"Tab passes by {await page.evaluate(STOP, at)}" for at in passed]


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("built_app")
async def test_every_control_of_every_screen_is_reached_by_tab_and_seen_to_be(
    abroad: Abroad, tmp_path: Path, pictures: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    make_photo(photo, seed=7)
    faults: list[str] = []
    viewport = {"width": PHONE, "height": HEIGHTS[PHONE]}
    async with browsing(tmp_path / "profile", viewport=viewport) as browser:
        screens = Screens(Phone(await browser.page()), pictures, WORDS)
        await live_on(screens.phone, abroad, photo)
        async for screen in screens.each():
            faults += [f"{screen}: {each}" for each in await unreached(screens.phone.page)]
    assert faults == []
