"""A reporter's home that is made from no folder at all, and one that is wiped, when the power goes:
what was told is there, and a wipe is not half a wipe for longer than until the next command."""

import json
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.power_cuts.commands import run
from tests.power_cuts.cutting import Case

from qanat_client.reporter.wipe import OURS

HOME = Path("new", "home")


def qanat(folder: Path, *arguments: str | Path) -> list[str | Path]:
    return ["qanat", "--home", folder / HOME, *arguments]


def sends(folder: Path, place: Path) -> list[list[str | Path]]:
    """Commands that make a home with a card and two reports in it."""
    card, file = write_card(MadeDesk().card(), place), place / "file"
    file.write_bytes(bytes(100_000))
    return [
        qanat(folder, "desk", "add", card, "--yes"),
        qanat(folder, "send", "one", "--no-code", "--attach", file),
        qanat(folder, "send", "two", "--no-code"),
    ]


def recorded_making(place: Path, *how: str) -> Case:
    folder = place / "folder"
    folder.mkdir()
    first, *rest = sends(folder, place)
    words = [*first, *(word for command in rest for word in (",", *command))]
    return Case.record(place, ["-m", "tests.power_cuts.commands", *how, *words])


def recorded_wipe(place: Path, *how: str) -> Case:
    folder = place / "folder"
    folder.mkdir()
    for command in sends(folder, place):
        assert run(*command).code == 0
    wipe = qanat(folder, "wipe", "--yes")
    return Case.record(place, ["-m", "tests.power_cuts.commands", *how, *wipe])


def desks_and_reports(folder: Path) -> tuple[int, int]:
    desks, reports = (
        run(*qanat(folder, *command, "--json")) for command in (("desk", "list"), ("outbox",))
    )
    assert (desks.code, reports.code) == (0, 0)
    return len(json.loads(desks.out)), len(json.loads(reports.out))


def check_made(folder: Path, said: list[str]) -> None:
    desks, reports = desks_and_reports(folder)
    assert desks >= ("ended 1" in said)
    assert reports >= sum("safely queued" in line for line in said)
    if desks:
        assert run(*qanat(folder, "send", "three", "--no-code")).code == 0


def ours_in(folder: Path) -> set[str]:
    return {path.name for pattern in OURS for path in (folder / HOME).glob(pattern)}


def check_wiped(folder: Path, said: list[str]) -> None:
    there = ours_in(folder)
    if any("overwritten and removed" in line for line in said):
        assert not there
    looked = run(*qanat(folder, "desk", "list"))
    assert looked.code == 0, looked.err
    if "finished now" in looked.err or not there:
        assert not ours_in(folder)
        assert desks_and_reports(folder) == (0, 0)
    else:
        assert desks_and_reports(folder) == (1, 2)


def test_what_a_home_was_told_to_hold_survives_a_power_cut(tmp_path: Path) -> None:
    case = recorded_making(tmp_path)
    case.check(check_made, case.some_cuts(40, seed=6), seed=6)


def test_a_home_that_is_made_without_waiting_for_the_disk_is_caught(tmp_path: Path) -> None:
    case = recorded_making(tmp_path, "careless")
    with pytest.raises(AssertionError):
        case.check(check_made, range(case.cuts, 0, -1), seed=6)


def test_a_wipe_that_was_cut_is_finished_by_the_next_command(tmp_path: Path) -> None:
    case = recorded_wipe(tmp_path)
    case.check_all(check_wiped, range(3))


def test_a_wipe_that_does_not_wait_for_the_disk_is_caught(tmp_path: Path) -> None:
    case = recorded_wipe(tmp_path, "careless")
    with pytest.raises(AssertionError):
        case.check_all(check_wiped, range(8))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_what_a_home_was_told_to_hold_survives_a_power_cut_at_any_point(
    tmp_path: Path, seed: int
) -> None:
    case = recorded_making(tmp_path)
    case.check(check_made, range(case.cuts + 1), seed)
