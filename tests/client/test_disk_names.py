"""What a person is told where SQLite itself says little."""

from __future__ import annotations

from pathlib import Path

import pytest

from qanat_client.errors import DiskFull, HomeReadOnly, HomeUnusable
from qanat_client.reporter.database import connect, name_vague
from qanat_client.reporter.home import Home
from qanat_client.reporter.relay_report import RelayReport


@pytest.mark.parametrize(
    ("writable", "free_bytes", "kind", "word"),
    [
        (True, 0, DiskFull, "full"),
        (True, 65_535, DiskFull, "full"),
        (True, 65_536, HomeUnusable, "reports an error"),
        (True, None, HomeUnusable, "reports an error"),
        (False, 0, HomeReadOnly, "can't be written"),
        (False, 1 << 30, HomeReadOnly, "can't be written"),
    ],
)
def test_a_vague_error_is_named_by_what_the_folder_looks_like(
    writable: bool, free_bytes: int | None, kind: type[HomeUnusable], word: str
) -> None:
    named, said = name_vague(HomeUnusable, "the disk reports an error", writable, free_bytes)
    assert named is kind
    assert word in said


def test_a_database_that_is_a_folder_is_named_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "qanat.db").mkdir()
    with pytest.raises(HomeUnusable, match="can't be opened"):
        connect(Home(tmp_path))


def test_a_relay_that_is_not_reached_is_named_once() -> None:
    address = "http://relay.example"
    report = RelayReport(address, "DE", problem=f"{address} can't be reached (no route)")
    assert report.lines() == [f"{address} (DE): can't be reached (no route)"]
