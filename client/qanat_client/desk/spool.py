"""Sealed bodies on disk, one file a parcel, as they came. Never holds anything readable."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from qanat_client.desk.vault import disk_faults
from qanat_protocol.limits import BLOCK_BYTES

__all__ = ["Spool"]


class Spool:
    """The folder `parcels`. What was written counts only behind `sync`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "parcels"
        self._written: set[bytes] = set()
        with disk_faults(str(self._folder)):
            self._folder.mkdir(mode=0o700, exist_ok=True)

    def path(self, parcel_id: bytes) -> Path:
        """Where the body of a parcel lies, or would."""
        return self._folder / parcel_id.hex()

    def write(self, parcel_id: bytes, index: int, block: bytes) -> None:
        """Put one verified block at its place. Raises DiskFull, HomeReadOnly."""
        path = self.path(parcel_id)
        with disk_faults(str(path)):
            target = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                at = index * BLOCK_BYTES
                while block:
                    done = os.pwrite(target, block, at)
                    at, block = at + done, block[done:]
            finally:
                os.close(target)
        self._written.add(parcel_id)

    def sync(self) -> None:
        """Make durable what was written since the last time."""
        for path in [self.path(parcel_id) for parcel_id in self._written] + [self._folder]:
            with disk_faults(str(path)):
                target = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(target)
                finally:
                    os.close(target)
        self._written.clear()

    def blocks(self, parcel_id: bytes) -> Iterator[bytes]:
        """The body in blocks of 16 KiB."""
        path = self.path(parcel_id)
        with disk_faults(str(path)), path.open("rb") as body:
            while block := body.read(BLOCK_BYTES):
                yield block

    def read(self, parcel_id: bytes) -> bytes:
        """The whole body, for letters."""
        return b"".join(self.blocks(parcel_id))

    def remove(self, parcel_id: bytes) -> None:
        """Delete a body; fine if there is none."""
        path = self.path(parcel_id)
        with disk_faults(str(path)), contextlib.suppress(FileNotFoundError):
            path.unlink()
