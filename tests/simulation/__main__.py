"""Performs runs of the simulation: `python -m tests.simulation SEED...`; `--trace` tells what
happened. Exit code 1 where something was wrong.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from tests.simulation import doors

_SAME_ADDRESSES = 0x0004_0000
_MEMORY = Path("/dev/shm")


def _settle() -> None:
    """Begin again with a fixed order of sets, and fixed addresses where the system allows it."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        ctypes.CDLL(None).personality(_SAME_ADDRESSES)
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        arguments = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, arguments, environment)  # noqa: S606 - this program again


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", nargs="*", metavar="SEED")
    parser.add_argument("--trace", action="store_true", help="print what happened")
    parser.add_argument("--json", action="store_true", help="one JSON document for each run")
    parser.add_argument("--keep", action="store_true", help="leave the machines' folders")
    parser.add_argument("--minutes", type=float, help="go on with the seeds that follow, so long")
    parser.add_argument("--breakage", help="run with this part broken")
    parser.add_argument("--until-wrong", action="store_true", help="end with the first that is")
    arguments = parser.parse_args()
    _settle()
    doors.install()
    doors.import_all()
    # Only now, so that what they import comes through the doors.
    from tests.simulation.power import Power, run_recorded
    from tests.simulation.run import run, write_outcome

    wrong = 0
    for seed in _seeds(arguments.seeds, arguments.minutes):
        place = Path(mkdtemp(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None))
        told = place / "outcome.json"

        def work(power: Power, seed: str = seed, place: Path = place, told: Path = told) -> int:
            write_outcome(run(seed, place, power, arguments.breakage), told)
            return 0

        code = run_recorded(seed, place / "machines", work)
        if not told.exists():
            print(f"seed {seed}: the run itself ended with {code}", flush=True)
            wrong += 1
            continue
        outcome = json.loads(told.read_text())
        wrong += bool(outcome["wrong"])
        _tell(outcome, arguments, place)
        if not arguments.keep:
            rmtree(place)
        if wrong and arguments.until_wrong:
            break
    return 1 if wrong else 0


def _seeds(given: list[str], minutes: float | None) -> Iterator[str]:
    yield from given
    if minutes is not None:
        until_s, number = time.monotonic() + 60 * minutes, int(given[-1]) if given else 0
        while time.monotonic() < until_s:
            number += 1
            yield str(number)


def _tell(outcome: dict[str, Any], arguments: argparse.Namespace, place: Path) -> None:
    if arguments.json:
        print(json.dumps(outcome), flush=True)
        return
    if arguments.trace:
        print("\n".join(outcome["trace"]))
    print(
        f"seed {outcome['seed']}: {outcome['hours']:,.0f} virtual hours,"
        f" {outcome['reports']} reports,"
        f" {outcome['deaths']} deaths, {outcome['connections']} connections ({outcome['cuts']} cut,"
        f" {outcome['repeats']} repeated), {outcome['statuses']} statuses and"
        f" {outcome['tombstones']} tombstones weighed; digest {outcome['digest'][:16]}:"
        f" {'WRONG' if outcome['wrong'] else 'all is well'}",
        flush=True,
    )
    for words in outcome["wrong"]:
        print(f"  {words}")
    if arguments.keep:
        print(f"  its machines are in {place}")


if __name__ == "__main__":
    sys.exit(main())
