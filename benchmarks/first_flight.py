"""A desk that asks a relay for what is new: when the first letter comes, and when the last."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from benchmarks.desk import MadeDesk, today
from benchmarks.metered import Failed
from qanat_client.carriers.conversation import Conversation, Roads, converse
from qanat_client.carriers.settings import CarrierSettings
from qanat_protocol.card import RelayEntry
from qanat_protocol.days import epoch_of
from qanat_protocol.frames import Block, HeaderFrame, Idle, Welcome
from qanat_protocol.session import sign_desk_interest
from qanat_protocol.transfer import Intake

__all__ = ["Flight", "fly"]


@dataclass(frozen=True, slots=True)
class Flight:
    """Seconds from before the connection was made."""

    first_s: float
    last_s: float


def fly(entry: RelayEntry, desk: MadeDesk, cursor: bytes, letters: int) -> Flight:
    """One session of this desk. Raises Failed unless exactly so many letters come, whole."""
    return asyncio.run(_fly(entry, desk, cursor, letters))


async def _fly(entry: RelayEntry, desk: MadeDesk, cursor: bytes, letters: int) -> Flight:
    statement = desk.statement()
    epoch = epoch_of(today())
    begun = time.perf_counter()

    async def talk(conversation: Conversation) -> Flight:
        intake, came = Intake(), set[bytes]()
        first_s = last_s = 0.0
        await conversation.open()
        async for frame in conversation.frames():
            match frame:
                case Welcome():
                    interest = sign_desk_interest(
                        desk.signing,
                        await conversation.session_hash(),
                        number=0,
                        statement=statement,
                        first_epoch=epoch,
                        last_epoch=epoch,
                        cursor=cursor,
                    )
                    await conversation.send(interest)
                case HeaderFrame():
                    intake.open(frame)
                case Block():
                    verified = intake.block(frame)
                    if verified is not None and verified.complete:
                        came.add(verified.header.parcel_id)
                    last_s = time.perf_counter() - begun
                    first_s = first_s or last_s
                case Idle():
                    await conversation.end()
        if len(came) != letters:
            raise Failed(f"the relay gave {len(came)} letters instead of {letters}")
        return Flight(first_s, last_s)

    return await converse(entry, talk, settings=CarrierSettings(), roads=Roads())
