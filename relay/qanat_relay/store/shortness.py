"""What a store does where its disk is short: writes less at once, and gives back what its log takes
before anything is said to have no room."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from qanat_relay.events import Event
from qanat_relay.logs import tell
from qanat_relay.store.failures import named
from qanat_relay.store.files import LOG_BYTES, size_of_log
from qanat_relay.store.room import KEPT_SHARE, reserve_on, room_on

SHORT_BYTES = 2 * LOG_BYTES
"""With less room than this what the log may take counts."""

LOG_SHARE = 16
"""Of the reserve, what the log may have on a disk that is short: one part in so many."""

GROUP_SHARE = 8
"""The same for what is committed at once."""

WAIT_MS = 50
"""How long a reader is waited for when the log is cut: most are done within milliseconds."""

AGAIN_S = 1.0
"""How long it is left alone where it could not be cut."""


class Shortness:
    """Of one store. What changes something is for the writer's thread, between transactions."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """path: the database's file."""
        self._connection = connection
        self._path = path
        self._again_s = 0.0

    def at_once_bytes(self, most_bytes: int) -> int:
        """How much may be committed at once."""
        disk = self._short_disk()
        return most_bytes if disk is None else min(most_bytes, reserve_on(disk) // GROUP_SHARE)

    def is_log_in_the_way(self, *, of_anything: bool) -> bool:
        """Whether the disk is short, and the log of some size. of_anything: what comes next may
        fill the disk to its end. Whatever of the log is not put back then never can be, as the
        file has no room to grow, and the log none to be cut."""
        disk = self._short_disk()
        if disk is None or time.monotonic() < self._again_s:
            return False
        borne_bytes = 0 if of_anything else reserve_on(disk) // LOG_SHARE
        return size_of_log(self._path) > borne_bytes

    def is_cornered(self) -> bool:
        """Whether more in the log would take the room that the file needs for what stands in the
        log already."""
        disk = self._short_disk()
        if disk is None:
            return False
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (page_bytes,) = self._connection.execute("PRAGMA page_size").fetchone()
        growing_bytes = pages * page_bytes - self._path.stat().st_size
        kept_bytes = reserve_on(disk) // KEPT_SHARE
        return bool(0 < growing_bytes > disk.f_bavail * disk.f_frsize - kept_bytes)

    def _short_disk(self) -> os.statvfs_result | None:
        """The disk, where it is short."""
        disk = os.statvfs(self._path.parent)
        return disk if room_on(disk) < SHORT_BYTES else None

    def cut_log(self) -> None:
        """Put the log back into the database and cut it, as far as nobody reads in it; where that
        fails it is tried again a little later: each try may wait for a reader, and hundreds of
        sessions for that."""
        if time.monotonic() < self._again_s:
            return
        (waited_ms,) = self._connection.execute("PRAGMA busy_timeout").fetchone()
        try:
            self._connection.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
            (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            tell(Event.LOG_NOT_PUT_BACK, error_kind=type(named(error)).__name__)
            busy = 1
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {waited_ms}")
        if busy:
            self._again_s = time.monotonic() + AGAIN_S
