"""`qanat wipe`: overwrites and removes what this program made in its home, and nothing else.

A mark is on the disk before the first file goes, so that a wipe that was cut is finished by the
next command.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from qanat_client.reporter.home import Home, named_os_error, sync_path

__all__ = ["OURS", "UNSURE", "wipe"]

OURS = (
    "qanat.db",
    "qanat.db-wal",
    "qanat.db-shm",
    "qanat.db-journal",
    "qanat.db.before-*",
    "settings.toml",
    "app-port",
    "sync.lock",
    "sealing-*.lock",
    ".*.new",
    "desks/*.card",
    "desks/*.statement",
    "desks/.*.new",
)

UNSURE = (
    "What can't be promised: flash storage (phones, SSDs, USB sticks) keeps old copies that no"
    " program reaches, and backups and snapshots are elsewhere. All of it was sealed; what it could"
    " show is that Qanat was here, how much waited, for which desk and when."
)

_PIECE_BYTES = 1 << 20


def _ours(home: Home) -> Iterator[Path]:
    for pattern in OURS:
        yield from sorted(home.path.glob(pattern))


def _overwrite(path: Path) -> None:
    with path.open("r+b", buffering=0) as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0:
            left -= file.write(os.urandom(min(left, _PIECE_BYTES))) or 0
        os.fsync(file.fileno())


def wipe(home: Home) -> list[Path]:
    """Remove everything; what was left in the home because it is not ours."""
    with contextlib.suppress(OSError):
        home.wipe_mark.touch(mode=0o600)
        sync_path(home.path)
    try:
        for path in _ours(home):
            # A disk that is full or read-only must not keep the rest from going.
            with contextlib.suppress(OSError):
                if path.is_file() and not path.is_symlink():
                    _overwrite(path)
            path.unlink(missing_ok=True)
        if home.desks.is_dir():
            sync_path(home.desks)
            with contextlib.suppress(OSError):
                home.desks.rmdir()
        sync_path(home.path)
        home.wipe_mark.unlink(missing_ok=True)
        sync_path(home.path)
        with contextlib.suppress(OSError):
            home.path.rmdir()
            sync_path(home.path.parent)
    except OSError as error:
        raise named_os_error(error, str(home.path)) from error
    return sorted(home.path.iterdir()) if home.path.exists() else []
