"""The demonstration is true, and says so when it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from qanat_client.demo.main import conclude, run
from qanat_client.demo.story import Story
from qanat_client.demo.verdict import check_everything


@pytest.mark.timeout(300)  # a minute of windows, on whatever machine this is
async def test_the_whole_story_ends_with_nothing_missing_and_damage_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    story = Story(tmp_path / "story", told.append)
    checks = await story.play()
    assert [check for check in checks if check.problem] == []
    # Five reports, the correction, and an outbox and an inbox for each of three reporters.
    assert len(checks) == 12
    assert told
    assert conclude(checks, story, 1.0) == 0
    assert "MISSING" not in capsys.readouterr().out

    lost = [replace(checks[0], problem="is not in the exported inbox"), *checks[1:]]
    assert conclude(lost, story, 1.0) != 0
    assert capsys.readouterr().out.count("MISSING") == 1

    (film,) = story.export_folder.rglob("*film.y4m")
    with film.open("r+b") as file:
        file.seek(10_000_000)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    damaged = await check_everything(story.desk, story.reporters, story.export_folder)
    assert [check.problem for check in damaged if check.problem] == [
        "film.y4m is not what was sent"
    ]
    assert conclude(damaged, story, 1.0) != 0


def test_the_demonstration_leaves_a_folder_that_is_not_empty_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("mine")
    assert run(["-o", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert "not empty" in capsys.readouterr().err
