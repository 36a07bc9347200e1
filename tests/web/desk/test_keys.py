"""Keys and the mouse: what one does the other does, and the sheet of keys says no more and no less
than there is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from playwright.async_api import Locator, expect
from tests.client.desk.media.samples import saved, scene
from tests.client.desk.newsroom import Attached, Newsroom
from tests.web.desk.editor import WORDS, Editor, editing
from tests.web.desk.night import Night, fall

from qanat_client.desk.catalogue import catch_up
from qanat_client.web_app.files import AppFile

App = Mapping[str, AppFile]
PLACES = {
    "g m": "overview",
    "g c": "incidents",
    "g b": "bulletins",
    "g o": "outgoing",
    "g d": "desk",
    "g i": "inbox",
}
STATES = ("new", "checking", "corroborated", "doubtful", "published", "rejected")
# The signs on the sheet that are written otherwise than Playwright names the keys.
SIGNS = {"Esc": "Escape", "←": "ArrowLeft", "→": "ArrowRight", "↑": "ArrowUp", "↓": "ArrowDown"}


async def listed(editor: Editor) -> list[list[str]]:
    """The keys on the sheet, list by list."""
    await editor.press("?")
    sheet = editor.page.get_by_role("dialog")
    await expect(sheet).to_contain_text(WORDS["answer.send"])
    found: list[list[str]] = await sheet.locator("dl").evaluate_all(
        "lists => lists.map((each) => [...each.querySelectorAll('dt')].map("
        "(keys) => [...keys.querySelectorAll('kbd')].map((key) => key.textContent).join(' ')))"
    )
    await editor.press("Escape")
    await expect(sheet).to_have_count(0)
    return found


def current(editor: Editor) -> Locator:
    return editor.page.locator(".rows .row.current")


async def test_every_key_of_the_sheet_does_what_it_says(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = Night(editor.window.desk, newsroom)
        picture = Attached("a.jpg", saved(scene(), "JPEG"), "image/jpeg")
        writer = night.writer()
        for number in (3, 2, 1):
            await night.bring(
                f"{number}", writer, f"Report {number}.", ago_h=number, files=[picture]
            )
        catch_up(night.desk.vault)
        await editor.enter()
        await expect(editor.row("Report 1.")).to_be_visible()
        in_list, in_picture, in_field = await listed(editor)
        tried: list[str] = []

        async def press(*keys: str) -> None:
            tried.extend(keys)
            for key in keys:
                *held, last = (SIGNS.get(name, name) for name in key.split())
                if held == ["Shift"]:
                    await editor.press(f"Shift+{last.upper()}")
                else:
                    await editor.press(*held, last)

        for key, place in PLACES.items():
            entry = editor.page.get_by_role("navigation", name=WORDS["places"]).get_by_role(
                "button", name=WORDS[f"place.{place}"]
            )
            # Where the machine is busy, too much time lies between two keys.
            while await entry.get_attribute("aria-current") != "page":
                await press(key)
                await editor.page.wait_for_timeout(300)
        await press("j", "j")
        await expect(current(editor)).to_contain_text("Report 2.")
        await press("k")
        await expect(current(editor)).to_contain_text("Report 1.")
        await press("Enter")
        await expect(editor.report.locator(".text")).to_have_text("Report 1.")
        await press("s")
        await expect(current(editor)).to_contain_text(WORDS["row.starred"])
        await press("u")
        await expect(current(editor)).to_contain_text(WORDS["row.unread"])
        for at, state in enumerate(STATES, 1):
            await press(str(at))
            await expect(editor.button_begins(f"state.{state}")).to_have_attribute(
                "aria-pressed", "true"
            )
        chosen = editor.page.locator(".choice-bar legend")
        await press("x")
        await expect(chosen).to_have_text(WORDS["choice.count"]["one"].format(count=1))
        await press("Shift j")
        await expect(chosen).to_have_text(WORDS["choice.count"]["other"].format(count=2))
        await press("Shift k")
        await expect(current(editor)).to_contain_text("Report 1.")
        await press("Esc")
        await expect(chosen).to_have_count(0)
        fields = {"t": "tags.add", "c": "incidents.add", "r": "answer.text", "/": "search.label"}
        for key, words in fields.items():
            await press(key)
            await expect(editor.page.get_by_label(WORDS[words]).first).to_be_focused()
            # The first closes what the field offers.
            await editor.press("Escape", "Escape")
        await press("a")
        await expect(editor.page.locator(".search .chip")).to_contain_text("alias:")
        await editor.page.locator(".search .chip").click()
        await press("e")
        await expect(editor.page.get_by_role("dialog")).to_contain_text(WORDS["export.format"])
        await editor.press("Escape")
        await night.bring("new", writer, "Report 0.", ago_h=0)
        catch_up(night.desk.vault)
        await editor.tell_changed()
        await expect(editor.page.locator(".fresh")).to_be_visible()
        await press("n")
        await expect(editor.row("Report 0.")).to_be_visible()
        await press("?")
        await expect(editor.page.get_by_role("dialog")).to_contain_text(WORDS["keys.title"])
        await editor.press("Escape")
        await editor.open("Report 1.")
        await press("v")
        await expect(editor.page.locator(".stage img")).to_be_visible()
        assert sorted(set(tried)) == sorted(in_list)
        # What those of a picture do, test_enlarged.py shows.
        keys = ["+", "-", "0", "1", "←", "→", "↑", "↓", "n", "p", "Esc"]
        assert in_picture == keys
        await editor.press("Escape")
        await expect(editor.page.locator(".stage")).to_have_count(0)
        assert in_field == ["Ctrl Enter", "Esc"]
        await editor.press("r")
        await expect(editor.page.get_by_label(WORDS["answer.text"]).first).to_be_focused()
        await editor.page.keyboard.type("Thank you.")
        await editor.press("Control+Enter")
        await expect(editor.report.locator(".replies")).to_contain_text("Thank you.")
        await editor.press("Escape")
        await expect(editor.page.get_by_role("listbox", name=WORDS["list.label"])).to_be_focused()


async def test_rows_are_chosen_by_the_mouse_one_by_one_and_as_a_range(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await expect(editor.row("Су жоқ")).to_be_visible()
        rows = editor.page.locator(".rows .row")

        async def chosen() -> list[int]:
            found: list[int] = await rows.evaluate_all(
                "all => all.flatMap((row, at) => row.ariaSelected === 'true' ? [at] : [])"
            )
            return found

        def bar(count: int) -> Locator:
            form = "one" if count == 1 else "other"
            words = WORDS["choice.count"][form].format(count=count)
            return editor.page.locator(".choice-bar legend").get_by_text(words, exact=True)

        await rows.nth(1).locator("[data-does=choose]").click()
        await expect(bar(1)).to_be_visible()
        # It is chosen and not opened.
        await expect(editor.page.get_by_text(WORDS["report.none"])).to_be_visible()
        await rows.nth(4).click(modifiers=["Shift"])
        await expect(bar(4)).to_be_visible()
        assert await chosen() == [1, 2, 3, 4]
        await rows.nth(2).locator("[data-does=choose]").click()
        await rows.nth(0).click(modifiers=["Control"])
        await expect(bar(4)).to_be_visible()
        assert await chosen() == [0, 1, 3, 4]
        assert await editor.page.evaluate("String(getSelection())") == ""
        await editor.page.get_by_label(WORDS["choice.state"]).select_option("checking")
        await expect(rows.nth(0)).to_contain_text(WORDS["state.checking"])
        await expect(rows.nth(4)).to_contain_text(WORDS["state.checking"])
        await expect(rows.nth(2)).not_to_contain_text(WORDS["state.checking"])
        await editor.button("choice.none").click()
        await expect(editor.page.locator(".choice-bar")).to_have_count(0)
        # The sheet of keys has a button, too.
        await editor.page.get_by_role("button", name=WORDS["keys.title"]).click()
        await expect(editor.page.get_by_role("dialog")).to_contain_text(WORDS["keys.author"])
