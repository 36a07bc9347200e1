"""A report on the screen: what is decided about it, its answers, and what strangers put into it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.client.desk.newsroom import Attached, Newsroom
from tests.client.desk.serve.test_faults import page_of
from tests.client.desk.test_damage import MANY, fill, flip
from tests.web.desk.editor import BEYOND, WORDS, editing
from tests.web.desk.night import Night, fall

from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.vault import VAULT_NAME
from qanat_client.web_app.files import AppFile
from qanat_protocol.report import Basis, Figure

App = Mapping[str, AppFile]

HARM = (
    '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'
    '"><svg/onload=window.harmed=1> \u202egpj.exe\u2066 {{7*7}} javascript:window.harmed=1 '
)
LONG = "ш" * 10_000


async def look(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(BEYOND)
    return found


@pytest.mark.parametrize("width", [1024, 1280, 1920])
async def test_what_strangers_put_into_a_report_shows_as_text_and_breaks_no_layout(
    width: int, newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile", width=width) as editor:
        night = Night(editor.window.desk, newsroom)
        writer = night.writer()
        identity = await night.bring(
            "harm", writer, f"{HARM}\n{LONG}", ago_h=1, what=f"Harm {HARM}"[:200],
            where=HARM + LONG[:60], when=HARM[:100], basis=Basis.SEEN, language="en",
            figures=(Figure(f"=cmd {HARM}"[:120], 1, 2),),
            files=[Attached(HARM.replace("/", "")[:80] + "ш" * 60, b"data", "text/html")],
        )  # fmt: skip
        await night.bring("long", night.writer(), LONG, ago_h=0.5, where=LONG[:120])
        catch_up(night.desk.vault)
        await editor.enter()
        await editor.window.log_in()
        tag = (HARM[:20] + "ш" * 20)[:30]
        incident = (HARM + LONG)[:180]
        made = await editor.window.post("/api/incidents", {"name": incident, "reports": [identity]})
        changes = [{"what": "tag", "report": identity, "tag": tag, "value": True}]
        await editor.window.post("/api/decide", {"changes": changes})
        await editor.row("Harm").click()
        await expect(editor.report).to_contain_text('<img src=x onerror="window.harmed=1">')
        await expect(editor.report).to_contain_text(LONG)
        await expect(editor.report.get_by_text(f"#{tag.strip().lower()}")).to_be_visible()
        assert await look(editor.page) == []
        text = editor.report.locator(".text")
        assert await text.get_attribute("dir") == "auto"
        # Where somebody turned the direction of writing, our own words keep theirs.
        assert await editor.report.get_by_text(WORDS["fact.arrived"]).is_visible()
        await editor.go("incidents")
        title = editor.page.locator(".page-body").get_by_role("heading", level=2)
        await expect(title).to_contain_text("<img src=x")
        assert await look(editor.page) == []
        assert made["id"]
        assert await editor.page.evaluate("window.harmed") is None
        assert await editor.page.locator("main img, main script, main svg[onload]").count() == 0


async def test_what_is_checked_is_kept_with_its_notes_and_stands_in_the_log(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await editor.open("Раненые в городской больнице")
        place = WORDS["element.place"]
        how_sure = WORDS["checking.confidence"].format(element=place)
        await editor.page.get_by_label(how_sure).select_option("high")
        note = editor.page.get_by_label(WORDS["checking.note"].format(element=place))
        await note.fill("the sign over the door")
        await note.press("Enter")
        await editor.button_begins("state.corroborated").click()
        await editor.incidents.fill("The square")
        await editor.incidents.press("ArrowDown")
        await editor.incidents.press("Enter")
        await expect(
            editor.report.get_by_role("button", name="The square", exact=True)
        ).to_be_visible()
        await editor.report.locator(".log summary").click()
        await expect(editor.report.locator(".log")).to_contain_text("the sign over the door")
        report = await editor.window_value(f"/api/reports/{night.ids['hospital']}")
        assert report["decided"]["elements"]["place"] == {
            "confidence": "high",
            "note": "the sign over the door",
        }
        assert report["decided"]["state"] == "corroborated"
        assert [each["name"] for each in report["decided"]["incidents"]] == ["The square"]


async def test_corrections_and_withdrawals_lead_both_ways_and_somebody_elses_count_for_nothing(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await editor.open("Drei Busse")
        await expect(editor.report).to_contain_text(WORDS["link.corrects"])
        link = WORDS["link.open"]
        await editor.report.get_by_role(
            "button", name=link.format(id=night.ids["buses"][:8])
        ).first.click()
        await expect(editor.report).to_contain_text("Zwei Busse der Polizei")
        await expect(editor.report).to_contain_text(WORDS["link.corrected"])
        await expect(editor.report).to_contain_text(WORDS["link.claimedCorrected"])
        await editor.open("They are closing the airport now.")
        await expect(editor.report).to_contain_text(WORDS["link.withdrawn"])


async def test_an_answer_asks_for_the_full_file_and_its_state_is_no_more_than_what_is_known(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        night = await fall(newsroom, editor.window.desk, tmp_path)
        await editor.enter()
        await editor.open("Алаңда атыс")
        await editor.button("files.ask").click()
        answer = editor.page.get_by_label(WORDS["answer.text"])
        await expect(answer).to_be_focused()
        await answer.fill("Рахмет. Толық файлды жібере аласыз ба?")
        # What is written for one report stays while another is looked at.
        await editor.open("Drei Busse")
        await expect(answer).to_have_value("")
        await editor.open("Алаңда атыс")
        await expect(answer).to_have_value("Рахмет. Толық файлды жібере аласыз ба?")
        await editor.button("answer.send").click()
        await expect(editor.report.locator(".replies")).to_contain_text("Толық файлды")
        await expect(editor.report).to_contain_text(WORDS["files.wanted"])
        await expect(answer).to_have_value("")
        report = await editor.window_value(f"/api/reports/{night.ids['square']}")
        assert report["wanted"] == [1]
        assert [reply["relays"] for reply in report["replies"]] == [[]]
        await expect(editor.report.locator(".replies")).to_contain_text(
            report["replies"][0]["words"]
        )
        await editor.go("outgoing")
        await expect(editor.page.get_by_text("Толық файлды")).to_be_visible()
        await editor.go("inbox")
        await editor.open("Friends say that")
        await expect(editor.report).to_contain_text(WORDS["answer.impossible"])


async def test_what_of_a_report_lies_on_a_damaged_page_is_named_above_it(
    newsroom: Newsroom, desk_app: App, tmp_path: Path
) -> None:
    await fill(newsroom)
    flip(newsroom.home / VAULT_NAME, page_of(newsroom, "decisions"))
    async with editing(newsroom, desk_app, tmp_path / "profile") as editor:
        await editor.enter()
        await editor.open(f"Report {MANY - 1}.")
        missing = editor.report.get_by_role("alert")
        await expect(missing).to_contain_text("the log of decisions")
        await expect(editor.report).to_contain_text(f"Report {MANY - 1}.")
