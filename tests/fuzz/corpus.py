"""The kept inputs: one zip file for each target, so that thousands of inputs are a few files.

The same inputs give the same bytes. Never holds an input twice.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

__all__ = ["FOLDER", "name_of", "read_corpus", "write_corpus"]

FOLDER = Path(__file__).parent / "corpus"

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def name_of(data: bytes) -> str:
    """What an input is called wherever it lies as a file."""
    return hashlib.sha256(data).hexdigest()[:16]


def read_corpus(target: str) -> list[bytes]:
    """A target's inputs, the shortest first; none where it has no corpus yet."""
    path = FOLDER / f"{target}.zip"
    if not path.exists():
        return []
    with zipfile.ZipFile(path) as packed:
        return [packed.read(entry) for entry in packed.infolist()]


def write_corpus(target: str, inputs: Iterable[bytes]) -> None:
    """Keep these inputs in place of what was kept."""
    FOLDER.mkdir(exist_ok=True)
    with zipfile.ZipFile(FOLDER / f"{target}.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for data in sorted(set(inputs), key=lambda data: (len(data), data)):
            entry = zipfile.ZipInfo(name_of(data), _LONG_AGO)
            packed.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
