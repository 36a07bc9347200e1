"""What a file says of itself: read apart from the desk, bounded, printable, and never more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from tests.client.desk.media.developed import developed
from tests.client.desk.media.samples import PLACE, SECRET, photo, recording, saved, scene

from qanat_client.desk.media.asking import Form, NotShown
from qanat_client.desk.media.darkroom import Darkroom
from qanat_client.desk.media.told import Told, parse_forms, parse_particulars, parse_print

HEIC = Path(__file__).with_name("left-red.heic")


def told(darkroom: Darkroom, data: bytes) -> Told:
    return parse_particulars(developed(darkroom, Form.PARTICULARS, data).data)


def values(found: Told) -> dict[str, str]:
    return {name: words for _, group in found.groups for name, words in group}


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_a_photo_says_where_when_and_with_what_it_was_taken(darkroom: Darkroom, name: str) -> None:
    found = told(darkroom, photo(name))
    assert found.place == pytest.approx(PLACE, abs=0.001)
    assert found.taken == "2022:01:06 10:30:00"
    assert found.device == f"Samsung {SECRET}"
    assert values(found)["Pixels"] == "320 x 240"
    assert [group for group, _ in found.groups][:2] == ["File", "Camera"]


def test_the_place_of_a_picture_south_and_west_is_there(darkroom: Darkroom) -> None:
    tags = Image.Exif()
    position = tags.get_ifd(0x8825)
    position.update({1: "S", 2: (10.0, 30.0, 0.0), 3: "W", 4: (70.0, 0.0, 36.0)})
    found = told(darkroom, saved(scene(), "JPEG", exif=tags))
    assert found.place == pytest.approx((-10.5, -70.01))


def test_a_place_that_is_not_on_earth_is_none(darkroom: Darkroom) -> None:
    tags = Image.Exif()
    tags.get_ifd(0x8825).update({1: "N", 2: (200.0, 0.0, 0.0), 3: "E", 4: (7.0, 0.0, 0.0)})
    assert told(darkroom, saved(scene(), "JPEG", exif=tags)).place is None


def test_a_picture_says_that_it_has_xmp_and_texts(darkroom: Darkroom) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", SECRET)
    assert values(told(darkroom, saved(scene(), "PNG", pnginfo=texts)))["Author"] == SECRET
    found = told(darkroom, saved(scene(), "JPEG", xmp=b"<x:xmpmeta/>", comment=SECRET))
    assert values(found)["XMP"] == "12 bytes"
    assert values(found)["Comment"] == SECRET


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska"])
def test_a_film_says_where_and_when_it_was_made(darkroom: Darkroom, container: str) -> None:
    found = told(darkroom, recording(container, "libx264", "aac"))
    assert found.place == PLACE
    assert found.taken.startswith("2022-01-06T10:30:00")
    words = values(found)
    assert SECRET in words.values()
    assert words["Duration"] == "1.0 s"
    assert words["Pixels"] == "160 x 120"
    assert words["Samples a second"] == "48,000"


def test_a_heic_says_who_made_it(darkroom: Darkroom) -> None:
    assert told(darkroom, HEIC.read_bytes()).device == "Maker"


def test_what_a_file_says_is_bounded_and_printable(darkroom: Darkroom) -> None:
    texts = PngImagePlugin.PngInfo()
    for number in range(500):
        texts.add_text(f"key {number}", "x" * 1000)
    tags = Image.Exif()
    tags[0x010F] = "\x1b[31mred\u202e" + "y" * 5000
    found = told(darkroom, saved(scene(), "PNG", pnginfo=texts, exif=tags))
    assert all(len(group) <= 60 for _, group in found.groups)
    assert all(len(words) <= 300 for words in values(found).values())
    assert "\x1b" not in found.device
    assert "\u202e" not in found.device


def test_what_cannot_be_opened_says_nothing(darkroom: Darkroom) -> None:
    with pytest.raises(NotShown, match="PDF"):
        told(darkroom, b"%PDF-1.4")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
pairs = st.lists(st.lists(st.text() | json_values, min_size=2, max_size=2))
answers = st.fixed_dictionaries(
    {
        "groups": st.lists(st.fixed_dictionaries({"name": st.text(), "values": pairs})),
        "place": st.none() | st.lists(st.floats(-100, 100), max_size=3),
        "taken": st.text() | json_values,
        "device": st.text(),
    }
)


@given(st.binary() | json_values.map(lambda v: json.dumps(v).encode()) | answers.map(
    lambda v: json.dumps(v).encode()
))  # fmt: skip
def test_whatever_a_worker_says_is_read_or_refused(data: bytes) -> None:
    for parse in (parse_forms, parse_particulars, parse_print):
        try:
            found = parse(data)
        except NotShown:
            continue
        if isinstance(found, Told):
            json.dumps(found.json(), ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("digits", [" " * 64, "ab" * 31 + "  ", "AB" * 32, "ab" * 31, "zz" * 32])
def test_a_hash_of_another_length_is_none_and_spoils_no_other(digits: str) -> None:
    with pytest.raises(NotShown, match="broke"):
        parse_print(json.dumps({"hash": digits, "quality": 100}).encode())
    assert parse_print(json.dumps({"hash": "ab" * 32, "quality": 100}).encode())[0] == b"\xab" * 32


def test_a_place_of_a_number_that_no_float_holds_is_refused() -> None:
    value = {"groups": [], "place": [10**400, 0], "taken": "", "device": ""}
    with pytest.raises(NotShown, match="broke"):
        parse_particulars(json.dumps(value).encode())
