"""`qanat-relay serve` while three sessions hand letters and films to it: what it acknowledges in a
session is there, whole, whenever it is killed."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.kills.nursery import speak
from tests.kills.watching_relay import entry_of
from tests.relay.made_parcels import Made, make, part
from tests.relay.running_relay import transfer

from qanat_client.carriers.conversation import Conversation, Roads, converse
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import ClientError
from qanat_protocol.card import RelayEntry
from qanat_protocol.days import day_of
from qanat_protocol.frames import Ack, AckStatus
from qanat_relay.cli import main
from qanat_relay.config import FILE_NAME as CONFIG_NAME
from qanat_relay.keys import ensure_keys
from qanat_relay.store.interface import State
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["RelayWork"]

SESSIONS = 3
LETTERS = 12
"""In each session; a film of eleven blocks comes behind every fourth."""


def parcel(number: int) -> Made:
    """One of those that are handed over: each number another, the same every time."""
    expiry_day = day_of(time.time()) + 30
    made = part if number % 5 == 4 else make
    return made(number, expiry_day=expiry_day)


async def _hand_over(entry: RelayEntry, numbers: range) -> None:
    async def send(conversation: Conversation) -> None:
        for handle, number in enumerate(numbers):
            await conversation.send(*transfer(parcel(number), handle))
        await conversation.end()

    async def talk(conversation: Conversation) -> None:
        await conversation.open()
        sending = asyncio.create_task(send(conversation))
        try:
            async for frame in conversation.frames():
                for ack in frame.entries if isinstance(frame, Ack) else ():
                    if ack.status in (AckStatus.STORED, AckStatus.HAVE):
                        speak("stored", numbers[ack.handle])
            await sending
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    # A relay that is killed has nothing more to say.
    with suppress(ClientError):
        await converse(entry, talk, settings=CarrierSettings(), roads=Roads())


async def _hand_over_all(entry: RelayEntry, number: int) -> None:
    first = number * SESSIONS * LETTERS
    await asyncio.gather(
        *(
            _hand_over(entry, range(first + at * LETTERS, first + (at + 1) * LETTERS))
            for at in range(SESSIONS)
        )
    )


class RelayWork:
    """A relay that is killed; those that hand over to it are not."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "relay"

    def prepare(self) -> list[int]:
        self.home.mkdir()
        ensure_keys(self.home)
        (self.home / CONFIG_NAME).write_text('log_level = "error"\n')
        return []

    def begin(self, number: int) -> None:
        pass

    def run(self, number: int) -> None:
        relay, (reading, writing) = os.getpid(), os.pipe()
        if os.fork() == 0:
            os.close(writing)
            with open(reading) as address:  # noqa: PTH123 - a pipe
                listening = address.readline().split()
            if listening:
                asyncio.run(_hand_over_all(entry_of(self.home, listening[1]), number))
            if os.getppid() == relay:
                os.kill(relay, signal.SIGTERM)
            os._exit(0)
        os.close(reading)
        os.dup2(writing, 1)
        os.close(writing)
        main(["serve", "--data", str(self.home), "--listen", "127.0.0.1:0"])
        os.wait()

    def check(self, said: list[str]) -> None:
        asyncio.run(self._check(said))

    async def _check(self, said: list[str]) -> None:
        store = await SqliteStore.open(self.home / "store", StoreLimits())
        numbers = [int(line.split()[1]) for line in said if line.startswith("stored ")]
        parcels = [parcel(number) for number in numbers]
        holdings = await store.look_up([made.header.offer for made in parcels])
        assert all(held is not None and held.state is State.HELD for held in holdings)
        for made in parcels[-SESSIONS * LETTERS :]:
            body = await store.blocks(made.parcel_id, range(len(made.blocks)))
            assert b"".join(body) == made.body
        # It reads every body that is held.
        assert [problem async for problem in store.check()] == []
        await store.close()

    def complete(self, said: list[str]) -> None:
        self.check(said)
        assert {f"stored {number}" for number in range(SESSIONS * LETTERS)} <= set(said)
