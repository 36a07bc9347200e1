"""Folders that last as long as the process: what is made once and used by many inputs."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

__all__ = ["lasting_folder"]


def lasting_folder() -> Path:
    """A new folder, removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="qanat-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
