"""What a window is told of related reports and figures, and what it takes out as files."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly
from tests.client.desk.serve.window import Window, window_on
from tests.client.desk.test_publishing import photo_of

from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.serve import exporting
from qanat_protocol.report import Basis, Figure


@pytest.fixture
def newsroom(newsroom: Newsroom) -> Newsroom:
    newsroom.settle()
    return newsroom


async def bring(window: Window, text: str, *rest: Any, **fields: Any) -> str:
    """A report of a new pseudonym, made ready for lists; its id."""
    identity, parcels = Writer(window.desk.card, window.desk.today).write(text, *rest, **fields)
    await open_directly(window.desk, parcels)
    catch_up(window.desk.vault)
    return identity.hex()


def wounded(least: int, most: int, **fields: Any) -> dict[str, Any]:
    return {"where": "Almaty", "figures": (Figure("wounded", least, most),), **fields}


async def test_a_window_sees_what_may_belong_together_and_what_contradicts_it(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        one = await bring(window, "Text.", **wounded(16, 20, basis=Basis.SEEN))
        two = await bring(window, "Other.", **wounded(200, 300))
        found = await window.get(f"/api/reports/{one[:8]}/related")
        (suggestion,) = found["suggestions"]
        assert suggestion["row"]["id"] == two
        assert suggestion["row"]["decided"]["state"] == "new"
        assert {reason["kind"] for reason in suggestion["reasons"]} == {"place", "time"}
        (row,) = (await window.get(f"/api/reports/{one}/figures"))["rows"]
        assert row["mine"] == {"minimum": 16, "maximum": 20}
        assert (row["lowest"], row["highest"], row["overlap"]) == (16, 300, None)
        assert [(other["report"], other["agrees"]) for other in row["others"]] == [(two, False)]
        assert suggestion["incidents"] == []
        other = await window.post("/api/incidents", {"name": "Fire", "reports": [two]})
        (suggestion,) = (await window.get(f"/api/reports/{one}/related"))["suggestions"]
        assert suggestion["incidents"] == [{"id": other["id"], "name": "Fire"}]
        made = await window.post("/api/incidents", {"name": "Square", "reports": [one, two]})
        page = await window.get(f"/api/incidents/{made['id']}")
        assert page["figures"]["rows"][0]["sources"] == 2
        assert page["media"] == []
        assert (await window.get(f"/api/reports/{one}/related"))["together"] == 1
        for path in ("related", "figures"):
            said = await window.ask("GET", f"/api/reports/{'0' * 64}/{path}")
            assert said.status == 404


async def test_a_window_sees_an_export_before_it_takes_it(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        one = await bring(window, "Айгүл видела это.", language="ru")
        await bring(window, "Other.", language="en")
        asked = {"format": "html", "languages": ["ru"], "black_words": ["айгүл"]}
        seen = await window.post("/api/export", asked | {"preview": True})
        assert (seen["name"], seen["reports"], seen["is_public"]) == ("reports.html", 1, True)
        assert seen["blacked_out"] == [{"word": "айгүл", "n": 1}]
        assert {"why": "withdrawn", "n": 0} in seen["left_out"]
        assert not seen["is_cut"]
        assert "█████ видела это" in seen["text"]
        assert "<" not in seen["text"]
        said = await window.ask("POST", "/api/export", asked)
        assert "█████ видела это." in said.body.decode()
        assert "Айгүл" not in said.body.decode()
        assert said.headers["Content-Disposition"] == 'attachment; filename="reports.html"'
        assert said.headers["Content-Type"] == "text/html; charset=utf-8"
        assert said.headers["X-Content-Type-Options"] == "nosniff"
        assert said.headers["Cache-Control"] == "no-store"
        assert one not in seen["text"]
        said = await window.ask("POST", "/api/export", {"format": "csv", "ids": [one]})
        assert one in said.body.decode("utf-8-sig")
        seen = await window.post(
            "/api/export",
            {"format": "json", "ids": [one], "public": True, "black_fields": ["text"],
             "preview": True},
        )  # fmt: skip
        assert one not in seen["text"]
        assert "█████" in seen["text"]


async def test_several_files_come_as_an_archive(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        identity = await bring(window, "Text.", [Attached("a.jpg", b"data", "image/jpeg")])
        said = await window.ask("POST", "/api/export", {"format": "md", "media": True})
        assert said.headers["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(said.body)) as archive:
            assert sorted(archive.namelist()) == [f"files/{identity[:8]}/a.jpg", "reports.md"]
            assert archive.read(f"files/{identity[:8]}/a.jpg") == b"data"


async def test_a_publication_has_its_pictures_made_anew(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        photo = photo_of("Camera of Aigul")
        await bring(window, "Text.", [Attached("Aigul.jpg", photo, "image/jpeg")])
        said = await window.ask("POST", "/api/export", {"format": "html", "media": True})
        with zipfile.ZipFile(io.BytesIO(said.body)) as archive:
            picture, page = sorted(archive.namelist())
            assert picture.endswith("/file-1.jpg")
            assert archive.read(picture).startswith(b"\xff\xd8")
            for name in (picture, page):
                assert b"Aigul" not in archive.read(name)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "format is missing"),
        ({"format": "pdf"}, "there is no format 'pdf'"),
        ({"format": "md", "black_words": ["..."]}, "no letter or digit"),
        ({"format": "md", "black_fields": ["id"]}, "there is no field 'id'"),
        ({"format": "md", "ids": ["ab"]}, "ids is not"),
        ({"format": "md", "paths": ["/etc"]}, "'paths' is no field"),
    ],
)
async def test_what_is_no_export_is_refused(
    newsroom: Newsroom, asked: dict[str, Any], words: str
) -> None:
    async with window_on(newsroom) as window:
        said = await window.ask("POST", "/api/export", asked)
        assert said.status == 400
        assert words in said.value["error"]


async def test_an_unknown_report_and_too_many_are_refused(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MAX_REPORTS", 1)
    async with window_on(newsroom) as window:
        for _ in range(2):
            await bring(window, "Text.")
        said = await window.ask("POST", "/api/export", {"format": "md"})
        assert said.status == 413
        assert "qanat-desk export" in said.value["error"]
        said = await window.ask("POST", "/api/export", {"format": "md", "ids": ["00" * 32]})
        assert said.status == 404
