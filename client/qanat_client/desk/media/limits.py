"""What a stranger's file may cost the desk. Pure numbers; the worker and its parent share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "FILM_LIMITS",
    "MAX_BOXES",
    "MAX_FILM_BYTES",
    "MAX_FRAME_PIXELS",
    "MAX_PICTURE_BYTES",
    "MAX_PIXELS",
    "MAX_PIXELS_OF_JPEG",
    "MAX_SIDE",
    "PICTURE_LIMITS",
    "PUBLIC_LIMITS",
    "Limits",
]

MAX_PICTURE_BYTES: Final = 256 << 20
MAX_FILM_BYTES: Final = 1 << 30
"""The largest part that the protocol carries."""

MAX_SIDE: Final = 24_000
"""Twice what phones have; decoders reckon with products of sides."""
MAX_PIXELS: Final = 64_000_000
MAX_PIXELS_OF_JPEG: Final = 208_000_000
"""Phones of 200 megapixels write JPEG, which can be decoded at an eighth of its size."""
MAX_FRAME_PIXELS: Final = 8192 * 4352
"""8K, as films of phones are at most."""

MAX_BOXES: Final = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take. memory_bytes: beyond the file itself and the libraries."""

    memory_bytes: int
    cpu_s: int
    wall_s: float
    output_bytes: int


PICTURE_LIMITS: Final = Limits(1 << 30, cpu_s=30, wall_s=120.0, output_bytes=256 << 20)
FILM_LIMITS: Final = Limits(1 << 30, cpu_s=1200, wall_s=2400.0, output_bytes=128 << 20)
PUBLIC_LIMITS: Final = Limits(1 << 30, cpu_s=1200, wall_s=2400.0, output_bytes=256 << 20)
