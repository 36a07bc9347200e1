"""Looks at a store from beside: works while a relay serves it, and never writes to it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from qanat_relay.errors import DataError
from qanat_relay.store import checking, copies, reading
from qanat_relay.store.errors import StoreBroken
from qanat_relay.store.failures import naming
from qanat_relay.store.files import DATABASE, PAGE_BYTES, check_version, connect
from qanat_relay.store.interface import Problem, Stats
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.room import takes_letters

BUSY_TIMEOUT_S = 10.0

MAKING_S = 5.0
"""How long a database that is being made is waited for: a slow card takes a second or two."""

LOOK_S = 0.1
_OF_THE_MOMENT = ("SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_LOCKED")


class StoreView:
    """A store, open for reading. Its methods raise StoreError."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    @property
    def file_bytes(self) -> int:
        """The size of the database's file."""
        return self._path.stat().st_size

    def read_incarnation(self) -> bytes:
        """16 bytes, SPEC section 17; none in a copy put into place until it is served."""
        with naming():
            (incarnation,) = self._connection.execute("SELECT incarnation FROM store").fetchone()
        return bytes(incarnation or b"")

    def read_stats(self) -> Stats:
        """Counts and sizes, all of one moment."""
        with self._snapshot() as connection:
            return reading.stats(connection, self._path)

    def takes_letters(self, limits: StoreLimits, *, today: int) -> bool:
        """As `Store.takes_letters`, of one with these limits."""
        with self._snapshot() as connection:
            return takes_letters(connection, self._path, limits, today)

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        with naming():
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    def check_version(self) -> None:
        """Raise StoreTooOld or StoreTooNew for a store that this program has to upgrade before it
        can check it, or can't read."""
        with naming():
            check_version(self._connection)

    def read_problems(self) -> Iterator[list[Problem]]:
        """Reads everything: what a few more rows showed, often nothing, until all is read."""
        with naming():
            yield from checking.inspect(self._connection)


@contextmanager
def view_store(folder: Path, *, is_there: bool = True) -> Iterator[StoreView]:
    """The store in a folder. Raises DataError where there is none, and StoreError. is_there: it was
    made, or is being made now; else what is there may be anything."""
    path = folder / DATABASE
    if not path.is_file():
        raise DataError(f"{path} is not there: `qanat-relay serve` makes it")
    if is_there:
        wait_until_made(path)
    with naming():
        connection = connect(path, busy_timeout_s=BUSY_TIMEOUT_S, read_only=True)
    try:
        yield StoreView(path, connection)
    finally:
        connection.close()


def wait_until_made(path: Path) -> None:
    """Give a relay that starts for the first time the while that it takes to make its database.
    Raises DataError where it is not made after it."""
    until_s = time.monotonic() + MAKING_S
    while _is_empty(path):
        if time.monotonic() > until_s:
            raise DataError(
                f"{path} is being made: try again in a moment. If no relay starts, one was stopped"
                " while it was made: `qanat-relay serve` makes it"
            )
        time.sleep(LOOK_S)


def _is_empty(path: Path) -> bool:
    """Whether a database has no table yet, or no name of its own. What cannot be read for another
    reason is told by whoever reads it."""
    try:
        with closing(connect(path, busy_timeout_s=BUSY_TIMEOUT_S, read_only=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            return not version and not tables
    except sqlite3.Error as error:
        # While it is made it is not opened for a moment, too.
        name = getattr(error, "sqlite_errorname", None) or ""
        return path.stat().st_size <= PAGE_BYTES and name.startswith(_OF_THE_MOMENT)


def read_version(folder: Path) -> int:
    """How many migrations the store in a folder has had. Makes no file, not even beside it. Raises
    StoreError, also where it is none of a relay's."""
    path = folder / DATABASE
    # Without a log nobody has it open, or has changed it since: then it needs none to be read.
    is_still = not path.with_name(f"{DATABASE}-wal").exists()
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' * is_still}"
    with naming(), closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != copies.STORE_ID:
        raise StoreBroken(f"{path} is a database, but not a store of qanat-relay")
    return int(version)
