"""The new recording, inside the worker: small, WebM, sent out while it grows."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from qanat_client.desk.media.asking import Head, Piece

__all__ = ["ON_SCREEN", "TO_PUBLISH", "Emit", "Quality", "Writer", "scaled", "upright"]

FRAMES_A_SECOND: Final = 30
SOUND_RATE: Final = 48_000
OPUS_FRAME: Final = 960
_MILLISECOND: Final = Fraction(1, 1000)
_KEPT_FOR_THE_END: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Quality:
    """side: of the pictures, in pixels, at most. The rest in bits a second."""

    side: int
    video_bits: int
    sound_bits: int


ON_SCREEN: Final = Quality(640, 700_000, 64_000)
TO_PUBLISH: Final = Quality(1280, 2_500_000, 96_000)

Emit = Callable[[Head | Piece], None]


def upright(frame: VideoFrame, side: int) -> VideoFrame:
    """Upright, at most `side` pixels a side, both sides even, as encoders want them."""
    rotation = frame.rotation % 360
    scale = min(1.0, side / max(frame.width, frame.height))
    width, height = (max(2, round(n * scale) // 2 * 2) for n in (frame.width, frame.height))
    if rotation not in (90, 180, 270):
        return scaled(frame, width, height, "yuv420p")
    pixels = scaled(frame, width, height, "rgb24").to_ndarray()
    turned = np.ascontiguousarray(np.rot90(pixels, rotation // 90), np.uint8)
    return VideoFrame.from_ndarray(turned, format="rgb24")


def scaled(frame: VideoFrame, width: int, height: int, pixels: str) -> VideoFrame:
    # In this thread: behind the walls there is no other.
    return frame.reformat(width=width, height=height, format=pixels, threads=1)


class _Outlet(io.RawIOBase):
    """A file that goes out as pieces; what the muxer mends at its beginning goes out again."""

    def __init__(self, emit: Emit, most_bytes: int) -> None:
        self._emit = emit
        self._most = most_bytes
        self._at = 0
        self._size = 0

    @property
    def is_full(self) -> bool:
        """Whether what is left is kept for the end of the file."""
        return self._size > self._most - _KEPT_FOR_THE_END

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written."""
        return self._size == 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._emit(Piece(self._at, bytes(data)))
        self._at += len(data)
        self._size = max(self._size, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = (0, self._at, self._size)[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at


class Writer:
    """The new recording: encoders, their clocks and the muxer. size: of its pictures, if any."""

    def __init__(
        self,
        emit: Emit,
        most_bytes: int,
        quality: Quality,
        *,
        size: tuple[int, int] | None,
        has_sound: bool,
    ) -> None:
        self._side = quality.side
        self._outlet = _Outlet(emit, most_bytes)
        self._container: OutputContainer = av.open(
            self._outlet,
            "w",
            format="webm",
            container_options={"cluster_time_limit": "2000", "fflags": "+bitexact"},
            buffer_size=1 << 15,
        )
        self._video: VideoStream | None = None
        self._audio: AudioStream | None = None
        self._resampler = AudioResampler("flt", "stereo", SOUND_RATE, frame_size=OPUS_FRAME)
        self._next_ms = 0
        self._next_sample = 0
        if size is not None:
            video = self._container.add_stream("libvpx", rate=FRAMES_A_SECOND)
            video.width, video.height = size
            video.pix_fmt = "yuv420p"
            video.bit_rate = quality.video_bits
            video.codec_context.time_base = _MILLISECOND
            video.codec_context.thread_count = 1
            video.options = {"deadline": "realtime", "cpu-used": "8", "g": "60"}
            self._video = video
        if has_sound:
            self._audio = self._container.add_stream("libopus", rate=SOUND_RATE, layout="stereo")
            self._audio.bit_rate = quality.sound_bits

    @property
    def is_full(self) -> bool:
        """Whether no more fits."""
        return self._outlet.is_full

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come out of it."""
        return self._outlet.is_empty

    def show(self, frame: VideoFrame, at_s: float) -> None:
        """A picture at its time; what comes too soon behind the one before is left out."""
        at_ms = round(at_s * 1000)
        assert self._video is not None
        if at_ms < self._next_ms:
            return
        self._next_ms = at_ms + 1000 // FRAMES_A_SECOND
        small = upright(frame, self._side)
        width, height = self._video.width, self._video.height
        if (small.width, small.height, small.format.name) != (width, height, "yuv420p"):
            small = scaled(small, width, height, "yuv420p")
        small.pts, small.time_base = at_ms, _MILLISECOND
        self._container.mux(self._video.encode(small))

    def play(self, frame: av.AudioFrame | None, at_s: float) -> None:
        """Sound; where its clock jumps, it goes on at the new time. None: what is left."""
        assert self._audio is not None
        for piece in self._resampler.resample(frame):
            wanted = round(at_s * SOUND_RATE)
            if frame is not None and wanted > self._next_sample + SOUND_RATE // 4:
                self._next_sample = wanted
            piece.pts, piece.time_base = self._next_sample, Fraction(1, SOUND_RATE)
            self._next_sample += piece.samples
            self._container.mux(self._audio.encode(piece))

    def close(self) -> None:
        """What the encoders still hold, and the end of the file."""
        if self._audio is not None:
            self.play(None, 0.0)
            self._container.mux(self._audio.encode(None))
        if self._video is not None:
            self._container.mux(self._video.encode(None))
        self._container.close()
