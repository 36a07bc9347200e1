"""Rows of the one table: what was measured, in how many runs, against what is to be reached."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.machine import Machine

__all__ = ["Row", "as_json", "as_line", "as_text", "percentile"]

_BESIDE = ("by TCP", "cubic", "BBR", "NNCP")
_HEAD = ("what", "Qanat", "must", "", "runs", *_BESIDE, "remark")
_LEGEND = (
    "medians of runs (smallest-largest; for times: 95th percentile); share: of rate by time;"
    " by TCP: Qanat without datagrams; cubic, BBR: one raw TCP connection without TLS;"
    " NNCP: nncp-call with the same files"
)
_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """values: one a run. unit: "share" and "letters", of which more is better; "s", "RTT" and "x",
    of which less is. must: what the median is to reach. beside: the same of others, by their column
    (by TCP, cubic, BBR, NNCP). remark: what else to know.
    """

    name: str
    unit: str
    values: Sequence[float]
    must: float | None = None
    beside: dict[str, Sequence[float]] = field(default_factory=dict)
    remark: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the median is where it must be; None where nothing is asked."""
        if self.must is None:
            return None
        middle = statistics.median(self.values)
        return middle >= self.must if self.unit in ("share", "letters") else middle <= self.must


def as_line(row: Row) -> str:
    """One row by itself."""
    return "  ".join(cell for cell in _cells(row) if cell)


def as_text(machine: Machine, rows: Sequence[Row]) -> str:
    """The machine, and one line for each row."""
    cells = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([str(machine), _LEGEND, "", *lines])


def as_json(machine: Machine, rows: Sequence[Row]) -> str:
    """The same with every single value."""
    found = [asdict(row) | {"is_met": row.is_met} for row in rows]
    return json.dumps({"machine": asdict(machine), "rows": found}, indent=2)


def _cells(row: Row) -> tuple[str, ...]:
    met = {None: "", True: "met", False: "NOT MET"}[row.is_met]
    must = "" if row.must is None else _amount(row.must, row.unit)
    others = [
        _summary(values, row.unit) if (values := row.beside.get(name)) else _ABSENT
        for name in _BESIDE
    ]
    runs = str(len(row.values))
    return (row.name, _summary(row.values, row.unit), must, met, runs, *others, row.remark)


def _summary(values: Sequence[float], unit: str) -> str:
    middle = _amount(statistics.median(values), unit)
    if len(values) == 1:
        return middle
    if unit in ("s", "RTT"):
        return f"{middle} (p95 {_bare(percentile(values, 0.95), unit)})"
    return f"{middle} ({_bare(min(values), unit)}-{_bare(max(values), unit)})"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def _amount(value: float, unit: str) -> str:
    return (
        _bare(value, unit) if unit in ("share", "x", "letters") else f"{_bare(value, unit)} {unit}"
    )


def _bare(value: float, unit: str) -> str:
    if unit == "letters":
        return f"{value:.0f}"
    return f"{value:.3f}" if unit == "x" else f"{value:.2f}"
