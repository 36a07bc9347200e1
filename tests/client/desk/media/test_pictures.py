"""Pictures of strangers: decoded within limits, shown as new bytes, told in a sentence if not."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.client.desk.media.developed import developed
from tests.client.desk.media.samples import (
    SECRET,
    exif,
    photo,
    png_claiming,
    recording,
    saved,
    scene,
)

from qanat_client.desk.media.asking import Form, NotShown
from qanat_client.desk.media.darkroom import Darkroom

HEIC = Path(__file__).with_name("left-red.heic")
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET.encode() + b"</x:xmpmeta>"


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def refusal(darkroom: Darkroom, data: bytes, form: Form = Form.PICTURE, **limits: Any) -> str:
    with pytest.raises(NotShown) as caught:
        developed(darkroom, form, data, **limits)
    return str(caught.value)


def is_red(image: Image.Image, x: int, y: int) -> bool:
    red, green, blue = image.convert("RGB").getpixel((x, y))  # type: ignore[misc]
    return red > 200 and green < 90 and blue < 90


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF"])
def test_each_format_is_shown_as_a_new_jpeg_without_what_it_says_of_itself(
    darkroom: Darkroom, name: str
) -> None:
    data = saved(scene(), name, exif=exif(), xmp=XMP, comment=SECRET)
    shown = developed(darkroom, Form.PICTURE, data)
    image = opened(shown.data)
    assert (image.format, image.size) == ("JPEG", (320, 240))
    assert is_red(image, 10, 10)
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert SECRET.encode() not in shown.data
    assert "320 x 240 pixels" in shown.head.words


def test_a_heic_of_an_iphone_is_shown(darkroom: Darkroom) -> None:
    image = opened(developed(darkroom, Form.PICTURE, HEIC.read_bytes()).data)
    assert image.size == (64, 48)
    assert is_red(image, 10, 24)
    assert not is_red(image, 54, 24)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "I;16", "YCbCr"])
def test_every_kind_of_colour_is_shown(darkroom: Darkroom, mode: str) -> None:
    name = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    pixels = scene()
    if mode == "PA":
        image = pixels.convert("P")
        image.info["transparency"] = 0
    elif mode == "I;16":
        image = Image.new("I;16", (320, 240), 0x8000)
    else:
        image = pixels.convert(mode)
    shown = opened(developed(darkroom, Form.PICTURE, saved(image, name)).data)
    assert shown.size == (320, 240)
    if mode == "I;16":
        assert shown.convert("L").getpixel((5, 5)) == pytest.approx(128, abs=3)


def test_a_picture_stands_upright(darkroom: Darkroom) -> None:
    tags = exif()
    tags[0x0112] = 6
    shown = developed(darkroom, Form.PICTURE, saved(scene(), "JPEG", exif=tags))
    assert (shown.head.width, shown.head.height) == (240, 320)
    assert is_red(opened(shown.data), 230, 10)


def test_of_a_picture_that_moves_the_first_is_shown_and_that_is_said(darkroom: Darkroom) -> None:
    others = [Image.new("RGB", (320, 240), "blue")]
    data = saved(scene(), "GIF", save_all=True, append_images=others)
    shown = developed(darkroom, Form.PICTURE, data)
    assert is_red(opened(shown.data), 10, 10)
    assert "it moves; shown is its first picture" in shown.head.note


def test_a_large_picture_is_shown_smaller_and_that_is_said(darkroom: Darkroom) -> None:
    data = saved(Image.new("L", (9000, 1000), 80), "JPEG")
    shown = developed(darkroom, Form.PICTURE, data)
    assert max(opened(shown.data).size) <= 4096
    assert "9,000 x 1,000" in shown.head.words
    assert "shown at" in shown.head.note


@pytest.mark.parametrize(
    ("width", "height"), [(30_000, 30_000), (30_000, 1), (1, 30_000), (9_000, 9_000)]
)
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    darkroom: Darkroom, width: int, height: int
) -> None:
    words = refusal(darkroom, png_claiming(width, height), memory_bytes=50 << 20)
    assert f"claims {width:,} x {height:,} pixels" in words


def test_a_bomb_is_refused(darkroom: Darkroom) -> None:
    claimed = png_claiming(8000, 7900, zlib.compress(bytes(3 * 8000 + 1) * 7900, 9))
    assert len(claimed) < 1 << 20
    words = refusal(darkroom, claimed, memory_bytes=100 << 20)
    assert words == "decoding this PNG picture takes more memory than it is given"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_a_picture_that_is_cut_off_is_a_sentence(
    darkroom: Darkroom, name: str, kept: float
) -> None:
    data = photo(name)
    words = refusal(darkroom, data[: max(12, int(len(data) * kept))])
    assert "cut off or damaged" in words


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"x", "no picture, film or sound"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"MZ\x90\0....", "a program for Windows"),
        (b"\x7fELF....", "a program for Linux"),
        (b"#!/bin/sh\n", "a script"),
        (b"#EXTM3U\nhttp://a.example/", "a playlist"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "can hold programs"),
        (b"\xef\xbb\xbf  <!DOCTYPE html><script>", "can hold programs"),
        (b"BM" + bytes(60), "no picture, film or sound"),
        (b"II*\0" + bytes(60), "no picture, film or sound"),
    ],
)
def test_what_is_not_on_the_list_is_named(darkroom: Darkroom, data: bytes, words: str) -> None:
    assert words in refusal(darkroom, data)


def test_a_film_is_no_picture_and_a_picture_no_film(darkroom: Darkroom) -> None:
    assert refusal(darkroom, recording()) == "this is a MP4 recording and no picture"
    assert refusal(darkroom, photo(), Form.FILM) == "this is a JPEG picture and no film"
    assert refusal(darkroom, photo(), Form.SOUND) == "this is a JPEG picture and no sound"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF"])
def test_a_picture_that_is_also_a_page_is_only_ever_a_picture(
    darkroom: Darkroom, name: str
) -> None:
    page = b"<html><script>alert(1)</script></html>"
    shown = developed(darkroom, Form.PICTURE, photo(name) + page + b"PK\x03\x04")
    assert is_red(opened(shown.data), 10, 10)
    assert b"script" not in shown.data
    assert b"PK\x03\x04" not in shown.data


def test_a_page_that_holds_a_picture_is_not_shown(darkroom: Darkroom) -> None:
    assert "can hold programs" in refusal(darkroom, b"<html>" + photo())


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_what_is_blacked_out_is_gone_and_so_is_the_metadata(darkroom: Darkroom, name: str) -> None:
    data = saved(scene(), name, exif=exif(), xmp=XMP)
    boxes = ((0.0, 0.0, 0.25, 0.25), (0.9, 0.9, 0.1, 0.1))
    made = developed(darkroom, Form.BLACKED, data, boxes=boxes)
    image = opened(made.data)
    assert image.size == (320, 240)
    assert image.format == ("PNG" if name == "PNG" else "JPEG")
    assert image.convert("L").crop((0, 0, 80, 60)).getextrema()[1] < 30  # type: ignore[operator]
    assert image.convert("L").crop((288, 216, 320, 240)).getextrema()[1] < 30  # type: ignore[operator]
    assert is_red(image, 120, 20)
    assert not image.getexif()
    assert SECRET.encode() not in made.data


def test_a_box_covers_every_pixel_that_it_touches(darkroom: Darkroom) -> None:
    data = saved(Image.new("RGB", (100, 100), "white"), "PNG")
    made = developed(darkroom, Form.BLACKED, data, boxes=((0.105, 0.105, 0.001, 0.2),))
    image = opened(made.data).convert("L")
    black = [x for x in range(100) if image.getpixel((x, 15)) == 0]
    assert black == [10]
    assert [y for y in range(100) if image.getpixel((10, y)) == 0] == list(range(10, 31))


def test_without_boxes_only_the_metadata_goes(darkroom: Darkroom) -> None:
    made = developed(darkroom, Form.BLACKED, photo("PNG"))
    assert opened(made.data).tobytes() == scene().tobytes()
    assert SECRET.encode() not in made.data
