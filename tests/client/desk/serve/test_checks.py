"""What a window is told of related reports and figures, and what it takes out as files."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from typing import Any

import pytest
from tests.client.desk.media.samples import SECRET, recording
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly
from tests.client.desk.serve.window import Said, Window, window_on
from tests.client.desk.test_publishing import photo_of

from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.media.asking import Form
from qanat_client.desk.media.limits import PUBLIC_LIMITS
from qanat_client.desk.media.room import LIMITS
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


async def test_what_arrived_since_an_export_was_seen_is_not_taken_with_it_unseen(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        await bring(window, "One.")
        asked = {"format": "html"}
        seen = (await window.post("/api/export", asked | {"preview": True}))["seen"]
        said = await window.ask("POST", "/api/export", asked | {"seen": seen})
        assert said.status == 200
        await bring(window, "Two, which nobody saw.")
        said = await window.ask("POST", "/api/export", asked | {"seen": seen})
        assert said.status == 409
        assert "look again" in said.body.decode()
        seen = (await window.post("/api/export", asked | {"preview": True}))["seen"]
        said = await window.ask("POST", "/api/export", asked | {"seen": seen})
        assert "Two, which nobody saw." in said.body.decode()


async def test_a_window_sees_an_export_before_it_takes_it(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        one = await bring(window, "Айгүл видела это.", language="ru")
        await bring(window, "Other.", language="en")
        asked = {"format": "html", "languages": ["ru"], "black_words": ["айгүл"]}
        seen = await window.post("/api/export", asked | {"preview": True})
        assert (seen["name"], seen["reports"], seen["is_public"]) == ("reports.html", 1, True)
        assert seen["blacked_out"] == [{"word": "айгүл", "n": 1}]
        assert {"why": "withdrawn", "n": 0} in seen["left_out"]
        assert seen["states"] == [{"state": "new", "n": 1}]
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


async def test_a_publication_takes_films_and_sounds_along_and_names_what_it_leaves_out(
    newsroom: Newsroom,
) -> None:
    files = [
        Attached("Aigul.mp4", recording(), "video/mp4"),
        Attached("voice.mp3", recording("mp3", None, "libmp3lame"), "audio/mpeg"),
        Attached("list.pdf", b"%PDF-1.7", "application/pdf"),
    ]
    asked = {"format": "html", "media": True}
    async with window_on(newsroom) as window:
        identity = await bring(window, "Text.", files)
        seen = await window.post("/api/export", asked | {"preview": True})
        said = await window.ask("POST", "/api/export", asked)
        with zipfile.ZipFile(io.BytesIO(said.body)) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        page = content.pop("reports.html").decode()
        assert [name.rpartition("/")[2] for name in content] == ["file-1.webm", "file-2.webm"]
        assert [file["path"] for file in seen["files"]] == list(content)
        assert [file["size_bytes"] for file in seen["files"]] == list(map(len, content.values()))
        for told in (SECRET.encode(), b"43.25", b"Aigul", b"list.pdf", identity[:8].encode()):
            assert not [name for name, data in content.items() if told in data]
            assert told not in page.encode()
        for name, tag in zip(content, ("video", "audio"), strict=True):
            assert f'<{tag} src="{name}" controls="controls"' in page
        (missing,) = seen["missing"]
        assert missing.startswith(f"{identity[:8]}: list.pdf (this is a PDF document")
        assert seen["shortened"] == []


async def test_more_media_than_a_download_takes_is_refused_with_what_to_do(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"format": "html", "media": True}
    async with window_on(newsroom) as window:
        await bring(window, "Text.", [Attached(f"{n}.jpg", photo_of("x")) for n in range(2)])
        for limit, most, status in (("MAX_FILES", 1, 413), ("MAX_MEMORY_BYTES", 1000, 400)):
            with monkeypatch.context() as patch:
                patch.setattr(exporting, limit, most)
                for preview in (True, False):
                    said = await window.ask("POST", "/api/export", asked | {"preview": preview})
                    assert said.status == status
                    assert "to a folder with qanat-desk export" in said.value["error"]
        assert (await window.ask("POST", "/api/export", asked)).status == 200


async def test_a_film_that_is_published_only_in_part_is_named(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(PUBLIC_LIMITS, output_bytes=(1 << 20) + 5_000)
    monkeypatch.setitem(LIMITS, Form.PUBLIC, limits)
    async with window_on(newsroom) as window:
        identity = await bring(window, "Text.", [Attached("long.mp4", recording(seconds=6))])
        asked = {"format": "html", "media": True, "preview": True}
        (shortened,) = (await window.post("/api/export", asked))["shortened"]
        assert shortened.startswith(f"{identity[:8]}: long.mp4 (cut behind 0:0")


async def test_the_page_is_seen_as_it_will_be_and_can_do_nothing(newsroom: Newsroom) -> None:
    async with window_on(newsroom) as window:
        text = "<script>alert(1)</script> <img src=http://example.invalid/x>"
        files = [Attached("a.jpg", photo_of("Camera"), "image/jpeg")]
        await bring(window, text, files)
        asked = {"format": "html", "media": True}
        address = (await window.post("/api/export", asked | {"preview": True}))["page"]
        frame = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-site"}
        seen = await fetched(window, address, **frame)
        assert (seen.status, seen.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        policy = seen.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-same-origin; default-src 'none'; style-src 'sha256")
        assert policy.endswith(f"frame-ancestors {window.address}")
        assert "script" not in policy
        (shown,) = re.findall(r' src="([^"]+)"', seen.body.decode())
        origin = address.partition("/m/")[0]
        media = await fetched(window, origin + shown)
        assert media.headers["Content-Type"] == "image/jpeg"
        # But for where its media lie it is what will be written.
        said = await window.ask("POST", "/api/export", asked)
        with zipfile.ZipFile(io.BytesIO(said.body)) as archive:
            written = archive.read("reports.html").decode()
            (path,) = (name for name in archive.namelist() if name.startswith("files/"))
        assert seen.body.decode() == written.replace(path, shown)
        for dest, site in (("document", "same-site"), ("iframe", "cross-site"), ("image", "none")):
            refused = {"Sec-Fetch-Dest": dest, "Sec-Fetch-Site": site}
            assert (await fetched(window, address, **refused)).status == 404


async def fetched(window: Window, url: str, **headers: str) -> Said:
    """What the media origin answers."""
    async with window.http.get(url, headers=headers) as answer:
        return Said(answer.status, answer.headers, await answer.read())


async def test_files_that_come_as_they_are_are_named_in_the_page_and_not_shown(
    newsroom: Newsroom,
) -> None:
    async with window_on(newsroom) as window:
        await bring(window, "Text.", [Attached("a.jpg", b"anything", "image/jpeg")])
        asked = {"format": "html", "media": True, "public": False, "preview": True}
        seen = await window.post("/api/export", asked)
        page = (await fetched(window, seen["page"], **{"Sec-Fetch-Dest": "iframe"})).body.decode()
        assert "<figcaption>a.jpg</figcaption>" in page
        assert "src=" not in page
        assert [file["size_bytes"] for file in seen["files"]] == [8]


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
