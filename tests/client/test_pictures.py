"""Thumbnails and previews: they fit, stand upright, and say nothing of where they were taken."""

from __future__ import annotations

import random
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from tests.client.made_desk import MadeDesk
from tests.client.reporter_runs import attaching, parcels, qanat

from qanat_client.reporter.pictures import render
from qanat_protocol.limits import MAX_PREVIEW_BYTES, MAX_THUMBNAIL_BYTES
from qanat_protocol.report import Report

ORIENTATION, GPS, MAKE = 0x0112, 0x8825, 0x010F


def noisy(width: int, height: int, mode: str = "RGB") -> Image.Image:
    draw = random.Random(width * height)
    return Image.frombytes(mode, (width, height), draw.randbytes(width * height * len(mode)))


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    image = Image.open(BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("RGB", "jpg"), ("RGB", "png"), ("RGBA", "png"), ("L", "png"), ("RGB", "webp"), ("L", "gif")],
)
def test_noise_which_compresses_worst_still_fits(tmp_path: Path, mode: str, ending: str) -> None:
    path = tmp_path / f"noise.{ending}"
    noisy(1500, 1100, mode).save(path)
    made = render(path)
    assert made.problem == ""
    assert opened(made.thumbnail).format == "JPEG"
    assert len(made.thumbnail or b"") <= MAX_THUMBNAIL_BYTES
    assert len(made.preview or b"") <= MAX_PREVIEW_BYTES
    assert opened(made.preview).width > opened(made.thumbnail).width


def test_a_picture_stands_upright_without_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    image = Image.new("RGB", (400, 200), "white")
    image.paste("red", (0, 0, 200, 200))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[MAKE] = "A phone of one person"
    exif.get_ifd(GPS)[1] = "N"
    image.save(path, exif=exif)
    for data in (render(path).thumbnail, render(path).preview):
        upright = opened(data)
        assert upright.height == 2 * upright.width
        red, _, blue = upright.convert("RGB").getpixel((upright.width // 2, 5))  # type: ignore[misc]
        assert red > 200
        assert blue < 80
        assert not upright.getexif()
        assert b"A phone" not in (data or b"")


def bomb(path: Path) -> None:
    """A PNG of a few hundred kB that claims 60,000 x 60,000 pixels."""
    import struct

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(60_001) * 5000)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def sent_report(home: Path, desk: MadeDesk) -> Report:
    return desk.open(*parcels(home)[0])[1]


def test_a_broken_picture_and_a_bomb_lose_only_their_previews(
    home: Path, desk: MadeDesk, tmp_path: Path
) -> None:
    good, broken, huge = (tmp_path / f"{name}.png" for name in ("good", "broken", "huge"))
    noisy(300, 200).save(good)
    broken.write_bytes(good.read_bytes()[:20_000])
    bomb(huge)
    sent = qanat(home, "send", "", "--no-code", *attaching(good, broken, huge))
    assert sent.code == 0
    assert "broken.png: no thumbnail/preview" in sent.err
    assert "huge.png: no thumbnail/preview" in sent.err
    report = sent_report(home, desk)
    assert [(part.file, int(part.rendition)) for part in report.parts] == [
        (0, 1), (0, 2), (0, 3), (1, 3), (2, 3),
    ]  # fmt: skip
    originals = [part for part in report.parts if part.rendition == 3]
    bodies = {header.parcel_id: (header, body) for header, body in parcels(home)}
    for path, part in zip((good, broken, huge), originals, strict=True):
        assert MadeDesk.open_part(*bodies[part.parcel_id], part) == path.read_bytes()


@pytest.mark.parametrize(
    ("size", "renditions"),
    [(15_360, [3]), (15_361, [1, 3]), (130_048, [1, 3]), (130_049, [1, 2, 3])],
)
def test_a_smaller_picture_is_made_only_of_a_larger_file(
    home: Path, desk: MadeDesk, tmp_path: Path, size: int, renditions: list[int]
) -> None:
    picture = tmp_path / "p.jpg"
    noisy(80, 60).save(picture)
    # What stands behind a JPEG's end is no part of the picture.
    picture.write_bytes(picture.read_bytes().ljust(size, b"\0"))
    assert picture.stat().st_size == size
    assert qanat(home, "send", "x", "--no-code", "--attach", picture).code == 0
    assert [int(part.rendition) for part in sent_report(home, desk).parts] == renditions


def test_without_pillow_the_command_says_so_and_the_picture_goes(
    home: Path, desk: MadeDesk, tmp_path: Path
) -> None:
    picture = tmp_path / "p.jpg"
    noisy(400, 400).save(picture)
    program = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "PIL":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without())
from qanat_client.reporter.cli import main
sys.exit(main(sys.argv[1:]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "--home", home, "send", "x", "--no-code",
         "--attach", picture],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "install qanat[pictures]" in done.stderr
    assert [int(part.rendition) for part in sent_report(home, desk).parts] == [3]
