"""docs/operators.md: each command is one, each setting is one, each file is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from qanat_relay.arguments import build_parser
from qanat_relay.settings import Sources

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "operators.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)


class Anything(dict[str, Callable[..., int]]):
    """A function for every command: none of them is called."""

    def __missing__(self, name: str) -> Callable[..., int]:
        return lambda _: 0


def relay_commands() -> list[str]:
    lines = "\n".join(blocks("sh")).splitlines()
    found = [re.search(r"(?:^|[ /])qanat-relay (\w.*)$", line) for line in lines]
    # What the shell hands in is no argument.
    commands = [match[1].partition(" < ")[0] for match in found if match]
    return [command for command in commands if not command.startswith("/")]


def test_every_command_of_the_guide_is_one() -> None:
    commands = relay_commands()
    assert {"init", "serve", "status", "config"} <= {shlex.split(line)[0] for line in commands}
    for line in commands:
        build_parser(Anything()).parse_args(shlex.split(line))


@pytest.mark.parametrize("text", blocks("toml"))
def test_the_settings_of_the_guide_are_taken_as_they_stand(text: str, tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_text(text)
    assert Sources(path, environment={}).read().origins


def test_every_file_that_a_command_of_the_guide_copies_is_there() -> None:
    copied = re.findall(r"(?:sudo cp|-r) ((?:relay|requirements)/\S+)", GUIDE)
    assert len(copied) >= 3
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_unit_and_the_guide_speak_of_the_same_places() -> None:
    unit = (ROOT / "relay" / "systemd" / "qanat-relay.service").read_text()
    for place in ("/opt/qanat", "/var/lib/qanat-relay", "qanat"):
        assert place in unit
        assert place in GUIDE
    (made,) = re.findall(r"useradd --system --home-dir (\S+) .* (\w+)$", GUIDE, re.MULTILINE)
    assert made == ("/var/lib/qanat-relay", "qanat")
    assert f"User={made[1]}\n" in unit
