"""Five relays as processes, each in a network namespace of its own that comes and goes: what
`python -m benchmarks.mesh` measures in ten minutes, in one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from benchmarks.mesh import Mesh
from benchmarks.namespace import what_is_missing

MISSING = what_is_missing()
SECONDS, REPORTS = 60.0, 200


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
@pytest.mark.timeout(420)
def test_every_report_reaches_a_desk_that_knows_one_relay(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path / "mesh", os.environ, REPORTS)
    mesh.make()
    found = mesh.play(SECONDS, 3, lambda _: None)
    assert found.reported == found.everywhere == REPORTS
    # Of so few reports what a session costs is more than in the measurement.
    assert found.sent < 1.5 * found.needed
