"""Sealed bodies of less than a block, together in one file: a disk takes as long to make one small
file durable as to make a thousand bodies in one. Never holds anything readable.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from qanat_client.desk.vault import BUSY_TIMEOUT_S, disk_faults, fault_of, in_portions
from qanat_client.errors import HomeUnusable

__all__ = ["SMALL_BODIES_NAME", "SmallBodies"]

SMALL_BODIES_NAME = "small.bodies"

_PRAGMAS = (
    # The journal's end is its first byte's, so that no name has to be made durable.
    "PRAGMA journal_mode = TRUNCATE",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
)
_TABLE = "CREATE TABLE IF NOT EXISTS bodies (id BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL)"


class SmallBodies:
    """The file `small.bodies` of a folder, made with the first body. Any thread may ask."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SMALL_BODIES_NAME
        self._connection: sqlite3.Connection | None = None
        self._one_at_a_time = threading.Lock()

    def keep(self, bodies: Mapping[bytes, bytes]) -> None:
        """Make these durable, by their parcels' ids; what was there under one is replaced.

        The file's own name is durable once its folder is. Raises DiskFull, HomeReadOnly.
        """
        with self._working(makes=True) as connection:
            assert connection is not None
            with _transaction(connection):
                connection.executemany(
                    "INSERT OR REPLACE INTO bodies VALUES (?, ?)", bodies.items()
                )

    def read(self, parcel_ids: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of these bodies that are here."""
        found: dict[bytes, bytes] = {}
        with self._working() as connection:
            if connection is None:
                return found
            for some in in_portions(parcel_ids):
                marks = ", ".join("?" * len(some))
                query = f"SELECT id, body FROM bodies WHERE id IN ({marks})"  # noqa: S608
                found.update(connection.execute(query, some))
        return found

    def remove(self, parcel_ids: Sequence[bytes]) -> None:
        """Delete these; fine if there are none."""
        with self._working() as connection:
            if connection is not None:
                with _transaction(connection):
                    connection.executemany(
                        "DELETE FROM bodies WHERE id = ?",
                        [(parcel_id,) for parcel_id in parcel_ids],
                    )

    @contextlib.contextmanager
    def _working(self, *, makes: bool = False) -> Iterator[sqlite3.Connection | None]:
        """The file; None where it is not there, unless it is to be made."""
        with self._one_at_a_time:
            try:
                if self._connection is None and (makes or self._path.exists()):
                    self._connection = self._connect()
                yield self._connection
            except sqlite3.Error as error:
                raise self._fault_of(error) from error

    def _connect(self) -> sqlite3.Connection:
        with disk_faults(str(self._path)):
            # The file is made first so that nobody else could ever read it.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        connection.execute(_TABLE)
        return connection

    def _fault_of(self, error: sqlite3.Error) -> HomeUnusable:
        text = str(error)
        if "malformed" in text or "not a database" in text:
            return HomeUnusable(
                f"{self._path} is damaged ({text}): move it away, and the relays are asked for"
                " what was not opened; what was opened is in the vault. Look after the disk"
            )
        return fault_of(error)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
