"""A relay's two secrets as files: its signing seed and its sealing seed, for the owner alone.

Never logged, never printed; nothing else reads or writes these files.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_relay.errors import DataError
from qanat_relay.folders import keep_owner, sync_folder
from qanat_relay.rights import words_of

SIGNING_FILE = "signing.seed"
SEALING_FILE = "sealing.seed"
SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class RelayKeys:
    """What a relay signs receipts and its card with, and what its channels are sealed to."""

    signing: SigningKey
    sealing: SealingSecret


def has_keys(data: Path) -> bool:
    """Whether a relay lives in the data folder, be it with one of its keys alone."""
    return (data / SIGNING_FILE).exists() or (data / SEALING_FILE).exists()


def ensure_keys(data: Path) -> RelayKeys:
    """The keys in the data folder, made first where neither is there (files of mode 0600).

    Raises DataError if one is missing or damaged: a relay never changes its identity by itself.
    """
    paths = [data / SIGNING_FILE, data / SEALING_FILE]
    if not all(path.exists() for path in paths):
        with _alone_in(data):
            _make_missing(data, paths)
    return load_keys(data)


def _make_missing(data: Path, paths: list[Path]) -> None:
    """Both keys, or the name of the one that a cut in the making of both left without it."""
    lost = [path for path in paths if not path.exists()]
    if len(lost) == len(paths):
        for path in paths:
            _unnamed(path).unlink(missing_ok=True)
            write_secret(_unnamed(path), os.urandom(SEED_BYTES))
        sync_folder(data)
    for path in lost:
        if not _unnamed(path).exists():
            kept = next(other for other in paths if other != path)
            raise DataError(f"{path.name} is missing beside {kept.name}: restore it from a backup")
        _unnamed(path).replace(path)
    sync_folder(data)


def _unnamed(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One process at a time; the system lets go when it ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def load_keys(data: Path) -> RelayKeys:
    """The keys in the data folder. Raises DataError if they are not there or damaged."""
    return RelayKeys(
        signing=SigningKey(_seed(data / SIGNING_FILE)),
        sealing=SealingSecret(_seed(data / SEALING_FILE)),
    )


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read; it is on the disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        keep_owner(path)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by a new one: whole or not at all, on the disk when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    write_secret(temporary, content)
    temporary.replace(path)
    sync_folder(path.parent)


def _seed(path: Path) -> bytes:
    try:
        seed = path.read_bytes()
    except OSError as error:
        raise DataError(words_of(error)) from None
    if len(seed) != SEED_BYTES:
        raise DataError(f"{path} holds {len(seed)} bytes, not {SEED_BYTES}: restore a backup")
    return seed
