"""Where targets put their files: in memory if they can, and gone when their process is.

What lasts as long as the process is made once and used by many inputs.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

__all__ = ["lasting_folder", "quick_place"]

_MEMORY = Path("/dev/shm")
_LEAST_FREE_BYTES = 256 * 2**20


def quick_place() -> Path | None:
    """A folder in memory, where a store can be made for every input; None where there is none."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _LEAST_FREE_BYTES
    return _MEMORY if roomy else None


def lasting_folder() -> Path:
    """A new folder, removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="qanat-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
