"""`python -m tests.fuzz`: fuzz targets and keep what is found, or replay one input. See --help."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.fuzz.corpus import FOLDER, read_corpus, write_corpus
from tests.fuzz.target import Target

BRIEF_INPUTS = 24
CRASHES = FOLDER.parent / "crashes"
REPLAY = "make fuzz TARGET={} REPLAY={}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="all of them where none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target; default 60")
    parser.add_argument("--runs", type=int, help="so many inputs for each target instead")
    parser.add_argument("--brief", action="store_true", help="each target's own short run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=Path, metavar="FILE", help="an input; needs no atheris")
    parser.add_argument("--merge", action="store_true", help="keep what covers more in the corpus")
    parser.add_argument("--careless", action="store_true", help="the parsers that break their law")
    parser.add_argument("--crashes", type=Path, default=CRASHES, metavar="DIR")
    parser.add_argument("--list", action="store_true", help="name the targets")
    return parser.parse_args()


def main() -> int:
    """0 where every law held, 1 where one was broken, 2 for what can't be done."""
    arguments = _arguments()
    if arguments.replay is not None or arguments.list:
        from tests.fuzz.registry import load_careless, load_targets

        known = load_targets() | load_careless()
        if arguments.list:
            print("\n".join(name for name in known if not name.startswith("careless")))
            return 0
        return _replay(arguments, known)
    try:
        from tests.fuzz import running
    except ImportError:
        print("atheris is not installed: it is built for Linux on x86_64", file=sys.stderr)
        return 2
    running.instrument()
    from tests.fuzz.registry import load_careless, load_targets

    if arguments.careless:
        running.instrument_careless()
    known = load_careless() if arguments.careless else load_targets()
    unknown = [name for name in arguments.targets if name not in known]
    if unknown:
        print(f"no target is called {unknown[0]}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    broken = 0
    for name in arguments.targets or known:
        target = known[name]
        runs = target.brief_runs if arguments.brief else arguments.runs
        inputs = [*read_corpus(name), *target.seeds()]
        if arguments.brief:
            # All of them are replayed elsewhere; here the time is for new ones.
            inputs = Random(arguments.seed).sample(inputs, min(BRIEF_INPUTS, len(inputs)))
        ran, found = running.run(
            target,
            inputs,
            crashes=arguments.crashes,
            runs=runs,
            seconds=arguments.seconds if runs is None else None,
            seed=arguments.seed,
        )
        running.tell(ran)
        broken += len(ran.crashes)
        for crash in ran.crashes:
            print(_cause(ran.said), file=sys.stderr)
            print(f"{name} broke its law; again: {REPLAY.format(name, crash)}", file=sys.stderr)
        if arguments.merge and not ran.crashes:
            write_corpus(name, running.merge(target, found))
    return 1 if broken else 0


def _cause(said: str) -> str:
    start = said.find("Traceback (most recent call last)")
    return said[start:][-4000:] if start >= 0 else said[-2000:]


def _replay(arguments: argparse.Namespace, known: Mapping[str, Target]) -> int:
    if len(arguments.targets) != 1 or arguments.targets[0] not in known:
        print("name the target that the input is for", file=sys.stderr)
        return 2
    target = known[arguments.targets[0]]
    try:
        target.law(arguments.replay.read_bytes())
    # Whatever a law raises is what is to be shown.
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        return 1
    print("the law holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
