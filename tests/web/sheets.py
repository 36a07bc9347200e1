"""Lays the pictures that `test_screens` took side by side, for docs/web: for each language a sheet
of a phone's screens and one of a laptop's.

QANAT_SCREENS=/tmp/screens .venv/bin/python -m pytest -n 0 tests/web/test_screens.py
.venv/bin/python -m tests.web.sheets /tmp/screens docs/web
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tests.web.test_screens import BEHIND_MORE, LAPTOP, PHONE, PLACES, SPOKEN

ROWS = (PLACES, BEHIND_MORE)
GAP = 10
GROUND = (120, 126, 124)
QUALITY = 55


@dataclass(frozen=True, slots=True)
class Kind:
    """width: of the screens, in pixels; column: of their pictures; most_height: what is longer, in
    widths, is cut off at its end."""

    width: int
    column: int
    most_height: float
    ending: str


KINDS = (Kind(PHONE, 250, 2.6, ""), Kind(LAPTOP, 400, 1.0, "-1280"))


def sheet(folder: Path, name: str, kind: Kind) -> Image.Image:
    """The screens of each row beside each other."""
    lines = [
        [_scaled(folder / f"{screen}-{name}-{kind.width}.png", kind) for screen in row]
        for row in ROWS
    ]
    heights = [max(picture.height for picture in line) for line in lines]
    wide = max(len(line) for line in lines) * (kind.column + GAP) + GAP
    whole = Image.new("RGB", (wide, sum(heights) + GAP * (len(lines) + 1)), GROUND)
    top = GAP
    for line, height in zip(lines, heights, strict=True):
        for at, picture in enumerate(line):
            whole.paste(picture, (GAP + at * (kind.column + GAP), top))
        top += height + GAP
    return whole


def _scaled(path: Path, kind: Kind) -> Image.Image:
    with Image.open(path) as picture:
        height = min(picture.height, round(picture.width * kind.most_height))
        shown = picture.convert("RGB").crop((0, 0, picture.width, height))
        size = (kind.column, height * kind.column // picture.width)
        return shown.resize(size, Image.Resampling.LANCZOS)


def main(folder: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for name in (*SPOKEN, "dark"):
        for kind in KINDS:
            place = out / f"{name}{kind.ending}.webp"
            sheet(folder, name, kind).save(place, quality=QUALITY, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
