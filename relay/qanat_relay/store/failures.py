"""Maps what SQLite and the system say to the store's own errors. The one place that does."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from qanat_relay.rights import REFUSALS, words_of
from qanat_relay.store.errors import StoreBroken, StoreBusy, StoreError, StoreForbidden, StoreFull

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = ("SQLITE_PERM", "SQLITE_AUTH", "SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY")


def named(error: sqlite3.Error) -> StoreError:
    """The store's error for one of SQLite's. It never quotes a value."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if name == "SQLITE_FULL":
        return StoreFull("the relay's disk, or the limit of its database file, is full")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy("another program holds the relay's database")
    if name in _FORBIDDEN:
        return StoreForbidden(f"the relay's database may not be written: {error}")
    return StoreBroken(f"the relay's database failed: {name}: {error}")


def failed(what: str, error: OSError) -> StoreError:
    """The store's error for what the system says; what: what could not be done."""
    words = f"{what}: {words_of(error)}"
    if error.errno in REFUSALS:
        return StoreForbidden(words)
    return StoreFull(words) if error.errno in _FULL else StoreBroken(words)


@contextmanager
def naming() -> Iterator[None]:
    """Let no error of SQLite out by its own name."""
    try:
        yield
    except sqlite3.Error as error:
        raise named(error) from error
