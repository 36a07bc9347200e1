"""`qanat simulate` from end to end: lists, runs, draws, and says what is wrong."""

import importlib.util
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.client.reporter_runs import START
from tests.simulator.scenes import SMALL

from qanat_client.reporter.cli import main
from qanat_simulation.library import builtin_names

BESIDE = ("--only", "optimum,flooding,direct")


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def test_a_scenario_is_run_and_told_as_a_table(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(scenario), *BESIDE]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "A small one\n1 days, 6 reporters, 1 couriers, 1 relays, one desk; seed 1"
    )
    assert "letters" in out
    assert [name for name in ("optimum", "flooding", "direct") if f"  {name}" not in out] == []


def test_a_seed_gives_the_same_run_and_another_one_another(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for seed in ("3", "3", "4"):
        assert main(["simulate", str(scenario), *BESIDE, "--json", "--seed", seed]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert told[0]["systems"] != told[2]["systems"]
    assert told[0]["nodes"] == {"reporter": 6, "courier": 1, "relay": 1, "desk": 1}


def test_what_python_hashes_by_makes_no_difference(scenario: Path) -> None:
    command = [*START, "simulate", str(scenario), *BESIDE, "--json"]
    told = [
        subprocess.run(
            command,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]
    assert json.loads(told[0])["systems"]
    assert told[0] == told[1]


def test_drawings_go_into_the_folder_that_is_named(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "drawings"
    assert main(["simulate", str(scenario), *BESIDE, "-o", str(folder)]) == 0
    assert len(list(folder.glob("small-*.png"))) == len(list(folder.glob("small-*.svg"))) == 3
    assert str(folder / "small-delivery.svg") in capsys.readouterr().out


def test_reporters_and_days_can_be_fewer(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["simulate", str(scenario), "--only", "direct", "--json"]
    assert main([*command, "--reporters", "2", "--days", "0.5"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["nodes"]["reporter"] == 2
    assert told["duration_s"] == 43_200
    assert "optimum" not in told["systems"]


def test_lines_can_be_of_another_kind(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    scenario.write_text(SMALL.replace("with_fixed = 50", "with_fixed = 0"))
    for options in ([], ["--mobile", "3g", "--loss", "5"]):
        command = ["simulate", str(scenario), "--only", "direct", "--json", *options]
        assert main(command) == 0
        told.append(json.loads(capsys.readouterr().out)["systems"]["direct"]["originals"])
    assert told[0]["median_s"] > 2 * told[1]["median_s"]


def test_the_optimum_can_be_left_out(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["simulate", str(scenario), *BESIDE, "--without-optimum", "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["systems"]) == {"flooding", "direct"}
    assert told["systems"]["direct"]["letters"]["of_optimum"] is None


def test_the_list_names_all_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--list"]) == 0
    out = capsys.readouterr().out
    assert [name for name in builtin_names() if f"{name}  " not in out] == []
    assert "net4people/bbs issue 99" in out
    assert main(["simulate", "--list", "--json"]) == 0
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told] == builtin_names()
    assert all(each["sources"] for each in told)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            lambda text: text.replace('mobile = "bad"', 'mobile = "bat"'),
            [],
            "small.toml:17: there is no",
        ),
        (lambda text: text + "[", [], "this is not TOML"),
        (None, ["--reporters", "0"], "one reporter at least"),
    ],
)
def test_what_is_wrong_with_a_scenario_is_told_in_one_line(
    scenario: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[str], str] | None,
    options: list[str],
    message: str,
) -> None:
    if change is not None:
        scenario.write_text(change(SMALL))
    assert main(["simulate", str(scenario), *BESIDE, *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith("qanat simulate: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(tmp_path / "none.toml")]) == 2
    assert "none.toml: no such file" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_named_before_anything_runs(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(scenario), *BESIDE, "-o", str(scenario / "under")]) == 2
    assert "small.toml/under can't be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name a scenario, or say --list"),
        (["x.toml", "--only", "qanta"], "there is no system 'qanta'"),
        (["x.toml", "--only", ","], "name some of"),
        (["x.toml", "--days", "0"], "from 0 to 60 days"),
        (["x.toml", "--days", "many"], "invalid"),
        (["x.toml", "--mobile", "5g"], "invalid choice: '5g'"),
        (["x.toml", "--loss", "51"], "from 0 to 50 %"),
    ],
)
def test_bad_usage_is_told(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["simulate", *options])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_install_it(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> object:
        return None if name == "scipy" else there(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    assert main(["simulate", str(scenario)]) == 2
    err = capsys.readouterr().err
    assert "this needs scipy: install Qanat with its extra simulate" in err
    assert "pip install '.[simulate]'" in err


@pytest.mark.parametrize("command", ["demo", "simulate"])
def test_options_of_a_command_that_stands_apart_reach_it(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "--output DIR" in capsys.readouterr().out
