"""What a relay costs against how much it stores, drawn as one SVG. The only place that draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.large import Level

__all__ = ["draw"]

_LINES: tuple[tuple[str, str, Callable[[Level], float]], ...] = (
    ("take a letter in", "\N{MICRO SIGN}s", lambda level: level.ingest_s * 1e6),
    ("a desk's first letter", "ms", lambda level: level.first_letter_s * 1e3),
    ("start until it answers", "ms", lambda level: level.start_s * 1e3),
    ("memory", "MB", lambda level: level.resident_mb),
)


def draw(levels: Sequence[Level], target: Path) -> None:
    """One panel for each cost; the same numbers give the same bytes."""
    # No date and no random ids: a drawing of the same numbers is no change in the repository.
    mpl.rcParams["svg.hashsalt"] = "qanat"
    mpl.rcParams["font.size"] = 9
    figure = Figure(figsize=(8, 5), layout="constrained")
    stored = [level.stored for level in levels]
    for place, (title, unit, cost) in enumerate(_LINES, 1):
        panel = figure.add_subplot(2, 2, place)
        costs = [cost(level) for level in levels]
        panel.plot(stored, costs, marker="o", color="#1f5f8b")
        panel.set_xscale("symlog", linthresh=max(1, stored[1]))
        panel.set_xticks(stored, [_short(count) for count in stored])
        panel.set_ylim(0, 1.25 * max(costs))
        panel.set_title(f"{title} ({unit})")
        panel.grid(visible=True, alpha=0.3)
    figure.supxlabel("letters stored")
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})


def _short(count: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:g}{letter}"
    return str(count)
