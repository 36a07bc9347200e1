"""The map, the timeline and the plots on the screen, by pointer and by keys, in both schemes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Locator, expect
from tests.client.desk.newsroom import Newsroom
from tests.web.desk.editor import WORDS, Editor, editing
from tests.web.desk.night import Night
from tests.web.test_screens import AXE, AXE_RUN

from qanat_client.desk.catalogue import catch_up
from qanat_client.web_app.files import AppFile

# Where, the language, how many hours ago, how long underway, how many, how many of them urgent.
OVERNIGHT = [
    ("Алматы, Республика алаңы", "kk", 14, 0.4, 9, 2),
    ("в Алматы, площадь", "ru", 12, 3, 6, 0),
    ("Almaty, Republic Square", "en", 9, 1, 4, 0),
    ("Жаңаөзенде", "kk", 30, 20, 5, 1),
    ("Ақтау", "kk", 22, 8, 3, 0),
    ("Тараз", "ru", 7, 5, 3, 0),
    ("Шымкентте", "kk", 5, 2, 2, 0),
    ("в Астане", "ru", 4, 1, 2, 0),
    ("Караганда, вокзал", "ru", 3, 0.2, 2, 0),
    ("Өскемен", "kk", 2, 0.1, 1, 0),
    ("Аксу", "ru", 6, 50, 2, 0),
    ("Алматинская область", "ru", 8, 3, 2, 0),
    ("у моста <b>за рынком</b>", "ru", 5, 1, 2, 0),
    ("", "fa", 4, 1, 1, 0),
]


async def fall(newsroom: Newsroom, editor: Editor) -> Night:
    """A night in several cities."""
    night = Night(editor.window.desk, newsroom)
    for where, language, ago_h, took_h, many, urgent in OVERNIGHT:
        for number in range(many):
            await night.bring(
                f"{where} {number}", night.writer(), f"Report {number} from {where}.",
                ago_h=ago_h - number / 2, took_h=took_h, urgent=number < urgent, where=where,
                language=language,
            )  # fmt: skip
    await night.bring(
        "fast", night.writer(), "My clock is fast.", ago_h=1, took_h=-40, where="Алматы"
    )
    catch_up(editor.window.desk.vault)
    return night


def spot(editor: Editor, city: str) -> Locator:
    """The circle of a city on the map."""
    return editor.page.get_by_role("group", name=WORDS["map.label"]).get_by_role(
        "button", name=f"{city}:"
    )


async def look(editor: Editor) -> None:
    """Go to the map, and wait for it."""
    await editor.go("overview")
    await expect(spot(editor, "Almaty")).to_be_visible()


async def test_a_press_on_a_city_shows_its_reports_whatever_they_call_it(
    newsroom: Newsroom, desk_app: Mapping[str, AppFile], tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor)
        await editor.enter()
        await look(editor)
        await expect(spot(editor, "Almaty")).to_have_attribute(
            "aria-label", "Almaty: 20 reports, 2 urgent"
        )
        await spot(editor, "Almaty").click()
        await expect(editor.row("Алматы, Республика алаңы").first).to_be_attached()
        await expect(editor.row("Almaty, Republic Square").first).to_be_attached()
        await expect(editor.row("Жаңаөзенде")).to_have_count(0)
        await expect(editor.page.get_by_text("20 reports", exact=True).first).to_be_visible()
        # The map is narrowed as the list is.
        await look(editor)
        await expect(spot(editor, "Zhanaozen")).to_have_count(0)
        assert editor.browser.strangers(editor.window.address) == []
        assert editor.browser.complaints == []


async def test_the_map_is_moved_and_pressed_by_keys_alone(
    newsroom: Newsroom, desk_app: Mapping[str, AppFile], tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor)
        await editor.enter()
        await look(editor)
        circle = spot(editor, "Almaty").locator("circle")

        async def lies_at() -> float:
            return float(await circle.get_attribute("cx") or "nan")

        begun = await lies_at()
        picture = editor.page.get_by_role("group", name=WORDS["map.label"])
        await picture.focus()
        await editor.press("ArrowLeft")
        await expect(circle).not_to_have_attribute("cx", str(begun))
        assert await lies_at() == pytest.approx(begun + 60)
        await editor.press("+", "-", "0")
        assert await lies_at() == pytest.approx(begun)
        await editor.press("Tab")
        await expect(spot(editor, "Almaty")).to_be_focused()
        await editor.press("Tab")
        await expect(spot(editor, "Zhanaozen")).to_be_focused()
        await editor.press("Enter")
        await expect(editor.row("Жаңаөзенде")).to_have_count(5)
        assert editor.browser.complaints == []


async def test_a_span_of_the_timeline_leaves_what_arrived_in_it(
    newsroom: Newsroom, desk_app: Mapping[str, AppFile], tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor)
        await editor.enter()
        await look(editor)
        first = editor.page.get_by_role("slider", name=WORDS["timeline.from"])
        await first.focus()
        await editor.press("End")
        show = editor.page.get_by_role("button", name="arrived then")
        await expect(show).to_be_enabled()
        await editor.press("Home")
        last = editor.page.get_by_role("slider", name=WORDS["timeline.until"])
        await last.focus()
        # The oldest was written 56 hours ago; the first to arrive did so 30 hours ago.
        await editor.press("Home", *["PageUp"] * 5)
        await expect(show).to_have_text("Show 5 reports that arrived then")
        await show.click()
        await expect(editor.row("Жаңаөзенде")).to_have_count(5)
        await expect(editor.page.get_by_role("option")).to_have_count(5)
        # And by the pointer, over all of it.
        await look_anew(editor)
        picture = editor.page.locator("svg.timeline")
        await picture.scroll_into_view_if_needed()
        box = await picture.bounding_box()
        assert box is not None
        await editor.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
        await editor.page.mouse.down()
        await editor.page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 40, steps=4)
        await editor.page.mouse.up()
        await expect(editor.page.locator(".chosen-span")).to_be_visible()
        assert editor.browser.complaints == []


async def look_anew(editor: Editor) -> None:
    """The map, with all filters taken back."""
    for chip in await editor.page.locator("button.chip").all():
        await chip.or_(editor.page.locator("button.chip").first).first.click()
    await look(editor)


async def test_what_has_no_city_is_told_as_it_was_written_and_shown_in_the_inbox(
    newsroom: Newsroom, desk_app: Mapping[str, AppFile], tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor)
        await editor.enter()
        await look(editor)
        await editor.page.get_by_text("3 reports without a place").click()
        await expect(editor.page.get_by_text("у моста <b>за рынком</b>")).to_be_visible()
        await expect(
            editor.page.get_by_text("2 may mean another one: Turkistan region")
        ).to_be_visible()
        await expect(
            editor.page.get_by_text("1 says to be written after it arrived")
        ).to_be_visible()
        await editor.page.get_by_role("button", name="3 without a place on the map").click()
        await expect(editor.page.get_by_role("option")).to_have_count(3)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
async def test_the_map_is_readable_and_axe_finds_nothing(
    newsroom: Newsroom,
    desk_app: Mapping[str, AppFile],
    tmp_path: Path,
    size: tuple[int, int],
    scheme: Literal["light", "dark"],
) -> None:
    pictures = Path(os.environ.get("QANAT_SCREENS") or tmp_path)
    profile = tmp_path / "profile"
    width, height = size
    async with editing(newsroom, desk_app, profile, width=width, height=height) as editor:
        await fall(newsroom, editor)
        await editor.page.emulate_media(color_scheme=scheme)
        await editor.enter()
        await look(editor)
        await editor.page.screenshot(path=pictures / f"desk-map-{scheme}-{width}.png")
        await editor.page.locator("svg.timeline").scroll_into_view_if_needed()
        for folded in await editor.page.locator("details > summary").all():
            await folded.click()
        await editor.page.locator(".plots").scroll_into_view_if_needed()
        await editor.page.screenshot(path=pictures / f"desk-plots-{scheme}-{width}.png")
        await editor.page.evaluate(AXE.read_text("utf-8"))
        # The left column is looked at where it is tested.
        here = AXE_RUN.replace("axe.run(document,", "axe.run('main',")
        assert await editor.page.evaluate(here) == []
        assert editor.browser.complaints == []
