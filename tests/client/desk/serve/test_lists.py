"""The inbox and a report as a window sees them."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from urllib.parse import quote

import pytest
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly
from tests.client.desk.serve.window import window_on

from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.desk import Desk
from qanat_client.desk.pages import MANY_OF_ONE
from qanat_protocol.card import parse_card


@pytest.fixture
def newsroom(newsroom: Newsroom) -> Newsroom:
    newsroom.settle()
    return newsroom


async def bring(desk: Desk, writer: Writer, texts: list[str], **fields: object) -> list[str]:
    """Reports that have come, by their ids in the order of arrival."""
    made = [writer.write(text, **fields) for text in texts]  # type: ignore[arg-type]
    ids = []
    for identity, parcels in made:
        await open_directly(desk, parcels)
        ids.append(identity.hex())
    catch_up(desk.vault)
    return ids


async def test_the_inbox_shows_the_newest_first_page_by_page(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        ids = []
        for number in range(5):
            writer = Writer(window.desk.card, window.desk.today)
            ids += await bring(window.desk, writer, [f"Report {number}."])
        seen: list[str] = []
        before = None
        while True:
            page = await window.post("/api/inbox", {"limit": 2, "before": before})
            assert page["total"] == 5
            seen += [row["id"] for row in page["rows"]]
            before = page["next"]
            if before is None:
                break
        assert seen == ids[::-1]


async def test_who_wrote_more_than_a_few_has_one_row_and_all_of_it_is_found(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        loud = Writer(window.desk.card, window.desk.today)
        many = [f"Number {number}." for number in range(MANY_OF_ONE + 3)]
        ids = await bring(window.desk, loud, many)
        (other,) = await bring(window.desk, Writer(window.desk.card, window.desk.today), ["Quiet."])
        page = await window.post("/api/inbox", {})
        assert [row["id"] for row in page["rows"]] == [other, ids[-1]]
        assert (page["total"], page["next"]) == (MANY_OF_ONE + 4, None)
        group = page["rows"][1]["group"]
        assert group == {"alias": page["rows"][1]["alias"], "more": MANY_OF_ONE + 2}
        own = await window.post("/api/inbox", {"alias": group["alias"]})
        assert [row["id"] for row in own["rows"]] == ids[::-1]
        every = await window.post("/api/inbox", {"grouped": False})
        assert [row["id"] for row in every["rows"]] == [other, *ids[::-1]]
        found = await window.post("/api/inbox", {"words": "number 7"})
        assert [row["id"] for row in found["rows"]] == [ids[7]]


async def test_a_report_is_shown_with_what_the_desk_knows_of_it(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        writer = Writer(window.desk.card, window.desk.today).with_box()
        ids = await bring(
            window.desk,
            writer,
            ["A fire.", "Once more."],
            files=[Attached("a.jpg", b"data", "image/jpeg")],
            where="Almaty",
        )
        report = await window.get(f"/api/reports/{ids[0][:8]}")
        assert (report["id"], report["text"], report["where"]) == (ids[0], "A fire.", "Almaty")
        assert (report["same_pseudonym"], report["same_pseudonym_total"]) == ([ids[1]], 1)
        assert report["decided"]["read"] is False
        (row, *_) = (await window.post("/api/inbox", {"places": ["almaty"]}))["rows"]
        assert (row["id"], row["alias"]) == (ids[1], report["alias"])
        assert (row["files"], row["files_here"]) == (1, 1)
        assert row["thumb"] == {"file": 0, "rendition": "original"}


async def test_a_report_that_is_not_there_is_told_from_an_id_that_is_none(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        for digits, status in [("00000000", 404), ("xyz", 400), ("12", 400)]:
            assert (await window.ask("GET", f"/api/reports/{digits}")).status == status


async def test_the_search_box_is_offered_what_reports_have(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        for where, language in (("Алматы", "ru"), ("Almaty", "kk-Cyrl"), ("Целиноград", "ru")):
            writer = Writer(window.desk.card, window.desk.today)
            await bring(window.desk, writer, ["Text."], where=where, language=language)
        found = await window.get("/api/offers")
        assert [(each["city"], each["reports"]) for each in found["cities"]] == [
            ("Almaty", 2),
            ("Astana", 1),
        ]
        assert {"Алматы", "Алма-Ата", "آلماتی"} <= {*found["cities"][0]["names"]}
        assert found["languages"] == [
            {"language": "ru", "reports": 2},
            {"language": "kk-cyrl", "reports": 1},
        ]
        # What is offered finds them.
        for wish in ({"cities": ["Almaty"]}, {"languages": ["ru"]}):
            assert (await window.post("/api/inbox", wish))["total"] == 2


async def test_the_card_is_given_as_a_file_and_as_a_link(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        said = await window.ask("GET", "/api/card")
        card = parse_card(said.body)
        assert card.desk_id == window.desk.card.desk_id
        name = f"desk-{card.serial}.card"
        assert said.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        address = "https://relay.example/"
        link = (await window.post("/api/card/link", {"address": address}))["link"]
        before, _, behind = link.partition("#")
        assert before == address
        assert urlsafe_b64decode(behind + "=" * (-len(behind) % 4)) == said.body
        for wrong in ("relay.example", "https://relay.example/#x", ""):
            said = await window.ask("POST", "/api/card/link", {"address": wrong})
            assert said.status == 400
            assert "the address of a web app" in said.value["error"]


async def test_the_alias_of_a_muted_pseudonym_is_offered_and_leads_to_its_reports(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        one, other = (Writer(window.desk.card, window.desk.today) for _ in range(2))
        mine = await bring(window.desk, one, ["First.", "Second."])
        await bring(window.desk, other, ["Third."])
        alias = (await window.get(f"/api/reports/{mine[0]}"))["alias"]
        changes = [{"what": "muted", "report": mine[0], "value": True}]
        await window.post("/api/decide", {"changes": changes})
        page = await window.post("/api/inbox", {})
        assert (page["total"], page["muted"]) == (1, 2)
        for begins in (alias[:3], alias, alias.replace("-", " ").upper()):
            found = await window.get(f"/api/aliases?begins={quote(begins)}")
            assert alias in found["aliases"], begins
        asked = {"alias": alias, "grouped": False}
        page = await window.post("/api/inbox", asked)
        assert [row["id"] for row in page["rows"]] == mine[::-1]
        said = await window.ask("POST", "/api/inbox", {"alias": "grey-nobody"})
        assert said.status == 400


async def test_words_that_name_a_city_say_where_more_reports_come_from_it(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        writer = Writer(window.desk.card, window.desk.today)
        for where, text in (
            ("Алматы, 7-аурухана", "Hospital."),
            ("Almaty", "Shots."),
            ("آلماتی", "Hospital."),
            ("Aktau", "Shots."),
        ):
            await bring(window.desk, writer, [text], where=where)
        found = await window.post("/api/inbox", {"words": "almaty"})
        assert (found["total"], found["city"]["reports"]) == (1, 3)
        assert (found["city"]["city"], found["city"]["words"]) == ("Almaty", "")
        by_place = await window.post("/api/inbox", {"cities": [found["city"]["city"]]})
        assert by_place["total"] == 3
        both = await window.post("/api/inbox", {"words": "Алматыда hospital"})
        assert (both["total"], both["city"]) == (
            1,
            {"city": "Almaty", "words": "hospital", "reports": 2},
        )
        for nothing in (
            {"words": "aktau"},
            {"words": "hospital"},
            {"words": "almaty", "cities": ["Aktau"]},
            {},
        ):
            assert "city" not in await window.post("/api/inbox", nothing)
