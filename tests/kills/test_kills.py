"""SIGKILL at random moments: whatever a program had said holds, and the next start goes on.

Each run says its seed. QANAT_KILLS_SEED gives one again: the same work, the same moments.
"""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from tests.power_cuts.cutting import REPOSITORY, environment
from tests.power_cuts.recording import is_possible

pytestmark = pytest.mark.skipif(not is_possible(), reason="moments are counted by ptrace")

SHARES = {"relay": 334, "reporter": 333, "desk": 333}
"""A thousand."""


def kill(work: str, folder: Path, times: int, seed: int | None = None) -> str:
    """Let a program work and kill it so often; what the nursery said."""
    given = os.environ.get("QANAT_KILLS_SEED")
    seed = int(given) if given else seed if seed is not None else secrets.randbits(32)
    nursery = [sys.executable, "-m", "tests.kills.nursery", work, str(folder), str(times)]
    ran = subprocess.run(
        [*nursery, str(seed)],
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    print(ran.stdout)
    assert ran.returncode == 0, f"seed {seed}\n{ran.stderr}"
    return ran.stdout


def test_what_is_said_before_it_is_stored_is_caught(tmp_path: Path) -> None:
    kill("careful", tmp_path / "careful", 12, seed=1)
    with pytest.raises(AssertionError, match="not as it must be: run"):
        kill("careless", tmp_path / "careless", 12, seed=1)


@pytest.mark.timeout(600)  # a machine that does much else at once takes minutes
@pytest.mark.parametrize("work", SHARES)
def test_whatever_was_said_holds_after_a_kill(tmp_path: Path, work: str) -> None:
    kill(work, tmp_path / "killed", SHARES[work] // 48)


@pytest.mark.soak
@pytest.mark.parametrize("work", SHARES)
def test_whatever_was_said_holds_after_a_thousand_kills(tmp_path: Path, work: str) -> None:
    kill(work, tmp_path / "killed", SHARES[work])
