"""Real pictures, films and sounds, made here: small, each with something to be known by."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from PIL import ExifTags, Image, ImageDraw

SECRET = "Aigerim's own phone"
PLACE = (43.2567, 76.9286)
TAKEN = "2022:01:06 10:30:00"
SOUND_RATE = 48_000


def scene(width: int = 320, height: int = 240, seed: int = 1) -> Image.Image:
    """A picture with edges and areas of its own: the left half is red at the top."""
    draw_from = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(24):
        x, y = draw_from.integers(0, width), draw_from.integers(0, height)
        colour = tuple(int(part) for part in draw_from.integers(0, 255, 3))
        draw.ellipse((int(x) - 40, int(y) - 30, int(x) + 40, int(y) + 30), fill=colour)
    draw.rectangle((0, 0, width // 2, height // 4), fill="red")
    return image


def exif() -> Image.Exif:
    """What a phone writes: make, model, time and place."""
    found = Image.Exif()
    found[ExifTags.Base.Make] = "Samsung"
    found[ExifTags.Base.Model] = SECRET
    found.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = TAKEN
    position = found.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = (43.0, 15.0, 24.12)
    position[ExifTags.GPS.GPSLongitudeRef] = "E"
    position[ExifTags.GPS.GPSLongitude] = (76.0, 55.0, 42.96)
    return found


def saved(image: Image.Image, name: str, **options: Any) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


@cache
def photo(name: str = "JPEG") -> bytes:
    """A picture with a phone's metadata."""
    return saved(scene(), name, exif=exif())


def png_claiming(width: int, height: int, packed: bytes = b"") -> bytes:
    """A PNG that says it is so large, with these compressed rows."""

    def chunk(name: bytes, data: bytes) -> bytes:
        code = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + code

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = packed or zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(name, data) for name, data in ((b"IHDR", size), (b"IDAT", rows), (b"IEND", b""))
    )


def frame(number: int, width: int, height: int) -> VideoFrame:
    """A picture of a film: a bar that wanders over the red half and the blue one."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 220
    pixels[:, width // 2 :, 2] = 220
    at = number * 4 % height
    pixels[at : at + height // 8, :, 1] = 255
    return VideoFrame.from_ndarray(pixels, format="rgb24")


@cache
def recording(
    container: str = "mp4",
    video: str | None = "libx264",
    audio: str | None = "aac",
    *,
    seconds: int = 1,
    size: tuple[int, int] = (160, 120),
    rotation: int = 0,
    pictures: int | None = None,
    of: int | None = None,
) -> bytes:
    """A film, a sound, or both, with tags that tell on somebody. of: the scene that it shows."""
    out = io.BytesIO()
    rate = 25
    options = {"movflags": "use_metadata_tags"} if container in ("mp4", "mov") else {}
    with av.open(out, "w", format=container, container_options=options) as file:
        file.metadata["title"] = SECRET
        file.metadata["location"] = f"+{PLACE[0]}+{PLACE[1]}/"
        file.metadata["creation_time"] = "2022-01-06T10:30:00Z"
        moving: Any = file.add_stream(video, rate=rate) if video else None
        sounding: Any = file.add_stream(audio, rate=SOUND_RATE) if audio else None
        if moving is not None:
            moving.width, moving.height = size
            moving.pix_fmt = "yuvj420p" if video == "mjpeg" else "yuv420p"
        for number in range(pictures or seconds * rate):
            if moving is not None:
                if of is None:
                    picture = frame(number, *size)
                else:
                    still = np.asarray(scene(*size, seed=of))
                    picture = VideoFrame.from_ndarray(still, format="rgb24")
                picture.pts = number
                file.mux(moving.encode(picture))
            if sounding is not None:
                count = SOUND_RATE // rate
                wave = np.sin(np.arange(count * number, count * (number + 1)) * 0.0576) * 9000
                piece = av.AudioFrame.from_ndarray(
                    wave.astype(np.int16)[None, :], format="s16", layout="mono"
                )
                piece.sample_rate, piece.pts = SOUND_RATE, count * number
                piece.time_base = Fraction(1, SOUND_RATE)
                file.mux(sounding.encode(piece))
        for stream in (moving, sounding):
            if stream is not None:
                file.mux(stream.encode(None))
    return turned(out.getvalue(), rotation)


def turned(film: bytes, rotation: int) -> bytes:
    """The same with a matrix in its track header, as phones write that are held upright."""
    if not rotation:
        return film
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    # The first is the whole film's, the second the first track's.
    head, _, rest = film.partition(plain)
    between, _, tail = rest.partition(plain)
    return head + plain + between + matrix + tail


FILMS = [
    ("mp4", "libx264", "aac"),
    ("mp4", "libx265", "aac"),
    ("mov", "mjpeg", "pcm_s16le"),
    ("matroska", "libvpx-vp9", "libopus"),
    ("webm", "libvpx", "libopus"),
    ("avi", "mpeg4", "libmp3lame"),
    ("mpegts", "libx264", "aac"),
]
SOUNDS = [
    ("mp4", "aac"),
    ("ogg", "libopus"),
    ("mp3", "libmp3lame"),
    ("wav", "pcm_s16le"),
    ("flac", "flac"),
    ("adts", "aac"),
    ("matroska", "libopus"),
]
