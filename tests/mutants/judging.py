"""Which mutants the tests kill. A mutant meets the tests that run its line: first those that killed
another mutant of its function, then those of its module, and the quickest of each first."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing import get_context

from tests.mutants.making import Mutant, MutatedModule
from tests.mutants.running import TESTS, Outcome, Server, Survey, Task

__all__ = ["NO_MUTANT", "Judge", "Judged", "judge_all"]

NO_MUTANT = ""
EVERY_MUTANT = "fail"
# How long the tests of other modules may take together, as they were surveyed: some lines are run
# by every test that there is, and what none of the quick ones notices rarely falls to a slow one.
_PATIENCE_S = 4.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant and what became of it."""

    mutant: Mutant
    outcome: Outcome


class Judge:
    """Judges one mutant after the other, in the process that it is in."""

    def __init__(self, modules: Sequence[MutatedModule], survey: Survey) -> None:
        self._files = {mutant: module.filename for module in modules for mutant in module.mutants}
        self._survey = survey
        self._tests: dict[tuple[str, int], set[str]] = defaultdict(set)
        for test, lines in survey.lines.items():
            for line in lines:
                self._tests[line].add(test)
        self._killers: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._warm = Server(warm=True, libraries=survey.libraries)
        self._fresh = Server(warm=False, libraries=survey.libraries)

    def judge(self, mutant: Mutant) -> Outcome:
        """How the tests end. A mutant that runs while the protocol is imported is there from the
        start; any other becomes active when the tests begin, which spares collecting them anew."""
        importing = self._runs_in(self._survey.importing, mutant)
        tests = self._tests_of(mutant, whole_function=importing)
        server = self._fresh if importing else self._warm
        outcome = Outcome(killed=False)
        if tests:
            outcome = server.run(self._task(mutant, tests))
        if importing and not outcome.killed:
            # What it made while it was imported may show in any test.
            outcome = server.run(self._task(mutant, set(self._survey.seconds)))
        if outcome.killer in self._survey.seconds:
            killers = self._killers[mutant.module, mutant.function]
            if outcome.killer in killers:
                killers.remove(outcome.killer)
            killers.insert(0, outcome.killer)
        return outcome

    def proves_itself(self) -> bool:
        """Without a mutant every test passes, and one that always fails is killed; both ways."""
        seconds = self._survey.seconds
        touching = [test for test, lines in self._survey.lines.items() if lines]
        quickest = sorted(touching, key=seconds.__getitem__)[:500]
        timed = tuple(seconds[test] for test in quickest)
        good, bad = (Task(name, tuple(quickest), timed) for name in (NO_MUTANT, EVERY_MUTANT))
        return (
            not self._fresh.run(good).killed
            and not self._warm.run(good).killed
            and self._fresh.run(bad).killed
            and self._warm.run(bad).killed
        )

    def close(self) -> None:
        """Ends the processes that wait for mutants."""
        self._warm.close()
        self._fresh.close()

    def _runs_in(self, lines: set[tuple[str, int]], mutant: Mutant) -> bool:
        first, last = mutant.function_lines
        file = self._files[mutant]
        return any((file, line) in lines for line in range(first, last + 1))

    def _tests_of(self, mutant: Mutant, *, whole_function: bool) -> set[str]:
        """The tests that run the changed statement, or any line of its function."""
        file = self._files[mutant]
        first, last = mutant.first_line, mutant.last_line
        if whole_function:
            first, last = mutant.function_lines
        found: set[str] = set()
        for line in range(first, last + 1):
            found |= self._tests.get((file, line), set())
        return found

    def _task(self, mutant: Mutant, tests: set[str]) -> Task:
        """The tests in the order in which they are likely to kill."""
        seconds = self._survey.seconds
        quickest = sorted(tests, key=lambda test: (seconds[test], test))
        recent = self._killers[mutant.module, mutant.function][:10]
        proven = sorted(tests.intersection(recent), key=seconds.__getitem__)
        # The tests of the module itself know it best.
        own = [test for test in quickest if test.startswith(f"{TESTS}/test_{mutant.module}.py::")]
        spent = list(accumulate(seconds[test] for test in quickest))
        others = [test for test, s in zip(quickest, spent, strict=True) if s <= _PATIENCE_S]
        # The first mention of each counts.
        ordered = tuple(dict.fromkeys([*proven, *own, *(others or quickest[:1])]))
        return Task(mutant.switch, ordered, tuple(seconds[test] for test in ordered))


_judge: Judge | None = None


def _begin(modules: Sequence[MutatedModule], survey: Survey) -> None:
    global _judge  # noqa: PLW0603 - a worker process has one
    _judge = Judge(modules, survey)


def _judge_one(mutant: Mutant) -> Judged:
    assert _judge is not None
    return Judged(mutant, _judge.judge(mutant))


def judge_all(
    modules: Sequence[MutatedModule], survey: Survey, workers: int
) -> Iterator[list[Judged]]:
    """The mutants of one module after the other."""
    with ProcessPoolExecutor(
        workers, mp_context=get_context("fork"), initializer=_begin, initargs=(modules, survey)
    ) as pool:
        # All are handed out at once, so that no worker waits for the end of a module.
        pending = [[pool.submit(_judge_one, mutant) for mutant in m.mutants] for m in modules]
        for futures in pending:
            yield [future.result() for future in futures]
