"""The files of a SQLite store: who may open them, how they are opened, how they are upgraded.
Knows nothing of parcels."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from qanat_relay.events import Event
from qanat_relay.folders import keep_owner, sync_folder
from qanat_relay.logs import tell
from qanat_relay.store import copies
from qanat_relay.store.errors import StoreBroken, StoreInUse, StoreTooNew, StoreTooOld
from qanat_relay.store.failures import failed, naming

STORE_FOLDER = "store"
"""In a relay's data folder."""

LOCK = "store.lock"
DATABASE = "store.db"
PAGE_BYTES = 4096
"""Tried 4096 to 65,536 with letters of 4 KiB: 4096 costs 1.14 of their size and rewrites the least
for each index entry; 8192 costs 2.02, 16,384 1.35, 32,768 1.16."""

CHECKPOINT_BYTES = 8 * 2**20
"""Of blocks in the log before the Checkpointer puts it back into the database."""

CHECKPOINT_PAGES = 16_000
"""62 MiB of log before the writer puts back what is left of it, after which it begins anew."""

LOG_BYTES = 64 * 2**20
"""What the log is cut back to after a large transaction."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    number: int
    sql: str


def shipped_migrations() -> list[Migration]:
    """The steps in this package, in order, numbered from 1 without a gap."""
    folder = files("qanat_relay.store") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    found = [Migration(int(name[:4]), (folder / name).read_text("utf-8")) for name in names]
    assert [step.number for step in found] == list(range(1, len(found) + 1))
    return found


class ProcessLock:
    """Held by the one process that serves a folder; the system frees it when the process ends."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreInUse, or what `failed` makes of a folder that cannot be written."""
        try:
            self._file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            keep_owner(folder / LOCK)
        except OSError as error:
            raise failed("cannot write in the store's folder", error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise StoreInUse(f"another qanat-relay is running on {folder}") from error

    def release(self) -> None:
        """Let another process serve the folder."""
        os.close(self._file)


def size_of_log(path: Path) -> int:
    """What SQLite's log beside a database takes on the disk, in bytes."""
    log = path.with_name(f"{path.name}-wal")
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def connect(path: Path, *, busy_timeout_s: float, read_only: bool = False) -> sqlite3.Connection:
    """A connection that commits only when told to. It may be handed from thread to thread."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA synchronous = FULL")
    # A plain fsync on macOS leaves data in the drive's cache; elsewhere these change nothing.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def open_writer(
    folder: Path,
    *,
    busy_timeout_s: float,
    migrations: Sequence[Migration],
    keeps_copy: bool = True,
) -> sqlite3.Connection:
    """The writer's connection to a database that is there, is ours and is of this version.

    Makes it, or upgrades it after keeping a copy where there is room for one. Raises StoreTooNew,
    StoreFull, StoreBusy, StoreBroken.
    """
    path = folder / DATABASE
    try:
        copies.put_in_place(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        keep_owner(path)
        sync_folder(folder)
    except OSError as error:
        raise failed("cannot write the relay's database", error) from error
    with naming():
        connection = connect(path, busy_timeout_s=busy_timeout_s)
        try:
            _migrate(connection, path, migrations, keeps_copy=keeps_copy)
            _draw_incarnation(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _migrate(
    connection: sqlite3.Connection, path: Path, steps: Sequence[Migration], *, keeps_copy: bool
) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (version or tables) and application != copies.STORE_ID:
        raise StoreBroken(f"{path} is a database, but not a store of qanat-relay")
    newest = len(steps)
    if version > newest:
        raise StoreTooNew(
            f"{path} is of version {version}; this qanat-relay knows up to {newest}. Update it,"
            " or put the copy in place that the newer version left beside it."
        )
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    connection.execute("PRAGMA secure_delete = FAST")
    if keeps_copy and 0 < version < newest:
        target = path.with_name(f"{path.name}.before-{newest:04}")
        if not copies.keep_copy(connection, path, target):
            # All of it or nothing is done either way; only an older program could want the copy.
            tell(Event.UPGRADED_WITHOUT_COPY)
    take_steps(connection, steps, version)


def check_version(connection: sqlite3.Connection) -> None:
    """Raise StoreTooNew or StoreTooOld unless the schema is that of this program."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    newest = len(shipped_migrations())
    words = f"the store is of version {version}; this qanat-relay knows {newest}"
    if version > newest:
        raise StoreTooNew(words)
    if version < newest:
        raise StoreTooOld(words)


def take_steps(
    connection: sqlite3.Connection, steps: Sequence[Migration], version: int = 0
) -> None:
    """Bring the schema from a version to the newest. Raises sqlite3.Error."""
    missing = "\n;".join(step.sql for step in steps[version:])
    if not missing:
        return
    try:
        # All or nothing, so that the copy is of what was there before the first of them.
        connection.executescript(
            f"BEGIN IMMEDIATE; {missing}\n; PRAGMA application_id = {copies.STORE_ID};"
            f" PRAGMA user_version = {len(steps)}; COMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _draw_incarnation(connection: sqlite3.Connection) -> None:
    connection.execute(
        "UPDATE store SET incarnation = ? WHERE incarnation IS NULL", (secrets.token_bytes(16),)
    )
