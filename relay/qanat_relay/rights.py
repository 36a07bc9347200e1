"""Who may use a file, in words for the operator. Changes nothing."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path

REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS)


def words_of(error: OSError) -> str:
    """Which file it is about, and what the system says of it; where that permits something not, to
    whom, and what to do."""
    said = error.strerror or type(error).__name__
    if not error.filename:
        return said
    path = Path(os.fsdecode(error.filename))
    why = ""
    if error.errno in REFUSALS:
        why = why_barred(path, writes=True) or why_barred(path.parent, writes=True)
    return why or f"{path}: {said}"


def why_barred(path: Path, *, writes: bool = False) -> str:
    """Why this user may not read (and write) a file or folder that is there; empty if they may.

    A folder above it that they may not enter is named in its place.
    """
    for folder in reversed(path.absolute().parents):
        if not folder.exists():
            return ""
        if not _may(folder, os.X_OK):
            return _words(folder, path)
    wanted = os.R_OK | (os.W_OK if writes else 0) | (os.X_OK if path.is_dir() else 0)
    if not path.exists() or _may(path, wanted):
        return ""
    return _words(path, path)


def _may(path: Path, wanted: int) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(path, wanted, effective_ids=effective)


def _words(barred: Path, asked: Path) -> str:
    found = barred.stat()
    me, owner = _name(os.geteuid()), _name(found.st_uid)
    if found.st_uid == os.geteuid():
        mode = found.st_mode & 0o777
        return f"{barred} is {me}'s, but of mode {mode:04o}, or cannot be written: chmod u+rwX it"
    told = f"{barred} belongs to {owner}, and this runs as {me}, who may not use it"
    if asked.parent.exists() and asked.parent.stat().st_uid == os.geteuid():
        # The folder is ours: somebody else wrote into it.
        return f"{told}. Give it to {me}: sudo chown {me} {barred}"
    return f"{told}. Run the command as {owner}: sudo -u {owner} qanat-relay ..."


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
