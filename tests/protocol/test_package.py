"""The package as it is imported."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import qanat_protocol


def test_the_package_knows_its_version_and_no_other_attribute() -> None:
    assert qanat_protocol.__version__ == version("qanat")
    with pytest.raises(AttributeError, match="no attribute 'sealed'"):
        _ = qanat_protocol.sealed


def test_sealing_a_letter_loads_nothing_that_slows_a_short_process() -> None:
    code = "import sys, qanat_protocol.letter; print(*sorted(sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout.split()
    assert "qanat_protocol.sealing" in out
    slow = {"asyncio", "aiohttp", "importlib.metadata", "email", "socket", "sqlite3", "PIL"}
    assert slow.isdisjoint(out)
