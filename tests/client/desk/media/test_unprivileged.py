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


OPENED = """
n=0
for shown in $SHOWN; do
  n=$((n + 1)); mkdir -p "$1/$n"; mount --bind "$shown" "$1/$n" || exit 1
done
for closed in $CLOSED; do mount -t tmpfs -o mode=755 tmpfs "$closed" || exit 1; done
n=0
for shown in $SHOWN; do
  n=$((n + 1)); mkdir -p "$shown"
  for each in $(ls -A "$1/$n"); do
    if [ -d "$1/$n/$each" ]; then mkdir "$shown/$each"; else touch "$shown/$each"; fi
    mount --bind "$1/$n/$each" "$shown/$each" || exit 1
  done
done
shift && cd "$PWD" && exec "$@"
"""
"""In mounts of its own: of folders that nobody may enter only what is shown is there."""


def closed_above(path: Path) -> Path | None:
    """The folder on the way there that others may not enter."""
    ways = (*reversed(path.resolve().parents), path.resolve())
    return next((each for each in ways if not each.stat().st_mode & 0o001), None)


@pytest.mark.timeout(600)
@pytest.mark.skipif(os.geteuid() != 0, reason="whoever runs this is unprivileged already")
def test_an_unprivileged_user_has_the_same_walls_and_the_same_screen(tmp_path: Path) -> None:
    setpriv, unshare = shutil.which("setpriv"), shutil.which("unshare")
    if setpriv is None or unshare is None:
        pytest.skip("there is no setpriv: util-linux")
    home = Path(f"/tmp/qanat-nobody-{os.getpid()}")
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    # This Python and this clone, as far as others may not enter where they lie.
    ways = {path: closed_above(path) for path in (Path(sys.base_prefix).resolve(), ROOT)}
    shown = [str(path) for path, closed in ways.items() if closed is not None]
    prefix: tuple[str, ...] = ()
    if shown:
        closed = " ".join({str(each) for each in ways.values() if each is not None})
        told = (f"SHOWN={' '.join(shown)}", f"CLOSED={closed}")
        mounts = tmp_path / "shown"
        mounts.mkdir()
        prefix = (unshare, "--mount", "env", *told, "sh", "-c", OPENED, "sh", str(mounts))
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
            home.rmdir()
            pytest.skip("nobody else may start this Python, and it can't be shown to them here")
    try:
        done = subprocess.run(
            [
                *prefix,
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
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        assert " passed" in done.stdout or "100%" in done.stdout
    finally:
        shutil.rmtree(home)
