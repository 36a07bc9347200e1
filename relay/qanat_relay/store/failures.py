"""Maps what SQLite and the system say to the store's own errors. The one place that does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from qanat_relay.store.interface import StoreBroken, StoreBusy, StoreError, StoreFull


def named(error: sqlite3.Error) -> StoreError:
    """The store's error for one of SQLite's. It never quotes a value."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if name == "SQLITE_FULL":
        return StoreFull("the relay's disk, or the limit of its database file, is full")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy("another program holds the relay's database")
    return StoreBroken(f"the relay's database failed: {name}: {error}")


@contextmanager
def naming() -> Iterator[None]:
    """Let no error of SQLite out by its own name."""
    try:
        yield
    except sqlite3.Error as error:
        raise named(error) from error
