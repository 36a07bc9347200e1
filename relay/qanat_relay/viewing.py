"""Looks at a store from beside: works while a relay serves it, and never writes to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qanat_relay.errors import DataError
from qanat_relay.store import checking, reading
from qanat_relay.store.failures import naming
from qanat_relay.store.files import DATABASE, connect
from qanat_relay.store.interface import Problem, Stats

BUSY_TIMEOUT_S = 10.0


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
        """16 bytes, SPEC section 17."""
        with naming():
            (incarnation,) = self._connection.execute("SELECT incarnation FROM store").fetchone()
        return bytes(incarnation)

    def read_stats(self) -> Stats:
        """Counts and sizes, all of one moment."""
        with naming():
            self._connection.execute("BEGIN")
            try:
                return reading.stats(self._connection, self._path)
            finally:
                self._connection.execute("ROLLBACK")

    def read_problems(self) -> Iterator[list[Problem]]:
        """Reads everything: what a few more rows showed, often nothing, until all is read."""
        with naming():
            yield from checking.inspect(self._connection)


@contextmanager
def view_store(folder: Path) -> Iterator[StoreView]:
    """The store in a folder. Raises DataError where there is none, and StoreError."""
    path = folder / DATABASE
    if not path.is_file():
        raise DataError(f"{path} is not there: `qanat-relay serve` makes it")
    with naming():
        connection = connect(path, busy_timeout_s=BUSY_TIMEOUT_S, read_only=True)
    try:
        yield StoreView(path, connection)
    finally:
        connection.close()
