"""A desk as relays meet it: it pulls, and tells what it has opened. Opens nothing in truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.linkage.people import EPOCH
from tests.linkage.visits import Visit
from tests.relay.made_parcels import Made
from tests.relay.running_relay import Desk

from qanat_protocol.frames import (
    Answer,
    Answers,
    Block,
    Cursor,
    DeskInterest,
    Frame,
    HeaderFrame,
    Idle,
    Offers,
)
from qanat_protocol.interest import sign_desk_interest
from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import Header, parse_header
from qanat_relay.node import Node


@dataclass
class Newsroom:
    """A desk as relays meet it: pulls, and tells what it has opened. purges: at once, or not in
    this week."""

    desk: Desk
    purges: bool
    letter_of: dict[bytes, bytes]
    made: dict[bytes, Made]
    given: Counter[bytes] = field(default_factory=Counter)
    """By id: how often it came whole."""
    cursors: dict[int, bytes] = field(default_factory=dict)
    told: dict[int, set[bytes]] = field(default_factory=dict)

    async def pull(self, node: Node, relay: int) -> None:
        """One session, as `qanat-desk pull` holds it."""
        visit = Visit(node)
        await visit.hear()
        visit.say(self.proof(visit, relay))
        async for frame in self.frames(visit):
            match frame:
                case Cursor(_, at):
                    self.cursors[relay] = at
                    self._tell(visit, relay)
                case Idle():
                    self._tell(visit, relay)

    def proof(self, visit: Visit, relay: int) -> DeskInterest:
        """That it is the desk, and from where to go on."""
        return sign_desk_interest(
            self.desk.key,
            visit.session.session_hash,
            number=0,
            statement=self.desk.statement(),
            first_epoch=EPOCH,
            last_epoch=EPOCH,
            cursor=self.cursors.get(relay),
        )

    async def frames(self, visit: Visit) -> AsyncIterator[Frame]:
        """What the relay says, until it is over; what is offered is taken unless it is here."""
        coming: dict[int, tuple[Header, int]] = {}
        ended = False
        while not visit.session.ended:
            for frame in await visit.hear():
                match frame:
                    case Offers(first, offers):
                        here = {parcel_id[:16] for parcel_id in self.given}
                        codes = [Answer.HAVE if offer in here else Answer.WANT for offer in offers]
                        visit.say(Answers(first, tuple(codes)))
                    case HeaderFrame(handle, data):
                        header = parse_header(data)
                        coming[handle] = (header, block_count(header.body_size))
                    case Block(handle):
                        header, left = coming.pop(handle)
                        if left > 1:
                            coming[handle] = (header, left - 1)
                        else:
                            self.given[header.parcel_id] += 1
                yield frame
                if isinstance(frame, Idle) and not ended:
                    ended = True
                    await visit.end()

    def _tell(self, visit: Visit, relay: int) -> None:
        """OPENED of what is whole and whose letter is, by id, as a vault lists it."""
        told = self.told.setdefault(relay, set())
        opened = {one for one in self.given if self.letter_of[one] in self.given}
        frames: list[Frame] = []
        for parcel_id in sorted(opened - told):
            made = self.made[parcel_id]
            frames.append(made.opened_frame(self.desk.key))
            if self.purges:
                frames.append(made.purge_frame())
        told |= opened
        if frames:
            visit.say(*frames)
