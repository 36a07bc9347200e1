"""Films and sounds of strangers: encoded anew, bounded, told in a sentence where there is none."""

from __future__ import annotations

import io
import re
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from tests.client.desk.media.developed import developed, in_pieces
from tests.client.desk.media.samples import FILMS, SECRET, SOUNDS, photo, recording

from qanat_client.desk.media.asking import Form, Job, NotShown, Piece
from qanat_client.desk.media.darkroom import Darkroom
from qanat_client.desk.media.limits import FILM_LIMITS


def refusal(darkroom: Darkroom, form: Form, data: bytes, **limits: Any) -> str:
    with pytest.raises(NotShown) as caught:
        developed(darkroom, form, data, **limits)
    return str(caught.value)


@pytest.mark.parametrize(("container", "video", "audio"), FILMS)
def test_each_kind_of_film_becomes_a_small_webm_without_its_tags(
    darkroom: Darkroom, container: str, video: str, audio: str
) -> None:
    made = developed(darkroom, Form.FILM, recording(container, video, audio))
    assert made.head.media_type == "video/webm"
    with av.open(io.BytesIO(made.data), "r") as film:
        codecs = {stream.type: stream.codec_context.name for stream in film.streams}
        assert codecs == {"video": "vp8", "audio": "opus"}
        assert set(film.metadata) <= {"encoder", "ENCODER"}
        pictures = list(film.decode(video=0))
    assert 20 <= len(pictures) <= 26
    pixels = pictures[5].to_ndarray(format="rgb24")
    assert pixels.shape[:2] == (120, 160)
    assert pixels[100, 20, 0] > 150 > pixels[100, 140, 0]
    assert SECRET.encode() not in made.data
    assert b"43.25" not in made.data


@pytest.mark.parametrize(("container", "audio"), SOUNDS)
def test_each_kind_of_sound_becomes_opus(darkroom: Darkroom, container: str, audio: str) -> None:
    made = developed(darkroom, Form.SOUND, recording(container, None, audio))
    assert made.head.media_type == "audio/webm"
    with av.open(io.BytesIO(made.data), "r") as sound:
        wave = np.concatenate([f.to_ndarray()[0] for f in sound.decode(audio=0)])
    assert 45_000 <= len(wave) <= 52_000
    assert 0.1 < float(np.abs(wave).max()) < 0.6
    assert SECRET.encode() not in made.data


def test_the_sound_of_a_film_can_be_heard_alone(darkroom: Darkroom) -> None:
    made = developed(darkroom, Form.SOUND, recording())
    with av.open(io.BytesIO(made.data), "r") as sound:
        assert [stream.type for stream in sound.streams] == ["audio"]


def test_a_film_is_at_most_640_pixels_wide_and_30_pictures_a_second(darkroom: Darkroom) -> None:
    made = developed(darkroom, Form.FILM, recording(size=(1280, 720)))
    assert (made.head.width, made.head.height) == (640, 360)
    assert "1,280 x 720 pixels" in made.head.words


def test_a_film_of_a_phone_that_was_held_upright_stands_upright(darkroom: Darkroom) -> None:
    data = recording(size=(160, 96), rotation=90)
    made = developed(darkroom, Form.FILM, data)
    assert (made.head.width, made.head.height) == (96, 160)
    poster = Image.open(io.BytesIO(developed(darkroom, Form.POSTER, data).data))
    assert poster.size == (96, 160)
    red = poster.convert("RGB").getpixel((50, 20))
    blue = poster.convert("RGB").getpixel((50, 140))
    assert red[0] > 150 > red[2], red  # type: ignore[index]
    assert blue[2] > 150 > blue[0], blue  # type: ignore[index]


def test_a_film_goes_out_while_it_is_being_decoded(darkroom: Darkroom) -> None:
    data = recording(seconds=8)
    pieces = iter(darkroom.develop(Job(Form.FILM, len(data), FILM_LIMITS), in_pieces(data)))
    begun = bytearray()
    for what in pieces:
        if isinstance(what, Piece):
            begun[what.at : what.at + len(what.data)] = what.data
        if len(begun) > 60_000:
            break
    with av.open(io.BytesIO(bytes(begun)), "r") as film:
        assert next(film.decode(video=0)).width == 160
    assert any(isinstance(what, Piece) for what in pieces)


def test_a_whole_film_can_be_sought_in(darkroom: Darkroom) -> None:
    made = developed(darkroom, Form.FILM, recording(seconds=8))
    with av.open(io.BytesIO(made.data), "r") as film:
        assert (film.duration or 0) / av.time_base == pytest.approx(8.0, abs=0.3)
        film.seek(6 * av.time_base, backward=True)
        assert next(film.decode(video=0)).time >= 3.0


def test_a_film_is_cut_at_its_limit_and_that_is_said(darkroom: Darkroom) -> None:
    made = developed(darkroom, Form.FILM, recording(seconds=8), output_bytes=1_100_000)
    assert "cut behind 0:0" in made.note
    with av.open(io.BytesIO(made.data), "r") as film:
        assert next(film.decode(video=0)).width == 160


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi", "mpegts"])
@pytest.mark.parametrize("kept", [0.01, 0.4, 0.8])
def test_a_film_that_is_cut_off_is_a_sentence_or_shown_as_far_as_it_goes(
    darkroom: Darkroom, container: str, kept: float
) -> None:
    data = recording(container, "mpeg4", "aac", seconds=4)
    cut = data[: max(16, int(len(data) * kept))]
    try:
        made = developed(darkroom, Form.FILM, cut)
    except NotShown as fault:
        said = str(fault)
    else:
        said = "cut off or damaged"
        with av.open(io.BytesIO(made.data), "r") as film:
            assert next(film.decode(video=0)).width == 160
    assert "cut off or damaged" in said


def test_a_film_that_ends_long_before_what_it_claims_is_shown_with_a_word_on_it(
    darkroom: Darkroom,
) -> None:
    data = recording("matroska", "mpeg4", "aac", seconds=8)
    note = developed(darkroom, Form.FILM, data[: len(data) // 2]).note
    told = re.fullmatch(r"it claims 8 s; (\d) s of it can be decoded", note)
    assert told is not None, note
    assert 2 <= int(told[1]) <= 6
    assert developed(darkroom, Form.FILM, data).note == ""


def test_a_film_that_is_none_is_a_sentence(darkroom: Darkroom) -> None:
    none = b"\0\0\0\x18ftypisom" + bytes(4000)
    assert "is none, or is cut off or damaged" in refusal(darkroom, Form.FILM, none)
    words = refusal(darkroom, Form.FILM, recording("mp4", None, "aac"))
    assert words == "this MP4 recording has no picture in it: it is no film"
    words = refusal(darkroom, Form.SOUND, recording("mp4", "libx264", None))
    assert words == "this MP4 recording has no sound that the desk decodes"
    assert "no picture, film or sound" in refusal(darkroom, Form.FILM, b"a video, honestly" * 99)


def test_a_codec_that_is_not_on_the_list_is_not_decoded(darkroom: Darkroom) -> None:
    for video in ("msmpeg4v3", "ffv1"):
        words = refusal(darkroom, Form.FILM, recording("matroska", video, None))
        assert "codec" in words or "decoded" in words or "is none" in words


def test_a_film_of_too_many_pixels_is_refused(darkroom: Darkroom) -> None:
    claimed = recording("mov", "mjpeg", None, size=(8208, 4368), pictures=1)
    assert "claims 8,208 x 4,368 pixels" in refusal(darkroom, Form.FILM, claimed)


def test_the_sound_of_a_film_that_is_a_file_elsewhere_is_not_fetched(darkroom: Darkroom) -> None:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n"
    assert "a playlist" in refusal(darkroom, Form.FILM, playlist)
    concatenated = b"ffconcat version 1.0\nfile /etc/passwd\n"
    assert "no picture, film or sound" in refusal(darkroom, Form.FILM, concatenated)


def test_a_cover_of_a_song_is_no_film(darkroom: Darkroom) -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="mp3") as file:
        sound = file.add_stream("libmp3lame", rate=48_000)
        cover = file.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 320, 240, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        packet = av.Packet(photo())
        packet.stream, packet.pts, packet.dts = cover, 0, 0
        file.mux(packet)
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), "s16", "mono")
        piece.sample_rate = 48_000
        file.mux(sound.encode(piece))
        file.mux(sound.encode(None))
    assert "it is no film" in refusal(darkroom, Form.FILM, out.getvalue())
    assert developed(darkroom, Form.SOUND, out.getvalue()).head.media_type == "audio/webm"
