"""What a reporter's client says to relays, read on its way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.cuts.line import Line

from qanat_client.carriers.link import Link
from qanat_protocol.frames import (
    CardInterest,
    Frame,
    HeaderFrame,
    Offers,
    OpenedInterest,
    PublicInterest,
    RepliesInterest,
)
from qanat_protocol.session import RelaySession

__all__ = ["Tap", "asks_for"]


class Tap:
    """The links of a round, and what the client said on each of them."""

    def __init__(self, line: Line, secret: Any) -> None:
        self._line = line
        self._secret = secret
        self.said: list[list[Frame]] = []

    @asynccontextmanager
    async def open_link(self, address: str, **options: Any) -> AsyncIterator[Link]:
        session, frames = RelaySession(self._secret), list[Frame]()
        self.said.append(frames)
        async with self._line.open_link(address, **options) as link:
            send = link.send

            async def tapped(data: bytes) -> None:
                frames.extend(session.receive(data))
                await send(data)

            link.send = tapped  # type: ignore[method-assign]
            yield link


def asks_for(frame: Frame) -> list[Any]:
    match frame:
        case Offers():
            return list(frame.offers)
        case HeaderFrame():
            return [frame.header]
        case PublicInterest():
            return [want.tag for want in frame.wants]
        case OpenedInterest():
            return list(frame.prefixes)
        case RepliesInterest():
            return [frame.prefix]
        case CardInterest():
            return [None]
        case _:
            return []
