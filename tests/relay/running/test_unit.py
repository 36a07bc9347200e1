"""The unit for systemd: what it lets the relay do, judged by systemd's own program."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[3] / "relay" / "systemd" / "qanat-relay.service"
MOST_EXPOSED = 2.0

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze: apt install systemd"
)


def analyze(*arguments: str) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_unit_leaves_little_exposed() -> None:
    told = analyze("security", "--offline=true", "--no-pager", str(UNIT))
    found = re.search(r"Overall exposure level for qanat-relay.service: ([0-9.]+)", told)
    assert found
    assert float(found[1]) < MOST_EXPOSED, told


def test_systemd_finds_nothing_wrong_in_the_unit(tmp_path: Path) -> None:
    # The program is not there where tests run; another stands for it.
    text = UNIT.read_text()
    assert "ExecStart=/opt/qanat/bin/qanat-relay serve " in text
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace("/opt/qanat/bin/qanat-relay", sys.executable))
    told = analyze("verify", "--man=no", str(copy))
    assert UNIT.name not in told, told


def test_the_unit_has_the_one_right_that_a_low_port_needs() -> None:
    lines = UNIT.read_text().splitlines()
    for setting in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert f"{setting}=CAP_NET_BIND_SERVICE" in lines
    assert "ExecReload=/bin/kill -HUP $MAINPID" in lines
