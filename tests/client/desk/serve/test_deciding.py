"""What is decided in a window stands in the vault, all of it or none."""

from __future__ import annotations

import pytest
from tests.client.desk.newsroom import Newsroom, Writer
from tests.client.desk.serve.test_lists import bring
from tests.client.desk.serve.window import window_on


@pytest.fixture
def newsroom(newsroom: Newsroom) -> Newsroom:
    newsroom.settle()
    return newsroom


async def test_every_kind_of_decision_stands_where_the_command_line_sees_it(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        writer = Writer(window.desk.card, window.desk.today)
        first, second = await bring(window.desk, writer, ["One.", "Two."])
        incident = (await window.post("/api/incidents", {"name": " A  fire ", "reports": [first]}))[
            "id"
        ]
        changes = [
            {"what": "state", "report": first, "value": "checking"},
            {
                "what": "element",
                "report": first,
                "element": "place",
                "value": "high",
                "note": "fountain",
            },
            {"what": "starred", "report": first, "value": True},
            {"what": "tag", "report": first, "tag": "Hospital", "value": True},
            {"what": "read", "report": first, "value": True},
            {"what": "muted", "report": second, "value": True},
            {"what": "incident", "incident": incident, "name": "The fire"},
            {"what": "gathered", "incident": incident, "report": second, "value": True},
        ]
        assert await window.post("/api/decide", {"changes": changes}) == {"decisions": 8}
        assert await window.post("/api/decide", {"changes": changes}) == {"decisions": 0}
        again = {"what": "element", "report": first, "element": "place", "value": "low"}
        await window.post("/api/decide", {"changes": [again]})
        shown = newsroom.do("show", first, "--keep-unread")
        assert shown["decided"] == {
            "state": "checking",
            "read": True,
            "starred": True,
            "tags": ["hospital"],
            "elements": {"place": {"confidence": "low", "note": "fountain"}},
            "incidents": [{"id": incident, "name": "The fire"}],
        }
        assert shown["muted"] is True
        (listed,) = (await window.get("/api/incidents"))["incidents"]
        assert (listed["id"], listed["name"], listed["reports"]) == (incident, "The fire", 2)
        page = await window.get(f"/api/incidents/{incident}")
        assert [row["id"] for row in page["rows"]] == [second, first]
        assert [entry["what"] for entry in page["log"]][:2] == ["incident", "gathered"]
        assert (await window.get("/api/tags"))["tags"] == [{"tag": "hospital", "reports": 1}]
        counts = (await window.get("/api/desk"))["counts"]
        assert (counts["reports"], counts["muted"], counts["unread"]) == (2, 2, 0)


async def test_an_incident_is_deleted_once_it_is_empty_and_a_window_that_is_late_brings_it_back(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        writer = Writer(window.desk.card, window.desk.today)
        (report,) = await bring(window.desk, writer, ["One."])
        made = await window.post("/api/incidents", {"name": "A fire", "reports": [report]})
        incident = made["id"]
        gathered = {"what": "gathered", "incident": incident, "report": report}
        deleted = {"changes": [{"what": "deleted", "incident": incident}]}
        refused = await window.ask("POST", "/api/decide", deleted)
        assert refused.status == 400
        assert "take them out first" in refused.value["error"]
        await window.post("/api/decide", {"changes": [gathered | {"value": False}]})
        assert await window.post("/api/decide", deleted) == {"decisions": 1}
        assert await window.post("/api/decide", deleted) == {"decisions": 0}
        assert (await window.get("/api/incidents"))["incidents"] == []
        assert (await window.ask("GET", f"/api/incidents/{incident}")).status == 404
        renamed = {"changes": [{"what": "incident", "incident": incident, "name": "Smoke"}]}
        assert (await window.ask("POST", "/api/decide", renamed)).status == 404
        assert await window.post("/api/decide", {"changes": [gathered]}) == {"decisions": 2}
        page = await window.get(f"/api/incidents/{incident}")
        assert [row["id"] for row in page["rows"]] == [report]
        assert [entry["words"] for entry in page["log"] if entry["what"] == "deleted"] == [
            "incident deleted",
            "incident brought back",
        ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": "state", "value": "checking"},
        {"what": "state", "report": "00" * 32, "value": "perfect"},
        {"what": "starred", "report": "00" * 32, "value": 1},
        {"what": "tag", "report": "00" * 32, "tag": "  "},
        {"what": "tag", "report": "00" * 32, "tag": "x" * 65},
        {"what": "gathered", "incident": "00" * 16, "report": "00" * 32},
        {"what": "incident", "incident": "00" * 16, "name": "None such"},
        {"what": "read", "report": "00" * 32, "extra": 1},
        {"what": "nothing"},
        {},
    ],
)
async def test_of_decisions_among_which_one_is_wrong_none_is_kept(
    newsroom: Newsroom, wrong: dict[str, object]
) -> None:
    async with window_on(newsroom) as window:
        (report,) = await bring(window.desk, Writer(window.desk.card, window.desk.today), ["One."])
        if wrong.get("report") == "00" * 32 and wrong["what"] == "tag":
            wrong = wrong | {"report": report}
        star = {"what": "starred", "report": report, "value": True}
        said = await window.ask("POST", "/api/decide", {"changes": [star, wrong]})
        assert said.status in (400, 404)
        assert said.value["error"]
        assert newsroom.do("log", report)["log"] == []


async def test_a_window_and_the_command_line_decide_beside_each_other(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        (report,) = await bring(window.desk, Writer(window.desk.card, window.desk.today), ["One."])
        star = {"what": "starred", "report": report, "value": True}
        await window.post("/api/decide", {"changes": [star]})
        newsroom.do("mark", report, "--state", "doubtful")
        found = await window.get(f"/api/reports/{report}")
        assert (found["decided"]["state"], found["decided"]["starred"]) == ("doubtful", True)
        assert [entry["what"] for entry in found["log"]] == ["starred", "state"]
