"""A damaged page that a request met: the vault is looked through once for all, beside the requests,
what can be made anew is, and the editor is told the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Final

from qanat_client.desk.damage import Damage, damage_in, make_anew
from qanat_client.desk.vault import Vault
from qanat_client.errors import BadInput, HomeUnusable

__all__ = ["DAMAGED", "Mending"]

DAMAGED: Final = "damaged"
AGAIN_S: Final = 30.0
"""After a look the next: what can't be mended is met again and again."""

MOST_AGAIN_S: Final = 3600.0
"""Each look reads the whole vault, so the time is doubled as long as it finds nothing new."""

ADVICE: Final = (
    "All else can be read. Look after the disk, and restore the desk's folder from a copy if you"
    " have one; `qanat-desk check` looks through the whole vault"
)


class Mending:
    """`reopen` opens the vault once more, for a thread of its own."""

    def __init__(
        self,
        reopen: Callable[[], Vault],
        troubles: MutableMapping[str, str],
        unreadable: set[bytes],
    ) -> None:
        self._reopen = reopen
        self._troubles = troubles
        self._unreadable = unreadable
        self._lock = asyncio.Lock()
        self._again_s = AGAIN_S
        self._looked_s = -AGAIN_S
        self._pages: tuple[int, ...] = ()
        self._has_mended = False

    async def look(self) -> None:
        """The same for what was read without the damaged page."""
        await self.mend()

    async def mend(self) -> bool:
        """Whether it makes sense to try again what a damaged page stood in the way of."""
        loop = asyncio.get_running_loop()
        met_s = loop.time()
        async with self._lock:
            if self._looked_s > met_s:
                # While this one waited, another did it.
                return self._has_mended
            if met_s - self._looked_s < self._again_s:
                return False
            self._again_s = min(2 * self._again_s, MOST_AGAIN_S)
            try:
                damage, again = await asyncio.to_thread(self._look)
            except (HomeUnusable, BadInput) as error:
                self._troubles[DAMAGED] = f"The vault is damaged: {error}. {ADVICE}"
                self._has_mended = False
            else:
                self._unreadable.update(damage.reports)
                self._has_mended = bool(again)
                if again or damage.pages != self._pages:
                    self._again_s, self._pages = AGAIN_S, damage.pages
                if damage.pages:
                    made = f" Made anew from what is left: {', '.join(again)}." if again else ""
                    self._troubles[DAMAGED] = (
                        f"The vault is damaged: {damage.words}.{made} {ADVICE}"
                    )
            self._looked_s = loop.time()
            return self._has_mended

    def _look(self) -> tuple[Damage, tuple[str, ...]]:
        vault = self._reopen()
        try:
            damage = damage_in(vault)
            return damage, make_anew(vault, damage)
        finally:
            vault.close()
