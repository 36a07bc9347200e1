"""What a file says of itself, inside the worker: cameras, times, places, codecs.

All of it was written by whoever made the file, or changed it: it is read, never believed. Each
group, name and value is bounded here; the parent makes them printable.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import av
from PIL import ExifTags, Image

from qanat_client.desk.media.formats import Format
from qanat_client.desk.media.pictures import BROKEN, opened
from qanat_client.desk.media.recordings import codec_of, duration_of, recording

__all__ = ["Particulars", "particulars_of"]

MAX_VALUES: Final = 60
MAX_NAME: Final = 60
MAX_VALUE: Final = 300

_CAMERA: Final = ("Make", "Model", "BodySerialNumber", "LensMake", "LensModel", "Software")
_TIMES: Final = (
    "DateTimeOriginal", "OffsetTimeOriginal", "SubsecTimeOriginal", "DateTimeDigitized",
    "OffsetTimeDigitized", "DateTime", "OffsetTime",
)  # fmt: skip
# Pointers into the file, and blocks that nobody reads.
_SKIPPED: Final = {
    "ExifOffset", "GPSInfo", "MakerNote", "ComponentsConfiguration", "ExifInteroperabilityOffset",
    "JpegIFOffset", "JpegIFByteCount", "StripOffsets", "StripByteCounts", "XMLPacket",
    "IptcNaaInfo", "InterColorProfile", "ImageResources",
}  # fmt: skip
_TAKEN: Final = ("DateTimeOriginal", "DateTimeDigitized", "DateTime")
_LOCATION_TAGS: Final = (
    "com.apple.quicktime.location.ISO6709", "location", "location-eng", "LOCATION",
)  # fmt: skip
_ISO_6709: Final = re.compile(r"([+-]\d{1,2}(?:\.\d{1,10})?)([+-]\d{1,3}(?:\.\d{1,10})?)")
_CREATED_TAGS: Final = ("com.apple.quicktime.creationdate", "creation_time", "date")
_DEVICE_TAGS: Final = (
    ("com.apple.quicktime.make", "com.android.manufacturer", "make"),
    ("com.apple.quicktime.model", "com.android.model", "model"),
)


@dataclass(slots=True)
class Particulars:
    """Groups of names and values in the order in which they are shown, and what stands out."""

    groups: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    place: tuple[float, float] | None = None
    taken: str = ""
    device: str = ""

    def add(self, group: str, name: str, value: object) -> None:
        """One value, cut to what people read; nothing if it is empty."""
        words = _words(value)
        values = self.groups.setdefault(group, [])
        if words and len(values) < MAX_VALUES:
            values.append((str(name)[:MAX_NAME], words))

    def as_json(self) -> bytes:
        """For the parent."""
        value = {
            "groups": [
                {"name": name, "values": values} for name, values in self.groups.items() if values
            ],
            "place": self.place,
            "taken": self.taken[:MAX_VALUE],
            "device": self.device[:MAX_VALUE],
        }
        return json.dumps(value).encode()


def _words(value: object) -> str:
    if isinstance(value, bytes):
        text = value.rstrip(b"\0").decode("utf-8", "replace")
        is_text = all(c.isprintable() for c in text[:MAX_VALUE])
        return text[:MAX_VALUE] if is_text else f"{len(value):,} bytes"
    if isinstance(value, tuple):
        return ", ".join(_words(part) for part in value[:16])[:MAX_VALUE]
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)[:MAX_VALUE].strip("\0 ")


def particulars_of(data: io.BytesIO, found: Format) -> Particulars:
    """Everything that a file says of itself. Raises NotShown where it can't be opened."""
    told = Particulars()
    told.add("File", "Format", found.words)
    told.add("File", "Size", f"{data.getbuffer().nbytes:,} bytes")
    if found.kind == "picture":
        _of_picture(data, found, told)
    else:
        _of_recording(data, found, told)
    return told


def _of_picture(data: io.BytesIO, found: Format, told: Particulars) -> None:
    image = opened(data, found)
    told.add("File", "Pixels", f"{image.width:,} x {image.height:,}")
    told.add("File", "Colour", image.mode)
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        told.add("File", "Pictures in it", frames)
    for name in ("icc_profile", "xmp", "exif"):
        if isinstance(image.info.get(name), bytes):
            told.add("File", name.replace("icc_profile", "ICC profile").replace("xmp", "XMP")
                     .replace("exif", "EXIF"), f"{len(image.info[name]):,} bytes")  # fmt: skip
    if isinstance(image.info.get("comment"), bytes | str):
        told.add("Texts", "Comment", image.info["comment"])
    for name, text in getattr(image, "text", {}).items():
        if isinstance(text, str):
            told.add("Texts", name, text)
    try:
        _of_exif(image, told)
    except BROKEN:
        told.add("File", "EXIF", "damaged")


def _of_exif(image: Image.Image, told: Particulars) -> None:
    exif = image.getexif()
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    named = {
        ExifTags.TAGS.get(tag, f"tag {tag}"): value
        for tag, value in (*exif.items(), *inner.items())
    }
    for group, names in (("Camera", _CAMERA), ("Times", _TIMES)):
        for name in names:
            if name in named:
                told.add(group, name, named[name])
    for name, value in named.items():
        if name not in (*_CAMERA, *_TIMES) and name not in _SKIPPED:
            told.add("More", name, value)
    told.device = " ".join(_words(named[name]) for name in ("Make", "Model") if name in named)
    for name in _TAKEN:
        if name in named:
            told.taken = (
                f"{_words(named[name])} {_words(named.get('OffsetTimeOriginal', ''))}".strip()
            )
            break
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    for tag, value in position.items():
        told.add("Position", ExifTags.GPSTAGS.get(tag, f"tag {tag}"), value)
    told.place = _place_of(position)


def _degrees(parts: Any, reference: Any, negative: str, most: float) -> float:
    if not isinstance(parts, tuple):
        raise ValueError("no degrees")
    value: float = sum(float(part) / 60.0**at for at, part in enumerate(parts[:3]))
    if str(reference).upper().startswith(negative):
        value = -value
    if not math.isfinite(value) or abs(value) > most:
        raise ValueError("not on Earth")
    return round(value, 6)


def _place_of(position: Mapping[int, Any]) -> tuple[float, float] | None:
    gps = ExifTags.GPS
    try:
        return (
            _degrees(position[gps.GPSLatitude], position.get(gps.GPSLatitudeRef, "N"), "S", 90.0),
            _degrees(
                position[gps.GPSLongitude], position.get(gps.GPSLongitudeRef, "E"), "W", 180.0
            ),
        )
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return None


def _of_recording(data: io.BytesIO, found: Format, told: Particulars) -> None:
    source = recording(data, found)
    if (duration := duration_of(source)) > 0:
        told.add("File", "Duration", f"{duration:.1f} s")
    if source.bit_rate:
        told.add("File", "Bits a second", f"{source.bit_rate:,}")
    for number, stream in enumerate(list(source.streams)[:8]):
        group = f"Stream {number + 1}"
        told.add(group, "Kind", stream.type)
        if isinstance(stream, av.VideoStream):
            codec = codec_of(stream)
            told.add(group, "Codec", "unknown" if codec is None else codec.name)
            if codec is not None:
                told.add(group, "Pixels", f"{codec.width:,} x {codec.height:,}")
            if stream.average_rate:
                told.add(group, "Pictures a second", float(stream.average_rate))
            if stream.frames:
                told.add(group, "Pictures", f"{stream.frames:,}")
        elif isinstance(stream, av.AudioStream):
            sounding = codec_of(stream)
            told.add(group, "Codec", "unknown" if sounding is None else sounding.name)
            if sounding is not None:
                told.add(group, "Samples a second", f"{sounding.sample_rate:,}")
                told.add(group, "Channels", sounding.layout.nb_channels)
        for name, value in list(stream.metadata.items())[:MAX_VALUES]:
            told.add(group, name, value)
    tags = dict(list(source.metadata.items())[:MAX_VALUES])
    for name, value in tags.items():
        told.add("Tags", name, value)
    told.taken = next((tags[name] for name in _CREATED_TAGS if name in tags), "")
    device = [next((tags[name] for name in names if name in tags), "") for names in _DEVICE_TAGS]
    told.device = " ".join(device).strip()
    told.place = _place_of_tags(tags)


def _place_of_tags(tags: Mapping[str, str]) -> tuple[float, float] | None:
    for name in _LOCATION_TAGS:
        if found := _ISO_6709.match(tags.get(name, "")):
            latitude, longitude = float(found[1]), float(found[2])
            if abs(latitude) <= 90 and abs(longitude) <= 180:
                return latitude, longitude
    return None
