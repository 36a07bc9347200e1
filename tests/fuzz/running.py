"""Fuzzing by coverage: one process for each target, forked from one that has imported all of them.

Finds crashes and new inputs; what an input means is its target's business.
"""

from __future__ import annotations

import contextlib
import io
import os
import pkgutil
import re
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import atheris
from tests.fuzz.corpus import name_of
from tests.fuzz.folders import quick_place
from tests.fuzz.mutating import mutate_record
from tests.fuzz.registry import CARELESS
from tests.fuzz.target import Shape, Target

__all__ = ["PACKAGES", "Ran", "instrument", "instrument_careless", "merge", "run", "tell"]

PACKAGES = ("qanat_protocol", "qanat_relay", "qanat_client")

MAX_MEMORY_BYTES = 3 * 2**30
"""Of addresses, for one target: whoever allocates from a claimed size meets a MemoryError."""

MAX_INPUT_S = 300
"""One input that takes longer is a finding as well; a busy machine is none."""

BROKEN, FAILED = 77, 78
SAID = "said"

_EXECUTED = re.compile(r"^(?:#|stat::number_of_executed_units: )(\d+)", re.MULTILINE)
_FEATURES = re.compile(r"^FT (\d+)((?: \d+)+)$", re.MULTILINE)
_COVERED = re.compile(r"cov: (\d+) ft: (\d+)")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did: executions, edges that it covered, seconds of CPU, and what broke the law."""

    target: str
    executions: int
    edges: int
    cpu_s: float
    crashes: tuple[Path, ...]
    said: str


def instrument() -> None:
    """Import all of Qanat so that what it does is counted. Before anything else imports it."""
    with _counted(*PACKAGES):
        for package in PACKAGES:
            for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
                import_module(module.name)


def instrument_careless() -> None:
    """The same for the careless parsers."""
    with _counted("tests"):
        import_module(f"tests.fuzz.{CARELESS}")


@contextmanager
def _counted(*packages: str) -> Iterator[None]:
    # It tells of each module; that is of no use to anybody here.
    with (
        contextlib.redirect_stderr(io.StringIO()),
        atheris.instrument_imports(include=list(packages), enable_loader_override=False),
    ):
        yield


def _mutator(target: Target) -> Callable[[bytes, int, int], bytes] | None:
    if target.shape is not Shape.RECORD:
        return None

    def mutate(data: bytes, max_bytes: int, seed: int) -> bytes:
        return mutate_record(data, max_bytes, seed, atheris.Mutate)

    return mutate


def _kept_to(target: Target, crashes: Path) -> Callable[[bytes], None]:
    """The law; an input that breaks it is written down, and the process ends."""

    def law(data: bytes) -> None:
        try:
            target.law(data)
        except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
            (crashes / f"{target.name}-{name_of(data)}").write_bytes(data)
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(BROKEN)

    return law


def _fuzz(target: Target, arguments: list[str], crashes: Path) -> None:
    """In the child: never returns."""
    output = os.open(crashes / SAID, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    mutator = _mutator(target)
    given = {} if mutator is None else {"custom_mutator": mutator}
    # Temporary files go where they are removed with everything else.
    tempfile.tempdir = str(crashes.parent)
    # What takes too long, or crashes the interpreter, is kept by the fuzzer itself.
    arguments = [*arguments, f"-artifact_prefix={crashes}/{target.name}-"]
    atheris.Setup([target.name, *arguments], _kept_to(target, crashes), **given)
    atheris.Fuzz()


def _in_a_process(target: Target, arguments: list[str], crashes: Path) -> tuple[int, float, str]:
    """(exit status, seconds of CPU, what it said); inputs that broke the law are in `crashes`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            _fuzz(target, arguments, crashes)
        except BaseException:  # noqa: BLE001 - the child must never go on as its parent
            traceback.print_exc()
        os._exit(FAILED)
    _, status = os.waitpid(child, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = (crashes / SAID).read_text(errors="replace")
    (crashes / SAID).unlink()
    return os.waitstatus_to_exitcode(status), cpu_s, said


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for one run."""
    with tempfile.TemporaryDirectory(prefix="qanat-fuzz-", dir=quick_place()) as folder:
        yield Path(folder)


def _lay_out(folder: Path, inputs: Iterable[bytes]) -> Path:
    folder.mkdir()
    for data in inputs:
        (folder / name_of(data)).write_bytes(data)
    return folder


def run(
    target: Target,
    inputs: Iterable[bytes],
    *,
    crashes: Path,
    runs: int | None = None,
    seconds: int | None = None,
    seed: int = 1,
) -> tuple[Ran, list[bytes]]:
    """Fuzz one target, from these inputs on; what it did, and all inputs that are worth keeping.

    With `runs` the same seed gives the same run.
    """
    with _folder() as made:
        corpus, found = _lay_out(made / "corpus", inputs), _lay_out(made / "found", ())
        arguments = [
            f"-seed={seed}",
            f"-max_len={target.max_bytes}",
            f"-timeout={MAX_INPUT_S}",
            f"-report_slow_units={MAX_INPUT_S}",
            "-print_final_stats=1",
            "-rss_limit_mb=2048",
        ]
        if target.words:
            words = made / "words"
            words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words))
            arguments.append(f"-dict={words}")
        arguments += [f"-runs={runs}"] if runs is not None else []
        arguments += [f"-max_total_time={seconds}"] if seconds is not None else []
        status, cpu_s, said = _in_a_process(target, [*arguments, str(corpus)], found)
        covered = _COVERED.findall(said)
        kept = [path.read_bytes() for path in sorted(corpus.iterdir())]
        ran = Ran(
            target.name,
            max(map(int, _EXECUTED.findall(said)), default=0),
            int(covered[-1][0]) if covered else 0,
            cpu_s,
            tuple(_keep(path, crashes) for path in sorted(found.iterdir())),
            said,
        )
        if status and not ran.crashes:
            raise RuntimeError(f"{target.name} ended with {status} and no input:\n{said[-3000:]}")
        return ran, kept


def _keep(path: Path, crashes: Path) -> Path:
    crashes.mkdir(parents=True, exist_ok=True)
    kept = crashes / path.name
    kept.write_bytes(path.read_bytes())
    return kept


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def merge(target: Target, inputs: Iterable[bytes]) -> list[bytes]:
    """Of these inputs the shortest that together cover as much as all of them."""
    with _folder() as made:
        folder, found = _lay_out(made / "all", inputs), _lay_out(made / "found", ())
        paths = sorted(folder.iterdir(), key=lambda path: (path.stat().st_size, path.name))
        control = made / "control"
        # What libFuzzer's own -merge=1 does in a second process: here the fork is that process.
        control.write_text("\n".join([str(len(paths)), "0", *map(str, paths), ""]))
        arguments = ["-merge_inner=1", f"-merge_control_file={control}"]
        arguments += [f"-max_len={target.max_bytes}", f"-timeout={MAX_INPUT_S}"]
        status, _, said = _in_a_process(target, arguments, found)
        features = _FEATURES.findall(control.read_text())
        if status or not features:
            raise RuntimeError(f"{target.name} does not merge:\n{said[-3000:]}")
        covered: set[str] = set()
        kept = []
        for number, listed in features:
            if not covered >= (new := set(listed.split())):
                covered |= new
                kept.append(paths[int(number)].read_bytes())
        return kept


def tell(ran: Ran) -> None:
    """One line on a run."""
    print(
        f"{ran.target:<20} {ran.executions:>9,} executions  {ran.edges:>6,} edges"
        f"  {ran.cpu_s:>7.1f} s of CPU",
        flush=True,
    )
