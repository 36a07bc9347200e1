"""Pictures, inside the worker: decoded within limits, upright, and as new bytes without metadata.

Never decodes anything but the one format that the first bytes name.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from typing import Final

import pi_heif
from PIL import (
    ExifTags,
    GifImagePlugin,
    Image,
    ImageDraw,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from qanat_client.desk.media.asking import Head, NotShown
from qanat_client.desk.media.formats import Format
from qanat_client.desk.media.limits import MAX_PIXELS, MAX_PIXELS_OF_JPEG, MAX_SIDE

__all__ = ["BROKEN", "decoded", "jpeg_of", "opened", "picture", "published", "warm_up"]

BROKEN: Final = (
    OSError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    SyntaxError,
    AttributeError,
    RuntimeError,
    EOFError,
)
"""What Pillow and what it calls raise over bytes that are not what they should be."""

SHOWN_SIDE: Final = 4096
_QUALITY: Final = 88
_PUBLISHED_QUALITY: Final = 93
# A phone's JPEG that carries a second picture behind the first is an MPO to Pillow.
_WITHIN: Final = {"JPEG": ("JPEG", "MPO")}
_PLUGINS: Final = (
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)


def warm_up() -> None:
    """Let the libraries load what they load late: nothing can be opened behind the walls."""
    assert all(_PLUGINS)
    pi_heif.register_heif_opener()
    pi_heif.options.DECODE_THREADS = 1
    # `opened` says it with a sentence of its own.
    Image.MAX_IMAGE_PIXELS = None
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    warnings.simplefilter("ignore")
    small = Image.new("RGB", (16, 16))
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "x"
    for name in ("JPEG", "PNG", "WEBP", "GIF"):
        out = io.BytesIO()
        small.save(out, name, exif=exif)
        with Image.open(io.BytesIO(out.getvalue()), formats=(name,)) as image:
            image.getexif()
            ImageOps.exif_transpose(image)
            published(image, Format("", "picture", name), ((0.0, 0.0, 0.5, 0.5),))


def opened(data: io.BytesIO, found: Format) -> Image.Image:
    """The picture, not decoded yet. Raises NotShown where it is none or has too many pixels."""
    try:
        image = Image.open(data, formats=_WITHIN.get(found.name, (found.name,)))
    except (MemoryError, *BROKEN):
        raise NotShown(
            f"this begins as a {found.words} and is none, or is cut off or damaged"
        ) from None
    most = MAX_PIXELS_OF_JPEG if found.name == "JPEG" else MAX_PIXELS
    width, height = image.size
    if max(width, height) > MAX_SIDE or width * height > most:
        raise NotShown(
            f"this {found.words} claims {width:,} x {height:,} pixels;"
            f" the desk decodes {MAX_SIDE:,} a side and {most // 1_000_000} million in all"
        )
    return image


def decoded(image: Image.Image, found: Format, side: int) -> Image.Image:
    """Upright, in three channels of colour and nothing else, at most `side` pixels a side."""
    try:
        # JPEG can be decoded small.
        image.draft("RGB", (side, side))
        image.load()
        bare = _flattened(ImageOps.exif_transpose(image))
        if max(bare.size) > side:
            bare.thumbnail((side, side))
        return bare
    except MemoryError:
        raise NotShown(f"decoding this {found.words} takes more memory than it is given") from None
    except BROKEN:
        raise NotShown(f"this {found.words} is cut off or damaged") from None


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        bare = Image.new("RGB", layer.size, "white")
        bare.paste(layer, mask=layer.getchannel("A"))
        return bare
    if image.mode.startswith("I"):
        # 16 bits of grey: the upper eight are what a screen shows.
        image = image.point(lambda value: value / 256).convert("L")
    bare = Image.new("RGB", image.size)
    bare.paste(image.convert("RGB"))
    return bare


def jpeg_of(image: Image.Image, quality: int = _QUALITY) -> bytes:
    """The pixels as a new JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def picture(data: io.BytesIO, found: Format) -> tuple[Head, bytes]:
    """What the screen shows of a picture; of a moving one the first."""
    image = opened(data, found)
    width, height = image.size
    moves = getattr(image, "is_animated", False) and found.name not in ("JPEG", "HEIF")
    shown = decoded(image, found, SHOWN_SIDE)
    notes = []
    if max(width, height) > SHOWN_SIDE:
        notes.append(f"shown at {shown.width:,} x {shown.height:,} of its pixels")
    if moves:
        notes.append("it moves; shown is its first picture")
    head = Head(
        "image/jpeg",
        f"{found.words}, {width:,} x {height:,} pixels",
        shown.width,
        shown.height,
        note="; ".join(notes),
    )
    return head, jpeg_of(shown)


def published(
    image: Image.Image, found: Format, boxes: Sequence[tuple[float, float, float, float]]
) -> tuple[Head, bytes]:
    """A picture to hand out: its pixels as a new file, black within the boxes, no metadata."""
    side = MAX_SIDE if image.width * image.height <= MAX_PIXELS else SHOWN_SIDE
    bare = decoded(image, found, side)
    draw = ImageDraw.Draw(bare)
    for x, y, width, height in boxes:
        left, top = math.floor(x * bare.width), math.floor(y * bare.height)
        right, bottom = math.ceil((x + width) * bare.width), math.ceil((y + height) * bare.height)
        if right > left and bottom > top:
            draw.rectangle((left, top, right - 1, bottom - 1), fill="black")
    is_photo = found.name in ("JPEG", "HEIF", "WEBP")
    if is_photo:
        data = jpeg_of(bare, _PUBLISHED_QUALITY)
    else:
        out = io.BytesIO()
        bare.save(out, "PNG")
        data = out.getvalue()
    media_type = "image/jpeg" if is_photo else "image/png"
    return Head(media_type, found.words, bare.width, bare.height), data
