"""A relay's store at work until it is done: says what was acknowledged, line by line.

Usage: python -m tests.power_cuts.relay_writer FOLDER LETTERS [hasty]

A hasty one says of letters that they are stored before they are.
"""

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.relay.made_parcels import TODAY, make, part

from qanat_protocol.frames import AckStatus
from qanat_relay.store import files
from qanat_relay.store.interface import Store
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

SESSIONS = 3
STARTS = 2


def say(word: str, number: int, value: int = 0) -> None:
    """In one write, so that it is one record."""
    os.write(1, f"{word} {number} {value}\n".encode())


async def send_letters(store: Store, numbers: Iterable[int], *, hasty: bool) -> None:
    """Letters, two in a call; every third pair has one that is opened and purged."""
    for number in numbers:
        pair = [make(number), make(-number)]
        if hasty:
            say("letters", number)
        for outcome in await store.write([one.put() for one in pair], today=TODAY):
            assert outcome.status is AckStatus.STORED
        if not hasty:
            say("letters", number)
        if number % 3 == 0:
            await store.write([pair[0].opened(), pair[0].purged()], today=TODAY)
            say("purged", number)


async def send_original(store: Store, number: int) -> None:
    """An original, some blocks in a call."""
    original = part(number)
    for indices in ((0, 7, 3), (1, 2), (4, 5, 6, 8)):
        (outcome,) = await store.write([original.put(*indices)], today=TODAY)
        assert outcome.status is AckStatus.PARTIAL
        say("partial", number, outcome.value)
    (outcome,) = await store.write([original.put(9, 10)], today=TODAY)
    assert outcome.status is AckStatus.STORED
    say("original", number)


async def main(folder: Path, letters: int, *, hasty: bool) -> None:
    """The store is opened and closed twice; sessions write at once each time."""
    # The log is put back into the file all the time and cut short, not once in 8 MiB.
    files.CHECKPOINT_BYTES, files.CHECKPOINT_PAGES, files.LOG_BYTES = 32_768, 16, 65_536
    for start in range(STARTS):
        store = await SqliteStore.open(folder, StoreLimits())
        first = 1 + start * SESSIONS * letters
        await asyncio.gather(
            *(
                send_letters(
                    store,
                    range(first + session, first + SESSIONS * letters, SESSIONS),
                    hasty=hasty,
                )
                for session in range(SESSIONS)
            ),
            send_original(store, first),
        )
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), hasty="hasty" in sys.argv[3:]))
