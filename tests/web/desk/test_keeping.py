"""What an editor decides and writes: that it was kept is said, and nothing unsent is lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.async_api import Dialog, Page, Route, expect
from tests.client.desk.newsroom import Newsroom
from tests.web.desk.editor import WORDS, Editor, editing
from tests.web.desk.night import fall

from qanat_client.web_app.files import AppFile

App = Mapping[str, AppFile]
HOSPITAL = "Раненые в городской больнице"


def entry(editor: Editor, words: str) -> Any:
    return editor.page.get_by_role("option", name=words, exact=True)


def gathered(editor: Editor, name: str) -> Any:
    return editor.report.get_by_role("button", name=name, exact=True)


async def fall_with_incident(editor: Editor, newsroom: Newsroom, folder: Path, name: str) -> None:
    """The night, and an incident in which the hospital's report is gathered."""
    night = await fall(newsroom, editor.window.desk, folder)
    await editor.window.log_in()
    incident = {"name": name, "reports": [night.ids["hospital"]]}
    await editor.window.post("/api/incidents", incident)
    await editor.enter()


async def heights(editor: Editor) -> list[float]:
    """Where everything stands in the panel, from its top."""
    found: list[float] = await editor.report.locator(".checking, .checking > *").evaluate_all(
        "(all) => all.map((each) => each.getBoundingClientRect().top)"
    )
    return [round(top - found[0]) for top in found]


async def test_that_an_assessment_was_kept_or_refused_is_said_and_moves_nothing(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await editor.open(HOSPITAL)
        said = editor.report.locator(".kept")
        await expect(said).to_have_attribute("role", "status")
        await expect(said).to_have_text("")
        before = await heights(editor)
        time = await editor.page.evaluate(
            "new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }).format()"
        )
        done = WORDS["kept.done"]
        await editor.button_begins("state.checking").click()
        await expect(said).to_have_text(done.format(time=time, what=WORDS["checking.state"]))
        place = WORDS["element.place"]
        how_sure = editor.page.get_by_label(WORDS["checking.confidence"].format(element=place))
        await how_sure.select_option("high")
        await expect(said).to_have_text(done.format(time=time, what=place))
        note = editor.page.get_by_label(
            WORDS["checking.note"].format(element=WORDS["element.date"])
        )
        await note.fill("the clock on the tower")
        await note.press("Enter")
        await expect(said).to_have_text(done.format(time=time, what=WORDS["element.date"]))
        assert await heights(editor) == before

        async def refuse(route: Route) -> None:
            await route.fulfill(status=507, json={"error": "the disk is full"})

        await editor.page.route("**/api/decide", refuse)
        await note.fill("the clock on the tower stands")
        await note.press("Enter")
        refused = WORDS["kept.refused"].format(time=time, what=WORDS["element.date"])
        await expect(said).to_have_text(refused)
        await expect(editor.page.locator(".toast")).to_contain_text("the disk is full")
        assert await heights(editor) == before
        # What was refused is still in its field, also after a look at another report.
        await editor.open("Friends say that")
        await expect(said).to_have_text("")
        await editor.open(HOSPITAL)
        await expect(note).to_have_value("the clock on the tower stands")
        await editor.page.unroute("**/api/decide")
        await note.press("Enter")
        await expect(said).to_have_text(done.format(time=time, what=WORDS["element.date"]))


async def test_a_part_of_a_name_finds_the_incident_and_a_new_one_is_an_entry_of_its_own(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await editor.window.log_in()
        for name in ("Қала алаңы", "Hospital No. 7", "The fire"):
            await editor.window.post("/api/incidents", {"name": name, "reports": []})
        await editor.enter()
        await editor.open(HOSPITAL)
        field = editor.incidents
        await field.click()
        await expect(entry(editor, "The fire")).to_be_visible()
        # Inside a word, and by the letters of another keyboard.
        await field.fill("ала алан")
        await expect(entry(editor, "Қала алаңы")).to_have_attribute("aria-selected", "true")
        await expect(entry(editor, "The fire")).to_have_count(0)
        await field.press("Enter")
        await expect(gathered(editor, "Қала алаңы")).to_be_visible()
        await expect(field).to_have_value("")
        await expect(field).to_be_focused()
        # Nothing is called so: Enter alone makes none.
        await field.fill("Shooting")
        new = entry(editor, WORDS["incidents.newEntry"].format(name="Shooting"))
        await expect(new).to_have_attribute("aria-selected", "false")
        await field.press("Enter")
        await expect(new).to_be_visible()
        listed = (await editor.window_value("/api/incidents"))["incidents"]
        assert len(listed) == 3
        await field.press("ArrowDown")
        await expect(new).to_have_attribute("aria-selected", "true")
        marked = await field.get_attribute("aria-activedescendant")
        assert marked == await new.get_attribute("id")
        await field.press("Enter")
        await expect(gathered(editor, "Shooting")).to_be_visible()
        # Another that holds the same words is made by the same entry.
        await editor.open("Friends say that")
        await field.fill("shoot")
        await expect(entry(editor, "Shooting")).to_have_attribute("aria-selected", "true")
        await entry(editor, WORDS["incidents.newEntry"].format(name="shoot")).click()
        await expect(gathered(editor, "shoot")).to_be_visible()
        await field.fill("hosp")
        await field.press("Escape")
        await expect(entry(editor, "Hospital No. 7")).to_have_count(0)
        await expect(field).to_be_focused()
        await field.press("Escape")
        await expect(editor.page.get_by_role("listbox", name=WORDS["list.label"])).to_be_focused()


async def test_an_incident_is_renamed_and_deleted_once_nothing_is_in_it(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall_with_incident(editor, newsroom, tmp_path, "The sqare")
        await editor.go("incidents")
        page = editor.page.locator(".page-body")
        await editor.button("incidents.rename").click()
        await page.get_by_label(WORDS["incidents.name"]).fill("The square")
        await editor.button("keep").click()
        await expect(page.get_by_role("heading", name="The square")).to_be_visible()
        await expect(editor.button("incidents.delete")).to_have_count(0)
        await editor.page.get_by_label(WORDS["incidents.new"]).fill("SQUARE")
        alike = editor.page.locator(".page-list .panel, .page-list form")
        await expect(alike.first).to_contain_text(WORDS["incidents.alike"])
        await editor.page.get_by_label(WORDS["incidents.new"]).fill("")
        await editor.button("incidents.takeOut").click()
        await editor.button("incidents.delete").click()
        await expect(editor.page.locator(".toast")).to_contain_text("The square")
        await expect(page.get_by_role("heading", name="The square")).to_have_count(0)
        await expect(editor.page.get_by_text(WORDS["incidents.none"])).to_be_visible()
        assert (await editor.window_value("/api/incidents"))["incidents"] == []


async def test_what_may_belong_together_is_gathered_from_either_side(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall_with_incident(editor, newsroom, tmp_path, "Hospital")
        await editor.open("Алаңда атыс")
        mine = WORDS["related.addMine"].format(name="Hospital")
        await editor.report.get_by_role("button", name=mine).click()
        await expect(gathered(editor, "Hospital")).to_be_visible()
        together = WORDS["related.together"]["one"].format(count=1)
        await expect(editor.report).to_contain_text(together)
        this = WORDS["related.addThis"].format(name="Hospital")
        suggested = editor.report.locator(".suggested")
        count = await suggested.count()
        assert count > 0
        await suggested.first.get_by_role("button", name=this).click()
        together = WORDS["related.together"]["other"].format(count=2)
        await expect(editor.report).to_contain_text(together)
        listed = (await editor.window_value("/api/incidents"))["incidents"]
        assert [each["reports"] for each in listed] == [3]


async def asked_on_leaving(page: Page, *, leave: bool) -> list[str]:
    """What the browser asks when the page is loaded anew."""
    kinds: list[str] = []

    async def decide(dialog: Dialog) -> None:
        kinds.append(dialog.type)
        await (dialog.accept() if leave else dialog.dismiss())

    page.on("dialog", decide)
    if leave:
        await page.reload()
    else:
        await page.evaluate("setTimeout(() => location.reload(), 0)")
        await page.wait_for_timeout(1_000)
    page.remove_listener("dialog", decide)
    return kinds


async def test_an_answer_that_is_being_written_is_not_lost(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await editor.open(HOSPITAL)
        answer = editor.page.get_by_label(WORDS["answer.text"])
        await answer.press_sequentially("Кто ещё")
        await expect(editor.row(HOSPITAL)).to_contain_text(WORDS["row.draft"])
        await editor.go("bulletins")
        await editor.go("inbox")
        await editor.open("Су жоқ")
        await expect(answer).to_have_value("")
        await editor.open(HOSPITAL)
        await expect(answer).to_have_value("Кто ещё")
        assert await asked_on_leaving(editor.page, leave=False) == ["beforeunload"]
        await expect(answer).to_have_value("Кто ещё")
        assert await editor.page.evaluate("localStorage.length") == 0
        kept = await editor.page.evaluate("JSON.stringify(sessionStorage)")
        assert "ещё" not in kept
        await answer.press("Control+Enter")
        await expect(editor.report.locator(".replies")).to_contain_text("Кто ещё")
        assert await asked_on_leaving(editor.page, leave=True) == []
        await expect(editor.row(HOSPITAL)).to_be_visible()
        await expect(editor.row(HOSPITAL)).not_to_contain_text(WORDS["row.draft"])
        # A bulletin in writing is asked for as well.
        await editor.go("bulletins")
        await editor.page.get_by_label(WORDS["bulletins.words"]).press_sequentially("Stay")
        assert await asked_on_leaving(editor.page, leave=True) == ["beforeunload"]
