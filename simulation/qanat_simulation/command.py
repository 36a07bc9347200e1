"""`qanat simulate`: reads a scenario, runs the systems on its plan, and says what came of it."""

from __future__ import annotations

import importlib.util
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from qanat_client.errors import BadInput
from qanat_client.terminal import Exit, Terminal, make_parser, printable_line
from qanat_client.terminal import run as run_command
from qanat_simulation.library import builtin_names, load
from qanat_simulation.link_presets import PRESETS
from qanat_simulation.outcome import Outcome
from qanat_simulation.plan import Plan
from qanat_simulation.planning import make_plan
from qanat_simulation.variations import with_loss, with_mobile

__all__ = ["run"]

_ABOUT = """\
Lives through an internet shutdown under virtual time: hundreds of reporters, couriers, relays and
a desk, with the lines that they had. Beside what Qanat brings out stands what no system could
better (the optimum), and what two simple ones bring out over the same contacts. Nothing touches
the network.

  qanat simulate --list                         the shutdowns that come along, with their sources
  qanat simulate kazakhstan-2022 --reporters 50 a small one first: it is much faster
  qanat simulate kazakhstan-2022 -o DIR         all of it, and drawings of it
  qanat simulate my.toml                        your own; docs/simulation.md says how to write it"""

_AFTER = """\
The same scenario, seed and options give the same run. Fewer reporters write fewer reports; the
couriers and relays stay. A terminal shows how far it is: with hundreds of reporters a week takes a
processor half an hour or so. exit codes: 0 done, 2 bad usage or a scenario with a mistake in it."""

_NEEDED: Final = ("matplotlib", "numpy", "scipy")
_SYSTEMS: Final = {
    "qanat": ("qanat_simulation.engine", "run"),
    "flooding": ("qanat_simulation.flooding", "flood"),
    "direct": ("qanat_simulation.direct", "deliver_directly"),
}
_OPTIMUM: Final = "optimum"


def run(arguments: Sequence[str]) -> int:
    """The whole command; its exit code."""
    parser = make_parser("qanat simulate", _ABOUT, epilog=_AFTER)
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO", help="a name, or a .toml file")
    parser.add_argument("--list", action="store_true", help="the scenarios that come along")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default 1")
    parser.add_argument("--reporters", type=int, metavar="N", help="so many, instead of its own")
    parser.add_argument("--days", type=_days, metavar="D", help="only the first so many days")
    parser.add_argument(
        "--mobile",
        choices=sorted(PRESETS),
        metavar="PRESET",
        help=f"all mobile lines are of this kind: {', '.join(PRESETS)}",
    )
    parser.add_argument(
        "--loss", type=_percent, metavar="P", help="people's lines lose P %% of their packets"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write drawings there, as PNG and SVG"
    )
    parser.add_argument(
        "--only",
        type=_systems,
        default=[_OPTIMUM, *_SYSTEMS],
        metavar="LIST",
        help=f"of {','.join([_OPTIMUM, *_SYSTEMS])}, with commas between",
    )
    parser.add_argument(
        "--without-optimum", action="store_true", help="no bound to compare with; saves memory"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the results as one JSON document"
    )
    chosen = parser.parse_args(arguments)
    if chosen.scenario is None and not chosen.list:
        parser.error("name a scenario, or say --list")
    terminal = Terminal(json=chosen.json)
    command = _list if chosen.list else _simulate
    return run_command(
        lambda: command(chosen, terminal),
        terminal,
        program="qanat simulate",
        stopped="stopped; nothing was written",
    )


def _days(text: str) -> float:
    value = float(text)
    if not 0 < value <= 60:
        raise ArgumentTypeError(f"from 0 to 60 days, not {text}")
    return value


def _percent(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 50:
        raise ArgumentTypeError(f"from 0 to 50 %, not {text}")
    return value


def _systems(text: str) -> list[str]:
    known = [_OPTIMUM, *_SYSTEMS]
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise ArgumentTypeError(f"there is no system {name!r}; there are {', '.join(known)}")
    if not names:
        raise ArgumentTypeError(f"name some of {', '.join(known)}")
    return names


def _list(_: Namespace, terminal: Terminal) -> int:
    found = []
    for name in builtin_names():
        scenario = load(name)
        origin = scenario.origin
        terminal.say(f"{name}  {scenario.title}")
        for source in origin.sources:
            terminal.say(f"    source    {source}")
        terminal.say(f"    measured  {origin.measured}")
        terminal.say(f"    assumed   {origin.placeholders}")
        for each in origin.notes:
            terminal.say(f"    note      {each}")
        found.append(
            {
                "name": name,
                "title": scenario.title,
                "sources": origin.sources,
                "measured": origin.measured,
                "placeholders": origin.placeholders,
                "notes": origin.notes,
                "reporters": scenario.reporters,
                "days": scenario.duration_s / 86_400,
            }
        )
    terminal.result(found)
    return Exit.DONE


def _simulate(chosen: Namespace, terminal: Terminal) -> int:
    lacking = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if lacking:
        raise BadInput(
            f"this needs {', '.join(lacking)}: install Qanat with its extra simulate,"
            " pip install '.[simulate]' in its folder"
        )
    from qanat_simulation.optimum import find_optimum
    from qanat_simulation.report import as_json, as_text, report_of

    folder: Path | None = chosen.output
    if folder is not None:
        _make(folder)
    scenario = load(chosen.scenario)
    if chosen.mobile is not None:
        scenario = with_mobile(scenario, PRESETS[chosen.mobile])
    if chosen.loss is not None:
        scenario = with_loss(scenario, chosen.loss / 100)
    plan = make_plan(scenario, chosen.seed, reporters=chosen.reporters, days=chosen.days)
    notes = _Notes()
    try:
        wanted = _OPTIMUM in chosen.only and not chosen.without_optimum
        optimum = find_optimum(plan, notes.show) if wanted else None
        outcomes = [_outcome(name, plan, notes.show) for name in _SYSTEMS if name in chosen.only]
    finally:
        notes.clear()
    report = report_of(scenario.title, plan, optimum, outcomes)
    terminal.say(as_text(report))
    if folder is not None:
        from qanat_simulation.plots import draw

        terminal.say("")
        for path in draw(report, folder):
            terminal.say(f"drawn: {printable_line(str(path))}")
    terminal.result(as_json(report))
    return Exit.DONE


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadInput(f"{printable_line(str(folder))} can't be written: {reason}") from None


def _outcome(name: str, plan: Plan, note: Callable[[str], None]) -> Outcome:
    module, function = _SYSTEMS[name]
    found: Outcome = getattr(import_module(module), function)(plan, note)
    return found


class _Notes:
    """One line on a terminal that says what is being done; silent elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def show(self, text: str) -> None:
        if self._shown:
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
