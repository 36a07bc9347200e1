"""The protocol's tests, run in processes of their own by a mutant or by none.

Each process is forked from one that has imported what comes from outside and nothing of ours, or
from one that has collected every test already. A test gets a limit of processor time, so that a
mutant that loops for ever ends; memory has a limit too.
"""

import contextlib
import gc
import importlib.util
import inspect
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from time import process_time
from types import CodeType, FrameType, ModuleType
from typing import Any

import hypothesis
import pytest
from tests.mutants.making import MutatedModule

ROOT = Path(__file__).parents[2]
TESTS = "tests/protocol"
_OURS = ("qanat_", "tests")
_SWITCH = "MUTANT_UNDER_TEST"
_MEMORY_BYTES = 4 << 30
_COLLECTING_CPU_S = 30.0
_TEST_CPU_S = 1.0
_TEST_FACTOR = 8.0

__all__ = ["ROOT", "TESTS", "Outcome", "Server", "Survey", "Task", "install", "survey"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tests ended: `killer` failed, or none did. `timeout` where time ran out."""

    killed: bool
    timeout: bool = False
    killer: str = ""


@dataclass(slots=True)
class Survey:
    """What one run without a mutant shows: seconds and (file, line) of each test, what ran while
    the protocol was imported, and which modules are not ours."""

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    importing: set[tuple[str, int]] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Task:
    """A mutant's switch, and the tests to run with the seconds that they took in the survey."""

    switch: str
    tests: tuple[str, ...]
    seconds: tuple[float, ...]


class _Loader(SourceFileLoader):
    """Loads a module of the protocol with its mutants in it."""

    def __init__(self, module: MutatedModule) -> None:
        super().__init__(module.name, str(module.path))
        self._module = module

    def get_code(self, fullname: str) -> CodeType:
        return self._module.code


class _Finder:
    """Finds the mutated modules before anything else does."""

    def __init__(self, modules: Iterable[MutatedModule]) -> None:
        self._modules = {module.name: module for module in modules}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if (module := self._modules.get(name)) is None:
            return None
        return importlib.util.spec_from_file_location(name, module.path, loader=_Loader(module))


def install(modules: Iterable[MutatedModule]) -> None:
    """From here on these modules are imported with their mutants."""
    sys.meta_path.insert(0, _Finder(modules))
    sys.path.insert(0, str(ROOT / "protocol"))


def in_child(work: Callable[[Connection], None]) -> Any:
    """What work sends from a process of its own; an Outcome if it dies before it does."""
    receiver, sender = Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        try:
            receiver.close()
            work(sender)
        finally:
            os._exit(0)
    sender.close()
    try:
        told = receiver.recv()
    except EOFError:
        told = None
    receiver.close()
    _, status = os.waitpid(pid, 0)
    if told is not None:
        return told
    timeout = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
    return Outcome(killed=True, timeout=timeout, killer="the process ended")


def _silence(log: Path | None = None) -> None:
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)


def _limit_cpu(seconds: float) -> None:
    """Ends this process by SIGPROF when it has used so much more processor time."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _pytest(plugin: object, paths: Sequence[str]) -> int:
    options = ["-q", "--capture=no", "-o", "timeout=0", "-p", "no:cacheprovider"]
    return int(pytest.main([*options, f"--rootdir={ROOT}", *paths], plugins=[plugin]))


class _Runner:
    """A pytest plugin that runs chosen tests in a chosen order."""

    def __init__(self) -> None:
        self.failed = False

    def pytest_configure(self) -> None:
        # The same few examples every time, so that a mutant is judged alike in every run; that one
        # fails is enough, nobody reads the smallest that does.
        hypothesis.settings.register_profile(
            "mutants",
            parent=hypothesis.settings.get_profile("qanat"),
            derandomize=True,
            database=None,
            max_examples=25,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
            report_multiple_bugs=False,
        )
        hypothesis.settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed

    def run(self, items: Sequence[pytest.Item], task: Task) -> Outcome:
        """Runs the tests of a task in its order and stops at the first that fails."""
        by_name = {item.nodeid: item for item in items}
        chosen = [
            (by_name[name], seconds)
            for name, seconds in zip(task.tests, task.seconds, strict=True)
            if name in by_name
        ]
        following = [*(item for item, _ in chosen[1:]), None]
        for (item, seconds), then in zip(chosen, following, strict=True):
            _limit_cpu(_TEST_CPU_S + _TEST_FACTOR * seconds)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=then)
            if self.failed:
                return Outcome(killed=True, killer=item.nodeid)
        return Outcome(killed=False)


class _Warm(_Runner):
    """Has collected every test as no mutant, and forks a process for each task."""

    def __init__(self, line: Connection) -> None:
        super().__init__()
        self._line = line

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        def work(sender: Connection) -> None:
            _become(task)
            sender.send(self.run(session.items, task))

        # What is frozen is not touched by collections, so the processes share its memory.
        gc.freeze()
        while (task := self._line.recv()) is not None:
            self._line.send(in_child(work))
        return True


class _Fresh(_Runner):
    """Has imported nothing of ours, and forks a process for each task, which collects its tests."""

    def __init__(self, line: Connection) -> None:
        super().__init__()
        self._line = line

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        def work(sender: Connection) -> None:
            _become(task)
            _limit_cpu(_COLLECTING_CPU_S)
            files = sorted({name.partition("::")[0] for name in task.tests})
            items = session.perform_collect(files)
            # A mutant that can't be imported fails every test of the file.
            broken = session.testsfailed > 0
            sender.send(Outcome(killed=True) if broken else self.run(items, task))

        while (task := self._line.recv()) is not None:
            self._line.send(in_child(work))
        return True


def _become(task: Task) -> None:
    os.environ[_SWITCH] = task.switch
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


class Server:
    """A process that forks one for each mutant. What ran before the mutant came is kept if `warm`:
    every test is collected already. If not, the mutant is there when the first module is imported.
    """

    def __init__(self, *, warm: bool, libraries: Sequence[str]) -> None:
        self._line, theirs = Pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._line.close()
                _silence()
                os.environ[_SWITCH] = ""
                for name in libraries:
                    with contextlib.suppress(ImportError):
                        importlib.import_module(name)
                _pytest(_Warm(theirs) if warm else _Fresh(theirs), [TESTS])
            finally:
                os._exit(0)
        theirs.close()

    def run(self, task: Task) -> Outcome:
        """What becomes of a mutant."""
        self._line.send(task)
        told = self._line.recv()
        assert isinstance(told, Outcome)
        return told

    def close(self) -> None:
        """Ends the process."""
        self._line.send(None)
        os.waitpid(self._pid, 0)


class _Surveyor(_Runner):
    """Runs every test by itself and notes which lines of the mutated modules it runs."""

    def __init__(self, modules: Sequence[MutatedModule], sender: Connection) -> None:
        super().__init__()
        self._files = {module.filename: module.name for module in modules}
        self._sender = sender
        self._survey = Survey()
        self._seen: set[tuple[str, int]] = set()

    def begin(self) -> None:
        """Imports the modules, traced."""
        sys.settrace(self._trace)
        for name in self._files.values():
            importlib.import_module(name)
        self._survey.importing |= self._seen
        self._seen.clear()

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        # A module or class runs every `def` line of its own: that runs no function.
        if code.co_filename not in self._files or not code.co_flags & inspect.CO_NEWLOCALS:
            return None
        self._seen.add((code.co_filename, frame.f_lineno))
        return self._trace

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        survey = self._survey
        items: list[pytest.Item] = session.items
        for item, then in zip(items, [*items[1:], None], strict=True):
            self._seen.clear()
            began = process_time()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=then)
            survey.seconds[item.nodeid] = process_time() - began
            survey.lines[item.nodeid] = set(self._seen)
            if self.failed:
                survey.failed.append(item.nodeid)
                self.failed = False
        sys.settrace(None)
        survey.libraries += [name for name in sys.modules if not name.startswith(_OURS)]
        self._sender.send(survey)
        return True


def survey(modules: Sequence[MutatedModule], log: Path) -> Survey:
    """One run of every test by no mutant. What pytest prints goes to the log."""

    def work(sender: Connection) -> None:
        _silence(log)
        os.environ[_SWITCH] = ""
        surveyor = _Surveyor(modules, sender)
        surveyor.begin()
        _pytest(surveyor, [TESTS])

    told = in_child(work)
    if not isinstance(told, Survey):
        raise RuntimeError(f"the tests could not be collected; see {log}")
    return told
