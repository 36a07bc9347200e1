"""Sealed bodies on disk as they came: the small ones together, each other one in a file of its own.
Never holds anything readable."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qanat_client.desk.faults import BodyDamaged
from qanat_client.desk.small_bodies import SmallBodies
from qanat_client.desk.vault import disk_faults
from qanat_client.errors import HomeUnusable
from qanat_client.reporter.home import sync_path
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.merkle import TreeBuilder, leaf_hash
from qanat_protocol.parcel import Header

__all__ = ["Spool"]


_SYNCED_AT_ONCE = 16


class Spool:
    """The folder `parcels`. What was written counts only behind `sync`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "parcels"
        self._written: set[bytes] = set()
        self._small: dict[bytes, bytes] = {}
        """What came and is not durable."""
        self._lost_a_write = False
        with disk_faults(str(self._folder)):
            self._folder.mkdir(mode=0o700, exist_ok=True)
        self._small_bodies = SmallBodies(self._folder)

    def path(self, parcel_id: bytes) -> Path:
        """Where the body of a parcel lies, or would, if it has a file of its own."""
        return self._folder / parcel_id.hex()

    def write(self, parcel_id: bytes, index: int, block: bytes) -> None:
        """Put one verified block at its place. Raises DiskFull, HomeReadOnly."""
        if index == 0 and len(block) < BLOCK_BYTES:
            # It is all of its body.
            self._small[parcel_id] = block
            return
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
        # A system reports a write that failed once, and says that all is well the next time.
        if self._lost_a_write:
            raise HomeUnusable("the disk refused to write; what was stored before is safe")
        if not (self._small or self._written):
            return
        self._lost_a_write = True
        if self._small:
            self._small_bodies.keep(self._small)
        # All at once: a disk makes many files durable in hardly more time than one.
        if self._written:
            with ThreadPoolExecutor(max_workers=_SYNCED_AT_ONCE) as threads:
                list(threads.map(_sync, map(self.path, self._written)))
        _sync(self._folder)
        self._lost_a_write = False
        self._written.clear()
        self._small.clear()

    def blocks(self, parcel_id: bytes) -> Iterator[bytes]:
        """The body in blocks of 16 KiB. Raises BodyDamaged if it is gone."""
        small = self.read_small([parcel_id]).get(parcel_id)
        if small is not None:
            yield small
            return
        path = self.path(parcel_id)
        with disk_faults(str(path)), contextlib.ExitStack() as stack:
            try:
                body = stack.enter_context(path.open("rb"))
            except FileNotFoundError:
                raise BodyDamaged(f"{path} is gone") from None
            while block := body.read(BLOCK_BYTES):
                yield block

    def read(self, parcel_id: bytes) -> bytes:
        """The whole body, for letters."""
        return b"".join(self.blocks(parcel_id))

    def read_small(self, parcel_ids: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of these bodies that are small and here."""
        found = self._small_bodies.read(parcel_ids)
        for parcel_id in parcel_ids:
            if (body := self._small.get(parcel_id)) is not None:
                found[parcel_id] = body
        return found

    def check(self, header: Header) -> None:
        """Whether a body is what came from the relay. Raises BodyDamaged."""
        tree = TreeBuilder()
        for block in self.blocks(header.parcel_id):
            tree.add_leaf(leaf_hash(block))
        if tree.root() != header.root:
            raise BodyDamaged(f"the body {header.parcel_id.hex()} is not what it was")

    def remove(self, *parcel_ids: bytes) -> None:
        """Delete bodies; fine if there are none."""
        self._small_bodies.remove(parcel_ids)
        for parcel_id in parcel_ids:
            self._small.pop(parcel_id, None)
            path = self.path(parcel_id)
            with disk_faults(str(path)), contextlib.suppress(FileNotFoundError):
                path.unlink()


def _sync(path: Path) -> None:
    with disk_faults(str(path)):
        sync_path(path)
