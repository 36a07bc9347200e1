"""Target of a whole relay, but for its sockets: sessions one after the other, on a real store.

An input is a record of up to three scripts (tests.fuzz.events). Beside the events there:

[10, which, skip]  a parcel that this relay may take, from its next handle on, without a block
[11, first, last, cursor, spoilt]  the desk's interest in weeks, signed for this channel
[12, which...]     offers of parcels, numbered as they should be
[13, which, what]  OPENED, PURGE or STAMP of a parcel, right or wrong
"""

from __future__ import annotations

import asyncio
import functools
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.fuzz.events import Script, packets_of, script_of
from tests.fuzz.target import Shape, Target, chunks_of
from tests.protocol.samples import parses_or_refuses
from tests.relay.made_parcels import LONG_LETTER_BYTES, PREVIEW_BYTES, TODAY, Made, make
from tests.relay.running_relay import Desk, transfer

from qanat_protocol import frames
from qanat_protocol.channel import REFUSAL, ClientChannel
from qanat_protocol.days import epoch_of
from qanat_protocol.errors import BadChannel, RemoteError
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import AckStatus, Frame
from qanat_protocol.kinds import Kind
from qanat_protocol.parcel import parse_header
from qanat_protocol.public import DocumentClass, seal_public
from qanat_protocol.record import pack, unpack
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import HELLO, RelaySession, sign_desk_interest
from qanat_protocol.signing import SigningKey
from qanat_protocol.stamp import find_stamp
from qanat_protocol.tags import public_tag
from qanat_relay.config import Config, store_limits
from qanat_relay.conversation import Conversation
from qanat_relay.desks import FOLDER, Desks
from qanat_relay.keys import RelayKeys
from qanat_relay.node import Node
from qanat_relay.store.interface import State
from qanat_relay.store.sqlite import SqliteStore
from qanat_relay.viewing import view_store

__all__ = ["TARGETS"]

_DESK = Desk(SigningKey(b"r" * 32), SigningKey(b"k" * 32), SealingSecret(b"s" * 32))
_KEYS = RelayKeys(SigningKey(b"R" * 32), SealingSecret(b"S" * 32))
_CONFIG = replace(Config(), capacity_bytes=2**22, partial_bytes=2**21, largest_body_bytes=2**20)
_EPOCH = epoch_of(TODAY)
MAX_SESSIONS = 3


@functools.cache
def _parcels() -> list[Made]:
    bulletin = seal_public(
        _DESK.key, statement=_DESK.statement(), document_class=DocumentClass.BULLETIN, serial=1,
        issued_day=TODAY, expiry_day=TODAY + 30, title="News",
    )  # fmt: skip
    card = seal_public(
        _DESK.key, statement=_DESK.statement(), document_class=DocumentClass.CARD, serial=2,
        issued_day=TODAY, expiry_day=TODAY + 30, card=_DESK.card(serial=2),
    )  # fmt: skip
    return [
        make(0, tag=_DESK.tag),
        make(1, tag=_DESK.tag, urgent=True),
        make(2, size_bytes=LONG_LETTER_BYTES, tag=_DESK.tag),
        make(3, Kind.PART, 16_384, tag=_DESK.tag),
        make(4, Kind.PART, PREVIEW_BYTES, tag=_DESK.tag),
        make(5, Kind.REPLY),
        make(6, expiry_day=TODAY - 1),
        Made(bulletin.header, bulletin.body, bulletin.content_key),
        Made(card.header, card.body, card.content_key),
    ]


def _numbers(event: list[Any]) -> list[int]:
    return [each for each in event[1:] if type(each) is int]


class _Dialogue:
    """The client's side of one session: what it says, and what it has said."""

    def __init__(self, script: Script) -> None:
        self._channel = ClientChannel(_KEYS.sealing.public)
        self._script = script
        self._next = 0
        self._offered = 0
        self.given: dict[int, Made] = {}
        self.is_genuine = not script.head
        self.has_proven = False
        self._session_hash = b""

    def open(self, session: RelaySession) -> None:
        """Say what no channel can do without; what is signed later takes the relay's part."""
        if self.is_genuine:
            session.receive(self._channel.preamble)
            self._session_hash = session.session_hash

    def stream(self) -> bytes:
        """All that the relay is sent behind that."""
        return self._script.head + packets_of(self._script, self._channel.seal, self._more)

    def _more(self, event: list[Any]) -> Iterator[bytes]:
        numbers = _numbers(event)
        match event[0], [*numbers, 0, 0, 0, 0]:
            case 10, [which, skip, *_]:
                yield from map(encode_frame, self._parcel(which, skip))
            case 11, [first, last, cursor, spoilt, *_]:
                yield from self._interest(first, last, cursor, spoilt)
            case 12, _ if numbers:
                offers = tuple(_made(which).header.offer for which in numbers[:2048])
                yield encode_frame(frames.Offers(self._offered, offers))
                self._offered += len(offers)
            case 13, [which, what, *_]:
                yield encode_frame(_mark(_made(which), what))

    def _parcel(self, which: int, skip: int) -> list[Frame]:
        made = _made(which)
        said = transfer(made, self._next)
        self.given[self._next] = made
        self._next += 1
        blocks = [frame for frame in said if isinstance(frame, frames.Block)]
        if skip and len(blocks) > skip % 16:
            said.remove(blocks[skip % 16])
        return said

    def _interest(self, first: int, last: int, cursor: int, spoilt: int) -> Iterator[bytes]:
        first, last = (_EPOCH - first % 8, _EPOCH + last % 8)
        frame = sign_desk_interest(
            _DESK.key,
            bytes(32) if spoilt % 4 == 1 else self._session_hash,
            number=spoilt >> 2 & 31,
            statement=_DESK.statement(),
            first_epoch=first,
            last_epoch=last,
            cursor=None if cursor == 0 else bytes([cursor % 256]) * 64,
        )
        if spoilt % 4 == 2:
            frame = replace(frame, last_epoch=frame.last_epoch + 1)
        self.has_proven |= spoilt % 4 not in (1, 2)
        yield encode_frame(frame)

    def hear(self, answer: bytes) -> list[Frame]:
        """What the relay said; a relay never says what it could not."""
        if answer in (b"", REFUSAL):
            return []
        said: list[Frame] = []
        for plain in self._channel.feed(answer):
            at = 0
            while at < len(plain):
                end = at + 2 + int.from_bytes(plain[at : at + 2], "big")
                frame = decode_frame(plain[at + 2 : end])
                assert frame is not None
                said.append(frame)
                at = end
        self._channel.feed(b"")
        self._channel.finish()
        return said


def _made(which: int) -> Made:
    return _parcels()[which % len(_parcels())]


def _mark(made: Made, what: int) -> Frame:
    if what % 3 == 1:
        purge = made.purge_frame()
        return purge if what < 64 else replace(purge, purge_key=bytes(32))
    if what % 3 == 2:
        stamp = find_stamp(made.parcel_id, _EPOCH, 2, start=bytes(16), tries=64)
        assert stamp is not None
        return stamp if what < 64 else replace(stamp, effort=2**39)
    opened = made.opened_frame(_DESK.key)
    return opened if what < 64 else replace(opened, signing_key=_KEYS.signing.public)


@dataclass(slots=True)
class _Link:
    """Bytes in pieces, and what came back."""

    chunks: Iterator[bytes]
    answer: bytes = b""
    aborted: bool = False

    async def receive(self) -> bytes:
        await asyncio.sleep(0)
        return next(self.chunks, b"")

    async def send(self, data: bytes) -> None:
        await asyncio.sleep(0)
        self.answer += data

    def abort(self) -> None:
        self.aborted = True

    @property
    def is_gone(self) -> bool:
        return self.aborted


@functools.cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


def _relay(data: bytes) -> None:
    """A relay stands any sessions: it keeps what it acknowledged, and letters go to their desk."""
    values = parses_or_refuses(lambda data: unpack(data, max_bytes=1 << 20), data)
    scripts = [script for value in values or [] if (script := script_of(value)) is not None]
    if not scripts:
        return
    folder = Path(tempfile.mkdtemp(prefix="relay-"))
    try:
        _runner().run(_serve(folder, scripts[:MAX_SESSIONS]))
        with view_store(folder / "store") as view:
            assert [problem for some in view.read_problems() for problem in some] == []
    finally:
        shutil.rmtree(folder)


async def _serve(folder: Path, scripts: list[Script]) -> None:
    (folder / FOLDER).mkdir()
    (folder / FOLDER / "a.card").write_bytes(_DESK.card())
    store = await SqliteStore.open(folder / "store", store_limits(_CONFIG))
    try:
        node = Node(_CONFIG, _KEYS, store, Desks(folder / FOLDER), lambda: TODAY * 86_400.0)
        for script in scripts:
            dialogue = _Dialogue(script)
            session = RelaySession(_KEYS.sealing)
            dialogue.open(session)
            link = _Link(chunks_of(dialogue.stream(), script.sizes, whole=True))
            try:
                await Conversation(node, link, session).run()
            except BadChannel:
                assert link.answer == b""
            await _check(store, dialogue, dialogue.hear(link.answer))
    finally:
        await store.close()


async def _check(store: SqliteStore, dialogue: _Dialogue, said: list[Frame]) -> None:
    kinds = [type(frame) for frame in said]
    assert kinds.count(frames.End) <= 1
    assert frames.End not in kinds[:-1]
    assert frames.Welcome not in kinds[1:]
    assert kinds[:1] in ([], [frames.Welcome], [frames.Error])
    if not dialogue.is_genuine:
        assert said == []
    headers = [frame for frame in said if isinstance(frame, frames.HeaderFrame)]
    assert [frame.handle for frame in headers] == list(range(len(headers)))
    given = [parse_header(frame.header).kind for frame in headers]
    assert dialogue.has_proven or not {Kind.LETTER, Kind.PART} & set(given)
    for frame in said:
        for entry in frame.entries if isinstance(frame, frames.Ack) else ():
            made = dialogue.given.get(entry.handle)
            if made is not None and entry.status in (AckStatus.STORED, AckStatus.HAVE):
                await _check_stored(store, made)


async def _check_stored(store: SqliteStore, made: Made) -> None:
    (holding,) = await store.look_up([made.header.offer])
    assert holding is not None
    assert holding.state in (State.HELD, State.PURGED, State.EVICTED)
    if holding.state is State.HELD:
        indices = list(range(len(made.blocks)))
        try:
            blocks = await store.blocks(made.parcel_id, indices)
        except RemoteError as error:
            raise AssertionError("acknowledged, and not there") from error
        assert b"".join(blocks) == made.body


def _seeds() -> Iterable[bytes]:
    hello, end, idle = (encode_frame(frame) for frame in (HELLO, frames.End(), frames.Idle()))
    public = encode_frame(frames.PublicInterest(3, (frames.PublicWant(bytes(16), 0, 0),)))
    own = encode_frame(
        frames.PublicInterest(4, (frames.PublicWant(public_tag(_DESK.desk_id), 0, 0),))
    )
    replies = encode_frame(frames.RepliesInterest(5, 0, bytes(4)))
    opened = encode_frame(frames.OpenedInterest(6, 0, (bytes(4),)))
    answers = encode_frame(frames.Answers(0, (frames.Answer.WANT,)))
    want = encode_frame(frames.Want((_made(0).header.offer, _made(2).header.offer)))
    held = encode_frame(frames.Partial(_made(2).parcel_id, b"\x80"))
    ack = encode_frame(frames.Ack(1, (frames.AckEntry(0, AckStatus.REFUSED, 27),)))
    deposit = [b"", [[0, hello], [10, 0], [10, 1], [10, 3], [10, 5], [10, 7], [0, end]], b""]
    asking = [
        b"", [[0, hello], [11, 1, 1, 0, 0], [0, own, replies, opened, public], [0, end]], b"\xff"
    ]  # fmt: skip
    marking = [[0, hello], [13, 0, 0], [13, 0, 1], [13, 1, 2], [13, 5, 64], [0, end]]
    strange = [[0, pack([9, 0, bytes(96)])], [0, pack([17, 0, 0, bytes(16)])]]
    seeds: list[list[Any]] = [
        [deposit],
        [deposit, asking],
        [deposit, [b"", [[0, hello], [11, 1, 1, 0, 1], [11, 1, 1, 0, 6], [0, end]], b""]],
        [[b"", [[0, hello], [12, 0, 1, 2], [10, 2, 1], [0, end]], b""],
         [b"", [[0, hello], [12, 2, 0], [10, 2, 0], [0, end]], b"\x80"],
         [b"", [[0, hello], [0, held], [11, 0, 0, 0, 0], [0, want], [0, end]], b""]],
        [[b"", [[0, hello], [10, 4], [10, 0], [0, end]], b""],
         [b"", [[0, hello], [11, 1, 1, 0, 0], [0, answers, ack], [0, want], [0, end]], b""]],
        [deposit, [b"", marking, b""], asking],
        [[b"", [[0, hello], [10, 8], [10, 6], [4, 2, 3, 0], [0, end]], b""], asking],
        [[b"", [[0, hello], [11, 0, 0, 3, 1], [11, 0, 0, 0, 6], [0, idle, end]], b""]],
        [[b"", [[0, hello], *strange, [0, end]], b""]],
        [[b"GET / HTTP/1.1\r\n\r\n", [], b""]],
        [[b"QNT\x02\x01", [], b"\x01"]],
    ]  # fmt: skip
    return map(pack, seeds)


TARGETS = (Target("relay", _relay, _seeds, Shape.RECORD, 8000, brief_runs=30),)
