"""The web app's source, client/web, and what of it is built for tests."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[1] / "client" / "web"


def need_web() -> None:
    """Without Node and the packages of client/web the test is skipped."""
    if shutil.which("node") is None or not (WEB / "node_modules").is_dir():
        pytest.skip("client/web is not installed: make test does that")


def build(script: str, made: Path) -> None:
    """Run a script of client/web that makes this file, unless the file is newer than its source."""
    need_web()
    with (WEB / "node_modules" / f".{script}-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = [*(WEB / "src").rglob("*.ts"), *(WEB / "test").glob("*.ts"), WEB / "package.json"]
        newest = max(source.stat().st_mtime for source in sources)
        if not made.exists() or made.stat().st_mtime < newest:
            subprocess.run(["npm", "run", "--silent", script], cwd=WEB, check=True)
            os.utime(made)
