"""Pictures that look alike: their perceptual hashes in the vault, and which are near each other.

PDQ's makers call two pictures the same where at most 31 of 256 bits differ and both have a quality
of 50 or more. What looks alike need not be the same, and what was cropped or turned is not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from qanat_client.desk.vault import Vault

__all__ = [
    "MAX_DISTANCE",
    "MIN_QUALITY",
    "near_pictures",
    "next_unlooked",
    "store_likeness",
    "unlooked",
]

MAX_DISTANCE: Final = 31
MIN_QUALITY: Final = 50
MOST_FOUND: Final = 50
"""A flood of one picture is told by its first few."""
MOST_TRIES: Final = 3
"""A part whose look was cut so often is not looked at any more."""
HASH_BYTES: Final = 32
_WORDS: Final = HASH_BYTES // 8

Part = tuple[bytes, int, int]
"""Report id, file, rendition."""


class _Known:
    """The hashes of one vault in memory, 32 bytes each; rows are only added, so it reads on."""

    def __init__(self) -> None:
        self._newest = 0
        self._owners: list[tuple[bytes, int]] = []
        self._hashes: NDArray[np.uint64] = np.empty((0, _WORDS), np.uint64)

    def read_on(self, vault: Vault) -> None:
        """Take in what was added."""
        rows = vault.rows(
            "SELECT number, report_id, file, hash FROM likenesses"
            " WHERE number > ? AND hash IS NOT NULL AND quality >= ? ORDER BY number",
            self._newest,
            MIN_QUALITY,
        )
        if not rows:
            return
        self._newest = rows[-1][0]
        self._owners += [(report_id, file) for _, report_id, file, _ in rows]
        added = np.frombuffer(b"".join(row[3] for row in rows), np.uint64).reshape(-1, _WORDS)
        self._hashes = np.concatenate([self._hashes, added])

    def near(self, own: Sequence[bytes], most: int) -> dict[tuple[bytes, int], int]:
        """The smallest distance of each file that has a hash near one of these."""
        found: dict[tuple[bytes, int], int] = {}
        for value in own:
            differences = self._hashes ^ np.frombuffer(value, np.uint64)
            distances = np.bitwise_count(differences).sum(axis=1, dtype=np.int64)
            for at in np.flatnonzero(distances <= most).tolist():
                owner, distance = self._owners[at], int(distances[at])
                found[owner] = min(distance, found.get(owner, distance))
        return found


# Kept with its vault: 100,000 hashes take longer to read than to compare.
_known: WeakKeyDictionary[Vault, _Known] = WeakKeyDictionary()


def near_pictures(
    vault: Vault, report_id: bytes, *, most: int = MAX_DISTANCE
) -> list[tuple[bytes, int, int]]:
    """(report id, file, distance) of other reports' pictures near one of this report's, the nearest
    first, at most MOST_FOUND. In the vault's thread."""
    own = [
        value
        for (value,) in vault.rows(
            "SELECT DISTINCT hash FROM likenesses"
            " WHERE report_id = ? AND hash IS NOT NULL AND quality >= ?",
            report_id,
            MIN_QUALITY,
        )
    ]
    if not own:
        return []
    known = _known.setdefault(vault, _Known())
    known.read_on(vault)
    found = known.near(own, most)
    others = [(*owner, distance) for owner, distance in found.items() if owner[0] != report_id]
    others.sort(key=lambda near: (near[2], near[0], near[1]))
    return others[:MOST_FOUND]


def unlooked(vault: Vault) -> int:
    """How many verified parts nobody looked at yet."""
    return int(vault.value("SELECT count(*) FROM unlooked INDEXED BY unlooked_by_tries"))


def next_unlooked(vault: Vault, most: int) -> list[Part]:
    """Verified parts whose likeness is not known yet, the least tried first: each is counted as
    tried with this, and has no likeness after MOST_TRIES. The caller holds the transaction."""
    tired = vault.rows(
        "SELECT report_id, file, rendition FROM unlooked WHERE tries >= ? LIMIT ?", MOST_TRIES, most
    )
    for report_id, file, rendition in tired:
        store_likeness(vault, (report_id, file, rendition), None, 0)
    found: list[Part] = [
        (report_id, file, rendition)
        for report_id, file, rendition in vault.rows(
            "SELECT report_id, file, rendition FROM unlooked ORDER BY tries LIMIT ?", most
        )
    ]
    for part in found:
        vault.run(
            "UPDATE unlooked SET tries = tries + 1"
            " WHERE report_id = ? AND file = ? AND rendition = ?",
            *part,
        )
    return found


def store_likeness(vault: Vault, part: Part, value: bytes | None, quality: int) -> None:
    """Keep the hash of a part, None where it has none; the caller holds the transaction."""
    # It may have been damaged, and fetched again since.
    vault.run(
        "DELETE FROM likenesses"
        " WHERE report_id = ? AND file = ? AND rendition = ? AND hash IS NULL",
        *part,
    )
    vault.run(
        "INSERT OR IGNORE INTO likenesses (report_id, file, rendition, hash, quality)"
        " VALUES (?, ?, ?, ?, ?)",
        *part,
        value,
        quality,
    )
    vault.run("DELETE FROM unlooked WHERE report_id = ? AND file = ? AND rendition = ?", *part)
