"""Where an export is written to: a folder on a disk, or the memory of the program that asked.

Names are made safe here, so that nothing of a stranger's name is ever a path.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import zipfile
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from qanat_client.desk.safe_names import candidates, free_place, safe_name
from qanat_client.desk.vault import disk_faults
from qanat_client.errors import BadInput
from qanat_client.terminal import human_size, printable_line

__all__ = [
    "MAX_MEMORY_BYTES",
    "FolderPlace",
    "MemoryPlace",
    "NamesPlace",
    "Place",
    "Written",
    "too_much",
]

MAX_MEMORY_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """A file of an export: its path from the top, and whether it was there already."""

    path: str
    was_there: bool = False


class Place(Protocol):
    """Takes files; a folder is named by the program, a file by anybody."""

    def write(
        self, folder: str, name: str, pieces: Iterable[bytes], sha256: bytes | None = None
    ) -> Written:
        """Write one file, whole or not at all; `sha256` of what is to come, if it is known.

        Raises what `pieces` raises, BadInput, DiskFull, HomeReadOnly.
        """
        ...


class FolderPlace:
    """A folder. Nothing that is there is overwritten."""

    def __init__(self, top: Path) -> None:
        if top.exists() and not top.is_dir():
            raise BadInput(f"{printable_line(str(top))} is a file; name a folder with -o")
        self._top = top
        with disk_faults(str(top)):
            top.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(
        self, folder: str, name: str, pieces: Iterable[bytes], sha256: bytes | None = None
    ) -> Written:
        """As `Place` says; a file that is there with the same name and bytes stays."""
        name = safe_name(name)
        there = self._top / folder
        with disk_faults(str(there)):
            there.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sha256 is not None and _holds(there / name, sha256):
            return Written(self._named(there / name), was_there=True)
        spare = free_place(there, f".{name}.part")
        try:
            with disk_faults(str(spare)), spare.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            place = free_place(there, name)
            with disk_faults(str(place)):
                spare.replace(place)
        finally:
            with contextlib.suppress(OSError):
                spare.unlink(missing_ok=True)
        return Written(self._named(place))

    def _named(self, place: Path) -> str:
        return place.relative_to(self._top).as_posix()


def _holds(path: Path, sha256: bytes) -> bool:
    with disk_faults(str(path)):
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest() == sha256


def _free_path(folder: str, name: str, taken: Container[str]) -> str:
    before = f"{folder}/" if folder else ""
    paths = (before + candidate for candidate in candidates(safe_name(name)))
    return next(path for path in paths if path not in taken)


class NamesPlace:
    """What an export would be called, for a look at it: nothing is read or written."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def write(
        self, folder: str, name: str, pieces: Iterable[bytes], sha256: bytes | None = None
    ) -> Written:
        """As `Place` says; `pieces` are left alone."""
        self.paths.append(_free_path(folder, name, self.paths))
        return Written(self.paths[-1])


def too_much() -> BadInput:
    """What is said where a download would be larger than it may be."""
    return BadInput(
        f"this is more than {human_size(MAX_MEMORY_BYTES)} at once: leave the media out, choose"
        " fewer reports, or write it to a folder with qanat-desk export"
    )


class MemoryPlace:
    """Files in memory, for a download: nothing readable is written to a disk."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._size_bytes = 0

    def write(
        self, folder: str, name: str, pieces: Iterable[bytes], sha256: bytes | None = None
    ) -> Written:
        """As `Place` says. Raises BadInput where all of it is larger than a download may be."""
        found = bytearray()
        for piece in pieces:
            found += piece
            if self._size_bytes + len(found) > MAX_MEMORY_BYTES:
                raise too_much()
        self._size_bytes += len(found)
        path = _free_path(folder, name, self.files)
        self.files[path] = bytes(found)
        return Written(path)

    def as_zip(self) -> bytes:
        """All files in one archive, with no time in it."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
            for path, content in self.files.items():
                made.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
        return archive.getvalue()
