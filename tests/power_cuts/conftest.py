"""Power cuts are recorded on Linux alone; elsewhere its tests are skipped, and say why."""

import pytest
from tests.power_cuts.recording import is_possible


@pytest.fixture(autouse=True)
def _linux() -> None:
    if not is_possible():
        pytest.skip("ptrace is known here for Linux on x86_64 and aarch64")
