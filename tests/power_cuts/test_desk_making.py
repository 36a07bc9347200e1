"""A desk that is made, from no folder at all, when the power goes: it is there with its root key,
or `qanat-desk init` makes one, and nobody has to remove anything by hand."""

import time
from pathlib import Path

import pytest
from tests.power_cuts.commands import run
from tests.power_cuts.cutting import Case, Check
from tests.power_cuts.desk_writer import KEY

from qanat_client.desk.card_book import ROOT_KEY_NAME
from qanat_client.desk.desk import CARD_NAME, open_desk
from qanat_client.desk.vault import VAULT_NAME

HOME = Path("new", "desk")


def init(folder: Path, secret: Path) -> list[str | Path]:
    wish = ["init", "--name", "A desk", "--weeks", "2"]
    return ["qanat-desk", "--home", folder / HOME, "--passphrase-file", secret, *wish]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(KEY)
    return path


def recorded(place: Path, secret: Path, *how: str) -> Case:
    folder = place / "folder"
    folder.mkdir()
    return Case.record(place, ["-m", "tests.power_cuts.commands", *how, *init(folder, secret)])


def checking(case: Case, secret: Path, outcomes: set[str]) -> Check:
    made_there = case.disk.unharmed().files
    root_key, card = (made_there[(HOME / name).as_posix()] for name in (ROOT_KEY_NAME, CARD_NAME))

    def check(folder: Path, said: list[str]) -> None:
        home = folder / HOME
        names = {path.name for path in home.iterdir()} if home.exists() else set()
        is_made = VAULT_NAME in names
        is_whole = {VAULT_NAME, ROOT_KEY_NAME, CARD_NAME} <= names
        outcomes.add("whole" if is_whole else "half" if is_made else "none")
        if said:
            assert is_whole
        again = run(*init(folder, secret))
        if is_whole:
            assert "holds a desk already" in again.err
        else:
            assert again.code == 0, again.err
            assert ("finished" in again.err) == is_made
        assert {path.name for path in home.iterdir()} == {VAULT_NAME, ROOT_KEY_NAME, CARD_NAME}
        desk = open_desk(home, KEY, time.time)
        desk.vault.close()
        assert desk.card.envelope == (home / CARD_NAME).read_bytes()
        if is_made:
            assert (home / ROOT_KEY_NAME).read_bytes() == root_key
            assert desk.card.envelope == card

    return check


def test_a_desk_whose_making_was_cut_is_finished_or_made_by_the_next_init(
    tmp_path: Path, secret: Path
) -> None:
    case = recorded(tmp_path, secret)
    outcomes: set[str] = set()
    # It becomes a desk near the end.
    cuts = {*case.some_cuts(3, seed=5), *range(case.cuts - 20, case.cuts + 1)}
    case.check(checking(case, secret, outcomes), sorted(cuts), seed=5)
    assert outcomes == {"none", "half", "whole"}


def test_an_init_that_does_not_wait_for_the_disk_is_caught(tmp_path: Path, secret: Path) -> None:
    case = recorded(tmp_path, secret, "careless")
    with pytest.raises(AssertionError):
        case.check(checking(case, secret, set()), range(case.cuts, 0, -1), seed=5)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_a_desk_whose_making_was_cut_at_any_point_is_there_after_the_next_init(
    tmp_path: Path, secret: Path, seed: int
) -> None:
    case = recorded(tmp_path, secret)
    case.check(checking(case, secret, set()), range(case.cuts + 1), seed)
