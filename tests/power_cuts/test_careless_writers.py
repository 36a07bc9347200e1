"""The power cuts themselves: they find carelessness of every kind, and none where there is none."""

import sqlite3
from pathlib import Path
from random import Random

import pytest
from tests.power_cuts.careless_writer import WAYS, numbers_in
from tests.power_cuts.cutting import Case
from tests.power_cuts.disk import Disk, Remains
from tests.power_cuts.recording import Record

CAREFUL = list(WAYS)[:2]


def remains_of(disk: Disk, seed: int) -> bytes:
    return disk.after(len(disk.records), Random(seed)).files["a"]


def check(folder: Path, said: list[str]) -> None:
    assert numbers_in(folder) >= {int(line) for line in said}


def recorded(place: Path, way: str) -> Case:
    (place / "folder").mkdir()
    return Case.record(place, ["-m", "tests.power_cuts.careless_writer", place / "folder", way])


@pytest.mark.parametrize("way", CAREFUL)
def test_a_writer_that_waits_for_the_disk_loses_nothing(tmp_path: Path, way: str) -> None:
    case = recorded(tmp_path, way)
    assert len(case.disk.said(case.cuts)) == 8
    case.check_all(check, range(3))


@pytest.mark.parametrize("way", [way for way in WAYS if way not in CAREFUL])
def test_a_careless_writer_is_caught(tmp_path: Path, way: str) -> None:
    case = recorded(tmp_path, way)
    with pytest.raises((AssertionError, sqlite3.DatabaseError)):
        case.check_all(check, range(8))


def test_what_was_not_synced_is_there_or_not_or_torn() -> None:
    old, new = bytes(2048), b"\xff" * 2048
    disk = Disk(Remains({"a": old}), [["write", 0, 0, new], ["said", "x\n"]])
    found = {remains_of(disk, seed) for seed in range(200)}
    assert {old, new} < found
    torn = found - {old, new}
    assert torn
    for data in torn:
        assert all(len(set(data[at : at + 512])) == 1 for at in range(0, 2048, 512))


def test_an_fsync_keeps_what_was_written_before_it_began() -> None:
    records: list[Record] = [
        ["write", 0, 0, b"1"],
        ["write", 0, 1, b"2"],  # while the fsync ran
        ["sync", 0, 1],
    ]
    disk = Disk(Remains({"a": b"00"}), records)
    assert {remains_of(disk, seed) for seed in range(50)} == {b"10", b"12"}


def test_names_are_kept_in_their_order() -> None:
    records: list[Record] = [["create", "b", 1], ["rename", "b", "c"], ["unlink", "a"]]
    disk = Disk(Remains({"a": b""}), records)
    found = {tuple(sorted(disk.after(3, Random(seed)).files)) for seed in range(100)}
    assert found == {("a",), ("a", "b"), ("a", "c"), ("c",)}


def test_an_fsync_of_a_folder_keeps_the_names_in_it_alone() -> None:
    records: list[Record] = [
        ["mkdir", "f"],
        ["create", "a", 0],
        ["create", "f/b", 1],
        ["sync_names", ".", 3],
    ]
    disk = Disk(Remains(), records)
    assert {tuple(disk.after(3, Random(seed)).files) for seed in range(100)} >= {(), ("a",)}
    found = {tuple(disk.after(4, Random(seed)).files) for seed in range(100)}
    assert found == {("a",), ("a", "f/b")}


def test_a_case_is_the_same_each_time(tmp_path: Path) -> None:
    case = recorded(tmp_path, "never waits for the disk")
    again = Case(tmp_path)
    for cut in range(case.cuts + 1):
        assert case.remains(cut, 3) == again.remains(cut, 3)
