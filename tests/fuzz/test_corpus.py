"""Every kept input against its law, without a fuzzer: whatever was found once stays found."""

import pytest
from tests.fuzz.corpus import FOLDER, read_corpus
from tests.fuzz.registry import load_targets

TARGETS = load_targets()
MOST_BYTES = 3 * 2**20


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
