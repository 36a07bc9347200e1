"""Target of a desk's sessions with relays that say anything, and of opening what they gave.

An input is a record of up to two scripts (tests.fuzz.events), one session each. Beside the events:

[10, which, skip]     a parcel that somebody has sealed, from the relay's next handle on
[12, which, spoilt]   RECEIPT over those parcels, from one on
[13, which, what]     OPENED or PURGE of one of them, by a stranger or with its own purge key
[14, first, count]    OFFERS of them, numbered as they should be
[15, which, bits]     PARTIAL of one of them with these blocks, that exist or not, and its OFFERS
"""

from __future__ import annotations

import asyncio
import functools
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher
from tests.client.desk.newsroom import Attached, Clock, Made, Newsroom, Writer, frames_of
from tests.fuzz.events import Script, script_of
from tests.fuzz.folders import lasting_folder
from tests.fuzz.links import ScriptedRelay
from tests.fuzz.target import Shape, Target
from tests.fuzz.targets.screens import is_quiet, is_quiet_line
from tests.fuzz.targets.sessions import script_seeds
from tests.protocol.samples import RELAY, SECRETS, STRANGER, parses_or_refuses

from qanat_client.carriers.conversation import Conversation
from qanat_client.desk.desk import Desk
from qanat_client.desk.exchange import Exchange
from qanat_client.desk.inbox import inbox, set_aside
from qanat_client.desk.pull import workbench_of
from qanat_client.desk.spool import Spool
from qanat_client.desk.vault import Vault
from qanat_client.desk.words import line_of, page_of, set_aside_line
from qanat_client.desk.workbench import RelayResult
from qanat_client.errors import ClientError, HomeUnusable
from qanat_protocol import frames
from qanat_protocol.card import DeskCard, RelayEntry
from qanat_protocol.errors import ProtocolError
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import Frame
from qanat_protocol.kinds import Kind
from qanat_protocol.letter import seal_dummy
from qanat_protocol.parcel import parse_header
from qanat_protocol.receipt import sign_receipt
from qanat_protocol.record import pack, unpack
from qanat_protocol.signing import SigningKey
from qanat_protocol.tombstone import opened_value, purge_key, sign_opened

__all__ = ["TARGETS"]

_SECRET = SECRETS[0]
_ENTRY = RelayEntry(("http://127.0.0.1:1",), RELAY.public, _SECRET.public, "DE")
MAX_SESSIONS = 2


@dataclass(frozen=True)
class _Template:
    """What the vault of a desk holds when it is new, and what somebody has sealed for it."""

    schema: list[str]
    tables: dict[str, list[tuple[Any, ...]]]
    card: DeskCard
    signing: SigningKey
    clock: Clock
    sealed: list[Made]
    written: set[bytes]
    """The ids of the reports in them."""


@functools.cache
def _template() -> _Template:
    folder = lasting_folder()
    newsroom = Newsroom(folder / "desk")
    card = newsroom.settle()
    desk = newsroom.open()
    # What the words of the catalogue lie in is made with it.
    made = desk.vault.rows(
        "SELECT type, name, sql FROM sqlite_master"
        " WHERE sql NOT NULL AND name NOT LIKE 'catalogue\\_words\\_%' ESCAPE '\\'"
    )
    tables = {
        name: [tuple(row) for row in desk.vault.rows(f"SELECT * FROM {name}")]  # noqa: S608
        for kind, name, _ in made
        if kind == "table" and name != "catalogue_words"
    }
    schema = [sql for *_, sql in made]
    signing, clock = desk.signing, newsroom.clock
    desk.vault.close()
    writer = Writer(card, clock.today).with_box()
    photo = Attached("photo.jpg", b"photo" * 8000, "image/jpeg", thumbnail=b"small")
    first, parcels = writer.write("\u202eWhat I saw", [photo], what="a\u2028b")
    second, others = writer.write("And this", urgent=True, corrects=first)
    spoilt = writer.seal(b"not a report")
    signed_by_another = writer.seal(b"\x90", sign=lambda bind: STRANGER.sign("report", bind, b""))
    dummy = seal_dummy(today=clock.today)
    sealed = [*parcels, *others, spoilt, signed_by_another, Made(dummy.header, dummy.body)]
    return _Template(schema, tables, card, signing, clock, sealed, {first, second})


def _fresh(home: Path) -> Desk:
    template = _template()
    # Without a disk and a key: deriving it alone takes longer than all else.
    vault = Vault(home / "desk.vault", sqlcipher.connect(":memory:", isolation_level=None,
                                                         check_same_thread=False))  # fmt: skip
    with vault.transaction():
        for statement in template.schema:
            vault.run(statement)
        for name, rows in template.tables.items():
            for row in rows:
                vault.run(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", *row)  # noqa: S608
    return Desk(home, vault, template.card, template.signing, template.clock)


class _Relay:
    """One relay's side of one session."""

    def __init__(self) -> None:
        self._next = 0
        self._offered = 0

    def more(self, event: list[Any]) -> Iterator[bytes]:
        """The records of an event."""
        sealed = _template().sealed
        numbers = [each for each in event[1:] if type(each) is int]
        match event[0], [*numbers, 0, 0, 0]:
            case 10, [which, skip, *_]:
                yield from map(encode_frame, self._parcel(sealed[which % len(sealed)], skip))
            case 12, [which, spoilt, *_]:
                key = STRANGER if spoilt % 2 else RELAY
                ids = [made.parcel_id for made in sealed[which % len(sealed) :]]
                yield encode_frame(sign_receipt(key, _template().clock.today, ids))
            case 13, [which, what, *_]:
                yield encode_frame(_mark(sealed[which % len(sealed)], what))
            case 14, [first, count, *_]:
                offers = [made.header.offer for made in sealed][first % len(sealed) :][
                    : 1 + count % 8
                ]
                yield self._offer(*offers)
            case 15, [which, bits, *_]:
                made = sealed[which % len(sealed)]
                held = bits.to_bytes(8, "little").rstrip(b"\0")
                yield encode_frame(frames.Partial(made.parcel_id, held))
                yield self._offer(made.header.offer)

    def _offer(self, *offers: bytes) -> bytes:
        self._offered += len(offers)
        return encode_frame(frames.Offers(self._offered - len(offers), offers))

    def _parcel(self, made: Made, skip: int) -> list[Frame]:
        said = frames_of(made, self._next)
        self._next += 1
        blocks = [frame for frame in said if isinstance(frame, frames.Block)]
        if skip:
            said.remove(blocks[skip % len(blocks)])
        return said


def _mark(made: Made, what: int) -> Frame:
    key = made.content_key or bytes(32)
    if what % 2:
        return frames.Purge(made.parcel_id, purge_key(key))
    return sign_opened(STRANGER, made.parcel_id, opened_value(key))


@functools.cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


def _desk(data: bytes) -> None:
    """Whatever relays say, a session ends by an error that is told; the inbox holds what was
    written and nothing else, the disk what the vault says, and no line does more than be read."""
    values = parses_or_refuses(lambda data: unpack(data, max_bytes=1 << 20), data)
    scripts = [script for value in values or [] if (script := script_of(value)) is not None]
    if not scripts:
        return
    home = Path(tempfile.mkdtemp(prefix="desk-"))
    desk = _fresh(home)
    try:
        _runner().run(_pull(desk, scripts[:MAX_SESSIONS]))
        _check(desk)
    finally:
        desk.vault.close()
        shutil.rmtree(home)


async def _pull(desk: Desk, scripts: list[Script]) -> None:
    bench = workbench_of(desk, lambda _: None)
    for script in scripts:
        link = ScriptedRelay(_SECRET, script, _Relay().more)
        conversation, result = Conversation(link, _ENTRY.sealing_key), RelayResult()
        try:
            await Exchange(bench, _ENTRY, result).talk(conversation)
        except (ClientError, ProtocolError) as error:
            assert not isinstance(error, HomeUnusable), error
        finally:
            await conversation.close()
        await bench.opener.open_all()
        assert all(is_quiet_line(alarm) for alarm in result.alarms)


def _check(desk: Desk) -> None:
    for item in inbox(desk.vault):
        assert item.report_id in _template().written
        assert is_quiet_line(line_of(item))
        assert is_quiet(page_of(item, desk.relay_name))
    assert all(is_quiet_line(set_aside_line(entry)) for entry in set_aside(desk.vault))
    spool, known = Spool(desk.home), {made.parcel_id for made in _template().sealed}
    for data, state in desk.vault.rows("SELECT header, state FROM parcels"):
        header = parse_header(data)
        assert header.kind in (Kind.LETTER, Kind.PART)
        if state != "partial":
            spool.check(header)
        if state == "opened":
            assert header.parcel_id in known
    for parcel_id, opened in desk.vault.rows("SELECT parcel_id, opened FROM tombstones"):
        (made,) = [each for each in _template().sealed if each.parcel_id == parcel_id]
        assert not made.content_key or opened == opened_value(made.content_key)


def _seeds() -> Iterable[bytes]:
    welcome = frames.Welcome(1, _template().clock.today, bytes(16), 2**30, 2, 2, 0)
    hello, idle, end = (encode_frame(each) for each in (welcome, frames.Idle(), frames.End()))
    for script in script_seeds(welcome):
        yield pack([unpack(script, max_bytes=1 << 20)])
    cursor = encode_frame(frames.Cursor(0, b"c" * 64))
    error = encode_frame(frames.Error(32, "\u202ebusy"))
    whole = [
        b"",
        [[0, hello], *([10, which] for which in range(7)), [0, cursor, idle], [0, end]],
        b"",
    ]
    half = [
        b"", [[0, hello], [14, 0, 7], [10, 1, 1], [10, 2, 2], [10, 0], [0, cursor], [0, idle, end]],
        b"\xff",
    ]  # fmt: skip
    parts = [
        b"",
        [[0, hello], [15, 1, 0xA0], [15, 2, 0x80FF], [10, 1, 1], [10, 2], [0, idle, end]],
        b"\x07",
    ]
    marks = [
        b"",
        [[0, hello], [13, 0, 0], [13, 1, 1], [12, 0, 0], [12, 1, 1], [0, error, end]],
        b"",
    ]
    seeds: list[list[Any]] = [
        [whole],
        [half, whole],
        [whole, marks],
        [marks, half],
        [half, half],
        [parts, whole],
        [half, parts],
    ]
    yield from map(pack, seeds)


TARGETS = (Target("desk", _desk, _seeds, Shape.RECORD, 6000, brief_runs=30),)
