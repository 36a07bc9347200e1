"""Writers of numbers that are killed: kills find the careless one and have nothing against the
careful one."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.kills.nursery import speak

__all__ = ["Careful", "Careless"]

NUMBERS = 20


class Careful:
    """Says a number once it is stored."""

    says_first = False

    def __init__(self, folder: Path) -> None:
        self.home = folder

    def prepare(self) -> list[int]:
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE number (value INTEGER)")
        return []

    def begin(self, number: int) -> None:
        pass

    def run(self, number: int) -> None:
        connection = self._connect()
        for value in range(number * NUMBERS, (number + 1) * NUMBERS):
            connection.execute("BEGIN")
            connection.execute("INSERT INTO number VALUES (?)", (value,))
            if self.says_first:
                speak(value)
            connection.execute("COMMIT")
            if not self.says_first:
                speak(value)
        connection.close()

    def check(self, said: list[str]) -> None:
        with closing(self._connect()) as connection:
            found = {value for (value,) in connection.execute("SELECT value FROM number")}
        assert found >= {int(line) for line in said}

    def complete(self, said: list[str]) -> None:
        self.check(said)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.home / "numbers.db", isolation_level=None)


class Careless(Careful):
    """Says a number before it is stored."""

    says_first = True
