"""`python -m benchmarks`: runs every comparison and prints one table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.comparison import Comparison, measure
from benchmarks.deposit import deposit_comparisons
from benchmarks.ingest import ingest_comparisons
from benchmarks.letters import letter_comparisons
from benchmarks.machine import look_at
from benchmarks.parts import part_comparisons
from benchmarks.processes import process_comparisons
from benchmarks.table import as_json, as_text

_GROUPS = ("letters", "parts", "ingest", "deposit", "send")


@dataclass(frozen=True, slots=True)
class _Scale:
    """Rounds, and how much of everything is in one turn."""

    rounds: int
    letters: int
    part_bytes: int
    small: int
    large: int
    processes: int

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
        )


_QUICK = _Scale(3, letters=50, part_bytes=32 << 20, small=4096, large=1024, processes=1)
_WHOLE = _Scale(11, letters=100, part_bytes=64 << 20, small=8192, large=2048, processes=2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure Qanat's speed as ratios to raw limits taken in the same run.",
    )
    parser.add_argument("--quick", action="store_true", help="about 20 seconds, less exact")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured")
    parser.add_argument(
        "--size", type=float, default=1.0, metavar="F", help="turns F times as long"
    )
    parser.add_argument("--only", choices=_GROUPS, action="append", help="may be repeated")
    parser.add_argument("--folder", type=Path, help="a disk to store on, instead of the temporary")
    return parser.parse_args()


def _comparisons(
    groups: tuple[str, ...], scale: _Scale, folder: Path, stack: ExitStack
) -> list[Comparison]:
    found: list[Comparison] = []
    counts = {4096: scale.small, 16_384: scale.large}
    if "letters" in groups:
        found += letter_comparisons(scale.letters)
    if "parts" in groups:
        found += part_comparisons(scale.part_bytes)
    if "ingest" in groups:
        found += stack.enter_context(ingest_comparisons(folder, counts))
    if "deposit" in groups:
        found += stack.enter_context(deposit_comparisons(folder, counts))
    if "send" in groups:
        found += process_comparisons(folder, scale.processes)
    return found


def main() -> int:
    """Measure and print; progress goes to a terminal alone."""
    arguments = _arguments()
    scale = (_QUICK if arguments.quick else _WHOLE).times(arguments.size)
    rounds = arguments.rounds or scale.rounds

    def note(line: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

    with (
        tempfile.TemporaryDirectory(prefix="qanat-bench-", dir=arguments.folder) as made,
        ExitStack() as stack,
    ):
        folder = Path(made)
        machine = look_at(folder)
        groups = tuple(arguments.only or _GROUPS)
        results = measure(_comparisons(groups, scale, folder, stack), rounds, note)
        note("")
    print((as_json if arguments.json else as_text)(machine, results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
