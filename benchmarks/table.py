"""Results as text for people and as JSON for programs. Judges nothing but whether an aim is met."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.comparison import Absent, Result
from benchmarks.machine import Machine

__all__ = ["as_json", "as_text"]

_HEAD = ("what", "ours", "the limit", "ratio", "quartiles", "turns", "aim", "", "the limit is")
_LEGEND = (
    "medians of turns, ours and the limit one after the other; ratio: within a turn, above 1 where"
    " ours is better"
)
_MET = {None: "", True: "met", False: "NOT MET"}


def as_text(machine: Machine, results: Sequence[Result | Absent]) -> str:
    """The machine, and one row for each result."""
    rows = [_HEAD, *map(_row, results)]

    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([str(machine), _LEGEND, "", *lines])


def as_json(machine: Machine, results: Sequence[Result | Absent]) -> str:
    """The same; what is not there has a `why` and no numbers."""
    rows = [
        asdict(result) | ({"is_met": result.is_met} if isinstance(result, Result) else {})
        for result in results
    ]
    return json.dumps({"machine": asdict(machine), "results": rows}, indent=2)


def _row(result: Result | Absent) -> tuple[str, ...]:
    if isinstance(result, Absent):
        return (result.name, "", "", "", "", "", "", "", result.why)
    details = "".join(f", {value:,.0f} {name}" for name, value in result.details.items())
    return (
        result.name,
        _amount(result.ours, result.unit),
        _amount(result.bare, result.unit),
        f"{result.ratio:.2f}",
        f"{result.low:.2f}-{result.high:.2f}" if result.turns > 1 else "",
        str(result.turns),
        "" if result.aim is None else f"{result.aim:.2f}",
        _MET[result.is_met],
        result.limit + details,
    )


def _amount(value: float, unit: str) -> str:
    if unit == "s" and value < 1:
        return f"{1000 * value:,.1f} ms"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:,.1f} {unit}"


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    last = len(row) - 1
    return [
        cell.rjust(width) if 0 < column < last else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
