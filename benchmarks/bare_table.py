"""The least that durable storage costs: one SQLite table of headers and bodies, committed in
groups with the settings of the relay's own store."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["BareTable"]


class BareTable:
    """A database with one table and no index."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows = 0
        self._connection = sqlite3.connect(path, isolation_level=None)
        for setting in (
            "page_size = 4096",
            "journal_mode = WAL",
            "synchronous = FULL",
            "wal_autocheckpoint = 4000",
            "cache_size = -16384",
        ):
            self._connection.execute(f"PRAGMA {setting}")
        self._connection.execute(
            "CREATE TABLE letter (number INTEGER PRIMARY KEY, header BLOB, body BLOB)"
        )

    @classmethod
    @contextmanager
    def at(cls, path: Path) -> Iterator[BareTable]:
        """A table that is closed at the end of the block."""
        table = cls(path)
        try:
            yield table
        finally:
            table.close()

    def insert(self, letters: Sequence[tuple[bytes, bytes]], group: int) -> float:
        """The seconds that it takes to commit these, `group` in each transaction."""
        begun = time.perf_counter()
        for at in range(0, len(letters), group):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO letter (header, body) VALUES (?, ?)", letters[at : at + group]
            )
            self._connection.execute("COMMIT")
        taken_s = time.perf_counter() - begun
        self.rows += len(letters)
        return taken_s

    def bytes_a_row(self) -> float:
        """What the file takes for a row, the log put back into it."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self._path.stat().st_size / max(self.rows, 1)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
