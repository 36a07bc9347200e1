"""Whether a relay can do its work: its store answers, commits and has room for a letter.

Whoever may ask, however often, costs the disk no more than one small commit in twenty seconds.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from qanat_relay.errors import WorkFailed
from qanat_relay.sizes import in_words
from qanat_relay.store.errors import StoreError, StoreFull
from qanat_relay.store.interface import Stats

if TYPE_CHECKING:
    from qanat_relay.node import Node

MIN_FREE_BYTES = 2**20
"""Below this the disk counts as full: not even a letter is sure to fit."""

FRESH_S = 20.0
"""For so long a commit, whosever it was, shows that the store commits; after it one is tried."""

FAILED_S = 5.0
"""For so long a failed commit is believed, then another one is tried."""

ANSWER_S = 4.0
"""How long the commit that is tried may take: shorter than what asks waits."""


class Health:
    """Of one relay."""

    def __init__(self, node: Node, data: Path) -> None:
        self._node = node
        self._data = data
        self._trying: asyncio.Task[None] | None = None
        self._failure: tuple[float, str] | None = None
        """When a commit that was tried failed (time.monotonic), and why."""

    async def check(self) -> None:
        """Raise StoreError or WorkFailed, with words for the operator, where the relay can't do its
        work."""
        if failing := [name for name, fails in self._node.background.parts.items() if fails]:
            raise WorkFailed(f"a part of the relay's work fails: {', '.join(failing)}")
        await self._node.store.look_up([bytes(16)])
        check_writable(self._data)
        await self._check_commits()
        store = self._node.store
        if not await store.takes_letters(today=self._node.today()):
            raise lack_of_room(await store.stats(), self._node.config.capacity_bytes)

    async def _check_commits(self) -> None:
        commits = self._node.store.commits
        now_s = time.monotonic()
        failed_s = commits.failed_s or 0.0
        if commits.last_s is not None and failed_s < commits.last_s > now_s - FRESH_S:
            return
        if self._failure is not None and now_s - self._failure[0] < FAILED_S:
            raise StoreError(self._failure[1])
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._try())
        await asyncio.wait([self._trying], timeout=ANSWER_S)
        if not self._trying.done():
            raise StoreError("the store takes too long to commit")
        if self._failure is not None:
            raise StoreError(self._failure[1])

    async def _try(self) -> None:
        try:
            await self._node.store.try_commit()
        except StoreError as error:
            self._failure = time.monotonic(), f"the store commits nothing: {type(error).__name__}"
        else:
            self._failure = None


def lack_of_room(stats: Stats, capacity_bytes: int) -> StoreFull:
    """Why a store takes no letter, in words for the operator."""
    if stats.most_bytes < capacity_bytes:
        return StoreFull(
            "no room for letters: the disk is full but for what a sweep needs; free some of it"
        )
    return StoreFull(
        f"no room for letters: what is kept fills the capacity of {in_words(capacity_bytes)};"
        " raise capacity_bytes, or ask the desks to purge"
    )


def check_writable(data: Path) -> None:
    """Raise StoreError unless the data folder's disk can take something."""
    try:
        free = os.statvfs(data)
    except OSError:
        raise StoreError("the data folder cannot be read") from None
    if free.f_bavail * free.f_frsize < MIN_FREE_BYTES:
        raise StoreError("the disk is full")
    if not os.access(data, os.W_OK):
        raise StoreError("the data folder cannot be written")
