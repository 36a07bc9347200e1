"""Makes a data folder of a backup. Until that is done the folder says so, and nothing serves it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from qanat_protocol.errors import ProtocolError
from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.statement import fingerprint
from qanat_relay.backup import BUSY_TIMEOUT_S, KEY_FILES, files_in, store_in
from qanat_relay.belongings import MARK
from qanat_relay.card import FILE_NAME as CARD_NAME
from qanat_relay.errors import DataError
from qanat_relay.folders import make_folder, sync_folder
from qanat_relay.keys import ensure_keys, load_keys, write_whole
from qanat_relay.sizes import in_words
from qanat_relay.store import copies
from qanat_relay.store.checking import inspect
from qanat_relay.store.errors import StoreFull
from qanat_relay.store.failures import naming
from qanat_relay.store.files import (
    DATABASE,
    STORE_FOLDER,
    ProcessLock,
    connect,
    open_writer,
    shipped_migrations,
)
from qanat_relay.store.interface import Problem

_WORDS = b"qanat-relay restore has not come to its end here: run it again.\n"


def restore(
    backup: Path, data: Path, *, keys: Path | None, new_keys: bool
) -> Iterator[list[Problem]]:
    """Make the relay of a backup in a folder that holds nothing yet, as a new incarnation of its
    store: cursors into the old one count for nothing, so that peers and desks compare all.

    keys: a folder with the two key files, where the backup has none; new_keys: be another relay.
    Yields what a few more rows of the restored store showed. Raises DataError and StoreError.
    """
    found = files_in(backup)
    _choose_keys(found, keys, new_keys=new_keys)
    _check_empty(data)
    for given in (backup, keys):
        if given is not None and data.resolve() in given.resolve().parents:
            raise DataError(f"{given} lies in {data}, which is cleared first: move it elsewhere")
    need, free = backup.stat().st_size, copies.free_bytes(_existing(data))
    if need + copies.SPARE_BYTES > free:
        raise StoreFull(f"the backup takes {in_words(need)}; the disk has {in_words(free)} free")
    make_folder(data)
    write_whole(data / MARK, _WORDS)
    _clear(data)
    for name, content in sorted(found.items()):
        make_folder((data / name).parent)
        write_whole(data / name, content)
    ensure_keys(data)
    folder = data / STORE_FOLDER
    make_folder(folder)
    lock = ProcessLock(folder)
    try:
        store_in(backup, folder / DATABASE)
        # The backup itself is the copy that an upgrade would keep.
        open_writer(
            folder,
            busy_timeout_s=BUSY_TIMEOUT_S,
            migrations=shipped_migrations(),
            keeps_copy=False,
        ).close()
        with (
            naming(),
            closing(
                connect(data / STORE_FOLDER / DATABASE, busy_timeout_s=BUSY_TIMEOUT_S)
            ) as opened,
        ):
            yield from inspect(opened)
    finally:
        lock.release()
    (data / MARK).unlink()
    sync_folder(data)


def _choose_keys(found: dict[str, bytes], keys: Path | None, *, new_keys: bool) -> None:
    """Let `found` hold the keys of the relay to be, and its card only if that is theirs."""
    if new_keys:
        for name in (*KEY_FILES, CARD_NAME):
            found.pop(name, None)
        return
    if keys is not None:
        load_keys(keys)
        found |= {name: (keys / name).read_bytes() for name in KEY_FILES}
        mine = load_keys(keys).signing.public
        try:
            theirs = parse_relay_card(found[CARD_NAME]).signing_key
        except (KeyError, ProtocolError):
            return
        if mine != theirs:
            raise DataError(
                f"the keys in {keys} are of another relay: theirs is {fingerprint(mine)}, that of"
                f" the backup {fingerprint(theirs)}"
            )
    if not all(name in found for name in KEY_FILES):
        raise DataError(
            "this backup holds no keys. Give --keys with the folder that you keep them in"
            f" ({' and '.join(KEY_FILES)}), or --new-keys to be another relay, whose card all"
            " desks and peers have to take"
        )


def _check_empty(data: Path) -> None:
    if not data.exists():
        return
    if not data.is_dir():
        raise DataError(f"{data} is not a folder")
    if (data / STORE_FOLDER).is_dir():
        ProcessLock(data / STORE_FOLDER).release()
    if (data / MARK).exists():
        return
    # What a cut left of the mark itself hinders nobody.
    names = {path.name for path in data.iterdir() if not path.name.startswith(f".{MARK}.")}
    if names - {"lost+found"}:
        raise DataError(
            f"{data} is not empty. Restore into another folder, or move what is there away first"
        )


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def _clear(data: Path) -> None:
    """Remove what a restore that was cut off has left: there was nothing else before it."""
    for path in data.iterdir():
        if path.name in (MARK, "lost+found"):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
