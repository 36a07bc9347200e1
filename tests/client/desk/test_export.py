"""What an editor reads and exports: all of it, marked, and nothing that could do harm."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.client.desk.newsroom import Attached, Made, Newsroom, Writer, open_directly

from qanat_client.desk.black_out import BLACK, BlackOut
from qanat_client.desk.inbox import inbox, item_of
from qanat_client.desk.safe_names import MAX_NAME_BYTES, free_place, safe_name
from qanat_client.desk.words import line_of, page_of
from qanat_protocol.report import Basis, Figure, encode_report, report_id

NASTY = "a\u202egpj.exe\u2066.\u200fjpg"


async def take(newsroom: Newsroom, *parcels: Made) -> None:
    desk = newsroom.open()
    await open_directly(desk, parcels)
    desk.vault.close()


def writer_for(newsroom: Newsroom) -> Writer:
    return Writer(newsroom.card, newsroom.clock.today)


def exported(newsroom: Newsroom, folder: Path, *arguments: str) -> dict[str, Any]:
    newsroom.do("export", "-o", str(folder), *arguments)
    value: dict[str, Any] = json.loads((folder / "reports.json").read_text("utf-8"))
    return value


async def test_every_attachment_comes_out_as_it_went_in(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.settle()
    writer = writer_for(newsroom)
    originals = {
        "empty.txt": b"",
        "photo.jpg": os.urandom(100_000),
        "film.mp4": os.urandom(9_000_001),
        "отчёт қала.pdf": os.urandom(16_384),
    }
    files = [Attached(name, data) for name, data in originals.items()]
    identity, parcels = writer.write("Text.", files)
    await take(newsroom, *parcels)
    folder = tmp_path / "out"
    value = exported(newsroom, folder)
    (report,) = value["reports"]
    assert report["id"] == identity.hex()
    for file in report["files"]:
        (place,) = file["exported"]
        data = (folder / place["path"]).read_bytes()
        assert data == originals[file["name"]]
        assert hashlib.sha256(data).hexdigest() == file["sha256"]
        assert place["path"] == f"files/{identity.hex()[:8]}/{file['name']}"
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]


async def test_a_second_export_overwrites_nothing_and_doubles_no_attachment(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    _, parcels = writer_for(newsroom).write("Text.", [Attached("a.jpg", b"new")])
    await take(newsroom, *parcels)
    folder = tmp_path / "out"
    value = exported(newsroom, folder)
    (report,) = value["reports"]
    place = folder / report["files"][0]["exported"][0]["path"]
    place.write_bytes(b"the editor's own")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert newsroom.do("export", "-o", str(folder))["files_there_already"] == 0
    for path, data in before.items():
        assert path.read_bytes() == data
    again = json.loads((folder / "reports-2.json").read_text("utf-8"))
    (second,) = again["reports"][0]["files"][0]["exported"]
    assert second["path"].endswith("a-2.jpg")
    assert (folder / second["path"]).read_bytes() == b"new"


async def test_what_an_earlier_export_left_unchanged_is_told(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    _, parcels = writer_for(newsroom).write("Text.", [Attached("a.jpg", b"new")])
    await take(newsroom, *parcels)
    folder = tmp_path / "out"
    first = newsroom.run("export", "-o", str(folder))
    assert "1 report and 1 new file (3 B)" in first.err
    assert "there already" not in first.err
    second = newsroom.run("export", "-o", str(folder))
    assert "there already, unchanged: 1 file\n" in second.err
    assert (second.value["files"], second.value["files_there_already"]) == (0, 1)


def test_an_export_to_a_file_asks_for_a_folder(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.settle()
    (tmp_path / "out").write_bytes(b"the editor's own")
    done = newsroom.run("export", "-o", str(tmp_path / "out"))
    assert done.code == 2
    assert "out is a file; name a folder with -o" in done.err
    assert (tmp_path / "out").read_bytes() == b"the editor's own"


async def test_missing_attachments_are_named_and_the_best_rendition_stands_in(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    picture = Attached("a.jpg", os.urandom(40_000), "image/jpeg", thumbnail=b"small")
    _, parcels = writer_for(newsroom).write("Text.", [picture])
    letter, thumbnail, _ = parcels
    await take(newsroom, letter, thumbnail)
    folder = tmp_path / "out"
    done = newsroom.run("export", "-o", str(folder))
    assert done.code == 0
    (missing,) = done.value["missing"]
    assert missing.endswith("a.jpg (did not arrive)")
    value = json.loads((folder / "reports.json").read_text("utf-8"))
    (place,) = value["reports"][0]["files"][0]["exported"]
    assert place["rendition"] == "thumbnail"
    assert (folder / place["path"]).read_bytes() == b"small"
    assert "**missing**" in (folder / "reports.md").read_text("utf-8")
    assert "readable by whoever" in done.err


async def test_all_renditions_come_only_when_asked_for(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.settle()
    picture = Attached("a.jpg", b"large", "image/jpeg", thumbnail=b"small")
    await take(newsroom, *writer_for(newsroom).write("Text.", [picture])[1])
    for arguments, count in (((), 1), (("--all",), 2)):
        folder = tmp_path / f"out-{count}"
        exported(newsroom, folder, *arguments)
        assert len(list((folder / "files").rglob("*.jpg"))) == count


async def test_an_attachment_that_was_damaged_on_this_disk_is_not_exported(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    _, parcels = writer_for(newsroom).write("Text.", [Attached("a.jpg", b"data" * 9_000)])
    await take(newsroom, *parcels)
    body = newsroom.home / "parcels" / parcels[1].parcel_id.hex()
    data = bytearray(body.read_bytes())
    data[20_000] ^= 1
    body.write_bytes(data)
    folder = tmp_path / "out"
    done = newsroom.do("export", "-o", str(folder))
    assert done["files"] == 0
    assert "damaged on this disk" in done["missing"][0]
    assert [path for path in (folder / "files").rglob("*") if path.is_file()] == []


async def test_corrections_and_withdrawals_are_marked_wherever_a_report_is_shown(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    writer = writer_for(newsroom)
    first, one = writer.write("Sixteen were hurt.")
    second, two = writer.write("Twenty were hurt.", corrects=first)
    _, three = writer.write("", withdraws=second)
    _, claim = writer_for(newsroom).write("All is well.", corrects=first)
    await take(newsroom, *one, *two, *three, *claim)
    reports = {report["text"]: report for report in newsroom.do("list")["reports"]}
    assert reports["Sixteen were hurt."]["state"] == "corrected"
    assert reports["Twenty were hurt."]["state"] == "withdrawn"
    assert reports["All is well."]["reference_counts"] is False
    desk = newsroom.open()
    lines = {item.report.text: line_of(item) for item in inbox(desk.vault)}
    desk.vault.close()
    assert f"corrected by {second.hex()[:8]}" in lines["Sixteen were hurt."]
    assert "somebody else claims to correct it" in lines["Sixteen were hurt."]
    assert "claims: corrects" in lines["All is well."]
    folder = tmp_path / "out"
    exported(newsroom, folder, "--with-withdrawn")
    page = (folder / "reports.md").read_text("utf-8")
    assert "**CORRECTED** by the same author" in page
    assert "**WITHDRAWN** by the same author" in page


async def test_strangers_cannot_write_on_the_terminal(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    writer = writer_for(newsroom)
    # The protocol lets these through in a text: it forbids C0 and C1, not what turns lines.
    _, parcels = writer.write(
        "Safe.\nSecond line \u202eevil\u2066",
        [Attached(NASTY, b"x")],
        where="Almaty\u202e",
        what="\u2067head\u2028line",
        figures=(Figure("hurt\u202e", 16, 20),),
        basis=Basis.SEEN,
        language="kk\u200e",
    )
    await open_directly(desk, parcels)
    (item,) = inbox(desk.vault)
    shown = line_of(item) + page_of(item, lambda _: "relay")
    desk.vault.close()
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028")
    assert all(character >= " " or character == "\n" for character in shown)
    assert "\n" not in line_of(item)
    assert "Second line" in shown
    assert "16 to 20" in shown


async def test_markdown_by_strangers_is_text(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.settle()
    text = "# big\n![x](http://evil/x.png) <script>alert(1)</script>\n- item\n1. one | two"
    await take(newsroom, *writer_for(newsroom).write(text, what="[link](javascript:1)")[1])
    folder = tmp_path / "out"
    exported(newsroom, folder)
    page = (folder / "reports.md").read_text("utf-8")
    assert "\\!\\[x\\](http://evil/x.png)" in page
    assert "<script>" not in page.replace("\\<script\\>", "")
    assert "> \\# big" in page
    assert "> \\- item" in page
    assert "## \\[link\\]" in page


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.jpg", "photo.jpg"),
        ("..", "file"),
        ("a/../../b.txt", "a_.._.._b.txt"),
        ("C:\\boot.ini", "C__boot.ini"),
        ("\x00\x1b[2J.txt", "__[2J.txt"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        (".bashrc", "bashrc"),
        ("trailing. . ", "trailing"),
        ("", "file"),
        (NASTY, "a_gpj.exe_._jpg"),
        ("x" * 300 + ".jpeg", "x" * (MAX_NAME_BYTES - 5) + ".jpeg"),
        ("қ" * 200 + ".mp4", "қ" * ((MAX_NAME_BYTES - 4) // 2) + ".mp4"),
        ("a." + "b" * 300, "a." + "b" * (MAX_NAME_BYTES - 2)),
    ],
)
def test_names_are_made_safe_for_any_disk(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert len(safe.encode()) <= MAX_NAME_BYTES


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    names = [free_place(tmp_path, "a.jpg").name for _ in range(3)]
    assert names == ["a.jpg", "a-2.jpg", "a-3.jpg"]
    assert [free_place(tmp_path, "b").name for _ in range(2)] == ["b", "b-2"]


async def test_two_files_of_one_name_stand_beside_each_other(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    files = [Attached("a.jpg", b"one"), Attached("a.jpg", b"two")]
    await take(newsroom, *writer_for(newsroom).write("Text.", files)[1])
    folder = tmp_path / "out"
    value = exported(newsroom, folder)
    places = [file["exported"][0]["path"] for file in value["reports"][0]["files"]]
    assert [(folder / place).read_bytes() for place in places] == [b"one", b"two"]


async def test_the_export_has_the_keys_that_its_documentation_names(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    writer = writer_for(newsroom)
    report, parts = writer.report("Text.", [Attached("a.jpg", b"x")])
    report = replace(report, figures=(Figure("hurt", 1, 2),), checkpoint=(1, bytes(32)))
    await take(newsroom, writer.seal(encode_report(report)), *parts, writer.seal(b"spoiled"))
    value = exported(newsroom, tmp_path / "out")
    documented = (Path(__file__).parents[3] / "docs" / "export.md").read_text("utf-8")

    def keys(part: object) -> set[str]:
        if isinstance(part, dict):
            return set(part) | {key for child in part.values() for key in keys(child)}
        if isinstance(part, list):
            return {key for child in part for key in keys(child)}
        return set()

    missing = {key for key in keys(value) if f"`{key}`" not in documented}
    assert missing == set()


async def test_one_report_is_shown_as_it_stands_in_the_whole_inbox(newsroom: Newsroom) -> None:
    newsroom.settle()
    writer, other = writer_for(newsroom), writer_for(newsroom)
    first, parcels = writer.write("First.", [Attached("a.bin", b"data")])
    letters = [parcels[0]]
    for who in (writer, other):
        letters += who.write("Second.", corrects=first)[1]
        letters += who.write("", withdraws=first)[1]
    await take(newsroom, *letters, parcels[1])
    desk = newsroom.open()
    for number, parcel in enumerate(letters + parcels[1:]):
        for relay in (b"a" * 32, b"b" * 32):
            desk.vault.run(
                "INSERT INTO receipts VALUES (?, ?, ?, ?)", parcel.parcel_id, relay, number, b"r"
            )
    whole = inbox(desk.vault)
    assert len(whole) == 5
    assert [item_of(desk.vault, item.report_id.hex()) for item in whole] == whole
    (shown,) = [item for item in whole if item.report_id == first]
    assert len(shown.references) == len(shown.custody) == 4
    desk.vault.close()


async def test_ids_that_begin_alike_are_named_in_full(newsroom: Newsroom) -> None:
    newsroom.settle()
    writer = writer_for(newsroom)
    found: dict[str, bytes] = {}
    while True:
        content = encode_report(writer.report("Text.")[0])
        digits = report_id(content).hex()[:4]
        if digits in found:
            break
        found[digits] = content
    pair = [found[digits], content]
    await take(newsroom, *(writer.seal(one) for one in pair))
    done = newsroom.run("show", digits)
    assert done.code == 2
    assert all(report_id(one).hex() in done.err for one in pair)


async def test_a_relay_that_names_an_early_day_does_not_speak_for_the_others(
    newsroom: Newsroom,
) -> None:
    newsroom.settle()
    _, parcels = writer_for(newsroom).write("Text.")
    await take(newsroom, *parcels)
    desk = newsroom.open()
    words = []
    for relay, day in ((b"a" * 32, desk.today), (b"a" * 32, desk.today + 1), (b"b" * 32, 7)):
        desk.vault.run(
            "INSERT INTO receipts VALUES (?, ?, ?, ?)", parcels[0].parcel_id, relay, day, b"r"
        )
        words.append(inbox(desk.vault)[0].custody_words)
    assert words == ["2022-01-06 x1", "2022-01-06 x1", "2022-01-06 x2"]
    desk.vault.close()


async def test_a_pseudonym_is_too_long_to_be_imitated(newsroom: Newsroom) -> None:
    newsroom.settle()
    writer = writer_for(newsroom)
    await take(newsroom, *writer.write("Text.")[1])
    (report,) = newsroom.do("list")["reports"]
    assert report["from"].replace("-", "") == writer.key.public.hex()[:20]


async def test_a_report_is_named_by_the_beginning_of_its_id(newsroom: Newsroom) -> None:
    newsroom.settle()
    identity, parcels = writer_for(newsroom).write("Text.")
    await take(newsroom, *parcels)
    for digits in (4, 8, 64):
        assert newsroom.do("show", identity.hex()[:digits])["id"] == identity.hex()
    assert newsroom.do("show", identity.hex()[:8].upper())["id"] == identity.hex()
    assert newsroom.run("show", identity.hex()[:3]).code == 2


def test_every_word_that_holds_a_blacked_one_goes_whole_however_often_it_holds_it() -> None:
    black = BlackOut(["ali", "b c"])
    assert black.text("alixali yali ok xb cali ali") == f"{BLACK} {BLACK} ok {BLACK} {BLACK}"
    assert black.found == {"ali": 5, "b c": 1}
