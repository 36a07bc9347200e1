"""What matters is in sight at the smallest window that the app is for, and says what it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import FloatRect, Locator, Route, expect
from tests.client.desk.newsroom import Newsroom
from tests.web.desk.editor import WORDS, Editor, editing
from tests.web.desk.night import Night, fall, photo

from qanat_client.desk.catalogue import catch_up
from qanat_client.web_app.files import AppFile
from qanat_protocol.report import Basis, Figure

App = Mapping[str, AppFile]
Come = Callable[[Editor, Newsroom, Path], Awaitable[Night]]
FAR = "Алматы облысы, Талғар ауданы, Бесағаш ауылы, мектептің артындағы көше"
TEXT = "Екі көлік өртеніп жатыр."


async def box_of(shown: Locator) -> FloatRect:
    box = await shown.bounding_box()
    assert box is not None
    return box


async def is_within(shown: Locator, frame: Locator) -> bool:
    """Whether all of it is seen in its frame."""
    one, other = await box_of(shown), await box_of(frame)
    return (
        one["x"] >= other["x"]
        and one["x"] + one["width"] <= other["x"] + other["width"] + 1
        and one["y"] >= other["y"]
        and one["y"] + one["height"] <= other["y"] + other["height"] + 1
    )


async def with_one(editor: Editor, newsroom: Newsroom, folder: Path) -> Night:
    """An urgent report from a place with a long name, in a state with a long name."""
    night = Night(editor.window.desk, newsroom)
    await night.bring(
        "fire",
        night.writer(),
        TEXT,
        ago_h=30,
        took_h=5,
        urgent=True,
        where=FAR,
        language="kk",
        basis=Basis.SEEN,
        figures=(Figure("көлік", 2, 2), Figure("жаралы", 1, 3)),
        files=[photo(folder, 11), photo(folder, 12)],
        missing=1,
    )
    catch_up(night.desk.vault)
    await editor.window.log_in()
    change = {"what": "state", "report": night.ids["fire"], "value": "corroborated"}
    await editor.window.post("/api/decide", {"changes": [change]})
    return night


@asynccontextmanager
async def reading(
    newsroom: Newsroom, app: App, folder: Path, come: Come
) -> AsyncIterator[tuple[Editor, Night]]:
    """An editor before what has come."""
    async with editing(newsroom, app, folder / "profile") as editor:
        night = await come(editor, newsroom, folder)
        await editor.enter()
        yield editor, night


async def fallen(editor: Editor, newsroom: Newsroom, folder: Path) -> Night:
    """All that came in one night."""
    return await fall(newsroom, editor.window.desk, folder)


async def test_a_row_shows_urgency_state_files_and_figures_whatever_its_place_is_called(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, with_one) as (editor, _):
        row = editor.row(TEXT)
        for words in (
            WORDS["row.urgent"],
            WORDS["state.corroborated"],
            WORDS["row.filesPart"]["other"].format(here=1, count=2),
            WORDS["row.figures"]["other"].format(count=2),
        ):
            mark = row.get_by_text(words, exact=True)
            await expect(mark).to_be_visible()
            # The marks have a line of one mark's height, and what does not fit is below it.
            frame = mark.locator("xpath=ancestor::p")
            assert await is_within(mark, frame), words
            assert await is_within(mark, row.locator(".row-words")), words


async def test_a_row_of_an_incident_says_that_it_is_urgent(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, with_one) as (editor, night):
        wanted = {"name": "Fire", "reports": [night.ids["fire"]]}
        await editor.window.post("/api/incidents", wanted)
        await editor.go("incidents")
        row = editor.page.locator(".mini").filter(has_text=TEXT)
        await expect(row).to_contain_text(WORDS["row.urgent"])


async def test_a_single_figure_is_words_and_no_bar_of_agreement(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, with_one) as (editor, _):
        await editor.open(TEXT)
        table = editor.report.get_by_role("table", name="жаралы", exact=True)
        alone = WORDS["figures.alone"].format(range="1 to 3")
        await expect(table).to_contain_text(alone)
        await expect(table.locator("svg")).to_have_count(0)


async def test_the_key_of_a_state_is_no_part_of_its_name(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, with_one) as (editor, _):
        await editor.open(TEXT)
        checking = editor.report.get_by_role("button", name=WORDS["state.checking"], exact=True)
        await expect(checking).to_have_attribute("aria-keyshortcuts", "2")
        await expect(checking.locator(".key")).to_have_text("2")


async def test_what_is_said_for_a_while_hides_nothing_that_is_being_read(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, fallen) as (editor, _):
        await editor.open("Су жоқ")
        await editor.press("Escape", "r")
        await editor.page.keyboard.type("Where can you get water?")
        await editor.press("Control+Enter")
        said = editor.page.locator(".toast")
        await expect(said).to_have_text(WORDS["answer.queued"])
        top = (await box_of(said))["y"]
        for read in (editor.report, editor.page.locator(".rows"), editor.page.locator(".middle")):
            box = await box_of(read)
            assert box["y"] + box["height"] <= top + 1


async def test_what_went_wrong_stays_until_it_is_closed_and_what_went_well_does_not(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, with_one) as (editor, _):
        await editor.open(TEXT)
        await editor.page.clock.install()

        async def refuse(route: Route) -> None:
            await route.fulfill(status=507, json={"error": "the disk is full"})

        await editor.page.route("**/api/decide", refuse)
        checking = editor.report.get_by_role("button", name=WORDS["state.checking"], exact=True)
        await checking.click()
        said = editor.page.locator(".toast")
        await expect(said).to_contain_text("the disk is full")
        await editor.page.clock.run_for(60_000)
        await expect(said).to_contain_text("the disk is full")
        await said.get_by_role("button", name=WORDS["close"], exact=True).click()
        await expect(said).to_have_count(0)
        await editor.page.unroute("**/api/decide")
        await editor.press("Escape", "r")
        await editor.page.keyboard.type("Where is it?")
        await editor.press("Control+Enter")
        await expect(said).to_have_text(WORDS["answer.queued"])
        await editor.page.clock.run_for(7_000)
        await expect(said).to_have_count(0)


async def test_heading_and_buttons_of_an_export_stay_in_sight_while_it_is_read(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, fallen) as (editor, _):
        await editor.open("Су жоқ")
        await editor.press("Escape", "e")
        sheet = editor.page.get_by_role("dialog")
        await editor.button("export.look").click()
        await expect(editor.button("export.take")).to_be_enabled()
        heading = sheet.get_by_role("heading", name=WORDS["export.title"], exact=True)
        shown = (heading, editor.button("close"), editor.button("export.look"),
                 editor.button("export.take"))  # fmt: skip
        for place in ("0", "sheet.scrollHeight"):
            await sheet.evaluate(f"sheet => sheet.scrollTo(0, {place})")
            for each in shown:
                assert await is_within(each, sheet)
        assert await sheet.evaluate("sheet => sheet.scrollTop") > 0


async def test_a_word_that_is_a_city_too_leads_to_all_reports_from_there(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, fallen) as (editor, _):
        await editor.press("/")
        await editor.page.keyboard.type("Almaty")
        await expect(editor.found(1)).to_be_visible()
        said = editor.page.locator(".as-place")
        await expect(said).to_contain_text("Almaty is a place, too: 30 reports")
        await editor.button("list.byCity").click()
        await expect(editor.found(30)).to_be_visible()
        await expect(said).to_be_hidden()
        await expect(editor.page.get_by_role("combobox", name=WORDS["search.label"])).to_have_value(
            ""
        )


async def test_the_digits_that_reporters_compare_are_named_below_them_and_not_below_another_key(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, with_one) as (editor, _):
        await editor.go("desk")
        digits = editor.page.locator("dd").filter(has_text=WORDS["card.check"])
        desk = await editor.window_value("/api/desk")
        await expect(digits.locator(".fingerprint")).to_have_text(desk["fingerprint"])
        other = editor.page.locator("dd").filter(has_text=WORDS["card.editorHint"])
        await expect(other.locator(".fingerprint")).to_have_count(0)


async def test_no_relay_is_shown_as_reached_while_the_program_does_not_answer(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with reading(newsroom, desk_app, tmp_path, fallen) as (editor, _):
        await editor.go("desk")
        relays = (await editor.window_value("/api/desk"))["relays"]
        state = {
            "state": "watching",
            "words": "all relays reached",
            "relays": [
                {"name": relay["name"], "reached": True, "words": "", "last_s": None}
                for relay in relays
            ],
            "came": {"reports": 0, "parts": 0},
            "last_s": None,
        }
        editor.window.serving.live.tell("pull", state)
        side = editor.page.locator(".pulling")
        table = editor.page.get_by_role("table")
        await expect(side).to_contain_text("all relays reached")
        await expect(side.locator(".lamp.good")).to_have_count(1)
        await expect(table.locator(".mark.good")).to_have_count(len(relays))
        await editor.page.context.set_offline(True)
        editor.window.serving.live.close()
        await expect(side).to_contain_text(WORDS["pull.unknown"])
        await expect(side.locator(".lamp.good")).to_have_count(0)
        await expect(table.locator(".mark.good")).to_have_count(0)
