"""The perceptual hash of a picture (PDQ), inside the worker. Optional: it has to be compiled."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

try:
    import pdqhash
except ImportError:  # the desk works without, and says which command adds it
    pdqhash = None

__all__ = ["can_hash", "print_of"]

_SIDE = 512
"""PDQ looks at 64 x 64 in the end; larger pictures take longer and give the same."""


def can_hash() -> bool:
    """Whether pdqhash is installed."""
    return pdqhash is not None


def print_of(image: Image.Image) -> bytes:
    """A JSON object: `hash`, 64 hexadecimal digits, and `quality`, 0 to 100."""
    image.thumbnail((_SIDE, _SIDE))
    bits, quality = pdqhash.compute(np.asarray(image.convert("RGB")))
    packed = np.packbits(bits.astype(np.uint8)).tobytes()
    return json.dumps({"hash": packed.hex(), "quality": int(quality)}).encode()
