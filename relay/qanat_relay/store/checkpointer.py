"""Puts SQLite's log back into the database beside the writer: that is half of what a letter costs
the disk, and no commit waits for it."""

from __future__ import annotations

import queue
import sqlite3
import threading
from contextlib import suppress

from qanat_relay.events import Event
from qanat_relay.logs import tell
from qanat_relay.store import files
from qanat_relay.store.failures import named

LOOK_S = 1.0
"""How often whoever waits looks whether the thread is still there."""


class Checkpointer:
    """Owns a thread with a connection of its own. All methods are for the writer's thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """connection: one that may write, and that nobody else uses."""
        self._connection = connection
        self._calls: queue.SimpleQueue[queue.SimpleQueue[None] | None] = queue.SimpleQueue()
        self._written_bytes = 0
        self._thread = threading.Thread(target=self._run, name="store-checkpointer", daemon=True)
        self._thread.start()

    def note(self, size_bytes: int) -> None:
        """So much more was committed: when it is enough, begin to put it back."""
        self._written_bytes += size_bytes
        if self._written_bytes >= files.CHECKPOINT_BYTES and self._calls.empty():
            self._written_bytes = 0
            self._ask()

    def rest(self) -> None:
        """Put the log back and wait for it, for something that only one connection can do."""
        done = self._ask()
        while self._thread.is_alive():
            with suppress(queue.Empty):
                return done.get(timeout=LOOK_S)

    def close(self) -> None:
        """Finish what was begun, and close the connection."""
        self._calls.put(None)
        self._thread.join()

    def _ask(self) -> queue.SimpleQueue[None]:
        done: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._calls.put(done)
        return done

    def _run(self) -> None:
        while (done := self._calls.get()) is not None:
            try:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except sqlite3.Error as error:
                # The writer's own connection does it when the log has grown long.
                tell(Event.LOG_NOT_PUT_BACK, error_kind=type(named(error)).__name__)
            done.put(None)
        self._connection.close()
