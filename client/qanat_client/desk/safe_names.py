"""File names by strangers, made fit for any disk. Never a path, never an existing file's name."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from qanat_client.desk.vault import disk_faults

__all__ = ["candidates", "free_place", "safe_name"]

MAX_NAME_BYTES = 120
"""Half of what file systems take, so that a suffix and a long folder still fit."""

MAX_EXTENSION_BYTES = 16

# What Windows and exFAT refuse, and what turns or hides the rest of a name.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")


def safe_name(name: str) -> str:
    """The name without what any file system or terminal takes amiss; never empty."""
    kept = "".join(
        "_" if _UNSAFE.match(c) or unicodedata.category(c) in ("Cf", "Cs", "Co", "Cn") else c
        for c in unicodedata.normalize("NFC", name)
    )
    kept = kept.strip(" .") or "file"
    if _DEVICES.fullmatch(kept):
        kept = "_" + kept
    stem, dot, extension = kept.rpartition(".")
    if not stem or len(extension.encode()) > MAX_EXTENSION_BYTES:
        return _cut(kept, MAX_NAME_BYTES).rstrip(" .")
    return _cut(stem, MAX_NAME_BYTES - len(extension.encode()) - 1) + dot + extension


def candidates(name: str) -> Iterator[str]:
    """The name, then the same with -2, -3 and so on, without an end."""
    yield name
    stem, dot, extension = name.rpartition(".")
    number = 2
    while True:
        yield f"{stem}-{number}{dot}{extension}" if stem else f"{name}-{number}"
        number += 1


def free_place(folder: Path, name: str) -> Path:
    """Make a new empty file in the folder; its name gets -2, -3 and so on if need be."""
    for candidate in candidates(name):
        path = folder / candidate
        with disk_faults(str(path)):
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                continue
        return path
    raise AssertionError("unreachable")
