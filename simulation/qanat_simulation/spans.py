"""Times of a scenario file as seconds since its start, and stretches that are in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from qanat_simulation.fields import Table

__all__ = ["Clock", "Span", "check_order"]

_MAX_DAYS: Final = 60
"""Longer than any shutdown that is simulated; a slip of a year shall not run for ever."""

Span = tuple[float, float]


class Clock:
    """Turns times of the file into seconds since its start."""

    def __init__(self, table: Table) -> None:
        self.start: datetime = table.time("start")
        end = table.time("end")
        if end <= self.start:
            table.wrong("the scenario ends before it begins", "end")
        if end - self.start > timedelta(days=_MAX_DAYS):
            table.wrong(f"the scenario lasts longer than {_MAX_DAYS} days", "end")
        self.duration_s = (end - self.start).total_seconds()

    def span(
        self,
        table: Table,
        times: Sequence[object],
        what: str,
        paths: Sequence[tuple[str | int, ...]],
    ) -> Span:
        """Start and end out of a table; paths: where each of them stands."""
        start_s, end_s = (
            (table.as_time(value, what, *path) - self.start).total_seconds()
            for value, path in zip(times, paths, strict=True)
        )
        if end_s <= start_s:
            table.wrong(f"{what} ends before it begins", *paths[1])
        if start_s >= self.duration_s or end_s <= 0:
            table.wrong(f"{what} lies outside of the scenario's own start and end", *paths[0])
        return start_s, end_s

    def fields(self, table: Table, what: str) -> Span:
        """The span that a table's `from` and `to` name."""
        times = table.text("from"), table.text("to")
        return self.span(table, times, what, (("from",), ("to",)))

    def spans(self, table: Table, key: str) -> tuple[Span, ...]:
        """A list of [start, end] that don't overlap."""
        found: list[Span] = []
        for index, row in enumerate(table.rows(key, ())):
            if not isinstance(row, list) or len(row) != 2:
                table.wrong(f"`{key}` is to be a list of [start, end]", key, index)
            found.append(
                self.span(table, row, f"this span of `{key}`", ((key, index, 0), (key, index, 1)))
            )
            check_order(table, found, key, index)
        return tuple(found)


def check_order(table: Table, spans: Sequence[Span], key: str, index: int) -> None:
    """Refuse the last of these spans if it begins before the one above it has ended."""
    if len(spans) > 1 and spans[-1][0] < spans[-2][1]:
        table.wrong(f"this one of `{key}` begins before the one above it has ended", key, index)
