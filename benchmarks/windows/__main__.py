"""`python -m benchmarks.windows`: measures all of it and prints one table."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import CalledProcessError

from benchmarks.chain import warm_up
from benchmarks.machine import look_at
from benchmarks.metered import Failed, compiled
from benchmarks.namespace import what_is_missing
from benchmarks.nncp import INSTALL, is_installed
from benchmarks.windows.latency import first_letter_rows, thumbnail_row
from benchmarks.windows.links import LINKS
from benchmarks.windows.media import Amount, media_rows
from benchmarks.windows.payload import Waiting, payload_row
from benchmarks.windows.relays import relays_row
from benchmarks.windows.rows import Row, as_json, as_line, as_text

_GROUPS = ("payload", "letter", "thumbnail", "media", "relays")


@dataclass(frozen=True, slots=True)
class _Scale:
    """seeds: how often a window of each link, the media and the three relays; runs: how often the
    times to the first letter and to the thumbnail."""

    seeds: int
    runs: int
    amount: Amount
    film_bytes: int


_QUICK = _Scale(
    seeds=1,
    runs=3,
    amount=Amount(letters=200, photos=4, films=2, film_bytes=60_000_000, windows=3),
    film_bytes=30_000_000,
)
_WHOLE = _Scale(
    seeds=4,
    runs=50,
    amount=Amount(letters=200, photos=20, films=8, film_bytes=280_000_000, windows=10),
    film_bytes=60_000_000,
)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.windows",
        description="Measure what windows of bad links carry. Needs Linux and root; nothing leaves"
        " the machine.",
    )
    parser.add_argument("--quick", action="store_true", help="a quarter of an hour: fewer runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", choices=_GROUPS, action="append", help="may be repeated")
    parser.add_argument("--seeds", type=_positive, metavar="N", help="windows of each link")
    parser.add_argument("--runs", type=_positive, metavar="N", help="runs of each time")
    parser.add_argument("--folder", type=Path, help="a disk to store on, instead of the temporary")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _note(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
    elif line:
        print(line, file=sys.stderr, flush=True)


@dataclass(slots=True)
class _Run:
    """What is measured, where, and how often."""

    groups: tuple[str, ...]
    scale: _Scale
    folder: Path
    rows: list[Row] = field(default_factory=list)

    def all(self) -> None:
        """Raises Failed where a program does not start."""
        cache = self.folder / "compiled"
        scale, variables = self.scale, compiled(cache)
        _note("every program once, so that it is compiled")
        warm_up(self.folder, cache)
        common = (self.folder, variables)
        if "payload" in self.groups:
            self._payload(variables)
        if "letter" in self.groups:
            self._take(first_letter_rows(*common, scale.runs, _note))
        if "thumbnail" in self.groups:
            self._take([thumbnail_row(*common, scale.runs, _note)])
        if "media" in self.groups:
            self._take(media_rows(*common, scale.amount, _note))
        if "relays" in self.groups:
            self._take([relays_row(*common, scale.film_bytes, scale.seeds, _note)])

    def _take(self, rows: Sequence[Row]) -> None:
        """Keep them for the table, and say them now: the whole run takes long."""
        self.rows += rows
        for row in rows:
            _note("")
            print(as_line(row), file=sys.stderr, flush=True)

    def _payload(self, variables: Mapping[str, str]) -> None:
        if not is_installed():
            _note(f"{INSTALL}: its column stays empty")
        _note("20 letters and a film are queued")
        with Waiting.made(self.folder, variables) as waiting:
            for link in LINKS:
                self._take([payload_row(waiting, link, self.scale.seeds, _note)])


def _leave(number: int, _: object) -> None:
    # Once: what was started is being ended, and that must not be cut.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> int:
    """Measure and print; 1 where nothing could be measured. Missing an aim is no failure."""
    arguments = _arguments()
    missing = what_is_missing()
    if missing is not None:
        print(missing, file=sys.stderr)
        return 1
    scale = _QUICK if arguments.quick else _WHOLE
    scale = replace(scale, seeds=arguments.seeds or scale.seeds, runs=arguments.runs or scale.runs)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    with tempfile.TemporaryDirectory(prefix="qanat-windows-", dir=arguments.folder) as made:
        run = _Run(tuple(arguments.only or _GROUPS), scale, Path(made))
        machine = look_at(run.folder)
        try:
            run.all()
        except (Failed, CalledProcessError) as error:
            _note("")
            print(f"nothing measured: {error}", file=sys.stderr)
            return 1
        _note("")
    print((as_json if arguments.json else as_text)(machine, run.rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
