"""Every kept input against its law, without a fuzzer: whatever was found once stays found."""

import ast
import pkgutil
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from tests.fuzz.corpus import FOLDER, read_corpus
from tests.fuzz.folders import quick_place
from tests.fuzz.registry import load_targets

import qanat_protocol

TARGETS = load_targets()
MOST_BYTES = 3 * 2**20
READS = ("parse_", "decode_", "open_", "verify_", "check_", "unpack", "normalise", "iter_bundle")


@pytest.fixture(scope="module", autouse=True)
def _in_memory() -> Iterator[None]:
    before = tempfile.tempdir
    tempfile.tempdir = str(quick_place() or tempfile.gettempdir())
    yield
    tempfile.tempdir = before


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_keeps_its_law(name: str) -> None:
    target = TARGETS[name]
    inputs = [*read_corpus(name), *target.seeds()]
    assert inputs
    for data in inputs:
        try:
            target.law(data)
        except Exception as error:
            error.add_note(f"the input of {name}: {data.hex()}")
            raise


def test_every_corpus_has_its_target_and_all_are_small() -> None:
    kept = {path.stem: path.stat().st_size for path in FOLDER.glob("*.zip")}
    assert set(kept) == set(TARGETS)
    assert sum(kept.values()) < MOST_BYTES


@pytest.mark.parametrize("name", TARGETS)
def test_no_kept_input_is_longer_than_its_target_takes(name: str) -> None:
    assert all(len(data) <= TARGETS[name].max_bytes for data in read_corpus(name))


def _readers() -> set[str]:
    """Every public function of the protocol that judges what somebody else has made."""
    modules = pkgutil.iter_modules(qanat_protocol.__path__, "qanat_protocol.")
    names = (getattr(import_module(module.name), "__all__", ()) for module in modules)
    return {name for public in names for name in public if name.startswith(READS)}


# Read as a part of what has a target, by whose errors theirs are judged.
INSIDE = {"check_name", "check_parts", "verify_signature"}


def _named_in_targets() -> set[str]:
    return {
        node.id
        for path in (Path(__file__).parent / "targets").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Name)
    }


def test_every_reader_of_the_protocol_has_a_target() -> None:
    assert _readers() >= {"parse_card", "decode_frame", "unpack", "verify_single"}
    assert _readers() - _named_in_targets() == INSIDE
