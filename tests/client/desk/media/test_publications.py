"""What is published of strangers' films and sounds: what is seen and heard, encoded anew, and
nothing else of the file, element by element."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import av
import pytest
from PIL import Image
from tests.client.desk.media.developed import developed
from tests.client.desk.media.samples import (
    FILMS,
    SECRET,
    SOUNDS,
    frame,
    photo,
    recording,
)

from qanat_client.desk.media.asking import Form, NotShown
from qanat_client.desk.media.darkroom import Darkroom

PLACE = "+43.2567+076.9286/"
DEVICE = "SM-A515F"
WHEN = "2022-01-06T10:30:00"
TAGS = {
    "title": SECRET,
    "artist": "Aigerim",
    "comment": f"{SECRET} {WHEN}",
    "creation_time": f"{WHEN}Z",
    "location": PLACE,
    "com.apple.quicktime.location.ISO6709": PLACE,
    "com.apple.quicktime.make": "Samsung",
    "com.apple.quicktime.model": DEVICE,
    "com.android.version": "11",
}
TOLD = tuple(text.encode() for text in (SECRET, "43.25", DEVICE, "2022-01-06", "x264", "Aigerim"))

PARENTS = {
    "1a45dfa3", "18538067", "114d9b74", "4dbb", "1549a966", "1654ae6b", "ae", "e0", "e1",
    "1c53bb6b", "bb", "b7", "1f43b675", "a0", "1254c367", "7373", "63c0", "67c8",
}  # fmt: skip
# RFC 9559: sizes, clocks, codecs, cues, blocks. No date, no title, no name of a track, no file, no
# chapter, no identifier of the segment.
HARMLESS = {
    "4286", "42f7", "42f2", "42f3", "4282", "4287", "4285", "ec", "53ab", "53ac", "2ad7b1", "4d80",
    "5741", "4489", "d7", "73c5", "88", "9c", "22b59c", "86", "83", "23e383", "b0", "ba", "9f",
    "b5", "6264", "63a2", "56aa", "56bb", "b3", "f7", "f1", "f0", "e7", "a3", "a1", "9b", "75a2",
    "63c5", "45a3", "4487",
}  # fmt: skip


def size_at(data: bytes, at: int) -> tuple[int, int]:
    """A size of EBML (RFC 8794 section 4), and where it ends; -1 where it is not known."""
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big") & (1 << 7 * length) - 1
    return (-1 if value == (1 << 7 * length) - 1 else value), at + length


def elements(data: bytes, at: int, end: int) -> Iterator[tuple[str, bytes]]:
    """Every element that holds no others, with what it holds; and those that do."""
    while at < end:
        length = 9 - data[at].bit_length()
        name = data[at : at + length].hex()
        size, at = size_at(data, at + length)
        until = end if size < 0 else at + size
        assert until <= end, name
        if name in PARENTS:
            yield name, b""
            yield from elements(data, at, until)
        else:
            yield name, data[at:until]
        at = until


def assert_bare(made: bytes) -> None:
    """Nothing is in it but what is seen and heard."""
    found = list(elements(made, 0, len(made)))
    assert {name for name, _ in found} <= PARENTS | HARMLESS
    tags = {value for name, value in found if name == "45a3"}
    assert tags <= {b"DURATION", b"ENCODER"}
    assert {value for name, value in found if name in ("4d80", "5741")} == {b"Lavf"}
    for name, value in found:
        assert name != "ec" or not value.strip(b"\0")
        assert name != "4487" or re.fullmatch(rb"Lavc lib(vpx|opus)|[0-9:.]+\0*", value), value
    for told in TOLD:
        assert told not in made
    with av.open(io.BytesIO(made), "r") as again:
        assert not [key for key in again.metadata if key.lower() != "encoder"]
        assert again.chapters() == []
        assert {stream.type for stream in again.streams} <= {"video", "audio"}
        for stream in again.streams:
            keys = {key.lower() for key in stream.metadata}
            assert keys <= {"encoder", "duration", "language"}


@cache
def talkative(container: str = "matroska", *, tells: bool = True) -> bytes:
    """A film that tells of its maker wherever a film can, or nowhere."""
    out = io.BytesIO()
    options = {"movflags": "use_metadata_tags"} if container in ("mp4", "mov") else {}
    with av.open(out, "w", format=container, container_options=options) as file:
        moving: Any = file.add_stream("libx264", rate=25)
        moving.width, moving.height, moving.pix_fmt = 160, 120, "yuv420p"
        sounding: Any = file.add_stream("aac", rate=48_000)
        if tells:
            file.metadata.update(TAGS)
            for stream in (moving, sounding):
                stream.metadata["handler_name"] = SECRET
                stream.metadata["title"] = f"{DEVICE} {PLACE}"
        if tells and container == "matroska":
            file.add_attachment(f"{SECRET}.jpg", "image/jpeg", photo())
            chapter: Any = {"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000)}
            file.set_chapters([chapter | {"metadata": {"title": SECRET}}])
        for number in range(25):
            picture = frame(number, 160, 120)
            picture.pts = number
            file.mux(moving.encode(picture))
            piece = av.AudioFrame(format="fltp", layout="mono", samples=1920)
            for plane in piece.planes:
                plane.update(bytes(plane.buffer_size))
            piece.sample_rate, piece.pts = 48_000, 1920 * number
            piece.time_base = Fraction(1, 48_000)
            file.mux(sounding.encode(piece))
        for stream in (moving, sounding):
            file.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize("container", ["matroska", "mp4", "mov"])
def test_nothing_that_a_film_tells_of_its_maker_is_published(
    darkroom: Darkroom, container: str
) -> None:
    film = talkative(container)
    told = TOLD if container == "matroska" else (SECRET.encode(), DEVICE.encode(), b"x264")
    for text in told:
        assert text in film, text
    made = developed(darkroom, Form.PUBLIC, film)
    assert made.head.media_type == "video/webm"
    assert_bare(made.data)
    with av.open(io.BytesIO(made.data), "r") as again:
        assert 20 <= sum(1 for _ in again.decode(video=0)) <= 26


@pytest.mark.parametrize(("container", "video", "audio"), FILMS)
def test_each_kind_of_film_is_published_bare(
    darkroom: Darkroom, container: str, video: str, audio: str
) -> None:
    made = developed(darkroom, Form.PUBLIC, recording(container, video, audio))
    assert made.head.media_type == "video/webm"
    assert_bare(made.data)


@pytest.mark.parametrize(("container", "audio"), SOUNDS)
def test_each_kind_of_sound_is_published_bare(
    darkroom: Darkroom, container: str, audio: str
) -> None:
    made = developed(darkroom, Form.PUBLIC, recording(container, None, audio))
    assert made.head.media_type == "audio/webm"
    assert_bare(made.data)


def test_films_that_show_the_same_are_published_as_the_same_bytes(darkroom: Darkroom) -> None:
    films = talkative(), talkative(tells=False)
    assert films[0] != films[1]
    one, other = (developed(darkroom, Form.PUBLIC, film).data for film in films)
    assert one == other


def test_a_film_is_published_larger_than_the_screen_shows_it(darkroom: Darkroom) -> None:
    film = recording(size=(1920, 1080), pictures=3)
    made = developed(darkroom, Form.PUBLIC, film)
    assert (made.head.width, made.head.height) == (1280, 720)


def test_a_picture_is_published_as_before(darkroom: Darkroom) -> None:
    made = developed(darkroom, Form.PUBLIC, photo())
    assert made.head.media_type == "image/jpeg"
    assert SECRET.encode() not in made.data
    with Image.open(io.BytesIO(made.data)) as picture:
        assert not picture.getexif()


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"plain words"]
)
def test_what_can_not_be_made_anew_is_not_published(darkroom: Darkroom, data: bytes) -> None:
    with pytest.raises(NotShown):
        developed(darkroom, Form.PUBLIC, data)
