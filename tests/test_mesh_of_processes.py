"""Relays as processes, each in a network namespace of its own that comes and goes: what `python -m
benchmarks.mesh` measures of five in ten minutes, of three in a few seconds, or of five in one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from benchmarks.mesh import Mesh
from benchmarks.namespace import what_is_missing

MISSING = what_is_missing()


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
@pytest.mark.timeout(420)
@pytest.mark.parametrize(
    ("relays", "seconds", "reports", "most"),
    [(3, 10.0, 60, 2.0), pytest.param(5, 60.0, 200, 1.5, marks=pytest.mark.soak)],
)
def test_every_report_reaches_a_desk_that_knows_one_relay(
    tmp_path: Path, relays: int, seconds: float, reports: int, most: float
) -> None:
    mesh = Mesh(tmp_path / "mesh", os.environ, reports, relays)
    mesh.make()
    found = mesh.play(seconds, 3, lambda _: None)
    assert found.reported == found.everywhere == reports
    # Of so few reports what a session costs is more than in the measurement.
    assert found.sent < most * found.needed
