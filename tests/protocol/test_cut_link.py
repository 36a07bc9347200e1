"""Two sides on a link that cuts: whatever is lost is sent again, and nothing is taken twice."""

from dataclasses import dataclass, field

import pytest
from tests.protocol.made_bodies import LETTER, TWO_BLOCKS, Body, body_of

from qanat_protocol import frames
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import Cut
from qanat_protocol.frames import AckStatus, Answer, Frame
from qanat_protocol.parcel import Header
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import HELLO, ClientSession, RelaySession
from qanat_protocol.transfer import Intake, Outgoing

SECRET = SealingSecret(bytes(range(32)))
BODIES = [body_of(LETTER), body_of(TWO_BLOCKS)]
WELCOME = frames.Welcome(1, 18_998, bytes(16), 2**32, 0, 0, 0)


@dataclass
class Shelf:
    """A store: what is on it outlives every session."""

    headers: dict[bytes, Header] = field(default_factory=dict)
    blocks: dict[bytes, dict[int, bytes]] = field(default_factory=dict)

    def put(self, header: Header, index: int, data: bytes) -> None:
        held = self.blocks.setdefault(header.parcel_id, {})
        assert index not in held, "a block was delivered twice"
        self.headers[header.offer] = header
        held[index] = data


@dataclass
class Giver:
    """A client that offers its bodies and sends what is wanted."""

    session: ClientSession
    bodies: list[Body]
    acknowledged: set[bytes]
    told: dict[bytes, Bitmap] = field(default_factory=dict)
    sent: list[Body] = field(default_factory=list)

    def begin(self) -> bytes:
        offers = frames.Offers(0, tuple(body.header.offer for body in self.bodies))
        return self.session.start() + self.session.send(HELLO) + self.session.send(offers)

    def hear(self, frame: Frame) -> bytes:
        match frame:
            case frames.Partial(parcel_id, bitmap):
                self.told[parcel_id] = Bitmap.from_bytes(bitmap)
            case frames.Answers(_, codes):
                for body, code in zip(self.bodies, codes, strict=True):
                    if code in (Answer.WANT, Answer.WANT_REST):
                        self.sent.append(body)
                    elif code is Answer.HAVE:
                        self.acknowledged.add(body.header.parcel_id)
                said = [frame for handle, _ in enumerate(self.sent) for frame in self.give(handle)]
                return b"".join(self.session.send(frame) for frame in [*said, frames.End()])
            case frames.Ack(_, entries):
                self.acknowledged |= {self.sent[entry.handle].header.parcel_id for entry in entries}
            case _:
                pass
        return b""

    def give(self, handle: int) -> list[Frame]:
        body = self.sent[handle]
        held = self.told.get(body.header.parcel_id, Bitmap())
        outgoing = Outgoing(handle, body.header, held)
        said = outgoing.start()
        for index in outgoing.missing():
            page = outgoing.page_needed(index)
            if page is not None:
                said.append(outgoing.page(page, body.leaves))
            said.append(outgoing.block(index, body.block(index)))
        return said


@dataclass
class Taker:
    """A relay that stores and acknowledges."""

    session: RelaySession
    shelf: Shelf
    intake: Intake = field(default_factory=Intake)
    told: dict[bytes, Bitmap] = field(default_factory=dict)
    commits: int = 0

    def hear(self, frame: Frame) -> bytes:
        match frame:
            case frames.Hello():
                return self.session.send(WELCOME)
            case frames.Offers(first, offers):
                codes = tuple(map(self.answer, offers))
                partials = [frames.Partial(key, held.to_bytes()) for key, held in self.told.items()]
                return self.session.send(*partials, frames.Answers(first, codes))
            case frames.HeaderFrame(handle):
                header = self.intake.open(frame)
                self.intake.leave_out(handle, self.told.get(header.parcel_id, Bitmap()))
            case frames.Leaves():
                self.intake.leaves(frame)
            case frames.Block(handle):
                verified = self.intake.block(frame)
                assert verified is not None
                self.shelf.put(verified.header, verified.index, verified.data)
                if verified.complete:
                    self.commits += 1
                    entry = frames.AckEntry(handle, AckStatus.STORED, 0)
                    return self.session.send(frames.Ack(self.commits, (entry,)))
            case frames.End():
                return self.session.send(frames.End())
            case _:
                pass
        return b""

    def answer(self, offer: bytes) -> Answer:
        header = self.shelf.headers.get(offer)
        if header is None:
            return Answer.WANT
        held = self.shelf.blocks[header.parcel_id]
        if sum(map(len, held.values())) == header.body_size:
            return Answer.HAVE
        self.told[header.parcel_id] = Bitmap.from_indices(held)
        return Answer.WANT_REST


@dataclass
class Link:
    """Carries so many bytes each way, and then nothing more."""

    out_bytes: int
    in_bytes: int
    carried_out: int = 0
    carried_in: int = 0

    def carry_out(self, data: bytes) -> bytes:
        data = data[: self.out_bytes - self.carried_out]
        self.carried_out += len(data)
        return data

    def carry_in(self, data: bytes) -> bytes:
        data = data[: self.in_bytes - self.carried_in]
        self.carried_in += len(data)
        return data


def converse(shelf: Shelf, acknowledged: set[bytes], link: Link) -> tuple[bool, bool]:
    """One session. Whether the client and whether the relay saw it end."""
    giver = Giver(ClientSession(SECRET.public), BODIES, acknowledged)
    taker = Taker(RelaySession(SECRET), shelf)
    out = giver.begin()
    while out:
        back = b"".join(map(taker.hear, taker.session.receive(link.carry_out(out))))
        out = b"".join(map(giver.hear, giver.session.receive(link.carry_in(back))))
    return is_whole(giver.session), is_whole(taker.session)


def is_whole(session: ClientSession | RelaySession) -> bool:
    try:
        session.finish()
    except Cut:
        return False
    return True


def uncut() -> Link:
    return Link(2**30, 2**30)


def whole_session() -> Link:
    """What a session carries that nothing disturbs."""
    shelf, acknowledged, link = Shelf(), set[bytes](), uncut()
    assert converse(shelf, acknowledged, link) == (True, True)
    check_whole(shelf, acknowledged)
    return link


def check_whole(shelf: Shelf, acknowledged: set[bytes]) -> None:
    for body in BODIES:
        held = shelf.blocks[body.header.parcel_id]
        assert held == {index: body.block(index) for index in range(body.count)}
    assert acknowledged == {body.header.parcel_id for body in BODIES}


def check_cut(out_bytes: int) -> None:
    shelf, acknowledged = Shelf(), set[bytes]()
    assert converse(shelf, acknowledged, Link(out_bytes, 2**30)) == (False, False)
    # Whatever is acknowledged is there in whole: custody is never told too early.
    for body in BODIES:
        if body.header.parcel_id in acknowledged:
            assert len(shelf.blocks[body.header.parcel_id]) == body.count
    assert converse(shelf, acknowledged, uncut()) == (True, True)
    check_whole(shelf, acknowledged)


WHOLE = whole_session()
# Every byte of all that is small, and a sample within the blocks.
OUT_CUTS = sorted({*range(1100, 1500), *range(0, WHOLE.carried_out, 13)})


@pytest.mark.parametrize("part", range(4))
def test_a_way_out_that_is_cut_anywhere_is_made_good_by_the_next_session(part: int) -> None:
    for cut in OUT_CUTS[part::4]:
        check_cut(cut)


def test_a_way_back_that_is_cut_at_any_byte_is_made_good_by_the_next_session() -> None:
    answers = WHOLE.carried_in - 1
    for cut in range(answers + 1):
        shelf, acknowledged = Shelf(), set[bytes]()
        giver_ended, taker_ended = converse(shelf, acknowledged, Link(2**30, cut))
        assert not giver_ended
        # The way out was whole if the answers came through; then only word of it was lost.
        assert taker_ended == bool(shelf.blocks)
        assert converse(shelf, acknowledged, uncut()) == (True, True)
        check_whole(shelf, acknowledged)


def test_a_session_after_a_whole_one_sends_no_block_again() -> None:
    shelf, acknowledged = Shelf(), set[bytes]()
    converse(shelf, acknowledged, uncut())
    again = uncut()
    assert converse(shelf, acknowledged, again) == (True, True)
    assert again.carried_out < 1500
    check_whole(shelf, acknowledged)
