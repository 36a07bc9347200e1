"""Folders, and names in them, that a power cut does not take back, and whose they are."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in a folder safe: what was made, renamed or removed there stays so."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep_owner(path: Path) -> None:
    """What root has made in somebody's folder belongs to them: a relay runs as its own user, and
    could not read it. Others' files are their own anyway."""
    if os.geteuid() != 0:
        return
    owner = path.parent.stat()
    # In a container root may not be all that it is called.
    with suppress(PermissionError):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def make_folder(folder: Path) -> None:
    """Make a folder for its owner alone, and those above it; on the disk when this returns."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    keep_owner(folder)
    # Where one may write and not list, nobody can do more.
    with suppress(PermissionError):
        sync_folder(folder.parent)
