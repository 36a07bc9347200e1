"""Target of a reporter's session with a relay that says anything, on a real home.

An input is a script (tests.fuzz.events) of what the relay says. Beside the events there:

[10, which, skip]    a parcel that somebody has sealed, from the relay's next handle on
[11, which, spoilt]  OPENED of a parcel that is queued
[12, which, spoilt]  RECEIPT over the parcels that are queued, from one on
[14, count]          OFFERS of so many replies, numbered as they should be
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.client.made_desk import MadeDesk
from tests.client.reporter_runs import parcels, qanat
from tests.fuzz.events import read_script
from tests.fuzz.folders import lasting_folder
from tests.fuzz.links import AtOnce, ScriptedRelay
from tests.fuzz.target import Shape, Target
from tests.fuzz.targets.screens import is_quiet_line
from tests.fuzz.targets.sessions import script_seeds
from tests.protocol.samples import RELAY, SECRETS, STRANGER
from tests.relay.made_parcels import Made, make
from tests.relay.running_relay import transfer

from qanat_client.carriers.conversation import Conversation, Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import ClientError, HomeUnusable
from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.library import Library
from qanat_client.reporter.outbox import Outbox, Word
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.relays import Target as Place
from qanat_client.reporter.stamper import Stamper
from qanat_client.reporter.traffic import Traffic
from qanat_client.reporter.transmit import Run, _Session
from qanat_protocol import frames
from qanat_protocol.card import RelayEntry
from qanat_protocol.errors import ProtocolError
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import Frame
from qanat_protocol.kinds import Kind
from qanat_protocol.letter import seal_dummy
from qanat_protocol.parcel import Header
from qanat_protocol.receipt import sign_receipt
from qanat_protocol.record import pack
from qanat_protocol.tombstone import opened_value, sign_opened

__all__ = ["TARGETS"]

_SECRET = SECRETS[0]


@dataclass(frozen=True)
class _Template:
    """A home that is copied for every input, and who else has a part in it."""

    home: Path
    desk: MadeDesk
    entry: RelayEntry
    queued: list[tuple[Header, bytes]]
    """Every parcel, and what opens it: the content key."""
    sealed: list[Made]


@functools.cache
def _template() -> _Template:
    folder = lasting_folder()
    home, desk = folder / "home", MadeDesk()
    entry = RelayEntry(("http://127.0.0.1:1",), RELAY.public, _SECRET.public, "DE")
    card = desk.card(relays=[entry])
    (folder / "card").write_bytes(card.envelope)
    (folder / "photo.bin").write_bytes(b"photo" * 9000)
    for arguments in (
        ("desk", "add", str(folder / "card"), "--yes"),
        ("send", "first", "--no-code"),
        ("send", "with a file", "--no-code", "--attach", str(folder / "photo.bin")),
    ):
        done = qanat(home, *arguments)
        assert done.code == 0, done.err
    queued = []
    keys: dict[bytes, bytes] = {}
    for header, body in parcels(home):
        if header.kind is Kind.LETTER:
            letter, report = desk.open(header, body)
            keys |= {part.parcel_id: part.content_key for part in report.parts}
            keys[header.parcel_id] = letter.content_key
    queued = [(header, keys[header.parcel_id]) for header, _ in parcels(home)]
    bulletin, late = desk.bulletin(1, "News"), desk.bulletin(2, "More")
    newer = desk.card_document(desk.card(2, previous=card.card_hash, relays=[entry]))
    other = MadeDesk().bulletin(1, "Of another desk")
    dummy = seal_dummy(today=today())
    sealed = [
        *(
            Made(each.header, each.body, each.content_key)
            for each in (bulletin, late, newer, other)
        ),
        Made(dummy.header, dummy.body, b""),
        make(1, Kind.REPLY, 16_384),
        make(2, Kind.PART, 131_072),
        make(3),
    ]
    return _Template(home, desk, entry, queued, sealed)


class _Relay:
    """What the relay has said that is true, beside what it says."""

    def __init__(self) -> None:
        self._next = 0
        self._offered = 0
        self.opened: set[bytes] = set()
        self.signed: set[bytes] = set()

    def more(self, event: list[Any]) -> Iterator[bytes]:
        """The records of an event."""
        template = _template()
        numbers = [each for each in event[1:] if type(each) is int]
        match event[0], [*numbers, 0, 0, 0]:
            case 10, [which, skip, *_]:
                yield from map(encode_frame, self._parcel(which, skip))
            case 11, [which, spoilt, *_]:
                yield encode_frame(
                    self._opened(*template.queued[which % len(template.queued)], spoilt)
                )
            case 12, [which, spoilt, *_]:
                yield encode_frame(self._receipt(which % len(template.queued), spoilt))
            case 14, [count, *_]:
                offers = tuple(made.header.offer for made in template.sealed) * (1 + count % 8)
                yield encode_frame(frames.Offers(self._offered, offers))
                self._offered += len(offers)

    def _parcel(self, which: int, skip: int) -> list[Frame]:
        made = _template().sealed[which % len(_template().sealed)]
        said = transfer(made, self._next)
        self._next += 1
        blocks = [frame for frame in said if isinstance(frame, frames.Block)]
        if skip:
            said.remove(blocks[skip % len(blocks)])
        return said

    def _opened(self, header: Header, content_key: bytes, spoilt: int) -> Frame:
        value = opened_value(content_key)
        match spoilt % 4:
            case 1:
                return sign_opened(STRANGER, header.parcel_id, value)
            case 2:
                return sign_opened(_template().desk.signing, header.parcel_id, bytes(32))
            case 3:
                honest = sign_opened(_template().desk.signing, header.parcel_id, value)
                changed = honest.signature[:-1] + bytes([honest.signature[-1] ^ 1])
                return replace(honest, signature=changed)
            case _:
                self.opened.add(header.parcel_id)
                return sign_opened(_template().desk.signing, header.parcel_id, value)

    def _receipt(self, first: int, spoilt: int) -> Frame:
        ids = [header.parcel_id for header, _ in _template().queued[first:]]
        if spoilt % 2:
            return sign_receipt(STRANGER, today(), ids)
        self.signed.update(ids)
        return sign_receipt(RELAY, today(), ids)


@functools.cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


def _reporter(data: bytes) -> None:
    """Whatever a relay says, the session ends by an error that is told, and nothing is believed
    that is not signed by whose word it is."""
    script = read_script(data)
    if script is None:
        return
    template, relay = _template(), _Relay()
    folder = Path(tempfile.mkdtemp(prefix="home-"))
    try:
        shutil.copytree(template.home, folder / "home")
        home = Home(folder / "home")
        with contextlib.closing(connect(home)) as connection:
            link = ScriptedRelay(_SECRET, script, relay.more)
            report = _runner().run(_talk(home, connection, link))
            assert all(is_quiet_line(line) for line in report.lines())
            _check(home, connection, relay)
    finally:
        shutil.rmtree(folder)


async def _talk(home: Home, connection: Any, link: ScriptedRelay) -> RelayReport:
    entry = _template().entry
    report = RelayReport(entry.addresses[0], entry.country)
    run = Run(
        home,
        connection,
        carrier=CarrierSettings(),
        roads=Roads(),
        traffic=Traffic(today(), copies=2),
        mailboxes=[b"m" * 32],
        advance=lambda _: None,
        stamper=Stamper(home, 0),
    )
    run.disk.close()
    run.disk = AtOnce()
    cards = tuple(Desks(home).all())
    conversation = Conversation(link, entry.sealing_key)
    try:
        await _Session(run, Place(entry, cards), report, conversation).run()
    except (ClientError, ProtocolError) as error:
        assert not isinstance(error, HomeUnusable)
        report.problem = str(error)
    finally:
        await conversation.close()
        run.disk.close()
    return report


def _check(home: Home, connection: Any, relay: _Relay) -> None:
    outbox, library = Outbox(home, connection), Library(home, connection, Desks(home))
    here = {parcel.id: parcel for parcel in outbox.waiting()}
    for header, _ in _template().queued:
        parcel = here.get(header.parcel_id)
        # Only the desk's own word lets a copy go.
        assert parcel is not None or header.parcel_id in relay.opened
        if parcel is not None:
            word = parcel.words.get(RELAY.public, (Word.HALF, 0))[0]
            assert word is not Word.SIGNED or parcel.id in relay.signed
            assert outbox.piece(parcel, 0, page=None, with_roots=False) is not None
    card = Desks(home).all()[0]
    assert card.desk_id == _template().desk.desk_id
    found, of_revoked = library.bulletins(card.desk_id)
    assert {document.title for document in found} <= {"News"}
    assert of_revoked == 0
    assert all(reply.header.kind is Kind.REPLY for reply in library.replies())


def _seeds() -> Iterable[bytes]:
    welcome = frames.Welcome(1, today(), bytes(16), 2**30, 2, 2, 0)
    hello, idle, end = (encode_frame(each) for each in (welcome, frames.Idle(), frames.End()))
    yield from script_seeds(welcome)
    acks = [
        encode_frame(frames.Ack(1, (frames.AckEntry(handle, frames.AckStatus(status), value),)))
        for handle, status, value in ((0, 0, 0), (1, 2, 0), (0, 4, 27), (2, 1, 1), (1, 3, 0))
    ]
    answers = encode_frame(frames.Answers(0, (frames.Answer.WANT_REST,)))
    sessions: list[list[Any]] = [
        [[0, hello], [10, 0], [10, 1], [10, 2], [10, 4], [0, idle], [0, end]],
        [[0, hello], [11, 0, 0], [11, 1, 1], [11, 1, 2], [11, 2, 3], [0, end]],
        [[0, hello], *([0, ack] for ack in acks), [12, 0, 0], [0, end]],
        [[0, hello, answers], [0, acks[0]], [12, 0, 1], [12, 1, 0], [0, idle], [0, end]],
        [[0, hello], [14, 1], [10, 4, 0], [10, 5, 0], [10, 6], [10, 7], [10, 3], [0, idle, end]],
        [[0, hello], [10, 2, 1], [10, 2], [10, 0], [11, 2, 0], [0, end]],
    ]
    for events in sessions:
        yield pack([b"", events, b""])
        yield pack([b"", events, b"\xff\x20"])


TARGETS = (Target("reporter", _reporter, _seeds, Shape.RECORD, 6000, brief_runs=60),)
