"""Opens a database with a program that knows a newer schema: says `upgraded` when it is open.

Usage: python -m tests.power_cuts.upgrade_writer KIND FOLDER MIGRATIONS [careless]

A careless one copies the file without waiting for the disk, and takes each statement by itself.
"""

import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from tests.power_cuts.desk_writer import KEY

from qanat_client.desk.vault import Vault
from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_relay.store.files import DATABASE, Migration
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["OPENINGS", "open_store"]


async def open_store(folder: Path, migrations: Path) -> SqliteStore:
    """A relay's store, with the schema of a folder."""
    steps = [
        Migration(int(step.name[:4]), step.read_text("utf-8"))
        for step in sorted(migrations.glob("*.sql"))
    ]
    return await SqliteStore.open(folder, StoreLimits(), migrations=steps)


async def _open_and_close(folder: Path, migrations: Path) -> None:
    await (await open_store(folder, migrations)).close()


OPENINGS: dict[str, Callable[[Path, Path], None]] = {
    "relay": lambda folder, migrations: asyncio.run(_open_and_close(folder, migrations)),
    "reporter": lambda folder, migrations: connect(Home(folder), migrations=migrations).close(),
    "desk": lambda folder, migrations: Vault.open(folder, KEY, migrations=migrations).close(),
}
"""Given a folder and the migrations: open what is there, upgraded if need be, and close it."""


def _careless(folder: Path, migrations: Path) -> None:
    path = folder / DATABASE
    connection = sqlite3.connect(path, isolation_level=None)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    newest = max(int(step.name[:4]) for step in migrations.iterdir())
    (folder / f"{DATABASE}.before-{newest:04}").write_bytes(path.read_bytes())
    for step in sorted(migrations.iterdir()):
        if int(step.name[:4]) > version:
            connection.executescript(step.read_text())
    connection.execute(f"PRAGMA user_version = {newest}")
    connection.close()


if __name__ == "__main__":
    opens = _careless if "careless" in sys.argv[4:] else OPENINGS[sys.argv[1]]
    opens(Path(sys.argv[2]), Path(sys.argv[3]))
    os.write(1, b"upgraded\n")
