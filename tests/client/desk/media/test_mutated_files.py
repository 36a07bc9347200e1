"""Real files with bytes changed, lost and doubled: each is shown, or told in a sentence."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.client.desk.media.developed import developed
from tests.client.desk.media.samples import photo, recording

from qanat_client.desk.media.asking import Form, NotShown
from qanat_client.desk.media.darkroom import Darkroom
from qanat_client.desk.media.told import parse_particulars

HEIC = Path(__file__).with_name("left-red.heic")
LIMITS: Any = {"cpu_s": 20, "memory_bytes": 400 << 20}
few = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

changes = st.lists(
    st.tuples(
        st.sampled_from(["change", "lose", "double", "claim"]),
        st.floats(0, 1),
        st.integers(1, 40),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=6,
)
Changes = list[tuple[str, float, int, bytes]]


def mutated(data: bytes, wanted: Changes) -> bytes:
    """The same file, hurt; mostly in its head, where sizes and counts stand."""
    hurt = bytearray(data)
    for what, where, count, value in wanted:
        at = int(where**2 * len(hurt))
        if what == "change":
            hurt[at : at + len(value)] = value
        elif what == "lose":
            del hurt[at : at + count]
        elif what == "double":
            hurt[at:at] = hurt[at : at + count]
        else:
            hurt[at : at + 4] = b"\x7f\xff\xff\xff"
    return bytes(hurt)


def shown_or_said(darkroom: Darkroom, form: Form, data: bytes) -> bytes | None:
    try:
        return developed(darkroom, form, data, **LIMITS).data
    except NotShown as fault:
        said = str(fault)
    assert 10 < len(said) < 200
    return None


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "HEIC"])
@given(wanted=changes)
@few
def test_a_picture_that_was_hurt_is_shown_or_a_sentence(
    darkroom: Darkroom, name: str, wanted: Changes
) -> None:
    data = mutated(HEIC.read_bytes() if name == "HEIC" else photo(name), wanted)
    shown = shown_or_said(darkroom, Form.PICTURE, data)
    if shown is not None:
        image = Image.open(io.BytesIO(shown))
        image.load()
        assert (image.format, image.mode) == ("JPEG", "RGB")
    told = shown_or_said(darkroom, Form.PARTICULARS, data)
    if told is not None:
        parse_particulars(told)


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi", "mpegts", "ogg", "mp3", "wav"])
@given(wanted=changes)
@example([("lose", 0.5, 12, b"\x00"), ("change", 0.7864348366320637, 1, b"\x10")])
@few
def test_a_recording_that_was_hurt_is_shown_or_a_sentence(
    darkroom: Darkroom, container: str, wanted: Changes
) -> None:
    audio = {"mp4": "aac", "matroska": "libopus", "ogg": "libopus", "wav": "pcm_s16le"}
    video = "mpeg4" if container in ("mp4", "matroska", "avi", "mpegts") else None
    own = recording(container, video, audio.get(container, "libmp3lame"))
    data = mutated(own, wanted)
    form = Form.FILM if video else Form.SOUND
    shown = shown_or_said(darkroom, form, data)
    if shown is not None:
        with av.open(io.BytesIO(shown), "r") as again:
            assert again.format.name == "matroska,webm"
    told = shown_or_said(darkroom, Form.PARTICULARS, data)
    if told is not None:
        parse_particulars(told)
