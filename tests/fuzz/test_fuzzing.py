"""The fuzzer itself: a short run of every target, and careless parsers that it has to catch."""

import subprocess
import sys
from pathlib import Path
from random import Random

import msgpack
import pytest
from tests.fuzz.mutating import mutate_record
from tests.fuzz.registry import load_careless, load_targets
from tests.fuzz.target import Shape

from qanat_protocol.record import pack

ROOT = Path(__file__).resolve().parents[2]
PATHS = ":".join(str(ROOT / each) for each in ("protocol", "relay", "client", "."))


def fuzz(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own: the fuzzer ends whatever it runs in."""
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *map(str, arguments)],
        cwd=ROOT,
        env={"PYTHONPATH": PATHS, "PATH": "/usr/bin:/bin"},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def _atheris() -> None:
    pytest.importorskip("atheris", reason="atheris is built for Linux on x86_64 alone")


@pytest.mark.usefixtures("_atheris")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", [4, pytest.param(1, marks=pytest.mark.soak)])
def test_a_short_run_breaks_no_law(tmp_path: Path, share: int) -> None:
    """Of every fourth target; of all of them where there is time."""
    names = list(load_targets())[::share]
    done = fuzz("--brief", "--crashes", tmp_path, *names)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
    ran = [line.split()[0] for line in done.stdout.splitlines()]
    assert ran == names


@pytest.mark.usefixtures("_atheris")
def test_a_short_run_catches_every_careless_parser(tmp_path: Path) -> None:
    done = fuzz("--brief", "--careless", "--crashes", tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    for name in load_careless():
        (found,) = tmp_path.glob(f"{name}-*")
        assert f"make fuzz TARGET={name} REPLAY={found}" in done.stderr
        # The command that is shown needs no fuzzer, and breaks the law again.
        if name != "careless-memory":
            again = fuzz(name, "--replay", found)
            assert again.returncode == 1
            assert "Traceback" in again.stderr


def test_a_target_that_does_not_exist_is_named() -> None:
    done = fuzz("no-such-target", "--replay", __file__)
    assert done.returncode == 2


def test_the_same_seed_changes_a_record_in_the_same_way() -> None:
    data = pack([1, b"binary", "text", [2, [None, True]], pack([3, b"inner"])])
    flip = bytes(reversed(data))
    made = [
        mutate_record(data, 4096, seed, lambda data, _: bytes(reversed(data)))
        for seed in range(400)
    ]
    assert made == [
        mutate_record(data, 4096, seed, lambda data, _: bytes(reversed(data)))
        for seed in range(400)
    ]
    assert len(set(made)) > 200
    records = [each for each in made if each not in (data, flip)]
    assert all(isinstance(msgpack.unpackb(each, strict_map_key=False), list) for each in records)


def test_no_mutation_is_longer_than_allowed() -> None:
    source = Random(1)
    data = pack([b"x" * 60, [b"y" * 20] * 3])
    for seed in range(300):
        most = source.randrange(1, 200)
        assert len(mutate_record(data, most, seed, lambda data, size: data[:size])) <= most


def test_every_target_begins_with_inputs_that_it_takes() -> None:
    for target in load_targets().values():
        seeds = list(target.seeds())
        assert seeds
        assert max(map(len, seeds)) <= target.max_bytes
        if target.shape is Shape.RECORD:
            assert any(each[0] >= 0x90 for each in seeds if each)
