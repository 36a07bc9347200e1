"""A relay's store in a process of its own that is killed: says what was acknowledged, line by line.

Usage: python -m tests.relay.writes_until_killed FOLDER FIRST_NUMBER
"""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from tests.relay.made_parcels import TODAY, make, part

from qanat_protocol.frames import AckStatus
from qanat_relay.store.interface import Store
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore


def say(word: str, number: int, value: int = 0) -> None:
    """In one write, so that a kill cuts no line in two."""
    os.write(sys.stdout.fileno(), f"{word} {number} {value}\n".encode())


async def send_letters(store: Store, numbers: "count[int]") -> None:
    """Letters, two in a call; every third is opened and purged."""
    for number in numbers:
        pair = [make(number), make(-number)]
        for outcome in await store.write([one.put() for one in pair], today=TODAY):
            assert outcome.status is AckStatus.STORED
        say("letters", number)
        if number % 3 == 0:
            await store.write([pair[0].opened(), pair[0].purged()], today=TODAY)
            say("purged", number)


async def send_originals(store: Store, numbers: "count[int]") -> None:
    """Originals, some blocks in a call."""
    for number in numbers:
        original = part(number)
        for indices in ((0, 7, 3), (1, 2), (4, 5, 6, 8)):
            (outcome,) = await store.write([original.put(*indices)], today=TODAY)
            assert outcome.status is AckStatus.PARTIAL
            say("partial", number, outcome.value)
        (outcome,) = await store.write([original.put(9, 10)], today=TODAY)
        assert outcome.status is AckStatus.STORED
        say("original", number)


async def main(folder: Path, first: int) -> None:
    """Four sessions at once, until the process is killed."""
    store = await SqliteStore.open(folder, StoreLimits())
    await asyncio.gather(
        send_letters(store, count(first, 2)),
        send_letters(store, count(first + 1, 2)),
        send_originals(store, count(first, 2)),
        send_originals(store, count(first + 1, 2)),
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
