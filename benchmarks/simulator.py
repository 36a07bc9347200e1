"""`python -m benchmarks.simulator`: how fast the simulator is and what memory it takes, against the
number of nodes. Each size runs in a process of its own."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import look_at
from qanat_client.errors import BadInput
from qanat_simulation.engine import run
from qanat_simulation.library import load
from qanat_simulation.planning import make_plan

__all__ = ["Speed", "measure"]

_SIZES = (50, 100, 200, 500)
_QUICK_SIZES = (10, 20)
_SEED = 1


@dataclass(frozen=True, slots=True)
class Speed:
    """nodes: of all roles. node_hours: of the plan. cpu_s, wall_s: what the run took, without the
    start of the interpreter. resident_mb: the most memory that the process had. delivered, items:
    what came of it."""

    nodes: int
    node_hours: float
    cpu_s: float
    wall_s: float
    resident_mb: float
    delivered: int
    items: int

    @property
    def node_hours_s(self) -> float:
        """Simulated in a second of the processor."""
        return self.node_hours / self.cpu_s


def measure(scenario: str, reporters: int, days: float) -> Speed:
    """Run it here. Raises BadInput for a scenario that is not there."""
    plan = make_plan(load(scenario), _SEED, reporters=reporters, days=days)
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    outcome = run(plan, lambda _: None)
    return Speed(
        nodes=len(plan.nodes),
        node_hours=len(plan.nodes) * plan.duration_s / 3600,
        cpu_s=time.process_time() - cpu_s,
        wall_s=time.perf_counter() - wall_s,
        resident_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        delivered=len(outcome.arrived_s),
        items=len(plan.items),
    )


def _measured_apart(scenario: str, reporters: int, days: float) -> Speed:
    words = ["--scenario", scenario, "--days", str(days), "--alone", str(reporters)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.simulator", *words],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Speed(**json.loads(done.stdout))


def _as_text(speeds: Sequence[Speed]) -> str:
    lines = ["nodes   node-hours   processor   node-hours/s     memory   delivered"]
    lines += [
        f"{each.nodes:5,}   {each.node_hours:10,.0f}   {each.cpu_s:7.1f} s"
        f"   {each.node_hours_s:12,.0f}   {each.resident_mb:5.0f} MB"
        f"   {each.delivered:,} of {each.items:,}"
        for each in speeds
    ]
    return "\n".join(lines)


def _draw(speeds: Sequence[Speed], target: Path) -> None:
    """Speed and memory against the number of nodes."""
    # In an extra of its own, and asked for by whoever wants a drawing.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "qanat"
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    nodes = [each.nodes for each in speeds]
    panels = (
        ("node-hours a second of the processor", [each.node_hours_s for each in speeds]),
        ("memory (MB)", [each.resident_mb for each in speeds]),
    )
    for place, (title, values) in enumerate(panels, 1):
        panel = figure.add_subplot(1, 2, place)
        panel.plot(nodes, values, marker="o", color="#1f5f8b")
        panel.set_ylim(0, 1.25 * max(values))
        panel.set_title(title)
        panel.grid(visible=True, alpha=0.3)
    figure.supxlabel("nodes")
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})


def main() -> int:
    """Measure and print; 2 for a scenario that is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simulator",
        description="Simulated node-hours a second and memory, against the number of nodes.",
    )
    parser.add_argument("--scenario", default="kazakhstan-2022", help="default kazakhstan-2022")
    parser.add_argument("--days", type=float, default=2.0, help="of the scenario; default 2")
    parser.add_argument(
        "--reporters", type=int, nargs="+", default=_SIZES, metavar="N", help="how many, each alone"
    )
    parser.add_argument("--quick", action="store_true", help="small plans, to see that it runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--plot", type=Path, metavar="SVG", help="draw it too (needs matplotlib)")
    parser.add_argument("--alone", type=int, metavar="REPORTERS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        if options.alone is not None:
            found = measure(options.scenario, options.alone, options.days)
            print(json.dumps(asdict(found)))
            return 0
        load(options.scenario)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    speeds = []
    for reporters in _QUICK_SIZES if options.quick else options.reporters:
        print(f"{reporters} reporters", file=sys.stderr, flush=True)
        speeds.append(_measured_apart(options.scenario, reporters, options.days))
    machine = look_at(Path.cwd())
    if options.json:
        rows = [asdict(each) | {"node_hours_s": each.node_hours_s} for each in speeds]
        print(json.dumps({"machine": asdict(machine), "speeds": rows}, indent=2))
    else:
        print(f"{machine}\n\n{_as_text(speeds)}")
    if options.plot is not None:
        _draw(speeds, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
