"""What happens in the vault beside the windows: it is looked at, new reports are made ready for
lists in small portions, and every window is told. Never holds the vault's thread for long.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from typing import Final

from qanat_client.desk.catalogue import catalogue_one, catalogue_some, uncatalogued, waiting
from qanat_client.desk.desk import Desk, refresh
from qanat_client.desk.faults import VaultDamaged
from qanat_client.desk.serve.overall import counts_of
from qanat_client.desk.serve.serving import Serving
from qanat_client.errors import HomeUnusable

__all__ = ["Looking"]

LOOK_S: Final = 0.5
AFTER_FAULT_S: Final = 5.0
PORTION: Final = 48
"""Reports that are made ready at once: they take less than a request that is noticed."""

TELL_S: Final = 0.5
"""Windows are told at most so often while much comes."""

CATALOGUE: Final = "catalogue"

Mark = tuple[int, int]


class Looking:
    """Begun with the server; `run` ends when it is cancelled."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._told: Mark | None = None
        self._told_at_s = 0.0

    async def run(self) -> None:
        """Look at the vault until cancelled."""
        while True:
            try:
                wait_s = await self._turn()
            except HomeUnusable as error:
                self._serving.troubles[CATALOGUE] = f"new reports can't be shown yet: {error}"
                wait_s = AFTER_FAULT_S
            await self._pause(wait_s)

    async def _turn(self) -> float:
        """How long to wait until the next."""
        try:
            left = await self._look()
        except VaultDamaged:
            return 0.0 if await self._pass_over() else AFTER_FAULT_S
        self._serving.troubles.pop(CATALOGUE, None)
        return 0.0 if left else LOOK_S

    async def _pause(self, seconds: float) -> None:
        if not seconds:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._serving.changed.wait()
        self._serving.changed.clear()

    async def _look(self) -> bool:
        """Whether there is more to be made ready."""
        serving = self._serving
        mark = await serving.vault_work(_mark)
        if mark == self._told:
            return False
        done = await serving.vault_work(_catalogue, frozenset(self._serving.unreadable))
        now_s = asyncio.get_running_loop().time()
        if done < PORTION or now_s - self._told_at_s >= TELL_S:
            self._told_at_s = now_s
            serving.live.tell("changed", {"counts": await serving.vault_work(counts_of)})
        if done < PORTION:
            # Taken before: what others do meanwhile is seen the next time.
            self._told = mark
        return done == PORTION

    async def _pass_over(self) -> bool:
        """A page is damaged: the reports on it are left out, and the others go on. Whether any
        was."""
        serving = self._serving
        bad: set[bytes] = set()
        for report_id in await serving.vault_work(_waiting, frozenset(serving.unreadable)):
            try:
                await serving.vault_work(_catalogue_one, report_id)
            except VaultDamaged:
                bad.add(report_id)
        serving.unreadable |= bad
        return bool(bad)


def _mark(desk: Desk) -> Mark:
    """Another one after any change, by whomever."""
    vault = desk.vault
    return int(vault.value("PRAGMA data_version")), int(vault.value("SELECT total_changes()"))


def _catalogue(desk: Desk, unreadable: Collection[bytes]) -> int:
    if desk.vault.value("SELECT max(serial) FROM cards") != desk.card.serial:
        refresh(desk)
    if not waiting(desk.vault):
        return 0
    with desk.vault.transaction():
        return catalogue_some(desk.vault, PORTION, but=tuple(unreadable))


def _waiting(desk: Desk, unreadable: Collection[bytes]) -> list[bytes]:
    left = [report_id for report_id in uncatalogued(desk.vault) if report_id not in unreadable]
    return left[:PORTION]


def _catalogue_one(desk: Desk, report_id: bytes) -> None:
    with desk.vault.transaction():
        catalogue_one(desk.vault, report_id)
