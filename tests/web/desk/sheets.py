"""Lays the pictures that `test_screens` took side by side, for docs/desk: a sheet for each width
and colour scheme.

QANAT_SCREENS=/tmp/screens .venv/bin/python -m pytest -n 0 tests/web/desk/test_screens.py
.venv/bin/python -m tests.web.desk.sheets /tmp/screens docs/desk
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from tests.web.desk.test_screens import HEIGHTS, PLACES, SCHEMES
from tests.web.sheets import GAP, GROUND, QUALITY

SHOWN = ("report", "search", *PLACES, "keys")
COLUMNS = 2
COLUMN = 720


def sheet(folder: Path, scheme: str, width: int) -> Image.Image:
    """All places, two beside each other."""
    height = HEIGHTS[width] * COLUMN // width
    lines = -(-len(SHOWN) // COLUMNS)
    size = (GAP + COLUMNS * (COLUMN + GAP), GAP + lines * (height + GAP))
    whole = Image.new("RGB", size, GROUND)
    for at, place in enumerate(SHOWN):
        with Image.open(folder / f"{place}-{scheme}-{width}.png") as picture:
            shown = picture.convert("RGB").resize((COLUMN, height), Image.Resampling.LANCZOS)
        left, top = at % COLUMNS * (COLUMN + GAP), at // COLUMNS * (height + GAP)
        whole.paste(shown, (GAP + left, GAP + top))
    return whole


def main(folder: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for scheme in SCHEMES:
        for width in HEIGHTS:
            place = out / f"{scheme}-{width}.webp"
            sheet(folder, scheme, width).save(place, quality=QUALITY, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
