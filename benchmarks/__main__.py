"""`python -m benchmarks`: runs every comparison and prints one table."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.attachment import attachment_results
from benchmarks.chain import warm_up
from benchmarks.comparison import Absent, Comparison, Result, measure
from benchmarks.deposit import deposit_comparisons
from benchmarks.ingest import ingest_comparisons
from benchmarks.journey import journey_results
from benchmarks.large import Level, large_results
from benchmarks.letters import letter_comparisons
from benchmarks.machine import look_at
from benchmarks.metered import Failed
from benchmarks.parts import part_comparisons
from benchmarks.processes import process_comparisons
from benchmarks.reconcile import reconcile_results
from benchmarks.table import as_json, as_text

_SHORT = ("letters", "parts", "ingest", "deposit", "send")
_LONG = ("journey", "attachment", "large")
_ALONE = ("reconcile",)


@dataclass(frozen=True, slots=True)
class _Scale:
    """How often, and how much of everything is in one turn."""

    rounds: int
    letters: int
    part_bytes: int
    small: int
    large: int
    processes: int
    journey: int
    attachment_bytes: int
    stored: int
    newest: int
    turns: int
    known: int
    exchanges: int

    def times(self, factor: float) -> _Scale:
        """The same with turns of another size."""

        def scaled(amount: int) -> int:
            return max(1, round(amount * factor))

        return replace(
            self,
            letters=scaled(self.letters),
            part_bytes=scaled(self.part_bytes),
            small=scaled(self.small),
            large=scaled(self.large),
            processes=scaled(self.processes),
            journey=scaled(self.journey),
            attachment_bytes=scaled(self.attachment_bytes),
            stored=scaled(self.stored),
            newest=scaled(self.newest),
            known=scaled(self.known),
        )


_QUICK = _Scale(
    rounds=3,
    letters=50,
    part_bytes=32 << 20,
    small=4096,
    large=1024,
    processes=1,
    journey=100,
    attachment_bytes=32 << 20,
    stored=10_000,
    newest=1000,
    turns=1,
    known=100_000,
    exchanges=20,
)
_WHOLE = _Scale(
    rounds=11,
    letters=100,
    part_bytes=64 << 20,
    small=8192,
    large=2048,
    processes=2,
    journey=1000,
    attachment_bytes=256 << 20,
    stored=1_000_000,
    newest=1000,
    turns=3,
    known=1_000_000,
    exchanges=100,
)
_TURNS_OF_RELAYS = 5
_DIFFERENCES = (10, 100, 500, 1000, 10_000)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure Qanat's speed as ratios to raw limits taken in the same run.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="about a minute: small amounts, less exact"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured")
    parser.add_argument(
        "--size", type=float, default=1.0, metavar="F", help="amounts F times as large"
    )
    parser.add_argument(
        "--only", choices=_SHORT + _LONG + _ALONE, action="append", help="may be repeated"
    )
    parser.add_argument("--folder", type=Path, help="a disk to store on, instead of the temporary")
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw what a relay costs against what it stores, as SVG (needs the extra `plot`)",
    )
    arguments = parser.parse_args()
    if arguments.plot is not None and "large" not in (arguments.only or _LONG):
        parser.error("--plot draws what the group `large` measures")
    return arguments


def _drawing() -> Callable[[Sequence[Level], Path], None]:
    try:
        from benchmarks.plot import draw
    except ModuleNotFoundError:
        sys.exit("--plot needs matplotlib: .venv/bin/pip install -r requirements/plot.txt")
    return draw


@dataclass(slots=True)
class _Progress:
    """One line on a terminal that changes; elsewhere a line every few seconds."""

    terminal: bool
    _said_at_s: float = field(default=-60.0)

    def __call__(self, line: str) -> None:
        if self.terminal:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif line and time.monotonic() - self._said_at_s >= 5:
            self._said_at_s = time.monotonic()
            print(line, file=sys.stderr, flush=True)


@dataclass(slots=True)
class _Run:
    """What is measured, where, and how much of it."""

    groups: tuple[str, ...]
    scale: _Scale
    folder: Path
    note: _Progress
    results: list[Result | Absent] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        """Where the processes of a run find their modules compiled."""
        return self.folder / "compiled"

    def all(self) -> None:
        """Measure. Raises Failed where a result is wrong."""
        if set(_LONG).intersection(self.groups):
            self.note("every program once, so that it is compiled")
            warm_up(self.folder, self.cache)
        with ExitStack() as stack:
            self.results += measure(self._comparisons(stack), self.scale.rounds, self.note)
        scale, each = self.scale, (self.folder, self.cache)
        if "journey" in self.groups:
            self.results += journey_results(*each, scale.journey, scale.turns, self.note)
        if "attachment" in self.groups:
            size_bytes = scale.attachment_bytes
            self.results += attachment_results(*each, size_bytes, scale.turns, self.note)
        if "reconcile" in self.groups:
            self.results += reconcile_results(scale.known, _DIFFERENCES, scale.exchanges, self.note)
        if "large" in self.groups:
            found, self.levels = large_results(
                *each,
                count=scale.stored,
                newest=scale.newest,
                deposits=scale.small,
                turns=_TURNS_OF_RELAYS,
                note=self.note,
            )
            self.results += found

    def _comparisons(self, stack: ExitStack) -> list[Comparison]:
        found: list[Comparison] = []
        groups, scale, folder = self.groups, self.scale, self.folder
        counts = {4096: scale.small, 16_384: scale.large}
        if "letters" in groups:
            found += letter_comparisons(scale.letters)
        if "parts" in groups:
            found += part_comparisons(scale.part_bytes)
        if "ingest" in groups:
            found += stack.enter_context(ingest_comparisons(folder, counts))
        if "deposit" in groups:
            found += stack.enter_context(deposit_comparisons(folder, self.cache, counts))
        if "send" in groups:
            found += process_comparisons(folder, self.cache, scale.processes)
        return found


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)


def main() -> int:
    """Measure and print; 1 where a result is wrong. Being slow is no failure."""
    arguments = _arguments()
    # Before anything is measured, as it may not be there.
    draw = _drawing() if arguments.plot is not None else None
    scale = (_QUICK if arguments.quick else _WHOLE).times(arguments.size)
    if arguments.rounds:
        scale = replace(scale, rounds=arguments.rounds)
    note = _Progress(sys.stderr.isatty())
    # What was started is stopped, and what was written is removed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    with tempfile.TemporaryDirectory(prefix="qanat-bench-", dir=arguments.folder) as made:
        folder = Path(made)
        machine = look_at(folder)
        run = _Run(tuple(arguments.only or _SHORT + _LONG + _ALONE), scale, folder, note)
        try:
            run.all()
        except Failed as error:
            note("")
            print(f"wrong: {error}", file=sys.stderr)
            return 1
        note("")
    print((as_json if arguments.json else as_text)(machine, run.results))
    if draw is not None:
        draw(run.levels, arguments.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
