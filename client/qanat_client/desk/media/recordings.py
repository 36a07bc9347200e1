"""Recordings, inside the worker: opened by one demuxer, their streams chosen, packets decoded.

Only formats and codecs on the lists, one thread, and never a file that a recording names.
"""

from __future__ import annotations

import importlib
import io
import math
import pkgutil
from collections.abc import Iterator
from typing import Any, Final

import av
import av.error
import av.logging
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from qanat_client.desk.media.asking import NotShown
from qanat_client.desk.media.formats import Format
from qanat_client.desk.media.limits import MAX_FRAME_PIXELS

__all__ = [
    "AUDIO_CODECS",
    "DAMAGES",
    "VIDEO_CODECS",
    "codec_of",
    "duration_of",
    "frames",
    "moving",
    "recording",
    "sounding",
    "time_of",
    "warm_up",
]

VIDEO_CODECS: Final = (
    "h264", "hevc", "vp8", "vp9", "libdav1d", "av1", "mpeg4", "h263", "mjpeg", "mpeg2video",
)  # fmt: skip
AUDIO_CODECS: Final = (
    "aac", "mp3", "mp3float", "opus", "libopus", "vorbis", "flac", "alac", "amrnb", "amrwb",
    "libopencore_amrnb", "libopencore_amrwb", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_u8",
    "pcm_f32le", "pcm_mulaw", "pcm_alaw", "adpcm_ima_wav", "adpcm_ms",
)  # fmt: skip

_PROBED_BYTES: Final = "5000000"
MAX_DURATION_S: Final = 1e6
# Its programs, and what fetches samples.
_NOT_LOADED: Final = ("av.__main__", "av.datasets")

DAMAGES: Final = (av.error.FFmpegError, ValueError, OSError)
"""What PyAV raises over bytes that are not what they should be; MemoryError is one of the first."""


def warm_up() -> None:
    """Let PyAV load what it loads late: nothing can be opened behind the walls."""
    av.logging.set_level(None)
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name not in _NOT_LOADED:
            importlib.import_module(module.name)


def recording(data: io.BytesIO, found: Format) -> InputContainer:
    """The recording, opened by its one demuxer. Raises NotShown."""
    options = {
        "format_whitelist": found.name,
        "codec_whitelist": ",".join((*VIDEO_CODECS, *AUDIO_CODECS)),
        "protocol_whitelist": "",
        "probesize": _PROBED_BYTES,
    }
    try:
        return av.open(data, "r", format=found.name, options=options, metadata_errors="replace")
    except MemoryError:
        raise NotShown(f"this {found.words} takes more memory than it is given") from None
    except (av.error.FFmpegError, ValueError, OSError):
        raise NotShown(
            f"this begins as a {found.words} and is none, or is cut off or damaged"
        ) from None


def codec_of(stream: Stream) -> Any:
    """The stream's codec; None, against what PyAV's types say, if it is not on the lists."""
    return stream.codec_context


def moving(source: InputContainer, found: Format) -> VideoStream | None:
    """The film in it, if there is one. Raises NotShown for one that is not on the lists."""
    for stream in source.streams.video:
        # The cover of a song is no film.
        if stream.disposition & av.stream.Disposition.attached_pic:
            continue
        codec = codec_of(stream)
        if codec is None or codec.name not in VIDEO_CODECS:
            raise NotShown(f"this {found.words} is in a video codec that the desk does not decode")
        if codec.width * codec.height > MAX_FRAME_PIXELS:
            raise NotShown(
                f"this {found.words} claims {codec.width:,} x {codec.height:,} pixels a picture;"
                f" the desk decodes {MAX_FRAME_PIXELS // 1_000_000} million"
            )
        if codec.width < 1 or codec.height < 1:
            raise NotShown(f"this {found.words} has no picture in it: it is no film")
        codec.thread_count = 1
        return stream
    return None


def sounding(source: InputContainer) -> AudioStream | None:
    """The first sound in it that is on the list."""
    for stream in source.streams.audio:
        codec = codec_of(stream)
        if codec is not None and codec.name in AUDIO_CODECS and codec.sample_rate:
            codec.thread_count = 1
            return stream
    return None


def duration_of(source: InputContainer) -> float:
    """In seconds as the recording claims; 0 where it does not."""
    claimed = (source.duration or 0) / av.time_base
    return claimed if 0 < claimed < MAX_DURATION_S else 0.0


def frames(source: InputContainer, *streams: Stream) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """What these streams decode to, in the order in which it stands; damage is passed over."""
    packets = source.demux(*streams)
    while True:
        try:
            packet = next(packets, None)
        except MemoryError:
            raise
        except DAMAGES:
            # What stands before it is shown.
            return
        if packet is None:
            return
        try:
            decoded = packet.decode()
        except MemoryError:
            raise
        except DAMAGES:
            # A packet that was lost or forged; the next may be good.
            continue
        for frame in decoded:
            if isinstance(frame, av.VideoFrame | av.AudioFrame):
                yield frame


def time_of(frame: av.VideoFrame | av.AudioFrame) -> float | None:
    """When it is shown, in seconds of its recording."""
    at_s = frame.time
    return at_s if at_s is not None and math.isfinite(at_s) else None
