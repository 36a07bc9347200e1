"""The benchmarks run and say what they measured. How fast anything is, no test asks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.chain import Chain, new_chain
from benchmarks.desk import today
from benchmarks.fill import Filled
from benchmarks.metered import Failed, Usage, run, running
from benchmarks.nncp import is_installed

from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

# Dozens of programs one after the other, each timed: slow where others are at work too.
pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).resolve().parent.parent
SMALLEST = ("--quick", "--rounds", "1", "--size", "0.01")
SHORT = ("letters", "parts", "ingest", "deposit", "send")
LONG = ("journey", "attachment", "large")
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
STEPS = {
    f"1 letters: {step}"
    for step in ("qanat sync", "qanat-desk pull", "queued to opened", "written to opened")
}
NO_NNCP = "NNCP is not installed (sudo apt install nncp)"
AIMS = {
    "seal a report": 0.6,
    "open and verify it": 0.6,
    "deposit 4 KiB letters by POST": 0.7,
    "deposit 16 KiB letters by POST": 0.7,
    "qanat send, a whole process": 0.5,
}


@pytest.fixture(scope="module", autouse=True)
def _compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All programs of this module find each other's compiled modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("compiled")))
        yield


def start(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *SMALLEST, "--folder", str(folder), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def printed(folder: Path, *groups: str, as_json: bool = False, **options: Any) -> str:
    """What a run of these groups prints; nothing of it stays behind."""
    words = [word for group in groups for word in ("--only", group)]
    with start(folder, *words, *(["--json"] if as_json else []), **options) as process:
        out, said = process.communicate()
    assert process.returncode == 0, said
    assert list(folder.iterdir()) == []
    return out


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        printed(tmp_path_factory.mktemp("disk"), *SHORT, as_json=True)
    )
    return found


@pytest.fixture(scope="module")
def long_rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The rows of the long groups by their names, on a machine without NNCP."""
    empty = tmp_path_factory.mktemp("path")
    out = printed(
        tmp_path_factory.mktemp("disk"), *LONG, as_json=True, env=os.environ | {"PATH": str(empty)}
    )
    return {row["name"]: row for row in json.loads(out)["results"]}


def test_every_comparison_is_reported_with_its_limit(report: dict[str, Any]) -> None:
    assert {result["name"] for result in report["results"]} == MEASURED
    assert all(result["limit"] and result["turns"] >= 1 for result in report["results"])


def test_rates_are_positive_and_ratios_lie_within_their_quartiles(report: dict[str, Any]) -> None:
    for result in report["results"]:
        assert result["ours"] > 0
        assert result["bare"] > 0
        assert 0 < result["low"] <= result["ratio"] <= result["high"]


def test_each_aim_stands_beside_its_ratio_and_is_judged_by_it(report: dict[str, Any]) -> None:
    aims = {row["name"]: row["aim"] for row in report["results"] if row["aim"] is not None}
    assert aims == AIMS
    for row in report["results"]:
        expected = None if row["aim"] is None else row["ratio"] >= row["aim"]
        assert row["is_met"] is expected


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


def test_the_table_has_a_line_for_each_comparison(tmp_path: Path) -> None:
    machine, _, _, head, _, *rows = printed(tmp_path, "letters").splitlines()
    assert "cores" in machine
    assert head.startswith("what")
    assert [row.split("  ")[0] for row in rows] == ["seal a report", "open and verify it"]


def test_a_journey_is_measured_step_by_step_and_without_nncp_says_how_to_get_it(
    tmp_path: Path,
) -> None:
    disk, empty = tmp_path / "disk", tmp_path / "empty"
    disk.mkdir()
    out = printed(disk, "journey", as_json=True, env=os.environ | {"PATH": str(empty)})
    rows = json.loads(out)["results"]
    assert {row["name"] for row in rows} >= STEPS
    assert [row["why"] for row in rows if "why" in row] == [NO_NNCP]


@pytest.mark.soak
def test_the_long_groups_take_every_step_and_every_programs_memory(
    long_rows: dict[str, Any],
) -> None:
    names = set(long_rows)
    assert names >= STEPS
    programs = {name.partition("peak memory of ")[2] for name in names} - {""}
    assert programs == {
        "qanat send",
        "qanat sync",
        "qanat-desk pull",
        "qanat-desk export",
        "qanat-relay serve",
    }
    relay = {row["name"]: row for row in long_rows.values() if row["name"].startswith("a relay")}
    assert {row["aim"] for row in relay.values()} == {None, 0.8, 1.0, 1 / 1.15}
    assert relay["a relay with 100 letters: disk for each"]["ours"] > 4096 + 96


@pytest.mark.soak
def test_without_nncp_its_rows_say_so_and_how_to_get_it(long_rows: dict[str, Any]) -> None:
    whys = [row["why"] for row in long_rows.values() if "why" in row]
    assert whys == [NO_NNCP] * 2


@pytest.mark.soak
@pytest.mark.skipif(not is_installed(), reason="NNCP is not installed (sudo apt install nncp)")
def test_with_nncp_the_same_letters_and_the_same_file_go_through_it(tmp_path: Path) -> None:
    rows = json.loads(printed(tmp_path, "journey", "attachment", as_json=True))["results"]
    assert not [row for row in rows if "why" in row]
    assert len([row for row in rows if "nncp" in row["limit"]]) == 6


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with new_chain(tmp_path / "chain", tmp_path) as (made, _):
        yield made


def test_what_does_not_arrive_is_a_failure_and_no_rate(chain: Chain) -> None:
    chain.queue(["the one report"])
    with pytest.raises(Failed, match="signed for: 1 instead of 2"):
        chain.sync(parcels=2)
    with pytest.raises(Failed, match="reports: 1 instead of 2"):
        chain.pull(reports=2)
    assert chain.texts() == ["the one report"]


def processes_that_name(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


@pytest.mark.timeout(600)
def test_a_large_relay_is_measured_against_a_small_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.large_relay", "--folder", str(tmp_path), "--json"]
    sizes = ["--letters", "1800", "--against", "900", "--deposits", "64"]
    done = subprocess.run([*command, *sizes], cwd=ROOT, capture_output=True, text=True, check=True)
    small, large = json.loads(done.stdout)
    assert (small["level"]["stored"], large["level"]["stored"]) == (900, 1800)
    assert (small["expiring"], large["expiring"]) == (10, 20)
    assert all(each["expiry"]["taken_s"] > 0 and each["peak_mb"] > 0 for each in (small, large))
    assert list(tmp_path.iterdir()) == []


async def test_what_is_laid_into_the_tables_of_a_store_is_what_it_would_have_stored(
    tmp_path: Path,
) -> None:
    tags = [os.urandom(16) for _ in range(3)]
    laid, grown = Filled(tmp_path / "laid", tags), Filled(tmp_path / "grown", tags)
    await asyncio.to_thread(laid.lay, 20_000, lambda _: None)
    await asyncio.to_thread(grown.grow, 2000, lambda _: None)
    stats = []
    for filled in (laid, grown):
        store = await SqliteStore.open(filled.data / "store", StoreLimits())
        assert [problem async for problem in store.check()] == []
        stats.append(await store.stats())
        # All of it is mixed already.
        era = store.era
        await store.sweep(today())
        assert store.era == era
        await store.close()
    assert [each.letters for each in stats] == [20_000, 2000]
    sizes = [filled.size_bytes() / filled.letters for filled in (laid, grown)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_and_no_file(
    tmp_path: Path, number: signal.Signals
) -> None:
    with start(tmp_path, "--only", "large") as process:
        assert process.stderr is not None
        # Its programs are at work from then on.
        while not processes_that_name(tmp_path / next(tmp_path.iterdir(), "nothing yet")):
            assert process.poll() is None, process.stderr.read()
        process.send_signal(number)
        process.communicate()
    assert process.returncode == 128 + number
    assert processes_that_name(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_the_memory_of_a_process_is_its_own_and_not_its_parents() -> None:
    held = bytearray(150_000_000)
    small = run([sys.executable, "-c", "pass"], os.environ)
    large = run([sys.executable, "-c", "held = b'x' * 60_000_000"], os.environ)
    assert small.peak_bytes < 60_000_000 < large.peak_bytes < len(held)


def test_a_program_that_is_stopped_tells_what_it_took() -> None:
    waits = "import time; print('up', flush=True); time.sleep(600)"
    with running([sys.executable, "-c", waits], os.environ) as program:
        assert program.first_line() == "up\n"
        usage = program.stop()
    assert isinstance(usage, Usage)
    assert usage.seconds > 0
    with pytest.raises(Failed, match="ZeroDivisionError"):
        run([sys.executable, "-c", "1 / 0"], os.environ)


def test_the_price_of_a_flood_is_told_for_relay_and_flooder() -> None:
    command = [sys.executable, "-m", "benchmarks.flood_price", "--letters", "40", "--sessions", "2"]
    command += ["--hashes", "1000"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    rows = [line.split() for line in done.stdout.splitlines()[2:]]
    assert len(rows) == 3
    # The last three of each: the relay's, the flooder's, the one by the other.
    assert all(float(value.replace(",", "")) >= 0 for row in rows for value in row[-3:])
    assert "refused" in done.stdout


def test_what_a_relay_tells_of_openings_is_less_once_it_told_all() -> None:
    command = [sys.executable, "-m", "benchmarks.openings", "--letters", "800", "--waiting", "20"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    _, *rows, saved = (line.split() for line in done.stdout.splitlines())
    first, later, without = (int(row[-2].replace(",", "")) for row in rows)
    assert 0 < later < first == without
    assert 0.8 < float(saved[1]) < 1


def test_a_search_is_measured_by_the_clock_and_the_processor() -> None:
    command = [sys.executable, "-m", "benchmarks.search", "--reports", "200", "--each", "3"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert "200 reports" in lines[1]
    assert "A page of the newest" in done.stdout
    rows = [line.split() for line in lines[6:]]
    assert len(rows) == 14
    assert lines[-1].startswith("all of them")
    # Median, 95th percentile and the longest, twice.
    assert all(float(value) > 0 for row in rows for value in row[-6:])
