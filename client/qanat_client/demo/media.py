"""A photo and a film for the demonstration, made on the spot: real formats, the same each time."""

from __future__ import annotations

import random
from pathlib import Path

FILM_BYTES = 20_000_000
_WIDTH, _HEIGHT = 640, 360
_FRAME_BYTES = _WIDTH * _HEIGHT * 3 // 2


def make_film(path: Path, *, seed: int) -> None:
    """Writes a film of about 20 MB in YUV4MPEG2, which common players show."""
    noise = random.Random(seed)  # noqa: S311  pictures, not keys
    grain = noise.randbytes(_WIDTH * 64)
    chroma = bytes([118, 138]) * (_WIDTH * _HEIGHT // 4)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F25:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(FILM_BYTES // _FRAME_BYTES + 1):
            shift = noise.randrange(len(grain) - _WIDTH)
            rows = (_row(grain, shift, line, number) for line in range(_HEIGHT))
            file.write(b"FRAME\n" + b"".join(rows) + chroma[: _FRAME_BYTES - _WIDTH * _HEIGHT])


def _row(grain: bytes, shift: int, line: int, number: int) -> bytes:
    start = (shift + line * 31 + number * 7) % (len(grain) - _WIDTH)
    return grain[start : start + _WIDTH]


def make_photo(path: Path, *, seed: int) -> None:
    """Writes a JPEG of a square at night, with the metadata that a phone would write into it."""
    from PIL import Image, ImageDraw, ImageFilter

    dice = random.Random(seed)  # noqa: S311  pictures, not keys
    picture = Image.new("RGB", (1600, 1200), (18, 20, 34))
    draw = ImageDraw.Draw(picture)
    for line in range(1200):
        shade = line // 12
        draw.line((0, line, 1600, line), fill=(18 + shade, 20 + shade // 2, 34 + shade // 3))
    for _ in range(60):
        left, height = dice.randrange(1600), dice.randrange(120, 500)
        draw.rectangle((left, 760 - height, left + dice.randrange(30, 110), 760), fill=(12, 12, 20))
    for _ in range(400):
        x, y, size = dice.randrange(1600), dice.randrange(620, 1180), dice.randrange(2, 9)
        draw.ellipse((x, y, x + size, y + size * 3), fill=(200, 150 + dice.randrange(80), 90))
    # A small sensor at night: grain that does not compress away.
    grain = Image.frombytes("RGB", picture.size, dice.randbytes(3 * 1600 * 1200))
    picture = Image.blend(picture.filter(ImageFilter.GaussianBlur(1.2)), grain, 0.12)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Demonstration", "Phone"
    exif[0x9003] = "2022:01:05 23:40:12"
    exif.get_ifd(0x8825).update({1: "N", 2: (43.0, 14.0, 19.0), 3: "E", 4: (76.0, 56.0, 45.0)})
    picture.save(path, "JPEG", quality=88, exif=exif)
