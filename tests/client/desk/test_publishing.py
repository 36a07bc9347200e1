"""What leaves the desk for others: text stays text, what must go is gone, no source is burnt."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly

from qanat_client.desk.aliases import aliases_of
from qanat_client.desk.black_out import BLACK, FIELDS, BlackOut
from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.edition import Edition, writing
from qanat_client.desk.export import FORMATS, PUBLIC_FORMATS, Order, export, prepare
from qanat_client.desk.export_files import Anew, plain_part
from qanat_client.desk.export_formats import csv_of, json_document, markdown_of
from qanat_client.desk.export_markup import atom_of, html_of
from qanat_client.desk.export_places import MAX_MEMORY_BYTES, FolderPlace, MemoryPlace
from qanat_client.desk.folding import fold
from qanat_client.desk.media.asking import NotShown
from qanat_client.desk.publication import Names
from qanat_client.errors import BadInput
from qanat_protocol.report import Basis, Figure

ATOM = "{http://www.w3.org/2005/Atom}"
HOUR_S = 3600
RENDERED = (json_document, markdown_of, csv_of, html_of, atom_of)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    [
        "=1+1",
        "+7 701",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\ufeff=cmd|' /C calc'!A0",
        " \u200b=1",
        "＝1＋1",
        '","=1',
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</style><b>",
        "]]><x/>",
        "&lt;b&gt;",
        "<!--",
        "\"><a href='javascript:1'>",
        "\ufffe\uffff\x00\x1b",
    ]
)


def report_value(**texts: Any) -> dict[str, Any]:
    """A report as exports have it, whose texts are these."""
    text = texts.get
    return {
        "id": "0a" * 32,
        "short_id": "0a0a0a0a",
        "from": "0123-4567",
        "alias": text("alias", "amber-heron"),
        "arrived_s": 1_641_470_400,
        "written_s": 1_641_470_000,
        "urgent": True,
        "language": text("language", "kk"),
        "text": text("text", ""),
        "what": text("what", ""),
        "where": text("where", ""),
        "when": text("when", ""),
        "basis": "seen",
        "figures": [{"what": text("counted", "wounded"), "minimum": 1, "maximum": 2}],
        "files": [
            {
                "name": text("name", "a.jpg"),
                "media_type": text("media_type", "image/jpeg"),
                "size_bytes": 3,
                "sha256": "0b" * 32,
                "exported": [{"rendition": "original", "path": "files/0a0a0a0a/a.jpg"}],
            }
        ],
        "state": "corrected",
        "corrects": None,
        "withdraws": None,
        "decided": {
            "state": "checking",
            "tags": [text("tag", "hospital")],
            "elements": {"place": {"confidence": "high", "note": text("note", "")}},
            "incidents": [{"id": "0c" * 16, "name": text("incident", "Square")}],
        },
    }


def edition_of(*values: dict[str, Any], name: str = "Desk") -> Edition:
    """An edition of these reports."""
    return Edition(
        desk_name=name,
        desk_id="0d" * 32,
        urn="urn:uuid:0d0d0d0d-0d0d-8d0d-8d0d-0d0d0d0d0d0d",
        exported_s=1_641_480_000,
        is_public=False,
        reports=values,
        published_s=[1_641_475_000 + number for number in range(len(values))],
    )


WRITTEN_BY_STRANGERS = st.fixed_dictionaries(
    dict.fromkeys(
        ("text", "what", "where", "when", "language", "name", "media_type", "counted", "tag",
         "note", "incident", "alias"),
        TEXTS,
    )
)  # fmt: skip


@given(st.lists(WRITTEN_BY_STRANGERS, max_size=3))
def test_no_cell_of_a_csv_is_a_formula_and_none_breaks_out(texts: list[dict[str, str]]) -> None:
    document = csv_of(edition_of(*(report_value(**each) for each in texts)))
    assert document.startswith("\ufeff")
    assert document.encode("utf-8").startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(document[1:], newline=""), strict=True))
    assert len(rows) == 1 + len(texts)
    assert {len(row) for row in rows} == {20}
    for row in rows:
        for cell in row:
            assert not cell.startswith(
                ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
            )
            assert not cell.strip().startswith(("=", "+", "-", "@"))
    for each, row in zip(texts, rows[1:], strict=True):
        cell = row[rows[0].index("text")]
        assert cell.removeprefix("'") == writing(each["text"]).removeprefix("'")
    assert document[1:].replace("\r\n", "").count("\r") == 0


class Seen(HTMLParser):
    """Every element, attribute and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.others: list[str] = []
        self.links: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = tuple(name for name, _ in attrs if name != "lang")
        self.elements.append((tag, named))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)


@given(WRITTEN_BY_STRANGERS, TEXTS)
def test_no_element_and_no_attribute_of_a_page_comes_from_a_report(
    texts: dict[str, str], name: str
) -> None:
    # Where a text is empty its element may be left out, so none is.
    full = {key: f"x{text}x" for key, text in texts.items()}
    plain = Seen(html_of(edition_of(report_value(**dict.fromkeys(texts, "x")))))
    seen = Seen(html_of(edition_of(report_value(**full), name=name)))
    shown = [element for element in seen.elements if element[0] != "img"]
    assert shown == [element for element in plain.elements if element[0] != "img"]
    assert seen.others == plain.others == []
    assert seen.links == plain.links
    assert writing(full["text"]) in "".join(seen.texts)


def test_a_page_runs_and_loads_nothing() -> None:
    page = html_of(edition_of(report_value(text="a", media_type="image/jpeg", language="kk")))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    seen = Seen(page)
    assert {tag for tag, _ in seen.elements}.isdisjoint({"script", "link", "iframe", "object"})
    assert seen.links == ["files/0a0a0a0a/a.jpg"] * 2
    assert 'lang="kk"' in page


def test_a_link_of_a_page_leads_to_the_file_whatever_its_name() -> None:
    value = report_value()
    value["files"][0]["exported"][0]["path"] = "files/0a/50% #1 ?.jpg"
    assert Seen(html_of(edition_of(value))).links[0] == "files/0a/50%25%20%231%20%3F.jpg"


@given(st.lists(WRITTEN_BY_STRANGERS, max_size=3), TEXTS)
def test_a_feed_reads_back_as_what_was_written(texts: list[dict[str, str]], name: str) -> None:
    values = [
        report_value(**each) | {"id": f"urn:uuid:{number}"} for number, each in enumerate(texts)
    ]
    feed = Tree.fromstring(atom_of(edition_of(*values, name=name)))  # noqa: S314 - our own
    assert feed.tag == f"{ATOM}feed"
    for required in ("id", "title", "updated", "author"):
        assert len(feed.findall(ATOM + required)) == 1
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == len(texts)
    for entry, each in zip(entries, reversed(texts), strict=True):
        assert [child.tag.removeprefix(ATOM) for child in entry] == [
            "id", "title", "published", "updated", "content",
        ]  # fmt: skip
        assert all(child.attrib.get("type", "text") == "text" for child in entry)
        assert not [child for child in entry if len(child)]
        content = entry.findtext(f"{ATOM}content")
        assert content is not None
        assert content.startswith(writing(each["text"]))
        stamp = entry.findtext(f"{ATOM}updated") or ""
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp)


SECRETS = st.text(st.sampled_from("гдежзийқөүшۋڭжaё"), min_size=3, max_size=12)


@given(SECRETS.filter(lambda word: bool(fold(word))), WRITTEN_BY_STRANGERS, st.data())
def test_a_blacked_out_word_is_in_no_byte_of_any_format(
    word: str, texts: dict[str, str], data: st.DataObject
) -> None:
    written = st.sampled_from([word, word.upper(), word.title(), "\u0301".join(word)])
    around = {
        key: f"{text} {data.draw(written)}{data.draw(st.sampled_from(['', 'ның', '.jpg']))}"
        for key, text in texts.items()
    }
    black = BlackOut([word])
    value = black.value(report_value(**around))
    edition = edition_of(value, name=black.text(f"Desk {word}"))
    for render in RENDERED:
        document = render(edition)
        assert word.casefold() not in document.casefold()
        assert fold(word) not in fold(document)
    assert black.found[word] >= len(texts)


@pytest.mark.parametrize(
    ("words", "text", "left"),
    [
        (["айгүл"], "Айгүлге, АЙГУЛ! и Айгүлдің үйі", f"{BLACK}, {BLACK}! и {BLACK} үйі"),
        (["елка"], "Ёлка, ёлки", f"{BLACK}, ёлки"),
        (["strasse"], "Hauptstraße 5", f"{BLACK} 5"),
        (["كتاب"], "این کتاب\u200cها", f"این {BLACK}"),
        (["Aigul Serik"], "aigul\nSerikova; Aigul-Serik", f"{BLACK}; {BLACK}"),
        (["Aigul Serik"], "AigulSerik.jpg Aigul S.", f"{BLACK}.jpg Aigul S."),
        (["87011234567"], "8 (701) 123-45-67!", f"{BLACK}!"),
        (["+7 701 1234567"], "call 7701 1234567", f"call {BLACK}"),
        (["16"], "16 and 1 6", f"{BLACK} and 1 6"),
        (["a\u0301b"], "ab AB a\u0301b\u0302", f"{BLACK} {BLACK} {BLACK}"),
        (["so\u00adft"], "soft so\u200bft", f"{BLACK} {BLACK}"),
        (["one", "two"], "onetwo two-one", f"{BLACK} {BLACK}-{BLACK}"),
        (["nobody"], "nothing", "nothing"),
    ],
)
def test_a_word_is_blacked_out_in_every_way_of_writing_it(
    words: list[str], text: str, left: str
) -> None:
    assert BlackOut(words).text(text) == left


def test_what_is_no_word_and_no_field_is_refused() -> None:
    for word in ("", " ", "...", "\u200b"):
        with pytest.raises(BadInput, match="no letter or digit"):
            BlackOut([word])
    with pytest.raises(BadInput, match="there is no field 'id'"):
        BlackOut([], ["id"])


def test_every_field_can_be_left_out_whole() -> None:
    texts = {
        key: f"secret of {key}"
        for key in ("text", "what", "where", "when", "language", "counted", "name", "tag", "note",
                    "alias")
    }  # fmt: skip
    value = BlackOut([], FIELDS).value(report_value(**texts))
    edition = edition_of(value)
    for render in RENDERED:
        document = render(edition)
        assert "secret" not in document
        for kept in ("0123-4567", "seen", "1641470", "2022-01-06 12:00", "2022-01-06 11:53"):
            assert kept not in document.replace("Exported 2022", ""), (render, kept)
    only = BlackOut([], ["names"]).value(report_value(name="secret.jpg"))
    assert only["files"][0]["name"] == BLACK
    assert only["what"] == ""


async def taken(newsroom: Newsroom, writer: Writer, text: str, *rest: Any, **fields: Any) -> bytes:
    """A report that arrived."""
    identity, parcels = writer.write(text, *rest, **fields)
    desk = newsroom.open()
    await open_directly(desk, parcels)
    catch_up(desk.vault)
    desk.vault.close()
    return identity


def writer_for(newsroom: Newsroom) -> Writer:
    return Writer(newsroom.card, newsroom.clock.today)


def bytes_of(folder: Path) -> bytes:
    """Every byte of every file, and every name."""
    found = [
        str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    return b"\n".join(found)


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_blacked_out_word_is_nowhere_in_the_folder(
    newsroom: Newsroom, tmp_path: Path, format_: str
) -> None:
    newsroom.settle()
    identity = await taken(
        newsroom,
        writer_for(newsroom),
        "Айгүл видела это. Телефон 8 701 123-45-67.",
        [Attached("айгүл дома.jpg", b"data", "image/jpeg")],
        where="у АЙГҮЛ",
        what="айгулдің үйі",
        when="вместе с Айгүл",
        figures=(Figure("айгүлдер", 1, 2),),
    )
    newsroom.do(
        "mark", identity.hex(), "--state", "published", "--tag", "айгүл", "--place", "high",
        "--note", "Айгүл is known",
    )  # fmt: skip
    newsroom.do("incident", "create", "Айгүл", identity.hex())
    folder = tmp_path / "out"
    done = newsroom.do(
        "export", "-o", str(folder), "--format", format_, "--not-public", "--media",
        "--black-out", "айгүл", "--black-out", "87011234567",
    )  # fmt: skip
    assert (done["reports"], done["files"]) == (1, 0 if format_ == "atom" else 1)
    assert done["blacked_out"]["айгүл"] >= 9
    assert done["blacked_out"]["87011234567"] == 1
    found = bytes_of(folder).decode("utf-8")
    assert BLACK in found
    assert "айгул" not in fold(found)
    assert "123-45-67" not in found
    assert "Телефон" in found


async def everything(newsroom: Newsroom) -> tuple[list[str], list[str]]:
    """A desk with reports and decisions; what no publication may show, and what it may."""
    newsroom.settle()
    writer = writer_for(newsroom).with_box()
    newsroom.clock.now_s += 1234
    picture = Attached("IMG_20220106_141500 Aigul.jpg", os.urandom(900), "image/jpeg")
    first = await taken(
        newsroom,
        writer,
        "Sixteen were hurt.",
        [picture],
        where="Almaty",
        basis=Basis.SEEN,
        written_s=int(newsroom.clock()) - 4321,
        urgent=True,
    )
    second = await taken(newsroom, writer, "Fifteen were hurt.", corrects=first)
    for identity in (first, second):
        newsroom.do(
            "mark", identity.hex(), "--state", "published", "--tag", "inside", "--source", "high",
            "--note", "my cousin",
        )  # fmt: skip
    newsroom.do("incident", "create", "Working title", first.hex())
    desk = newsroom.open()
    secrets = [
        *(identity.hex()[:8] for identity in (first, second)),
        writer.key.public.hex()[:16],
        writer.key.public.hex()[:4] + "-",
        *aliases_of(desk.vault, [writer.key.public]).values(),
        *(row[0].hex()[:8] for row in desk.vault.rows("SELECT id FROM parcels")),
        *(row[0].hex()[:8] for row in desk.vault.rows("SELECT sha256 FROM parts")),
        desk.card.desk_id.hex()[:16],
        "IMG_", "141500", "Aigul", "inside", "my cousin", "Working title",
        str(int(newsroom.clock()))[:7], "12:20", "11:08",
    ]  # fmt: skip
    desk.vault.close()
    return secrets, ["Sixteen were hurt.", "Fifteen were hurt.", "Almaty"]


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_publication_shows_nothing_that_leads_to_its_source(
    newsroom: Newsroom, tmp_path: Path, format_: str
) -> None:
    secrets, shown = await everything(newsroom)
    newsroom.clock.now_s += 48.4 * HOUR_S
    folder = tmp_path / "out"
    public = [] if format_ in PUBLIC_FORMATS else ["--public"]
    done = newsroom.do("export", "-o", str(folder), "--format", format_, *public)
    assert (done["reports"], done["files"]) == (2, 0)
    document = bytes_of(folder).decode("utf-8")
    # As a reader of a newspaper understands it, where none is a program.
    known_by = "seen" if format_ in ("json", "csv") else "How the writer knows: saw it"
    plain = document.replace('</dt><dd dir="auto">', ": ")
    for known in (*shown, known_by):
        assert known in plain
    for secret in secrets:
        if format_ == "atom" and secret == "12:20":
            # So late the desk published it.
            continue
        assert secret not in document, secret


async def test_pseudonyms_are_published_only_when_asked_for_and_then_by_alias(
    newsroom: Newsroom,
) -> None:
    secrets, _ = await everything(newsroom)
    key, alias = (
        secrets[2],
        next(secret for secret in secrets if re.fullmatch(r"[a-z]+-[a-z]+", secret)),
    )
    for arguments, is_there in (((), False), (("--with-pseudonyms",), True)):
        done = newsroom.do("export", "--format", "html", "--preview", *arguments)
        (document,) = done["documents"]
        assert (alias in document["text"]) is is_there
        assert key not in document["text"]


async def test_an_export_for_colleagues_has_what_a_publication_has_not(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    secrets, _ = await everything(newsroom)
    newsroom.do("export", "-o", str(tmp_path / "out"))
    document = bytes_of(tmp_path / "out").decode("utf-8", "replace")
    for secret in secrets[:6]:
        assert secret in document


async def test_a_feed_holds_what_is_published_and_stays_the_same(newsroom: Newsroom) -> None:
    await everything(newsroom)
    other = await taken(newsroom, writer_for(newsroom), "Not published.")

    def feed() -> tuple[str, dict[str, Any]]:
        done = newsroom.do("export", "--format", "atom", "--preview")
        return done["documents"][0]["text"], done

    first, done = feed()
    assert done["left_out"]["not published"] == 1
    assert "Not published" not in first
    newsroom.clock.now_s += 100 * HOUR_S
    assert feed()[0] == first
    newsroom.do("mark", other.hex(), "--state", "published")
    second, _ = feed()
    ids = re.findall(r"<id>(urn:uuid:[0-9a-f-]{36})</id>", first)
    assert len(set(ids)) == len(ids) == 3
    assert set(ids) < {*re.findall(r"<id>([^<]*)</id>", second)}
    updated = re.findall(r"<updated>([^<]*)</updated>", second)
    assert updated[0] == max(updated) == updated[1]
    assert "Corrected by its author." in first


async def test_an_empty_feed_is_a_feed(newsroom: Newsroom) -> None:
    newsroom.settle()
    done = newsroom.do("export", "--format", "atom", "--preview")
    feed = Tree.fromstring(done["documents"][0]["text"])  # noqa: S314 - our own
    assert feed.findtext(f"{ATOM}updated") == "2022-01-06T12:00:00Z"
    assert feed.findall(f"{ATOM}entry") == []


def test_names_of_publications_are_stable_here_and_others_elsewhere() -> None:
    one, other = Names(b"a" * 32), Names(b"b" * 32)
    assert one.urn(b"report") == one.urn(b"report") != other.urn(b"report")
    assert one.urn(b"report") != one.urn(b"desk")
    assert re.fullmatch(
        r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        one.urn(b"x"),
    )


async def test_a_withdrawn_report_is_left_out_and_that_is_said(newsroom: Newsroom) -> None:
    newsroom.settle()
    writer = writer_for(newsroom)
    first = await taken(newsroom, writer, "Taken back.")
    await taken(newsroom, writer, "I was wrong.", withdraws=first)
    await taken(newsroom, writer_for(newsroom), "It stays.")
    for format_, reports, left in (("json", 2, 1), ("html", 1, 2)):
        run = newsroom.run("export", "--format", format_, "--preview")
        done = run.value
        assert done["reports"] == reports
        assert done["left_out"]["withdrawn"] == left
        assert "withdrawn by their authors; --with-withdrawn takes them" in run.err
        assert "Taken back." not in done["documents"][0]["text"]
        more = newsroom.do("export", "--format", format_, "--preview", "--with-withdrawn")
        assert "Taken back." in more["documents"][0]["text"]


async def test_an_export_takes_the_filters_of_a_list_and_says_what_is_muted(
    newsroom: Newsroom,
) -> None:
    newsroom.settle()
    loud = writer_for(newsroom)
    one = await taken(newsroom, loud, "One.", language="kk")
    two = await taken(newsroom, writer_for(newsroom), "Two.", language="ru")
    three = await taken(newsroom, writer_for(newsroom), "Three.", language="kk")

    def ids(*arguments: str) -> list[str]:
        done = newsroom.do("export", "--format", "json", "--preview", *arguments)
        value = json.loads(done["documents"][0]["text"])
        return [report["id"] for report in value["reports"]]

    assert ids() == [one.hex(), two.hex(), three.hex()]
    assert ids("--language", "kk") == [one.hex(), three.hex()]
    assert {*ids(three.hex(), one.hex()[:8])} == {one.hex(), three.hex()}
    newsroom.do("mark", one.hex(), "--mute")
    assert ids("--language", "kk") == [three.hex()]
    assert ids("--muted") == [one.hex()]
    done = newsroom.do("export", "--format", "json", "--preview")
    assert done["left_out"]["muted"] == 1


async def test_a_preview_writes_nothing_and_an_export_names_a_folder(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    await taken(newsroom, writer_for(newsroom), "Айгүл видела это.")
    folder = tmp_path / "out"
    before = newsroom.files().keys()
    run = newsroom.run("export", "-o", str(folder), "--preview", "--black-out", "айгүл")
    assert run.value["blacked_out"] == {"айгүл": 1}
    assert f"{BLACK} видела это" in run.err
    assert not folder.exists()
    assert newsroom.files().keys() == before
    assert "name a folder with -o" in newsroom.run("export").err


NASTY_NAMES = [
    "../../evil",
    "..",
    "/etc/passwd",
    "..\\..\\evil",
    "C:\\evil",
    "a/../../b",
    ".ssh",
    "CON",
]


async def test_no_name_of_a_file_leads_out_of_the_folder_or_the_archive(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    files = [Attached("a.jpg", b"%d" % number) for number in range(len(NASTY_NAMES))]
    await taken(newsroom, writer_for(newsroom), "Text.", files)
    desk = newsroom.open()
    place = MemoryPlace()
    for name in NASTY_NAMES:
        written = FolderPlace(tmp_path / "out").write("files/0a", name, [b"data"]).path
        assert (tmp_path / "out" / written).resolve().parent == tmp_path / "out" / "files" / "0a"
        path = place.write("files/0a", name, [b"data"]).path
        assert path.count("/") == 2
        assert ".." not in path.split("/")
    with zipfile.ZipFile(io.BytesIO(place.as_zip())) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(place.files)
        assert not [name for name in archive.namelist() if name.startswith(("/", "..", "\\"))]
    desk.vault.close()


async def test_a_download_is_in_memory_and_bounded(newsroom: Newsroom) -> None:
    newsroom.settle()
    await taken(newsroom, writer_for(newsroom), "Text.", [Attached("a.jpg", b"data")])
    desk = newsroom.open()
    place = MemoryPlace()
    done = export(desk, place, Order(("csv",)))
    desk.vault.close()
    assert done.documents == ("reports.csv",)
    assert [path.rpartition("/")[2] for path in place.files] == ["a.jpg", "reports.csv"]
    piece = bytes(MAX_MEMORY_BYTES // 4)
    with pytest.raises(BadInput, match="leave the media out"):
        place.write("", "b", [piece] * 4)


async def test_a_publication_has_pictures_made_anew_or_none(newsroom: Newsroom) -> None:
    newsroom.settle()
    files = [Attached("home.jpg", b"with metadata", "image/jpeg"), Attached("b.bin", b"other")]
    await taken(newsroom, writer_for(newsroom), "Text.", files)
    desk = newsroom.open()

    def strip(_: Any, __: Any, part: Any) -> Anew:
        data = b"".join(plain_part(desk, part))
        if data != b"with metadata":
            raise NotShown("no picture")
        return Anew("image/png", b"made anew")

    order = Order(("html",))
    with pytest.raises(BadInput, match="leave the media out"):
        export(desk, MemoryPlace(), order)
    place = MemoryPlace()
    done = export(desk, place, order, strip=strip)
    desk.vault.close()
    assert done.missing[0].endswith("b.bin (no picture)")
    assert [(path.rpartition("/")[2], data) for path, data in place.files.items()][:1] == [
        ("file-1.png", b"made anew")
    ]
    page = place.files["reports.html"].decode()
    assert "home" not in page
    assert page.count("file-1.png") == 3


def photo_of(camera: str) -> bytes:
    """A JPEG that names its camera."""
    picture, written = Image.new("RGB", (64, 48), (200, 90, 30)), io.BytesIO()
    exif = picture.getexif()
    exif[ExifTags.Base.Model] = camera
    picture.save(written, "JPEG", exif=exif, comment=camera.encode())
    return written.getvalue()


async def test_a_published_picture_does_not_tell_of_its_camera(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    photo = photo_of("Camera of Aigul")
    assert photo.count(b"Camera of Aigul") == 2
    files = [Attached("a.jpg", photo, "image/jpeg"), Attached("b.jpg", b"none", "image/jpeg")]
    await taken(newsroom, writer_for(newsroom), "Text.", files)
    folder = tmp_path / "out"
    done = newsroom.do("export", "-o", str(folder), "--format", "html", "--media")
    assert done["files"] == 1
    (missing,) = done["missing"]
    assert "b.jpg" in missing
    assert b"Camera of Aigul" not in bytes_of(folder)
    (place,) = folder.glob("files/*/file-1.jpg")
    with Image.open(place) as picture:
        assert picture.size == (64, 48)
        assert not picture.getexif()


async def test_what_is_not_confirmed_is_said_where_it_is_for_publication(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    ids = [(await taken(newsroom, writer_for(newsroom), f"Text {n}.")).hex() for n in range(3)]
    newsroom.do("mark", ids[0], "--state", "corroborated")
    newsroom.do("mark", ids[1], "--state", "doubtful")
    words = "for publication, and not confirmed: 2 reports (1 doubtful, 1 new)"
    for arguments in (("--preview",), ("-o", str(tmp_path / "out"))):
        assert words in newsroom.run("export", "--format", "html", *arguments).err
        assert "and not confirmed" not in newsroom.run("export", "--format", "md", *arguments).err
    assert (
        "and not confirmed"
        not in newsroom.run("export", ids[0], "--format", "html", "--preview").err
    )


async def test_what_is_no_format_is_refused(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    with pytest.raises(BadInput, match="there is no format 'pdf'"):
        prepare(desk, Order(("pdf",)))
    desk.vault.close()
