"""Draws a run: what arrived when, how long it took, what each node bore. PNG and SVG; the same
results give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import inf
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from qanat_simulation.classes import Class
from qanat_simulation.outcome import Burden
from qanat_simulation.plan import Plan, Role
from qanat_simulation.report import Report
from qanat_simulation.results import Curve, curve_of, delays, items_of

__all__ = ["draw"]

_DAY_S: Final = 86_400
_HOUR_S: Final = 3600
_STYLES: Final = {
    "optimum": ("#111111", "--", 1.2),
    "Qanat": ("#1f5f8b", "-", 2.0),
    "flooding": ("#b5651d", "-", 1.2),
    "direct": ("#6b8e23", "-", 1.2),
}
_OTHER: Final = ("#7b3f8c", "-", 1.2)
_ONLINE: Final = "#dddddd"
_POINTS: Final = 300
_LEFT: Final = (0.0, 1.2, 2.4, 3.6)
_WIDE: Final = 1.0
"""Where each role's nodes stand in a drawing, and how much room they have."""

_FEW: Final = 20
"""So many nodes or fewer are drawn as points."""

_ROLES: Final = (Role.REPORTER, Role.COURIER, Role.RELAY, Role.DESK)


def draw(report: Report, folder: Path) -> list[Path]:
    """Write the drawings into a folder that is there; their paths."""
    mpl.rcParams["svg.hashsalt"] = "qanat"
    mpl.rcParams["font.size"] = 9
    figures = {
        "delivery": _delivery(report),
        "delays": _delays(report),
        "burdens": _burdens(report),
    }
    paths = []
    for name, figure in figures.items():
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            path = folder / f"{report.plan.name}-{name}.{kind}"
            figure.savefig(path, format=kind, dpi=150, metadata=metadata)
            paths.append(path)
    return paths


def _figure(report: Report, what: str, height: float) -> Figure:
    figure = Figure(figsize=(9, height), layout="constrained")
    figure.suptitle(f"{report.title}: {what}")
    return figure


def _style(system: str) -> dict[str, Any]:
    colour, line, width = _STYLES.get(system, _OTHER)
    return {"color": colour, "linestyle": line, "linewidth": width, "label": system}


def _kinds(plan: Plan) -> list[Class]:
    return [kind for kind in Class if items_of(plan, kind)]


def _delivery(report: Report) -> Figure:
    """Of each class the share of the written bytes that the desk has, over time."""
    plan = report.plan
    figure = _figure(report, "what reached the desk", 6.5)
    times_s = [plan.duration_s * point / _POINTS for point in range(_POINTS + 1)]
    days = [at_s / _DAY_S for at_s in times_s]
    online = [100 * share for share in _online(plan, times_s)]
    for place, kind in enumerate(_kinds(plan), 1):
        items = items_of(plan, kind)
        total = sum(item.body_bytes for item in items)
        panel = figure.add_subplot(2, 2, place)
        panel.fill_between(
            days, online, step="post", color=_ONLINE, linewidth=0, label="reporters with a line"
        )
        born = Curve(
            [item.at_s for item in items], [*accumulate(item.body_bytes for item in items)]
        )
        curves: list[tuple[str, Curve]] = []
        if report.optimum is not None:
            best = report.optimum
            # Within a stretch it is bounded by what it has at its end.
            starts_s = [0.0, *best.times_s[:-1]]
            curves.append(("optimum", Curve(starts_s, best.delivered_bytes[kind])))
        curves += [(each.system, curve_of(plan, each, kind)) for each in report.outcomes]
        panel.plot(days, _shares(born, times_s, total), color="#999999", lw=1, label="written")
        for system, curve in curves:
            panel.plot(days, _shares(curve, times_s, total), **_style(system))
        panel.set_xlim(0, days[-1])
        _finish(panel, f"{len(items):,} {kind.value}", "lower right" if place == 1 else None)
    figure.supxlabel("days since the beginning")
    figure.supylabel("% of the bytes written")
    return figure


def _finish(panel: Any, title: str, legend: str | None) -> None:
    """What the panels of shares have in common; legend: where it goes, if it does."""
    panel.set_title(title)
    panel.set_ylim(0, 103)
    panel.grid(visible=True, alpha=0.3)
    if legend is not None:
        panel.legend(loc=legend, fontsize=8)


def _shares(curve: Curve, times_s: Sequence[float], total: float) -> list[float]:
    return [100 * curve.at(at_s) / total for at_s in times_s]


def _online(plan: Plan, times_s: Sequence[float]) -> list[float]:
    """The share of reporters whose line leads out of the country, at each time."""
    reporters = {node.name for node in plan.nodes if node.role is Role.REPORTER}
    changes = sorted(
        change
        for line in plan.lines
        if line.node in reporters and not line.is_national
        for change in ((line.start_s, 1), (line.end_s, -1))
    )
    found = []
    place = count = 0
    for at_s in times_s:
        while place < len(changes) and changes[place][0] <= at_s:
            count += changes[place][1]
            place += 1
        found.append(count / len(reporters))
    return found


def _delays(report: Report) -> Figure:
    """Of each class the share of items that arrived within a delay."""
    plan = report.plan
    figure = _figure(report, "how long it took", 6.5)
    outcomes = [*report.outcomes]
    if report.optimum is not None:
        outcomes.insert(0, report.optimum.outcome)
    for place, kind in enumerate(_kinds(plan), 1):
        panel = figure.add_subplot(2, 2, place)
        for outcome in outcomes:
            waited = delays(plan, outcome, kind)
            shown = [max(each, 1.0) / _HOUR_S for each in waited if each < inf]
            shares = [100 * (index + 1) / len(waited) for index in range(len(shown))]
            panel.step(shown, shares, where="post", **_style(outcome.system))
        panel.set_xscale("log")
        panel.set_xlim(1 / _HOUR_S, plan.duration_s / _HOUR_S)
        panel.set_xticks(
            [each / _HOUR_S for each in (1, 60, _HOUR_S, 6 * _HOUR_S, _DAY_S, 4 * _DAY_S)],
            ["1 s", "1 min", "1 h", "6 h", "1 d", "4 d"],
        )
        panel.minorticks_off()
        _finish(panel, kind.value, "upper left" if place == 1 else None)
    figure.supxlabel("from writing to the desk")
    figure.supylabel("% of all that were written")
    return figure


_BORNE: Final[tuple[tuple[str, Callable[[Burden], int]], ...]] = (
    ("sent", lambda burden: burden.sent_bytes),
    ("received", lambda burden: burden.received_bytes),
    ("stored at most", lambda burden: burden.most_stored_bytes),
)


def _burdens(report: Report) -> Figure:
    """What every node sent, received and stored: people, couriers, relays and the desk apart, in
    each of these the least first."""
    plan = report.plan
    figure = _figure(report, "what each node bore", 4)
    groups = [[node.name for node in plan.nodes if node.role is role] for role in _ROLES]
    names = [
        role.value if len(group) == 1 else f"{len(group)}\n{role.value}s"
        for role, group in zip(_ROLES, groups, strict=True)
    ]
    for place, (what, borne) in enumerate(_BORNE, 1):
        panel = figure.add_subplot(1, 3, place)
        for outcome in report.outcomes:
            for left, group in zip(_LEFT, groups, strict=True):
                values = sorted(borne(outcome.burdens[n]) for n in group if n in outcome.burdens)
                spread = [_WIDE * (index + 0.5) / len(values) for index in range(len(values))]
                style = _style(outcome.system) | ({} if left == _LEFT[0] else {"label": "_"})
                if len(values) <= _FEW:
                    style |= {"marker": ".", "linestyle": "none"}
                panel.plot([left + x for x in spread], [value / 1e6 for value in values], **style)
        panel.set_yscale("symlog", linthresh=0.01)
        panel.set_ylim(bottom=0)
        panel.set_title(f"{what} (MB)")
        panel.set_xticks([left + _WIDE / 2 for left in _LEFT], names)
        panel.grid(visible=True, axis="y", alpha=0.3)
        if place == 1:
            panel.legend(loc="upper left", fontsize=8)
    return figure
