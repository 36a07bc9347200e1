"""Films and sounds, inside the worker: encoded anew as WebM, and a picture that stands for a film.

What is decoded goes out while the rest is still being decoded.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from qanat_client.desk.media.asking import Form, Head, NotShown
from qanat_client.desk.media.formats import Format
from qanat_client.desk.media.pictures import jpeg_of
from qanat_client.desk.media.recordings import (
    DAMAGES,
    duration_of,
    frames,
    moving,
    recording,
    sounding,
    time_of,
)
from qanat_client.desk.media.webm import (
    ON_SCREEN,
    TO_PUBLISH,
    Emit,
    Quality,
    Writer,
    scaled,
    upright,
)

__all__ = ["film", "poster", "poster_image", "published_recording", "recorded_forms", "sound"]

POSTER_SIDE: Final = 1280
MAX_FILM_S: Final = 4 * 3600.0
"""A longer one is cut here, if no other limit cuts it before."""
_WAITING_FRAMES: Final = 64
"""Of sound that comes before the first picture."""
_POSTER_WITHIN_FRAMES: Final = 90
_DARK: Final = 24


def film(data: io.BytesIO, found: Format, emit: Emit, most_bytes: int) -> str:
    """A small film for a screen; returns what was left out of it. Raises NotShown."""
    source = recording(data, found)
    video = _film_in(source, found)
    return _Encoding(source, found, video, sounding(source), emit, most_bytes).run()


def sound(data: io.BytesIO, found: Format, emit: Emit, most_bytes: int) -> str:
    """The sound of a recording alone; returns what was left out of it. Raises NotShown."""
    source = recording(data, found)
    audio = sounding(source)
    if audio is None:
        raise NotShown(f"this {found.words} has no sound that the desk decodes")
    return _Encoding(source, found, None, audio, emit, most_bytes).run()


def published_recording(data: io.BytesIO, found: Format, emit: Emit, most_bytes: int) -> str:
    """A film, or where there is none the sound, to hand out: what is seen and heard, encoded anew,
    and nothing else of the file; returns what was left out of it. Raises NotShown."""
    source = recording(data, found)
    video, audio = moving(source, found), sounding(source)
    if video is None and audio is None:
        raise NotShown(f"this {found.words} has no picture and no sound that the desk decodes")
    return _Encoding(source, found, video, audio, emit, most_bytes, TO_PUBLISH).run()


def recorded_forms(data: io.BytesIO, found: Format) -> dict[Form, str]:
    """Film and sound, each with why it can't be shown; "" where it can. Raises NotShown."""
    source = recording(data, found)
    told = {Form.FILM: "", Form.SOUND: ""}
    try:
        _film_in(source, found)
    except NotShown as fault:
        told[Form.FILM] = str(fault)
    if not source.streams.audio:
        told[Form.SOUND] = f"this {found.words} is silent"
    elif sounding(source) is None:
        told[Form.SOUND] = f"this {found.words} has no sound that the desk decodes"
    return told


def _film_in(source: InputContainer, found: Format) -> VideoStream:
    video = moving(source, found)
    if video is None:
        raise NotShown(f"this {found.words} has no picture in it: it is no film")
    return video


@dataclass(slots=True)
class _Encoding:
    """One recording on its way from its decoders into a new one."""

    source: InputContainer
    found: Format
    video: VideoStream | None
    audio: AudioStream | None
    emit: Emit
    most_bytes: int
    quality: Quality = ON_SCREEN
    start_s: float | None = None
    last_s: float = 0.0
    note: str = ""
    # Begun with the first picture, which tells the size; the sound before it waits.
    writer: Writer | None = None
    waiting: list[tuple[av.AudioFrame, float]] = field(default_factory=list)

    def run(self) -> str:
        """All of it; returns what was left out. Raises NotShown."""
        chosen = [stream for stream in (self.video, self.audio) if stream is not None]
        with self._noting_damage():
            for frame in frames(self.source, *chosen):
                self._take(frame)
                if (self.writer is not None and self.writer.is_full) or self.last_s > MAX_FILM_S:
                    minutes, seconds = divmod(int(self.last_s), 60)
                    self.note = f"cut behind {minutes}:{seconds:02d}"
                    break
        with self._noting_damage():
            if self.writer is not None:
                self.writer.close()
        if self.writer is None or self.writer.is_empty:
            raise NotShown(
                f"nothing in this {self.found.words} can be decoded: it is cut off or damaged"
            )
        claimed_s = duration_of(self.source)
        if not self.note and claimed_s > self.last_s + max(2.0, claimed_s / 50):
            self.note = f"it claims {claimed_s:.0f} s; {self.last_s:.0f} s of it can be decoded"
        return self.note

    @contextmanager
    def _noting_damage(self) -> Iterator[None]:
        try:
            yield
        except MemoryError:
            raise
        except DAMAGES:
            self.note = "damaged; shown as far as it decodes"

    def _take(self, frame: VideoFrame | av.AudioFrame) -> None:
        time_s = time_of(frame)
        if time_s is None:
            return
        if self.start_s is None:
            self.start_s = time_s
        at_s = time_s - self.start_s
        if at_s < 0:
            return
        self.last_s = max(self.last_s, at_s)
        if isinstance(frame, VideoFrame):
            writer = self.writer or self._begin(frame)
            writer.show(frame, at_s)
        elif self.writer is not None or self.video is None:
            writer = self.writer or self._begin(None)
            writer.play(frame, at_s)
        elif len(self.waiting) < _WAITING_FRAMES:
            self.waiting.append((frame, at_s))

    def _begin(self, frame: VideoFrame | None) -> Writer:
        size = None
        words = self.found.words
        if frame is not None:
            small = upright(frame, self.quality.side)
            size = (small.width, small.height)
            words += f", {frame.width:,} x {frame.height:,} pixels"
        width, height = size or (0, 0)
        media_type = "audio/webm" if frame is None else "video/webm"
        self.emit(Head(media_type, words, width, height, duration_s=duration_of(self.source)))
        self.writer = Writer(
            self.emit,
            self.most_bytes,
            self.quality,
            size=size,
            has_sound=self.audio is not None,
        )
        for early, at_s in self.waiting:
            self.writer.play(early, at_s)
        self.waiting.clear()
        return self.writer


def poster_image(data: io.BytesIO, found: Format) -> Image.Image:
    """The first picture of a film that is not all dark. Raises NotShown."""
    source = recording(data, found)
    first: Image.Image | None = None
    for seen, frame in enumerate(frames(source, _film_in(source, found))):
        assert isinstance(frame, VideoFrame)
        small = upright(frame, POSTER_SIDE)
        image = Image.fromarray(scaled(small, small.width, small.height, "rgb24").to_ndarray())
        first = first or image
        if np.asarray(image.convert("L")).max() > _DARK:
            return image
        if seen > _POSTER_WITHIN_FRAMES:
            break
    if first is None:
        raise NotShown(f"nothing in this {found.words} can be decoded: it is cut off or damaged")
    return first


def poster(data: io.BytesIO, found: Format) -> tuple[Head, bytes]:
    """One picture of a film."""
    image = poster_image(data, found)
    head = Head("image/jpeg", f"one picture of a film, {found.words}", image.width, image.height)
    return head, jpeg_of(image)
