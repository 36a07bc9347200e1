"""Results as text for people and as JSON for programs. Judges nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.comparison import Result
from benchmarks.machine import Machine

__all__ = ["as_json", "as_text"]

_HEAD = ("what", "ours", "the limit", "ratio", "quartiles", "turns", "the limit is")


def as_text(machine: Machine, results: Sequence[Result]) -> str:
    """The machine, and one row for each result."""
    rows = [_HEAD, *map(_row, results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(
        [
            str(machine),
            "medians of turns, ours and the limit one after the other; ratio: within a turn",
            "",
            *lines,
        ]
    )


def as_json(machine: Machine, results: Sequence[Result]) -> str:
    """The same, rates in units a second."""
    return json.dumps(
        {"machine": asdict(machine), "results": [asdict(result) for result in results]}, indent=2
    )


def _row(result: Result) -> tuple[str, ...]:
    details = "".join(f", {value:,.0f} {name}" for name, value in result.details.items())
    return (
        result.name,
        _rate(result.ours, result.unit),
        _rate(result.bare, result.unit),
        f"{result.ratio:.2f}",
        f"{result.low:.2f}-{result.high:.2f}",
        str(result.turns),
        result.limit + details,
    )


def _rate(rate: float, unit: str) -> str:
    if rate < 100:
        return f"{1000 / rate:,.1f} ms" if unit == "runs" else f"{rate:,.1f} {unit}/s"
    return f"{rate:,.0f} {unit}/s"


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    last = len(row) - 1
    return [
        cell.rjust(width) if 0 < column < last else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
