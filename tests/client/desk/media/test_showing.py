"""Media over HTTP: from the API to the other origin, in memory only, and never what was sent."""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import av
import pytest
from PIL import Image
from tests.client.desk.media.samples import PLACE, SECRET, photo, png_claiming, recording
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly
from tests.client.desk.serve.window import Said, Window, window_on

from qanat_client.desk.media.near import near_pictures
from qanat_client.desk.media.showing import open_media, room_of
from qanat_client.desk.spool import Spool


@asynccontextmanager
async def desk_with(
    newsroom: Newsroom, files: Sequence[Attached]
) -> AsyncIterator[tuple[Window, str]]:
    """A window on a desk with one report, and its id."""
    newsroom.init()
    desk = newsroom.open()
    report_id, parcels = Writer(desk.card, desk.today).write(files=files)
    await open_directly(desk, parcels)
    desk.vault.close()
    async with window_on(newsroom) as window:
        yield window, report_id.hex()


def wish(report: str, file: int = 0, form: str = "picture", rendition: str = "original") -> Any:
    return {"report": report, "file": file, "rendition": rendition, "form": form}


async def media(window: Window, url: str, **headers: str) -> Said:
    path = "/" + url.split("/", 3)[3]
    return await window.ask("GET", path, headers=headers, port=window.serving.media_port)


async def test_a_picture_is_shown_from_the_other_origin_without_its_metadata(
    newsroom: Newsroom,
) -> None:
    small = photo("WEBP")
    async with desk_with(newsroom, [Attached("a.jpg", photo(), thumbnail=small)]) as (window, own):
        for rendition in ("original", "thumbnail"):
            shown = await window.post("/api/media", wish(own, rendition=rendition))
            assert (shown["width"], shown["height"]) == (320, 240)
            assert shown["url"].startswith(f"http://127.0.0.1:{window.serving.media_port}/m/")
            said = await media(window, shown["url"])
            assert (said.status, said.headers["Content-Type"]) == (200, "image/jpeg")
            assert Image.open(io.BytesIO(said.body)).size == (320, 240)
            assert SECRET.encode() not in said.body
            assert said.body not in (photo(), small)


async def test_the_other_origin_lets_a_page_do_nothing_with_media_but_show_it(
    newsroom: Newsroom,
) -> None:
    async with desk_with(newsroom, [Attached("a.jpg", photo())]) as (window, own):
        url = (await window.post("/api/media", wish(own)))["url"]
        said = await media(window, url)
        assert said.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert said.headers["X-Content-Type-Options"] == "nosniff"
        assert said.headers["Cache-Control"] == "no-store"
        for name, value in (
            ("Sec-Fetch-Dest", "document"),
            ("Sec-Fetch-Dest", "iframe"),
            ("Sec-Fetch-Site", "cross-site"),
        ):
            assert (await media(window, url, **{name: value})).status == 404
        assert (await media(window, url, Host="evil.example")).status == 403
        assert (await media(window, url, Origin="http://evil.example")).status == 403


async def test_an_address_that_was_not_given_out_leads_nowhere(newsroom: Newsroom) -> None:
    async with desk_with(newsroom, [Attached("a.jpg", photo())]) as (window, own):
        url = (await window.post("/api/media", wish(own)))["url"]
        assert len(url.rsplit("/", 1)[1]) >= 43
        assert (await media(window, url[:-1])).status == 404
        assert (await media(window, "http://x/m/")).status == 404
        own_port = await window.ask("GET", "/m/" + url.rsplit("/", 1)[1])
        assert own_port.status == 404


async def test_what_was_decoded_before_is_not_decoded_again(newsroom: Newsroom) -> None:
    async with desk_with(newsroom, [Attached("a.jpg", photo())]) as (window, own):
        first = await window.post("/api/media", wish(own))
        both = await asyncio.gather(*(window.post("/api/media", wish(own)) for _ in range(5)))
        assert {shown["url"] for shown in both} == {first["url"]}


async def test_a_film_plays_while_it_is_decoded_and_in_ranges_behind(newsroom: Newsroom) -> None:
    film = recording(seconds=6)
    async with desk_with(newsroom, [Attached("a.mp4", film)]) as (window, own):
        shown = await window.post("/api/media", wish(own, form="film"))
        assert shown["duration_s"] == pytest.approx(6, abs=0.5)
        assert shown["type"] == "video/webm"
        said = await media(window, shown["url"])
        with av.open(io.BytesIO(said.body), "r") as again:
            assert sum(1 for _ in again.decode(video=0)) > 100
        whole = await media(window, shown["url"])
        part = await media(window, shown["url"], Range="bytes=100-199")
        assert (part.status, part.body) == (206, whole.body[100:200])
        assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.body)}"
        rest = await media(window, shown["url"], Range="bytes=5000-")
        assert rest.body == whole.body[5000:]
        beyond = await media(window, shown["url"], Range=f"bytes={len(whole.body)}-")
        assert beyond.status == 416
        poster = await window.post("/api/media", wish(own, form="poster"))
        assert (await media(window, poster["url"])).headers["Content-Type"] == "image/jpeg"


async def test_a_new_film_ends_the_one_before(newsroom: Newsroom) -> None:
    files = [Attached("a.mp4", recording(seconds=60)), Attached("b.mp4", recording())]
    async with desk_with(newsroom, files) as (window, own):
        first = await window.post("/api/media", wish(own, form="film"))
        second = await window.post("/api/media", wish(own, 1, form="film"))
        assert (await media(window, second["url"])).status == 200
        assert (await media(window, first["url"])).status == 404


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"rendition": "preview"}, 400, "has no preview of this file"),
        ({"file": 1}, 400, "claims 30,000 x 30,000 pixels"),
        ({"file": 9}, 400, "has no original of this file"),
        ({"form": "film"}, 400, "is a JPEG picture and no film"),
        ({"form": "print"}, 400, "form is not one of"),
        ({"report": "00" * 32}, 400, "has no original"),
        ({"report": "zz"}, 400, "report is not an id"),
        ({"more": 1}, 400, "'more' is no field"),
    ],
)
async def test_what_cannot_be_shown_is_a_sentence(
    newsroom: Newsroom, changed: dict[str, Any], status: int, words: str
) -> None:
    files = [Attached("a.jpg", photo()), Attached("b.png", png_claiming(30_000, 30_000))]
    async with desk_with(newsroom, files) as (window, own):
        said = await window.ask("POST", "/api/media", wish(own) | changed)
        assert said.status == status
        assert words in said.value["error"]


async def test_a_film_that_is_none_and_a_bomb_are_sentences_or_small_and_the_next_is_shown(
    newsroom: Newsroom,
) -> None:
    none = b"\0\0\0\x18ftypisom" + bytes(4000)
    bomb = png_claiming(60, 60, zlib.compress(bytes(200 << 20), 9))
    files = [Attached("a.mp4", none), Attached("b.png", bomb), Attached("c.jpg", photo())]
    async with desk_with(newsroom, files) as (window, own):
        said = await window.ask("POST", "/api/media", wish(own, form="film"))
        assert (said.status, bool(said.value["error"])) == (400, True)
        said = await window.ask("POST", "/api/media", wish(own, 1))
        assert said.status == 400 or (said.value["width"], said.value["height"]) == (60, 60)
        assert (await window.post("/api/media", wish(own, 2)))["width"] == 320


async def test_a_body_that_this_disk_damaged_is_not_shown(newsroom: Newsroom) -> None:
    async with desk_with(newsroom, [Attached("a.jpg", photo())]) as (window, own):
        parcel = window.desk.vault.value("SELECT parcel_id FROM parts")
        path = Spool(newsroom.home).path(parcel)
        body = bytearray(path.read_bytes())
        body[3000] ^= 1
        path.write_bytes(body)
        said = await window.ask("POST", "/api/media", wish(own))
        assert (said.status, "damaged on this disk" in said.value["error"]) == (400, True)
        path.unlink()
        said = await window.ask("POST", "/api/media", wish(own))
        assert (said.status, "is gone" in said.value["error"]) == (507, True)


async def test_the_metadata_of_an_original_is_read(newsroom: Newsroom) -> None:
    async with desk_with(newsroom, [Attached("a.jpg", photo())]) as (window, own):
        told = await window.get(f"/api/reports/{own[:8]}/files/0/metadata")
        assert told["place"]["lat"] == pytest.approx(PLACE[0], abs=0.001)
        assert told["device"] == f"Samsung {SECRET}"
        assert told["groups"][0]["values"][0] == {"name": "Format", "value": "JPEG picture"}
        assert len(told["sha256"]) == 64
        for path in ("x", "-1", "99999999", "7"):
            said = await window.ask("GET", f"/api/reports/{own}/files/{path}/metadata")
            assert said.status == 404


async def test_a_blacked_out_picture_is_a_download_of_its_own(newsroom: Newsroom) -> None:
    async with desk_with(newsroom, [Attached("a photo.jpg", photo())]) as (window, own):
        asked = {"report": own, "file": 0, "rendition": "original", "boxes": [[0, 0, 0.5, 0.5]]}
        said = await window.ask("POST", "/api/media/black-out", asked)
        assert said.status == 200
        name = f'attachment; filename="{own[:8]}-1-blacked-out.jpg"'
        assert said.headers["Content-Disposition"] == name
        image = Image.open(io.BytesIO(said.body)).convert("L")
        assert image.crop((0, 0, 150, 110)).getextrema()[1] < 20  # type: ignore[operator]
        assert SECRET.encode() not in said.body
        for boxes in ([[0, 0, 2, 1]], [[0, 0, 1]], [["0", 0, 1, 1]], [[True, 0, 1, 1]], "x"):
            said = await window.ask("POST", "/api/media/black-out", asked | {"boxes": boxes})
            assert said.status == 400
        too_many = asked | {"boxes": [[0, 0, 1, 1]] * 201}
        assert (await window.ask("POST", "/api/media/black-out", too_many)).status == 400


async def test_media_takes_a_session(newsroom: Newsroom) -> None:
    async with desk_with(newsroom, [Attached("a.jpg", photo())]) as (window, own):
        window.session = None
        for method, path, value in (
            ("POST", "/api/media", wish(own)),
            ("POST", "/api/media/black-out", wish(own)),
            ("GET", f"/api/reports/{own}/files/0/metadata", None),
        ):
            assert (await window.ask(method, path, value)).status == 401


async def test_what_is_shown_longest_ago_makes_room(newsroom: Newsroom) -> None:
    files = [Attached(f"{number}.png", photo("PNG")) for number in range(4)]
    async with desk_with(newsroom, files) as (window, own):
        room = room_of(window.serving)
        urls = [(await window.post("/api/media", wish(own)))["url"]]
        size = len((await media(window, urls[0])).body)
        room.shelf._most_bytes = 2 * size
        urls += [(await window.post("/api/media", wish(own, n)))["url"] for n in (1, 2, 3)]
        found = [(await media(window, url)).status for url in urls]
        assert found == [404, 404, 200, 200]


async def test_nothing_that_was_decoded_is_written_to_the_disk(newsroom: Newsroom) -> None:
    async with desk_with(newsroom, [Attached("a.jpg", photo())]) as (window, own):
        before = {path for path in newsroom.home.rglob("*") if "journal" not in path.name}
        url = (await window.post("/api/media", wish(own)))["url"]
        shown = (await media(window, url)).body
        assert {path for path in newsroom.home.rglob("*") if "journal" not in path.name} == before
        on_disk = b"".join(path.read_bytes() for path in before if path.is_file())
        for data in (shown, photo()):
            runs = (data[at : at + 8] for at in range(200, len(data) - 8, 7))
            assert not any(run in on_disk for run in runs if len(set(run)) > 4)


async def test_what_arrives_is_compared_in_the_background(newsroom: Newsroom) -> None:
    pytest.importorskip("pdqhash", reason="it is compiled: make near")
    files = [Attached("a.jpg", photo(), thumbnail=photo("WEBP")), Attached("b.pdf", b"%PDF-")]
    async with desk_with(newsroom, files) as (window, own):
        desk = window.desk
        other, parcels = Writer(desk.card, desk.today).write(files=[Attached("c", photo("PNG"))])
        await open_directly(desk, parcels)
        open_media(window.serving)
        while desk.vault.value("SELECT count(*) FROM unlooked"):  # noqa: ASYNC110 # by another
            await asyncio.sleep(0.05)
        ((found, file, distance),) = near_pictures(desk.vault, bytes.fromhex(own))
        assert (found, file, distance < 8) == (other, 0, True)
        related = await window.get(f"/api/reports/{own}/related")
        (suggestion,) = related["suggestions"]
        assert suggestion["row"]["id"] == other.hex()
        assert "near_picture" in [reason["kind"] for reason in suggestion["reasons"]]
        assert desk.vault.value("SELECT count(*) FROM likenesses WHERE hash IS NULL") == 1


async def test_a_file_says_as_what_it_can_be_shown_and_why_as_nothing_else(
    newsroom: Newsroom,
) -> None:
    files = [
        Attached("silent.mp4", recording("mp4", "libx264", None, seconds=1), "video/mp4"),
        Attached("loud.mp4", recording("mp4", "libx264", "aac", seconds=1), "video/mp4"),
        Attached("voice.ogg", recording("ogg", None, "libopus", seconds=1), "audio/ogg"),
        Attached("paper.pdf", b"%PDF-1.7", "application/pdf"),
        Attached("photo", photo(), "application/octet-stream"),
    ]
    async with desk_with(newsroom, files) as (window, own):
        told = [await window.get(f"/api/reports/{own}/files/{at}/forms") for at in range(5)]
    assert [each["forms"] for each in told] == [
        ["film"], ["film", "sound"], ["sound"], [], ["picture"],
    ]  # fmt: skip
    assert [each["particulars"] for each in told] == [True, True, True, False, True]
    assert told[0]["why_not"] == ["this MP4 recording is silent"]
    assert told[1]["why_not"] == told[4]["why_not"] == []
    assert "it is no film" in told[2]["why_not"][0]
    assert "PDF document" in told[3]["why_not"][0]
