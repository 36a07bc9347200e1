"""A relay with ten million letters against one with a hundred thousand: starting, memory, taking
letters in, giving a desk its newest, and what one day's expiry takes.

Usage: python -m benchmarks.large_relay [--letters N] [--against N] [--deposits N] [--folder DIR]
[--json]

Takes 4.7 kB of disk for each letter. They are laid straight into the tables of the store, in some
minutes for each million; what is measured is done as a relay does it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.chain import warm_up
from benchmarks.fill import Expiry, Filled
from benchmarks.large import Level, NewestDesk, filled_store, level_of
from benchmarks.metered import Failed

_LETTERS, _AGAINST = 10_000_000, 100_000
_NEWEST, _DEPOSITS = 1000, 8192
_DAYS = 90
_LETTER_BYTES = 5000


@dataclass(frozen=True, slots=True)
class _Costs:
    """Of one relay; expiring: letters that one day takes away."""

    level: Level
    peak_mb: float
    disk_bytes: int
    expiring: int
    expiry: Expiry


def _costs(
    folder: Path, cache: Path, letters: int, deposits: int, note: Callable[[str], None]
) -> _Costs:
    desk = NewestDesk(_NEWEST)
    expiring = letters // _DAYS
    with filled_store(folder, desk, letters, note, expiring=expiring, fill=Filled.lay) as (
        filled,
        fill_s,
    ):
        disk_bytes = filled.size_bytes()
        with desk.serve(filled, cache) as served:
            level = level_of(filled, fill_s, served, desk, deposits)
            peak_mb = served.relay.stop().peak_bytes / 1e6
        note(f"a day passes over {letters:,} letters")
        return _Costs(level, peak_mb, disk_bytes, expiring, filled.expire())


def _lines(small: _Costs, large: _Costs) -> list[str]:
    def line(name: str, unit: str, value: Callable[[_Costs], float]) -> str:
        ours, other = value(large), value(small)
        return f"{name:<34}{other:>14,.3f}{ours:>14,.3f} {unit:<12}{ours / other:>8.2f}"

    head = f"{'':<34}{small.level.stored:>14,}{large.level.stored:>14,} {'letters':<12}"
    return [
        head + f"{'times':>8}",
        line(
            "laid into its tables", "letters/s", lambda each: each.level.stored / each.level.fill_s
        ),
        line("start until it answers", "s", lambda each: each.level.start_s),
        line("take one more", "ms", lambda each: each.level.ingest_s * 1000),
        line("first letter for a desk", "s", lambda each: each.level.first_letter_s),
        line("memory when it has done that", "MB", lambda each: each.level.resident_mb),
        line("peak memory", "MB", lambda each: each.peak_mb),
        line("disk for each letter", "bytes", lambda each: each.disk_bytes / each.level.stored),
        line("a day's expiry", "s", lambda each: each.expiry.taken_s),
        line("the same, for 1,000", "s", lambda each: each.expiry.taken_s / each.expiring * 1000),
        line("longest wait of a letter then", "ms", lambda each: each.expiry.longest_wait_s * 1000),
        line("the same before", "ms", lambda each: each.expiry.calm_wait_s * 1000),
    ]


def main() -> int:
    """Measure and print; 1 where a result is wrong, 2 where the disk is too small."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_relay", description=__doc__)
    parser.add_argument("--letters", type=int, default=_LETTERS, metavar="N")
    parser.add_argument("--against", type=int, default=_AGAINST, metavar="N")
    parser.add_argument(
        "--deposits", type=int, default=_DEPOSITS, metavar="N", help=f"default {_DEPOSITS}"
    )
    parser.add_argument("--folder", type=Path, help="a disk to store on, instead of the temporary")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if min(arguments.letters, arguments.against) < _DAYS:
        parser.error(f"fewer than {_DAYS} letters")

    def note(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        needed, free = arguments.letters * _LETTER_BYTES, shutil.disk_usage(folder).free
        if needed > free:
            note(f"{arguments.letters:,} letters take {needed:,} bytes; {free:,} are free there")
            return 2
        cache = folder / "compiled"
        warm_up(folder, cache)
        try:
            small = _costs(folder, cache, arguments.against, arguments.deposits, note)
            large = _costs(folder, cache, arguments.letters, arguments.deposits, note)
        except Failed as error:
            note(f"a result is wrong: {error}")
            return 1
    if arguments.json:
        print(json.dumps([asdict(small), asdict(large)]))
    else:
        print("\n".join(_lines(small, large)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
