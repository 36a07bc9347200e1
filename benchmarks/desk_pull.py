"""`python -m benchmarks.desk_pull`: a desk that pulls very many small reports from a relay on
loopback, against bare decryption and verification of as many by the libraries alone, turn by turn.

The reports are sealed and lie at the relay before the clock starts. The clock is that of the whole
program `qanat-desk pull`, from its start until all are opened, verified and durable in its vault.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.chain import Chain, run_relay, warm_up
from benchmarks.comparison import Result, result_of
from benchmarks.desk import TEXT
from benchmarks.letters import BareLetters, letter_plaintext
from benchmarks.machine import look_at
from benchmarks.metered import Failed, compiled
from benchmarks.sockets import free_port
from benchmarks.table import as_json, as_text

__all__ = ["Pulled", "pull_once"]

_AIM: Final = 0.4


@dataclass(frozen=True, slots=True)
class Pulled:
    """One turn. bare_s: as many letters opened and verified bare, half before and half behind."""

    pull_s: float
    bare_s: float
    desk_processor_s: float
    relay_processor_s: float


def _used_s() -> float:
    """What the programs that were started here and have ended used of the processors."""
    taken = os.times()
    return taken.children_user + taken.children_system


def _prepare(folder: Path, variables: Mapping[str, str], reports: int) -> str:
    """Reports at a relay, and a desk that never asked it; where the relay listens."""
    listen = f"127.0.0.1:{free_port()}"
    chain = Chain(folder, dict(variables))
    chain.make(f"http://{listen}")
    chain.queue([f"{number}. {TEXT}" for number in range(reports)])
    with run_relay(chain.relay_data, dict(variables), listen):
        chain.sync(reports)
    return listen


def pull_once(made: Path, variables: Mapping[str, str], listen: str, reports: int) -> Pulled:
    """One pull by a copy of the desk from a copy of the relay. Raises Failed if a report lacks."""
    bare = BareLetters(reports // 2, letter_plaintext())
    with tempfile.TemporaryDirectory(dir=made.parent) as copy:
        chain = Chain(shutil.copytree(made, Path(copy) / "chain"), dict(variables))
        with run_relay(chain.relay_data, dict(variables), listen) as relay:
            bare_s = bare.open()
            used_s = _used_s()
            pull_s = chain.pull(reports=reports).seconds
            desk_s = _used_s() - used_s
            bare_s += bare.open()
            used_s = _used_s()
            relay.stop()
            relay_s = _used_s() - used_s
    return Pulled(pull_s, bare_s, desk_s, relay_s)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.desk_pull", description=__doc__)
    parser.add_argument("--reports", type=int, default=10_000, metavar="N")
    parser.add_argument("--turns", type=int, default=5, metavar="N")
    parser.add_argument("--folder", type=Path, help="a disk to store on, instead of the temporary")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _result(turns: list[Pulled], reports: int) -> Result:
    def each_us(total_s: float) -> float:
        return total_s / len(turns) / reports * 1e6

    return result_of(
        f"{reports:,} small reports: qanat-desk pull",
        "HPKE decrypt, Ed25519 verify",
        "reports/s",
        [(reports / turn.pull_s, reports / turn.bare_s) for turn in turns],
        aim=_AIM,
        details={
            "us of a processor a report by the desk": each_us(
                sum(turn.desk_processor_s for turn in turns)
            ),
            "by the relay with its start": each_us(sum(turn.relay_processor_s for turn in turns)),
        },
    )


def main() -> int:
    """Measure and print; 1 where a report lacks."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="qanat-pull-", dir=arguments.folder) as folder:
        place = Path(folder)
        machine = look_at(place)
        variables = compiled(place / "compiled")
        try:
            warm_up(place, place / "compiled")
            made = place / "made"
            listen = _prepare(made, variables, arguments.reports)
            turns = [
                pull_once(made, variables, listen, arguments.reports)
                for _ in range(arguments.turns)
            ]
        except Failed as error:
            print(f"wrong: {error}", file=sys.stderr)
            return 1
    results = [_result(turns, arguments.reports)]
    print((as_json if arguments.json else as_text)(machine, results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
