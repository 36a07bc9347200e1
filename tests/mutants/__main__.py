"""Mutation tests of the protocol: `make mutants`, or `make mutants ARGS="record parcel"`.

Prints for each module how many mutants there are and how many the tests kill. Ends with 1 where
less than 90% are killed, where one survives that explained.toml does not explain, or where
something is explained that does not survive.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from time import monotonic

from tests.mutants.explained import Explanation, explain, read_explanations
from tests.mutants.judging import Judge, Judged, judge_all
from tests.mutants.making import SOURCES, all_modules, mutate
from tests.mutants.running import ROOT, install, survey

LEAST_KILLED = 0.9
_LOG = ROOT / "build" / "mutants.log"
_COLUMNS = "{:<14} {:>8} {:>8} {:>9} {:>9} {:>11} {:>7}"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where all is as it should be."""
    parser = argparse.ArgumentParser(prog="make mutants", description="mutates the protocol")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="as `record`; all if none")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.modules) - set(all_modules())):
        parser.error(f"{SOURCES} has no {', '.join(unknown)}")
    os.chdir(ROOT)
    _LOG.parent.mkdir(exist_ok=True)
    began = monotonic()
    modules = [mutate(name) for name in options.modules or all_modules()]
    modules = [module for module in modules if module.mutants]
    install(modules)
    known = survey(modules, _LOG)
    if known.failed:
        print(f"these tests fail without any mutant: {', '.join(known.failed)}; see {_LOG}")
        return 2
    judge = Judge(modules, known)
    if not judge.proves_itself():
        print("tests fail without a mutant, or pass with one that always fails: nothing is proven")
        return 2
    judge.close()
    print(f"{sum(len(module.mutants) for module in modules)} mutants", flush=True)
    explanations = read_explanations()
    print(
        _COLUMNS.format("module", "mutants", "killed", "of these", "survived", "of these", "killed")
    )
    print(_COLUMNS.format("", "", "", "by time", "", "unexplained", "%"), flush=True)
    every: list[Judged] = []
    for judged in judge_all(modules, known, options.workers):
        every += judged
        _print_row(judged[0].mutant.module, judged, explanations)
        for one in judged:
            if not one.outcome.killed and explain(one.mutant, explanations) is None:
                print(_described(one), flush=True)
    _print_row("all", every, explanations)
    print(f"{monotonic() - began:,.0f} s")
    return _verdict(every, explanations)


def _print_row(name: str, judged: Sequence[Judged], explanations: Sequence[Explanation]) -> None:
    survivors = [one.mutant for one in judged if not one.outcome.killed]
    killed = len(judged) - len(survivors)
    timeouts = sum(one.outcome.timeout for one in judged)
    unexplained = sum(explain(mutant, explanations) is None for mutant in survivors)
    share = f"{100 * killed / len(judged):.1f}"
    row = [name, len(judged), killed, timeouts, len(survivors), unexplained, share]
    print(_COLUMNS.format(*row), flush=True)


def _described(one: Judged) -> str:
    """A survivor as explained.toml names it."""
    mutant = one.mutant
    why = f"  ({one.outcome.killer})" if one.outcome.killer else ""
    return f"  {mutant.module}: {mutant.function}{why}\n    - {mutant.before}\n    + {mutant.after}"


def _verdict(judged: Sequence[Judged], explanations: Sequence[Explanation]) -> int:
    survivors = [one.mutant for one in judged if not one.outcome.killed]
    judged_modules = {one.mutant.module for one in judged}
    used = [explain(mutant, explanations) for mutant in survivors]
    idle = [e for e in explanations if e.module in judged_modules and e not in used]
    for explanation in idle:
        print(
            f"explained, but it does not survive: {explanation.module}: {explanation.function}\n"
            f"    - {explanation.before}\n    + {explanation.after}"
        )
    enough = len(survivors) <= (1 - LEAST_KILLED) * len(judged)
    if not enough:
        print(f"fewer than {LEAST_KILLED:.0%} are killed")
    return 0 if enough and not idle and None not in used else 1


if __name__ == "__main__":
    sys.exit(main())
