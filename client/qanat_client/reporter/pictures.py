"""Thumbnails and previews of pictures, without metadata. Never touches the original.

Decodes only files that the person chose, within limits of size and format.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from qanat_protocol.limits import MAX_PREVIEW_BYTES, MAX_THUMBNAIL_BYTES

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["PICTURE_TYPES", "Renditions", "pillow_is_here", "render"]

PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/bmp")

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "MPO")
_MAX_PIXELS = 200_000_000
"""More than any phone's camera; a picture that claims more is not decoded."""

_THUMBNAIL_SIDES = (320, 256, 200, 160, 120, 80, 48)
_PREVIEW_SIDES = (1280, 1024, 800, 640, 480, 320, 200)
_QUALITIES = (80, 65, 50, 35, 20)


@dataclass(frozen=True, slots=True)
class Renditions:
    """JPEG bytes that fit their parcels, or why there are none."""

    thumbnail: bytes | None = None
    preview: bytes | None = None
    problem: str = ""


def pillow_is_here() -> bool:
    """Whether pictures can be made smaller on this device."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        return False
    return True


def _fitted(image: Image.Image, sides: tuple[int, ...], most_bytes: int) -> bytes | None:
    for side in sides:
        smaller = image.copy()
        smaller.thumbnail((side, side))
        for quality in _QUALITIES:
            out = io.BytesIO()
            smaller.save(out, "JPEG", quality=quality, optimize=True)
            if out.tell() <= most_bytes:
                return out.getvalue()
    return None


def _flattened(image: Image.Image) -> Image.Image:
    """Three channels of colour and nothing else: no transparency, profile, comment or position."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGB", layer.size, "white")
        paper.paste(layer, mask=layer.getchannel("A"))
        return paper
    bare = Image.new("RGB", image.size)
    bare.paste(image.convert("RGB"))
    return bare


def render(path: Path | BinaryIO) -> Renditions:
    """Make both from a picture file; a broken or huge one gives a reason instead."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                if image.width * image.height > _MAX_PIXELS:
                    return Renditions(problem=f"{image.width}x{image.height} pixels are too many")
                # JPEG can be decoded small: a phone has little memory.
                image.draft("RGB", (2 * _PREVIEW_SIDES[0], 2 * _PREVIEW_SIDES[0]))
                upright = ImageOps.exif_transpose(image)
                upright.thumbnail((_PREVIEW_SIDES[0], _PREVIEW_SIDES[0]))
                bare = _flattened(upright)
    except (
        OSError,
        ValueError,
        ArithmeticError,
        LookupError,
        TypeError,
        SyntaxError,
        MemoryError,
        AttributeError,
        RuntimeError,
        Image.DecompressionBombError,
    ) as error:
        return Renditions(problem=f"it does not decode ({type(error).__name__})")
    return Renditions(
        thumbnail=_fitted(bare, _THUMBNAIL_SIDES, MAX_THUMBNAIL_BYTES),
        preview=_fitted(bare, _PREVIEW_SIDES, MAX_PREVIEW_BYTES),
    )
