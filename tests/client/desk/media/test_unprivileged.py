"""The walls and the screen for a user who is not root: the same tests, run as nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
NOBODY = 65_534
TESTS = (
    "tests/client/desk/media/test_confinement.py",
    "tests/client/desk/serve/test_gate.py",
)


def can_be_reached(path: Path) -> bool:
    """Whether any user may go there."""
    return all(each.stat().st_mode & 0o001 for each in (*path.resolve().parents, path.resolve()))


@pytest.mark.timeout(600)
@pytest.mark.skipif(os.geteuid() != 0, reason="whoever runs this is unprivileged already")
def test_an_unprivileged_user_has_the_same_walls_and_the_same_screen(tmp_path: Path) -> None:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("there is no setpriv: util-linux")
    if not (can_be_reached(Path(sys.executable)) and can_be_reached(ROOT / "pyproject.toml")):
        pytest.skip("nobody else may start this Python: it lies in a folder of root's")
    home = Path(f"/tmp/qanat-nobody-{os.getpid()}")
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    try:
        done = subprocess.run(
            [
                *(setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *("--basetemp", str(home / "tests"), *TESTS),
            ],
            env={"HOME": str(home), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        assert " passed" in done.stdout
    finally:
        shutil.rmtree(home)
