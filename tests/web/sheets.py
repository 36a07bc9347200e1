"""Lays the pictures that `test_screens` took side by side, for docs/web: one sheet per language.

QANAT_SCREENS=/tmp/screens .venv/bin/python -m pytest -n 0 tests/web/test_screens.py
.venv/bin/python -m tests.web.sheets /tmp/screens docs/web
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from tests.web.test_screens import BEHIND_MORE, PHONE, PLACES, SPOKEN

ROWS = (PLACES, BEHIND_MORE)
MOST_HEIGHT = 2.6
"""What is longer, in widths, is cut off at its end."""
COLUMN, GAP = 250, 10
GROUND = (120, 126, 124)
QUALITY = 55


def sheet(folder: Path, ending: str) -> Image.Image:
    """The screens of each row beside each other."""
    lines = [[_scaled(folder / f"{name}-{ending}.png", COLUMN) for name in row] for row in ROWS]
    heights = [max(picture.height for picture in line) for line in lines]
    wide = max(len(line) for line in lines) * (COLUMN + GAP) + GAP
    whole = Image.new("RGB", (wide, sum(heights) + GAP * (len(lines) + 1)), GROUND)
    top = GAP
    for line, height in zip(lines, heights, strict=True):
        for at, picture in enumerate(line):
            whole.paste(picture, (GAP + at * (COLUMN + GAP), top))
        top += height + GAP
    return whole


def _scaled(path: Path, width: int) -> Image.Image:
    with Image.open(path) as picture:
        height = min(picture.height, round(picture.width * MOST_HEIGHT))
        shown = picture.convert("RGB").crop((0, 0, picture.width, height))
        return shown.resize((width, height * width // picture.width), Image.Resampling.LANCZOS)


def main(folder: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for name in (*SPOKEN, "dark"):
        sheet(folder, f"{name}-{PHONE}").save(out / f"{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
