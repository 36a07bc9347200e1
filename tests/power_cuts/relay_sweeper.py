"""A relay's store that takes letters while it sweeps: says which it took and which days it swept.

Usage: python -m tests.power_cuts.relay_sweeper FOLDER

Lines: `letter NUMBER`, whose last day `expiry_of` tells, `sweeping DAY` and `swept DAY`. The folder
and those above it are made. Every seventh letter is purged, and half a film comes each day.
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.relay.made_parcels import TODAY, make, part

from qanat_relay.store import files
from qanat_relay.store.interface import Store
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["DAYS", "expiry_of"]

DAYS = range(TODAY, TODAY + 24, 3)
LETTERS_A_DAY = 6


def expiry_of(number: int) -> int:
    """Some expire soon after they come, some later than the last sweep."""
    return TODAY + 2 + 7 * number % 40


def _say(word: str, number: int) -> None:
    os.write(1, f"{word} {number}\n".encode())


async def _take(store: Store, day: int) -> None:
    first = 1 + (day - TODAY) * LETTERS_A_DAY
    for number in range(first, first + LETTERS_A_DAY):
        if expiry_of(number) < day:
            continue
        letter = make(number, expiry_day=expiry_of(number))
        await store.write([letter.put()], today=day)
        _say("letter", number)
        if number % 7 == 0:
            await store.write([letter.opened(), letter.purged()], today=day)
    await store.write([part(day).put(0, 1, 2)], today=day)


async def _sweep(store: Store, day: int) -> None:
    _say("sweeping", day)
    await store.sweep(day)
    _say("swept", day)


async def main(folder: Path) -> None:
    """Every day a sweep, and letters at the same time."""
    files.CHECKPOINT_BYTES, files.CHECKPOINT_PAGES, files.LOG_BYTES = 32_768, 16, 65_536
    store = await SqliteStore.open(folder, StoreLimits(partial_ttl_days=4))
    for day in DAYS:
        await asyncio.gather(_take(store, day), _sweep(store, day))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
