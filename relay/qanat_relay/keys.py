"""A relay's two secrets as files: its signing seed and its sealing seed, for the owner alone.

Never logged, never printed; nothing else reads or writes these files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_relay.errors import DataError

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
    there = [path.exists() for path in paths]
    if not any(there):
        for path in paths:
            write_secret(path, os.urandom(SEED_BYTES))
    elif not all(there):
        lost, kept = sorted(paths, key=Path.exists)
        raise DataError(f"{lost.name} is missing beside {kept.name}: restore it from a backup")
    return load_keys(data)


def load_keys(data: Path) -> RelayKeys:
    """The keys in the data folder. Raises DataError if they are not there or damaged."""
    return RelayKeys(
        signing=SigningKey(_seed(data / SIGNING_FILE)),
        sealing=SealingSecret(_seed(data / SEALING_FILE)),
    )


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read; on the disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by a new one: whole or not at all, on the disk when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    write_secret(temporary, content)
    temporary.replace(path)


def _seed(path: Path) -> bytes:
    try:
        seed = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    if len(seed) != SEED_BYTES:
        raise DataError(f"{path} holds {len(seed)} bytes, not {SEED_BYTES}: restore a backup")
    return seed
