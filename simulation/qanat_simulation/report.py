"""A run's results as text for people and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Any

from qanat_simulation.classes import Class
from qanat_simulation.optimum import Optimum
from qanat_simulation.outcome import Burden, Outcome
from qanat_simulation.plan import Plan, Role
from qanat_simulation.results import ClassResult, items_of, measure, optimum_result

__all__ = ["Report", "as_json", "as_text", "duration", "report_of"]

_HEAD = ("", "delivered", "of optimum", "at worst", "whole", "median", "x", "95 of 100")
_LEGEND = """\
delivered: share of the written bytes that reached the desk by the end. of optimum: the same as a
share of what the optimum has; at worst: at the moment at which that is least; whole: the same of
what is whole in the optimum's own flow. median and 95 of 100: delay from writing to the desk,
"never" where that many did not arrive. x: median / the optimum's.
The optimum is a bound: no overheads, no round trips, and it knows the future."""
_BURDEN_HEAD = ("bytes on the way", "all sent", "a reporter", "at most", "a courier", "a relay")


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a run found out. results: by the system's name, the optimum's first."""

    title: str
    plan: Plan
    optimum: Optimum | None
    outcomes: tuple[Outcome, ...]
    results: dict[str, list[ClassResult]]


def report_of(
    title: str, plan: Plan, optimum: Optimum | None, outcomes: Sequence[Outcome]
) -> Report:
    """Measure all systems."""
    results = {} if optimum is None else {"optimum": optimum_result(plan, optimum)}
    for outcome in outcomes:
        results[outcome.system] = measure(plan, outcome, optimum)
    return Report(title, plan, optimum, tuple(outcomes), results)


def duration(seconds: float) -> str:
    """A delay for people: `0.8 s`, `12 min`, `3.4 h`, `2.1 d`, `never`."""
    if seconds == inf:
        return "never"
    for size, name, decimals in ((86_400, "d", 1), (3600, "h", 1), (60, "min", 0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{decimals}f} {name}"
    return f"{seconds:.1f} s"


def _amount(size_bytes: float) -> str:
    for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {name}"
    return f"{size_bytes:.0f} B"


def as_text(report: Report) -> str:
    """What was simulated, a table for each class, and what it took."""
    plan = report.plan
    roles = Counter(node.role for node in plan.nodes)
    people = ", ".join(f"{roles[role]} {role.value}s" for role in Role if role is not Role.DESK)
    lines = [
        f"{report.title}",
        f"{plan.duration_s / 86_400:g} days, {people}, one desk; seed {plan.seed}",
        "",
        _LEGEND,
    ]
    for kind in Class:
        items = items_of(plan, kind)
        if items:
            size = sum(item.body_bytes for item in items)
            lines += ["", f"{len(items):,} {kind.value}, {_amount(size)}"]
            lines += _table([_HEAD, *_rows(report, kind)])
    if report.outcomes:
        rows = [_burden_row(plan, outcome) for outcome in report.outcomes]
        lines += ["", *_table([_BURDEN_HEAD, *rows])]
        lines.append("a reporter, a courier, a relay: what half of them sent, or less")
    return "\n".join(lines)


def _rows(report: Report, kind: Class) -> Iterable[tuple[str, ...]]:
    best = _of(report.results.get("optimum", []), kind)
    for system, results in report.results.items():
        result = _of(results, kind)
        if result is not None:
            yield (
                f"  {system}",
                _percent(result.delivered),
                _percent(result.of_optimum),
                _percent(result.worst_of_optimum),
                _percent(result.worst_of_whole),
                duration(result.median_s),
                "" if best is None or best is result else _ratio(result.median_s, best.median_s),
                duration(result.p95_s),
            )


def _of(results: Iterable[ClassResult], kind: Class) -> ClassResult | None:
    return next((result for result in results if result.kind is kind), None)


def _ratio(one_s: float, other_s: float) -> str:
    if one_s == other_s:
        return "1.00"
    # A few seconds against none are no ratio.
    return "" if inf in (one_s, other_s) or other_s < 1 else f"{one_s / other_s:.2f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}%"


def _burden_row(plan: Plan, outcome: Outcome) -> tuple[str, ...]:
    sent = {
        role: [
            outcome.burdens[node.name].sent_bytes
            for node in plan.nodes
            if node.role is role and node.name in outcome.burdens
        ]
        for role in Role
    }
    reporters = sent[Role.REPORTER]
    return (
        f"  {outcome.system}",
        _amount(sum(map(sum, sent.values()))),
        _amount(median(reporters)) if reporters else "",
        _amount(max(reporters, default=0)),
        _amount(median(sent[Role.COURIER])) if sent[Role.COURIER] else "",
        _amount(median(sent[Role.RELAY])) if sent[Role.RELAY] else "",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]


def as_json(report: Report) -> dict[str, Any]:
    """The same, and every node's burden; null where there is nothing or no end."""
    plan = report.plan
    return {
        "scenario": plan.name,
        "title": report.title,
        "seed": plan.seed,
        "duration_s": plan.duration_s,
        "nodes": dict(Counter(node.role.value for node in plan.nodes)),
        "systems": {
            system: {result.kind.value: _facts(result) for result in results}
            for system, results in report.results.items()
        },
        "burdens": {
            outcome.system: {name: _burden(each) for name, each in outcome.burdens.items()}
            for outcome in report.outcomes
        },
    }


def _facts(result: ClassResult) -> dict[str, Any]:
    return {
        "written": result.written,
        "arrived": result.arrived,
        "delivered": result.delivered,
        "of_optimum": result.of_optimum,
        "worst_of_optimum": result.worst_of_optimum,
        "worst_at_s": result.worst_at_s,
        "worst_of_whole": result.worst_of_whole,
        "median_s": None if result.median_s == inf else result.median_s,
        "p95_s": None if result.p95_s == inf else result.p95_s,
    }


def _burden(burden: Burden) -> dict[str, int]:
    return {
        "sent_bytes": burden.sent_bytes,
        "received_bytes": burden.received_bytes,
        "most_stored_bytes": burden.most_stored_bytes,
    }
