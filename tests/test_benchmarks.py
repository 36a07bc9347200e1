"""The benchmarks run and say what they measured. How fast anything is, no test asks."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SMALLEST = ("--quick", "--rounds", "1", "--size", "0.01")
SHORT = ("letters", "parts", "ingest", "deposit", "send")
MEASURED = {
    "seal a report",
    "open and verify it",
    "seal an attachment",
    "open an attachment",
    "store 4 KiB letters, 1 caller",
    "store 4 KiB letters, 8 callers",
    "store 16 KiB letters, 1 caller",
    "store 16 KiB letters, 8 callers",
    "deposit 4 KiB letters by POST",
    "deposit 16 KiB letters by POST",
    "qanat send, a whole process",
}


def only(*groups: str) -> list[str]:
    return [word for group in groups for word in ("--only", group)]


def run(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *SMALLEST, "--folder", str(folder), *arguments],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        run(tmp_path_factory.mktemp("disk"), "--json", *only(*SHORT))
    )
    return found


def test_every_comparison_is_reported_with_its_limit(report: dict[str, Any]) -> None:
    assert {result["name"] for result in report["results"]} == MEASURED
    assert all(result["limit"] and result["turns"] >= 1 for result in report["results"])


def test_rates_are_positive_and_ratios_lie_within_their_quartiles(report: dict[str, Any]) -> None:
    for result in report["results"]:
        assert result["ours"] > 0
        assert result["bare"] > 0
        assert 0 < result["low"] <= result["ratio"] <= result["high"]


def test_a_stored_letter_takes_at_least_its_own_bytes(report: dict[str, Any]) -> None:
    found = {
        result["name"]: result["details"]["bytes on disk a letter"]
        for result in report["results"]
        if result["details"]
    }
    assert found["store 4 KiB letters, 1 caller"] > 4096
    assert found["store 16 KiB letters, 1 caller"] > 16_384


def test_the_machine_is_described(report: dict[str, Any]) -> None:
    machine = report["machine"]
    assert machine["cores"] >= 1
    assert machine["python"] == ".".join(map(str, sys.version_info[:3]))
    assert machine["sqlite"]
    assert machine["cryptography"]


def test_the_table_has_a_line_for_each_comparison_and_nothing_stays_behind(tmp_path: Path) -> None:
    machine, _, _, head, _, *rows = run(tmp_path, "--only", "letters").splitlines()
    assert "cores" in machine
    assert head.startswith("what")
    assert [row.split("  ")[0] for row in rows] == ["seal a report", "open and verify it"]
    assert list(tmp_path.iterdir()) == []
