"""The desk's encrypted database: opening it, migrations, transactions, errors by name.

Secrets that are deleted must be gone, so freed space is overwritten (`secure_delete`) and there is
no write-ahead log that keeps older pages: the journal holds them only until the commit.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

try:
    from sqlcipher3 import dbapi2 as sqlcipher
except ImportError:  # `check_installed` tells which extra it comes with
    sqlcipher = None

from qanat_client.desk.faults import NotADesk, VaultDamaged, WrongPassphrase
from qanat_client.errors import BadInput, DatabaseLocked, DiskFull, HomeReadOnly, HomeUnusable
from qanat_client.reporter.home import named_os_error, put_in_place, sync_path

__all__ = [
    "BUSY_TIMEOUT_S",
    "MIGRATIONS",
    "VAULT_NAME",
    "Row",
    "Vault",
    "check_installed",
    "disk_faults",
    "fault_of",
    "in_portions",
]

VAULT_NAME = "desk.vault"
MIGRATIONS = Path(__file__).with_name("migrations")
"""The steps of the schema, NUMBER_NAME.sql."""
BUSY_TIMEOUT_S = 10.0
NAMED_AT_ONCE = 500
KDF_ROUNDS = 256_000
KEY_BYTES = 32
"""SQLCipher 4's own, with SHA-512; a vault that was made by it is opened by what they give."""
Row = Sequence[Any]
Given = Sequence[Sequence[object]]
Named = TypeVar("Named", bytes, int)

_TABLE = (
    "(WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL"
    " SELECT i + 1 FROM numbers WHERE i + 1 < given()) SELECT {} FROM numbers)"
)

_SETTINGS = (
    "journal_mode = DELETE",
    "synchronous = EXTRA",
    # A plain fsync on macOS leaves data in the drive's cache; elsewhere this changes nothing.
    "fullfsync = ON",
    "secure_delete = ON",
    "temp_store = MEMORY",
)

# sqlcipher3's errors are not sqlite3's: both are caught here and nowhere else.
_DATABASE_ERRORS = (sqlite3.Error,) if sqlcipher is None else (sqlcipher.Error, sqlite3.Error)


def in_portions(values: Sequence[Named]) -> Iterator[Sequence[Named]]:
    """All of them in their order, as many at once as one query names."""
    for at in range(0, len(values), NAMED_AT_ONCE):
        yield values[at : at + NAMED_AT_ONCE]


def check_installed() -> None:
    """Raise BadInput where the library that encrypts the vault is not installed."""
    if sqlcipher is None:
        raise BadInput(
            "a desk needs more than a reporter does: install Qanat with its 'desk' extra:"
            " pip install '.[desk]' in its folder"
        )


def fault_of(error: Exception) -> HomeUnusable:
    """A database's own error by its name."""
    text = str(error)
    if "database or disk is full" in text:
        return DiskFull("the disk is full; what was stored before is safe")
    if "locked" in text or "busy" in text:
        return DatabaseLocked("another qanat-desk is using the vault; try again when it has ended")
    if "readonly" in text or "unable to open database file" in text:
        return HomeReadOnly(f"the vault can't be written ({text})")
    if "disk I/O error" in text:
        return HomeUnusable("the disk refused to read or write; what was stored before is safe")
    if "not a database" in text or "malformed" in text:
        return VaultDamaged(f"the vault can't be read ({text})")
    return HomeUnusable(f"the vault refused: {text}")


@contextlib.contextmanager
def disk_faults(what: str) -> Iterator[None]:
    """Raise DiskFull, HomeReadOnly or HomeUnusable for an OSError; `what` names the file."""
    try:
        yield
    except OSError as error:
        raise named_os_error(error, what) from error


def _read_migrations(folder: Path) -> list[tuple[int, str]]:
    steps = sorted(folder.glob("*.sql"))
    return [(int(step.name.partition("_")[0]), step.read_text("utf-8")) for step in steps]


class Vault:
    """One open vault. Statements raise HomeUnusable and its kinds, never a database's own error."""

    def __init__(self, path: Path, connection: Any) -> None:
        self.path = path
        self._passphrase = ""
        self._key: str | None = None
        self.damage_met = 0
        """How often a damaged page ended a connection, which another took the place of."""
        self._given: Given = ()
        self._take(connection)

    def _take(self, connection: Any) -> None:
        self._connection = connection
        connection.create_function("given", 0, lambda: len(self._given))
        connection.create_function("given", 2, lambda row, column: self._given[row][column])

    @classmethod
    def create(cls, path: Path, passphrase: str) -> Self:
        """Make an empty vault at `path`; what was there is overwritten."""
        with disk_faults(str(path)):
            # The file is made first so that nobody else could ever read it.
            os.close(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600))
        vault = cls._connect(path, passphrase)
        vault._migrate(_read_migrations(MIGRATIONS))
        vault.run("PRAGMA foreign_keys = ON")
        return vault

    @classmethod
    def open(cls, home: Path, passphrase: str, *, migrations: Path = MIGRATIONS) -> Self:
        """Open the vault of `home`. Raises NotADesk, WrongPassphrase, DatabaseLocked.

        `migrations`: the folder of the schema's steps.
        """
        path = home / VAULT_NAME
        if not path.exists():
            raise NotADesk(f"{home} holds no desk; make one with: qanat-desk --home {home} init")
        vault = cls._connect(path, passphrase)
        vault._migrate(_read_migrations(migrations))
        # Only now: a table that is made anew is gone for a moment.
        vault.run("PRAGMA foreign_keys = ON")
        return vault

    @classmethod
    def in_memory(cls) -> Self:
        """An empty vault without a file and a passphrase, gone with the process: for simulations,
        in which nothing is worth hiding."""
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        vault = cls(Path(":memory:"), connection)
        with vault.transaction():
            vault._take_steps(_read_migrations(MIGRATIONS))
        vault.run("PRAGMA foreign_keys = ON")
        return vault

    @classmethod
    def _connect(cls, path: Path, passphrase: str) -> Self:
        if not passphrase or "\0" in passphrase:
            raise WrongPassphrase("a passphrase has at least one character and no NUL")
        quoted = passphrase.replace("'", "''")
        vault = cls(path, _keyed(path, f"'{quoted}'"))
        vault._passphrase = passphrase
        return vault

    def reopened(self) -> Self:
        """The same vault once more, without the time that a passphrase takes."""
        vault = type(self)(self.path, _keyed(self.path, self._own_key()))
        vault._passphrase, vault._key = self._passphrase, self._key
        vault.run("PRAGMA foreign_keys = ON")
        return vault

    def _own_key(self) -> str:
        """What SQLCipher 4 makes of the passphrase, and the salt that goes with it."""
        if self._key is None:
            salt = self._connection.execute("PRAGMA cipher_salt").fetchone()[0]
            key = pbkdf2_hmac(
                "sha512", self._passphrase.encode(), bytes.fromhex(salt), KDF_ROUNDS, KEY_BYTES
            )
            self._key = f"\"x'{key.hex()}{salt}'\""
        return self._key

    def _fault(self, error: Exception) -> HomeUnusable:
        fault = fault_of(error)
        if isinstance(fault, VaultDamaged) and not self._connection.in_transaction:
            self._renew()
        return fault

    def _renew(self) -> None:
        """A connection that has met a damaged page reads nothing any more: take another one."""
        if self._passphrase:
            with contextlib.suppress(HomeUnusable, BadInput):
                connection = _keyed(self.path, self._own_key())
                self._connection.close()
                self._take(connection)
                self.run("PRAGMA foreign_keys = ON")
            self.damage_met += 1

    def _migrate(self, migrations: list[tuple[int, str]]) -> None:
        newest = migrations[-1][0]
        if self._version == newest:
            return
        spare = self.path.with_name(f"{VAULT_NAME}.before-{newest}")
        # Closed behind the transaction: a process that closes a file lets go of all its locks on
        # it, SQLite's too.
        with disk_faults(str(spare)), self.path.open("rb") as source, self.transaction():
            # Another process may have done it while this one waited for the lock.
            version = self._version
            if version > newest:
                raise HomeUnusable(
                    f"the vault has schema {version} and this program knows {newest}: use a newer"
                    " one"
                )
            if 0 < version < newest:
                _keep_copy(source, spare)
            self._take_steps([step for step in migrations if step[0] > version])
        # The copy holds epoch secrets too, so it must not outlive the upgrade.
        if version and not self.rows("PRAGMA cipher_integrity_check"):
            self.remove_spares()

    def _take_steps(self, migrations: Sequence[tuple[int, str]]) -> None:
        for number, script in migrations:
            for statement in _statements(script):
                self.run(statement)
            self.run(f"PRAGMA user_version = {number:d}")

    @property
    def _version(self) -> int:
        return int(self.value("PRAGMA user_version"))

    def remove_spares(self) -> None:
        """Remove copies that an upgrade left behind when it was cut: they hold old secrets."""
        with disk_faults(str(self.path.parent)):
            for spare in self.path.parent.glob(f"{VAULT_NAME}.before-*"):
                spare.unlink()
            sync_path(self.path.parent)

    def run(self, statement: str, *parameters: object) -> int:
        """Run one statement; returns the number of rows that it changed."""
        try:
            return int(self._connection.execute(statement, parameters).rowcount)
        except _DATABASE_ERRORS as error:
            raise self._fault(error) from error

    def run_with(self, statement: str, given: Given, *parameters: object) -> int:
        """Run one statement in which GIVEN stands for a table of these rows, all of one length,
        with the columns c0, c1 and so on. Returns the number of rows that it changed.

        Each statement keeps what it would need to be undone alone: one for many rows takes half the
        time of one for each.
        """
        with self._giving(given) as table:
            return self.run(statement.replace("GIVEN", table), *parameters) if given else 0

    def rows_with(self, query: str, given: Given, *parameters: object) -> list[Row]:
        """All rows of a query in which GIVEN stands for a table, as in `run_with`."""
        with self._giving(given) as table:
            return self.rows(query.replace("GIVEN", table), *parameters) if given else []

    @contextlib.contextmanager
    def _giving(self, given: Given) -> Iterator[str]:
        count = len(given[0]) if given else 0
        columns = ", ".join(f"given(i, {at}) AS c{at}" for at in range(count))
        self._given = given
        try:
            yield _TABLE.format(columns)
        finally:
            self._given = ()

    def rows(self, query: str, *parameters: object) -> list[Row]:
        """All rows of a query."""
        try:
            found = list(self._connection.execute(query, parameters).fetchall())
            self._check_pages()
        except _DATABASE_ERRORS as error:
            raise self._fault(error) from error
        return found

    def _check_pages(self, *, is_end: bool = False) -> None:
        """SQLCipher gives zeros for a damaged page at the end of a long value, and says so here
        alone. Within a transaction that is asked at its end."""
        if self._passphrase and (is_end or not self._connection.in_transaction):
            (status,) = self._connection.execute("PRAGMA cipher_status").fetchone()
            if status != "1":
                raise sqlcipher.DatabaseError("a damaged page makes this malformed")

    def each(self, query: str, *parameters: object) -> Iterator[Row]:
        """One row after another; what stands before a damaged page is given before that raises."""
        try:
            yield from self._connection.execute(query, parameters)
            self._check_pages()
        except _DATABASE_ERRORS as error:
            raise self._fault(error) from error

    def row(self, query: str, *parameters: object) -> Row | None:
        """The first row of a query, or None."""
        found = self.rows(query, *parameters)
        return found[0] if found else None

    def value(self, query: str, *parameters: object) -> Any:
        """The first column of the first row of a query, or None."""
        found = self.row(query, *parameters)
        return found[0] if found else None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable behind the block. Not nested."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self._end()
        except BaseException as error:
            with contextlib.suppress(HomeUnusable):
                self.run("ROLLBACK")
            if isinstance(error, VaultDamaged):
                self._renew()
            raise

    def _end(self) -> None:
        try:
            self._check_pages(is_end=True)
        except _DATABASE_ERRORS as error:
            raise self._fault(error) from error
        self.run("COMMIT")

    def setting(self, name: str) -> str | None:
        """A stored setting, or None."""
        found = self.value("SELECT value FROM settings WHERE name = ?", name)
        return None if found is None else str(found)

    def set_setting(self, name: str, value: str) -> None:
        """Store a setting; the caller holds the transaction."""
        self.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", name, value)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _keyed(path: Path, key: str) -> Any:
    """A connection to a vault. key: as `PRAGMA key` takes it."""
    connection = None
    try:
        # Opening parts runs in a thread while nobody else touches the connection.
        connection = sqlcipher.connect(
            str(path), timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        # Its own log would stand in front of our sentence.
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = {key}")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
    except _DATABASE_ERRORS as error:
        if connection is not None:
            connection.close()
        if "not a database" in str(error):
            raise WrongPassphrase(
                "this passphrase does not open the vault, or the vault is damaged"
            ) from error
        raise fault_of(error) from error
    return connection


def _keep_copy(source: BinaryIO, spare: Path) -> None:
    """A copy of the encrypted file that is whole or not there at all."""
    unfinished = spare.with_name(f"{spare.name}.unfinished")
    with os.fdopen(
        os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb"
    ) as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    put_in_place(unfinished, spare)


def _statements(script: str) -> Iterator[str]:
    waiting = ""
    for line in script.splitlines():
        if line.startswith("--"):
            continue
        waiting += line + "\n"
        if sqlite3.complete_statement(waiting):
            yield waiting
            waiting = ""
