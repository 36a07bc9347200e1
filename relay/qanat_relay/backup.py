"""A relay as one file, and a relay made of one: the store, the cards, the settings, and the keys
where they are asked for. A backup is a database of its own kind, which no relay serves.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from qanat_protocol.errors import ProtocolError
from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.statement import fingerprint
from qanat_relay.card import FILE_NAME as CARD_NAME
from qanat_relay.config import FILE_NAME as CONFIG_NAME
from qanat_relay.desks import FOLDER as DESKS_FOLDER
from qanat_relay.errors import DataError
from qanat_relay.folders import sync_folder
from qanat_relay.keys import SEALING_FILE, SIGNING_FILE
from qanat_relay.peering.peers import FOLDER as PEERS_FOLDER
from qanat_relay.sizes import in_words
from qanat_relay.store import copies
from qanat_relay.store.checking import inspect
from qanat_relay.store.errors import StoreBroken, StoreFull
from qanat_relay.store.failures import naming
from qanat_relay.store.files import DATABASE, STORE_FOLDER, check_version, connect
from qanat_relay.store.interface import Problem
from qanat_relay.viewing import wait_until_made

APPLICATION_ID = 0x514E5442
"""QNTB, in the file's header: a backup is taken for no store, and no other file for a backup."""

KEY_FILES = (SIGNING_FILE, SEALING_FILE)
BUSY_TIMEOUT_S = 10.0

_NAMES = re.compile(
    rf"{CONFIG_NAME}|{CARD_NAME}|{SIGNING_FILE}|{SEALING_FILE}"
    rf"|({DESKS_FOLDER}|{PEERS_FOLDER})/[^/.\x00][^/\x00]{{0,200}}\.(card|named)"
)
"""What may be in a backup beside the store: no other name is ever written."""


@dataclass(frozen=True, slots=True)
class Written:
    """What `write_backup` made. size_bytes: of the file; files: that are in it beside the store;
    key: the fingerprint of the relay's signing key, as its card says, empty without a card."""

    size_bytes: int
    files: int
    key: str


def check_target(target: Path, data: Path, *, force: bool) -> None:
    """Raise DataError where a backup should not be written."""
    if target.is_dir():
        raise DataError(f"{target} is a folder: name a file in it")
    if target.exists() and not force:
        raise DataError(f"{target} is there already: choose another name, or give --force")
    if not target.parent.is_dir():
        raise DataError(f"{target.parent}: no such folder")
    if target.resolve().is_relative_to(data.resolve()):
        raise DataError(f"{target} is in the relay's own folder, and would be lost with it")


def room_for_backup(data: Path, target: Path) -> int:
    """How many bytes a backup takes. Raises StoreFull where the disk has no room for them, and
    StoreTooOld or StoreTooNew for a store that cannot be read again."""
    with naming(), closing(_open_store(data)) as connection:
        check_version(connection)
        size_bytes = copies.used_bytes(connection)
    free = copies.free_bytes(target.parent)
    if size_bytes + copies.SPARE_BYTES > free:
        raise StoreFull(
            f"the backup takes {in_words(size_bytes)}; {target.parent} has {in_words(free)} free,"
            f" of which {in_words(copies.SPARE_BYTES)} are to be left"
        )
    return size_bytes


def write_backup(
    data: Path, config: Path, target: Path, *, keys: bool, progress: copies.Progress
) -> Iterator[list[Problem] | Written]:
    """Write a backup of one moment, whatever the relay does meanwhile; then read all of it again.

    Yields what a few more rows of it showed, and in the end what was written. The target is there
    once all of it was right, else not at all: what is damaged is to be healed before. Raises
    StoreError and DataError.
    """
    found = _files(data, config, keys=keys)
    with copies.unfinished(target) as copy:
        with closing(_open_store(data)) as connection:
            copies.write_copy(connection, copy, progress)
        _add_files(copy, found)
        copies.sync_file(copy)
        problems = 0
        with closing(connect(copy, busy_timeout_s=BUSY_TIMEOUT_S, read_only=True)) as opened:
            for some in inspect(opened):
                problems += len(some)
                yield some
        if problems:
            raise StoreBroken("the store is damaged, so it was not backed up")
        size_bytes = copy.stat().st_size
        copy.replace(target)
        sync_folder(target.parent)
    yield Written(size_bytes, len(found), _key_in(found))


def _open_store(data: Path) -> sqlite3.Connection:
    path = data / STORE_FOLDER / DATABASE
    if not path.is_file():
        raise DataError(f"{path} is not there: `qanat-relay serve` makes it")
    wait_until_made(path)
    return connect(path, busy_timeout_s=BUSY_TIMEOUT_S, read_only=True)


def _files(data: Path, config: Path, *, keys: bool) -> dict[str, bytes]:
    """What belongs to the relay beside its store, by name."""
    paths = {
        f"{folder}/{path.name}": path
        for folder in (DESKS_FOLDER, PEERS_FOLDER)
        for path in sorted((data / folder).glob("*"))
    }
    paths |= {CARD_NAME: data / CARD_NAME, CONFIG_NAME: config}
    if keys:
        paths |= {name: data / name for name in KEY_FILES}
    found = {}
    for name, path in paths.items():
        if _NAMES.fullmatch(name):
            # A folder is none of ours, and what another command removes meanwhile is gone.
            with suppress(FileNotFoundError, IsADirectoryError):
                found[name] = path.read_bytes()
    lacking = [name for name in KEY_FILES if keys and name not in found]
    if lacking:
        raise DataError(f"{data / lacking[0]} is not there, so the keys cannot be backed up")
    return found


def _add_files(copy: Path, found: dict[str, bytes]) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE store SET incarnation = NULL")
        connection.execute("CREATE TABLE relay_file (name TEXT PRIMARY KEY, content BLOB NOT NULL)")
        connection.executemany("INSERT INTO relay_file VALUES (?, ?)", found.items())
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")


def files_in(backup: Path) -> dict[str, bytes]:
    """What is in a backup beside the store, by name. Raises DataError for what is no backup."""
    if not backup.is_file():
        raise DataError(f"{backup}: no such file")
    try:
        with closing(connect(backup, busy_timeout_s=BUSY_TIMEOUT_S, read_only=True)) as opened:
            (application,) = opened.execute("PRAGMA application_id").fetchone()
            if application != APPLICATION_ID:
                raise DataError(f"{backup} is no backup of a relay")
            found = dict(opened.execute("SELECT name, content FROM relay_file").fetchall())
    except sqlite3.Error as error:
        raise DataError(f"{backup} is no backup of a relay, or is damaged: {error}") from None
    if not all(isinstance(name, str) and _NAMES.fullmatch(name) for name in found):
        raise DataError(f"{backup} holds a file that no relay has")
    return found


def _key_in(found: dict[str, bytes]) -> str:
    try:
        return fingerprint(parse_relay_card(found[CARD_NAME]).signing_key)
    except (KeyError, ProtocolError):
        return ""


def store_in(backup: Path, target: Path) -> None:
    """The store of a backup in a new file, as another incarnation and without the files beside it;
    safe on the disk on return. Raises StoreError."""
    with copies.unfinished(target) as copy:
        with backup.open("rb") as source:
            handle = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                while part := source.read(2**20):
                    file.write(part)
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            # The keys stand there, perhaps.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DROP TABLE relay_file")
            connection.execute("UPDATE store SET incarnation = NULL")
            connection.execute(f"PRAGMA application_id = {copies.STORE_ID}")
            connection.execute("COMMIT")
        copies.sync_file(copy)
        copies.put_at(copy, target)
