"""Writers of numbers, some of them careless: each says a number when it believes that it is stored.

Usage: python -m tests.power_cuts.careless_writer FOLDER WAY, where WAY is one of `WAYS`.
"""

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["WAYS", "numbers_in"]

NUMBERS = range(1, 9)


def _say(number: int) -> None:
    os.write(1, f"{number}\n".encode())


def _database(folder: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "numbers.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("CREATE TABLE number (value INTEGER)")
    return connection


def _commits(folder: Path, *, synchronous: str = "FULL", says_first: bool = False) -> None:
    connection = _database(folder, synchronous)
    for number in NUMBERS:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO number VALUES (?)", (number,))
        if says_first:
            _say(number)
        connection.execute("COMMIT")
        if not says_first:
            _say(number)
    connection.close()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _renames(folder: Path, *, syncs_file: bool = True, syncs_folder: bool = True) -> None:
    for number in NUMBERS:
        unfinished = folder / "unfinished"
        unfinished.write_text(f"{number}" * 600, "ascii")
        if syncs_file:
            _sync(unfinished)
        unfinished.replace(folder / f"{number}")
        if syncs_folder:
            _sync(folder)
        _say(number)


WAYS: dict[str, Callable[[Path], None]] = {
    "commits, then speaks": _commits,
    "syncs its file, then the folder, then speaks": _renames,
    "speaks before its commit": lambda folder: _commits(folder, says_first=True),
    "never waits for the disk": lambda folder: _commits(folder, synchronous="OFF"),
    "waits for the disk at checkpoints only": lambda folder: _commits(folder, synchronous="NORMAL"),
    "renames before the file is safe": lambda folder: _renames(folder, syncs_file=False),
    "forgets the folder": lambda folder: _renames(folder, syncs_folder=False),
}
"""The first two are careful."""


def numbers_in(folder: Path) -> set[int]:
    """What is stored there, whole."""
    if not (folder / "numbers.db").exists():
        return {n for n in NUMBERS if (folder / f"{n}").exists() and _is_whole(folder, n)}
    connection = sqlite3.connect(folder / "numbers.db", isolation_level=None)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not connection.execute("SELECT 1 FROM sqlite_schema").fetchall():
            return set()
        return {value for (value,) in connection.execute("SELECT value FROM number")}
    finally:
        connection.close()


def _is_whole(folder: Path, number: int) -> bool:
    return (folder / f"{number}").read_bytes() == f"{number}".encode() * 600


if __name__ == "__main__":
    WAYS[sys.argv[2]](Path(sys.argv[1]))
