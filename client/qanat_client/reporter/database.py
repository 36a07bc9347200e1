"""The home's SQLite file: opening, migrations, and names for what SQLite complains of.

One file in WAL mode; durable at every commit; nothing is left readable in free pages or temporary
files.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qanat_client.errors import ClientError, DatabaseLocked, DiskFull, HomeReadOnly, HomeUnusable
from qanat_client.reporter.home import Home, named_os_error, put_in_place

__all__ = ["MIGRATIONS", "connect", "disk_errors", "give_back_room", "name_vague", "transaction"]

MIGRATIONS = Path(__file__).with_name("migrations")
"""The steps of the schema, NUMBER_NAME.sql."""

CHECKPOINT_PAGES = 1000
"""How long the log grows (16 MiB) before it is put back into the file: SQLite's own measure."""

_LOCKED_MS = 10_000
"""How long to wait for another process; each of its transactions is far shorter."""

_LOST = (
    "Sealed reports that were not handed over are lost with it; nothing in it can be read by"
    " anyone. Move the file away (with those beside it that begin with its name), and write them"
    " again: the desks' cards are still here"
)

_NAMES: dict[int, tuple[type[ClientError], str]] = {
    sqlite3.SQLITE_FULL: (DiskFull, "the disk is full; what was queued before is safe"),
    sqlite3.SQLITE_BUSY: (DatabaseLocked, "another program keeps the database locked"),
    sqlite3.SQLITE_LOCKED: (DatabaseLocked, "another program keeps the database locked"),
    sqlite3.SQLITE_READONLY: (HomeReadOnly, "the home can't be written"),
    sqlite3.SQLITE_PERM: (HomeReadOnly, "the home can't be written"),
    sqlite3.SQLITE_CANTOPEN: (HomeUnusable, "the database can't be opened"),
    sqlite3.SQLITE_IOERR: (HomeUnusable, "the disk reports an error"),
    sqlite3.SQLITE_CORRUPT: (HomeUnusable, f"the database is damaged. {_LOST}"),
    sqlite3.SQLITE_NOTADB: (HomeUnusable, f"the file is not a database of Qanat. {_LOST}"),
}

# Where SQLite can't make its log it says no more than these.
_VAGUE = frozenset([sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR])
_VACUUMED_AT_ONCE = 512
"""Pages given back in one transaction (8 MiB), so that the log stays small."""

_LITTLE_ROOM_BYTES = 65_536
"""What SQLite takes for its log and the log's index."""


def _look_at(folder: Path) -> tuple[bool, int | None]:
    try:
        room = os.statvfs(folder)
    except OSError:
        return True, None
    free_bytes = room.f_bavail * room.f_frsize if room.f_blocks else None
    return os.access(folder, os.W_OK), free_bytes


def name_vague(
    kind: type[ClientError], said: str, writable: bool, free_bytes: int | None
) -> tuple[type[ClientError], str]:
    """A better name for an error, from what the folder looks like (free bytes, None: unknown)."""
    if not writable:
        return _NAMES[sqlite3.SQLITE_READONLY]
    if free_bytes is not None and free_bytes < _LITTLE_ROOM_BYTES:
        return _NAMES[sqlite3.SQLITE_FULL]
    return kind, said


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise the named errors of `qanat_client.errors` for those of SQLite and the system."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind, said = _NAMES.get(code, (HomeUnusable, f"the database can't be used ({error})"))
        if code in _VAGUE:
            kind, said = name_vague(kind, said, *_look_at(path.parent))
        raise kind(f"{path}: {said}") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
            raise
        raise HomeUnusable(
            f"{path}: the file is damaged or not a database of Qanat. {_LOST}"
        ) from error
    except OSError as error:
        raise named_os_error(error, str(path)) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; takes the write lock at once, so that it never fails half-way."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def give_back_room(connection: sqlite3.Connection) -> None:
    """Give free pages back to the disk; nothing if there are none. Not within a transaction."""
    before = None
    while (free := connection.execute("PRAGMA freelist_count").fetchone()[0]) not in (0, before):
        before = free
        # Each page is a step of the statement, and `execute` takes one step of those that
        # return no columns.
        connection.executescript(f"PRAGMA incremental_vacuum({_VACUUMED_AT_ONCE})")


def _read_migrations(folder: Path) -> list[tuple[int, str]]:
    # importlib.resources would load zipfile and tempfile each time a report is sealed.
    files = sorted(folder.glob("*.sql"))
    return [(int(file.name.partition("_")[0]), file.read_text("utf-8")) for file in files]


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: Path, folder: Path) -> None:
    migrations = _read_migrations(folder)
    newest = migrations[-1][0]
    if _version(connection) == newest:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for the lock.
        version = _version(connection)
        if version > newest:
            raise HomeUnusable(f"{path} was made by a newer Qanat; update this program")
        if 0 < version < newest:
            _copy(path, path.with_name(f"{path.name}.before-{newest:04d}"))
        for number, script in migrations:
            if number > version:
                for statement in _statements(script):
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {newest}")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _copy(path: Path, to: Path) -> None:
    """A copy that is whole or not there at all; SQLite waits for the disk at its end."""
    unfinished = to.with_name(f"{to.name}.unfinished")
    for left in (unfinished, unfinished.with_name(f"{unfinished.name}-journal")):
        left.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(unfinished)) as target,
    ):
        source.backup(target)
    put_in_place(unfinished, to)


def _statements(script: str) -> Iterator[str]:
    """One statement at a time: `executescript` would end the transaction."""
    gathered = ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""


def connect(home: Home, *, migrations: Path = MIGRATIONS) -> sqlite3.Connection:
    """The home's database, made and brought up to date. Usable from one thread at a time.

    Raises the named errors of `disk_errors`. `migrations`: the folder of the schema's steps.
    """
    with disk_errors(home.database):
        connection = sqlite3.connect(
            home.database,
            timeout=_LOCKED_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA page_size = 16384")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA journal_size_limit = 0")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute("PRAGMA synchronous = FULL")
            # A plain fsync on macOS leaves data in the drive's cache; elsewhere it is the same.
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA checkpoint_fullfsync = ON")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, home.database, migrations)
        except BaseException:
            connection.close()
            raise
        return connection
