"""A session with a relay over a line in memory, from the side of whoever visits it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.linkage.people import Going
from tests.relay.made_parcels import Made

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import (
    Ack,
    AckEntry,
    AckStatus,
    Answer,
    Answers,
    End,
    Frame,
    Offers,
    Partial,
)
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.merkle import leaf_hash
from qanat_protocol.session import HELLO, ClientSession
from qanat_protocol.transfer import Outgoing
from qanat_relay.conversation import Conversation
from qanat_relay.node import Node

PIECE_BLOCKS = 4
"""Blocks that are sent as one: what a line brings between two looks at it."""

WAIT_S = 60.0


class Line:
    """A connection in memory: the relay's end of it, and how a visitor hears and feeds it."""

    def __init__(self) -> None:
        self._to_relay: asyncio.Queue[bytes] = asyncio.Queue()
        self._to_visitor: asyncio.Queue[bytes] = asyncio.Queue()

    async def receive(self) -> bytes:
        return await self._to_relay.get()

    async def send(self, data: bytes) -> None:
        self._to_visitor.put_nowait(data)

    def abort(self) -> None:
        self.feed(b"")

    @property
    def is_gone(self) -> bool:
        return False

    def feed(self, data: bytes) -> None:
        self._to_relay.put_nowait(data)

    async def hear(self) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self._to_visitor.get()


class Visit:
    """One session with a relay, from the visitor's side."""

    def __init__(self, node: Node, *first: Frame) -> None:
        self.line = Line()
        self.session = ClientSession(node.keys.sealing.public)
        self._serving = asyncio.create_task(Conversation(node, self.line).run())
        self.line.feed(self.session.start() + self.session.send(HELLO, *first))

    def say(self, *frames: Frame) -> None:
        self.line.feed(self.session.send(*frames))

    async def hear(self) -> list[Frame]:
        return self.session.receive(await self.line.hear())

    async def end(self) -> None:
        self.say(End())
        await self._serving

    async def cut(self) -> None:
        self.line.feed(b"")
        await self._serving


@dataclass
class Sender:
    """What one person's device does in one session: offers, then gives what is wanted in order."""

    visit: Visit
    going: Going
    relay: int
    number: int
    loads: list[tuple[Made, Outgoing, list[int]]] = field(default_factory=list)
    entries: dict[int, AckEntry] = field(default_factory=dict)
    budget_bytes: float = 0.0

    async def offer(self, parcels: Sequence[Made]) -> None:
        """Ask what the relay wants of these, which are in the order in which they go."""
        offers = tuple(made.header.offer for made in parcels)
        self.visit.say(Offers(0, offers))
        held: dict[bytes, Bitmap] = {}
        codes: tuple[Answer, ...] = ()
        while not codes:
            for frame in await self.visit.hear():
                if isinstance(frame, Partial):
                    held[frame.parcel_id] = Bitmap.from_bytes(frame.bitmap)
                elif isinstance(frame, Answers):
                    codes = frame.codes
        for made, code in zip(parcels, codes, strict=True):
            if code in (Answer.WANT, Answer.WANT_REST):
                bitmap = held.get(made.parcel_id, Bitmap.from_indices(()))
                outgoing = Outgoing(len(self.loads), made.header, bitmap)
                self.loads.append((made, outgoing, list(outgoing.missing())))
        total = sum(made.header.body_size for made, _, _ in self.loads)
        self.budget_bytes = total * self.going.patience if self.going.patience < 1 else total + 1.0

    def next_piece(self) -> tuple[int, list[int], int] | None:
        """(load, block numbers, bytes) of what goes next, None at the end."""
        for number, (made, _, missing) in enumerate(self.loads):
            if missing:
                blocks = missing[:PIECE_BLOCKS]
                size = min(made.header.body_size, len(blocks) * 16_384)
                return number, blocks, size
        return None

    def push(self, number: int, indices: list[int]) -> None:
        made, outgoing, missing = self.loads[number]
        frames: list[Frame] = []
        blocks = cut_blocks(made)
        if number not in self.entries:
            self.entries[number] = AckEntry(number, AckStatus.PARTIAL, 0)
            frames += outgoing.start()
        if (page := outgoing.page_needed(indices[0])) is not None:
            frames.append(outgoing.page(page, [leaf_hash(block) for block in blocks]))
        frames += [outgoing.block(index, blocks[index]) for index in indices]
        del missing[: len(indices)]
        self.budget_bytes -= sum(len(blocks[index]) for index in indices)
        self.visit.say(*frames)

    async def acknowledged(self, number: int) -> None:
        """Return when the relay has said that it holds what was pushed of a load."""
        made, _, missing = self.loads[number]
        total = -(-made.header.body_size // 16_384)
        while not (entry := self.entries[number]).status.is_final and (
            not missing or entry.value < total - len(missing)
        ):
            for frame in await self.visit.hear():
                if isinstance(frame, Ack):
                    self.entries.update({entry.handle: entry for entry in frame.entries})


def cut_blocks(made: Made) -> list[bytes]:
    """The body in blocks."""
    return [made.body[at : at + BLOCK_BYTES] for at in range(0, len(made.body), BLOCK_BYTES)]
