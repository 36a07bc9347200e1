"""What lies in a relay's data folder: whether this user may use all of it, and whether a relay that
lived there has lost its keys or was not brought back whole. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qanat_relay.card import FILE_NAME as CARD_NAME
from qanat_relay.config import FILE_NAME as CONFIG_NAME
from qanat_relay.desks import FOLDER as DESKS_FOLDER
from qanat_relay.errors import DataError
from qanat_relay.keys import SEALING_FILE, SIGNING_FILE, has_keys
from qanat_relay.peering.peers import FOLDER as PEERS_FOLDER
from qanat_relay.rights import why_barred
from qanat_relay.store.copies import REBUILT
from qanat_relay.store.files import DATABASE, LOCK, STORE_FOLDER

_FILES = (CONFIG_NAME, CARD_NAME, SIGNING_FILE, SEALING_FILE)
_FOLDERS = ("", STORE_FOLDER, DESKS_FOLDER, PEERS_FOLDER)
_STORE = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", LOCK, DATABASE + REBUILT)

MARK = "restore.unfinished"
"""A file that is there while a backup is made a relay's folder."""


def check_there(data: Path, *, writes: bool = False) -> None:
    """Raise DataError unless a relay is in the data folder, whole, which this user may use."""
    if not data.is_dir():
        raise DataError(f"{data}: no such folder; run `qanat-relay init --data {data}` first")
    check_rights(data, writes=writes)
    check_restored(data)


def check_restored(data: Path) -> None:
    """Raise DataError where a restore was cut off: what is there is not the relay."""
    if (data / MARK).exists():
        raise DataError(f"a restore into {data} was cut off: run `qanat-relay restore` again")


def check_rights(data: Path, *, writes: bool = True) -> None:
    """Raise DataError for the first thing of the relay's that this user may not use. `writes`: be
    it to change something."""
    for path, changes in _belongings(data):
        if why := why_barred(path, writes=writes and changes):
            raise DataError(why)


def _belongings(data: Path) -> Iterator[tuple[Path, bool]]:
    """What a relay uses, if it is there, and whether it writes to that very file or folder."""
    yield from ((data / name, True) for name in _FOLDERS)
    yield from ((data / name, False) for name in _FILES)
    for name in (DESKS_FOLDER, PEERS_FOLDER):
        if (data / name).is_dir():
            yield from ((path, False) for path in sorted((data / name).iterdir()))
    yield from ((data / STORE_FOLDER / name, True) for name in _STORE)


def check_identity(data: Path) -> None:
    """Raise DataError where a relay has been and both its keys are gone: with new ones it would be
    another relay, which only the operator may want."""
    if has_keys(data):
        return
    left = [data / CARD_NAME, data / STORE_FOLDER / DATABASE]
    if found := [path for path in left if path.exists()]:
        raise DataError(
            f"{SIGNING_FILE} and {SEALING_FILE} are missing in {data}, and {found[0]} shows that a"
            " relay was here. Put the two files back from the copy that you keep apart, or"
            " restore a backup into another folder (qanat-relay restore). If they are lost for"
            f" good: `qanat-relay new-keys --data {data}` makes another relay of what is here,"
            " whose card all desks and peers have to take as they would a stranger's"
        )
