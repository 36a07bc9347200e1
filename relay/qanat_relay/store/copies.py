"""Whole copies of a database: how one is written, what room it takes, and how it takes the place of
the one that it was made from. Knows nothing of parcels."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from qanat_relay.folders import keep_owner, sync_folder
from qanat_relay.store.errors import StoreBroken, StoreBusy
from qanat_relay.store.failures import failed, naming

STORE_ID = 0x514E5452
"""QNTR, in the database's header: no other program's file is taken for a store."""

REBUILT = ".rebuilt"
"""Behind the database's name: a whole one that is to take its place, written to its end."""

DAMAGED = ".damaged"
"""Behind the database's name: what one was that was healed by another in its place."""

SPARE_BYTES = 64 * 2**20
"""What a copy leaves free beside itself, at least: a relay writes while it is made."""

_FICLONE = 0x40049409
_STEPS = 10_000
"""Of SQLite's machine between two looks at how long a copy is: some milliseconds."""

Progress = Callable[[int], None]
"""Told how many bytes are written."""


def used_bytes(connection: sqlite3.Connection) -> int:
    """The pages in use: what a copy takes."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (unused,) = connection.execute("PRAGMA freelist_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - unused) * page_bytes)


def free_bytes(folder: Path) -> int:
    """What the folder's disk has left for us."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def write_copy(
    connection: sqlite3.Connection, target: Path, progress: Progress | None = None
) -> None:
    """A copy of one moment in a new file for its owner alone, safe on the disk on return. Its pages
    lie as if it had been written anew: nothing unused is in it. Raises sqlite3.Error and OSError,
    and leaves whatever came of it: name it as unfinished."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    if progress is not None:
        told = progress
        connection.set_progress_handler(lambda: told(target.stat().st_size), _STEPS)
    try:
        connection.execute("VACUUM INTO ?", (os.fspath(target),))
    finally:
        connection.set_progress_handler(None, 0)
    sync_file(target)


def sync_file(path: Path) -> None:
    """Put a file's bytes on the disk, and let the next who reads it read them from there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """A name beside the target for what is not whole yet; gone in the end if it was not renamed.
    Raises StoreBroken for what the system says."""
    path = target.with_name(f"{target.name}.unfinished")
    _remove(path)
    try:
        with naming():
            yield path
    except OSError as error:
        raise failed("the copy could not be written", error) from error
    finally:
        _remove(path)


def keep_copy(connection: sqlite3.Connection, path: Path, target: Path) -> bool:
    """Keep a copy of the database beside it, with an incarnation of its own once it is opened:
    cursors into the original must not be believed by it. An existing target is replaced.

    False, and none is kept, where the disk has no room: then neither can it share its blocks.
    """
    with unfinished(target) as copy:
        if not _share(connection, path, copy):
            if used_bytes(connection) + SPARE_BYTES > free_bytes(path.parent):
                return False
            write_copy(connection, copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as opened:
            opened.execute("PRAGMA synchronous = FULL")
            opened.execute("UPDATE store SET incarnation = NULL")
        sync_file(copy)
        put_at(copy, target)
    return True


def _share(connection: sqlite3.Connection, path: Path, target: Path) -> bool:
    """Let a new file have the database's blocks until one of the two changes them, which takes no
    room and no time; False where the file system can't, or the log can't be emptied before."""
    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        return False
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with path.open("rb") as source:
            fcntl.ioctl(handle, _FICLONE, source.fileno())
    except OSError:
        target.unlink()
        return False
    finally:
        os.close(handle)
    return True


def put_in_place(path: Path) -> None:
    """Let the rebuilt database take the place of the damaged one, which is kept under another name.

    Ends what a cut left half done, too: nothing is written to the old one once the rebuilt is
    there under its name, and no copy is ever finished later.
    """
    for left in path.parent.glob(f"{path.name}*.unfinished*"):
        left.unlink()
    rebuilt = path.with_name(path.name + REBUILT)
    if not rebuilt.exists():
        return
    damaged = path.with_name(path.name + DAMAGED)
    # The log first: beside another database it would be read as that one's.
    for end in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).replace(damaged.with_name(damaged.name + end))
    sync_folder(path.parent)
    rebuilt.replace(path)
    sync_folder(path.parent)


def compact(path: Path, connection: sqlite3.Connection, progress: Progress | None) -> None:
    """Let a copy without unused pages take the database's place; closes the connection, which has
    to be the only one. Whatever it is cut by leaves one or the other, whole."""
    with unfinished(path) as copy:
        write_copy(connection, copy, progress)
        with closing(sqlite3.connect(copy)) as opened:
            found = opened.execute("PRAGMA quick_check(1)").fetchone()
            if found != ("ok",):
                raise StoreBroken("the copy that was written is not what was read")
        # The last to close puts the log back into the file and removes it.
        connection.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise StoreBusy("the store's log could not be emptied")
        sync_folder(path.parent)
        put_at(copy, path)


def put_at(copy: Path, target: Path) -> None:
    """Give a copy that is safe on the disk its name; it is its folder's owner's."""
    keep_owner(copy)
    copy.replace(target)
    sync_folder(target.parent)


def _remove(path: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
