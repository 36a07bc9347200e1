"""The relay's command line as a process: what it loads, and what it says of itself."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.relay.relay_process import COMMAND, environment


@pytest.mark.parametrize(
    "command",
    [
        ["init", "--name", "Relay of the tests"],
        ["desk", "list"],
        ["peer", "list"],
        ["config"],
        ["status"],
    ],
    ids=" ".join,
)
def test_a_command_waits_for_nothing_that_only_a_server_needs(
    command: list[str], tmp_path: Path
) -> None:
    data = str(tmp_path / "relay")
    make = [] if command[0] == "init" else [f"main(['init', '--data', {data!r}])"]
    foreign = ["aiohttp", "asyncio", "numpy", "qanat_relay.serving", "qanat_relay.caring"]
    program = "; ".join(
        [
            "import sys",
            "from qanat_relay.cli import main",
            *make,
            f"main({[*command, '--data', data]!r})",
            f"sys.exit(', '.join({{*{foreign!r}}} & sys.modules.keys()) or 0)",
        ]
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr


def test_the_version_is_told() -> None:
    told = subprocess.run(
        [*COMMAND, "--version"], env=environment(), check=True, capture_output=True, text=True
    )
    assert told.stdout == f"qanat-relay {version('qanat')}\n"
