"""A desk that is run by its command line, and writers who seal for it."""

from __future__ import annotations

import atexit
import functools
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qanat_client.carriers.conversation import Conversation, Roads, converse
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.arrivals import Arrivals
from qanat_client.desk.cli import main
from qanat_client.desk.desk import Desk, open_desk
from qanat_client.desk.opening import Opened, Opener
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import Tombstones
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.card import DeskCard, RelayEntry, parse_card
from qanat_protocol.days import day_of
from qanat_protocol.frames import Ack, AckEntry, Frame, Purge
from qanat_protocol.letter import LetterType, seal_letter
from qanat_protocol.limits import BLOCK_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import leaf_hash, page_roots
from qanat_protocol.parcel import Header, Kind
from qanat_protocol.part import PartSealer, Rendition
from qanat_protocol.report import (
    File,
    PartRef,
    ReplyBox,
    Report,
    encode_report,
    report_context,
    report_id,
)
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_protocol.tags import desk_tag
from qanat_protocol.transfer import Outgoing

PASSPHRASE = "long enough for a test"
NOW_S = 1_641_470_400.0  # 2022-01-06 12:00 UTC, a Thursday
DAY_S = 86_400.0


class Clock:
    """A clock that a test sets, for the desk and for relays."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def pass_days(self, days: float) -> None:
        """Let time pass."""
        self.now_s += days * DAY_S

    @property
    def today(self) -> int:
        return day_of(self.now_s)


@dataclass(frozen=True)
class Run:
    """What one run of qanat-desk left behind."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        return json.loads(self.out)


@dataclass
class Newsroom:
    """A desk's home and the program on it."""

    home: Path
    clock: Clock = field(default_factory=Clock)
    passphrase: str = PASSPHRASE

    def run(self, *arguments: str) -> Run:
        """Run one command in this process, with --json."""
        secret = self.home.parent / f"{self.home.name}.passphrase"
        if not secret.exists() or secret.read_text() != self.passphrase + "\n":
            secret.write_text(self.passphrase + "\n")
        out, err = io.StringIO(), io.StringIO()
        given = ["--json", "--home", str(self.home), "--passphrase-file", str(secret)]
        with redirect_stdout(out), redirect_stderr(err):
            code = main([*given, *arguments], clock=self.clock)
        return Run(code, out.getvalue(), err.getvalue())

    def do(self, *arguments: str) -> Any:
        """Run one command that must succeed; its result."""
        done = self.run(*arguments)
        assert done.code == 0, done.err
        return done.value

    def init(self, *arguments: str) -> DeskCard:
        """Make the desk."""
        self.do("init", "--name", "Desk of the tests", *arguments)
        return self.card

    def settle(self) -> DeskCard:
        """A desk that was made once by `init` without arguments, and copied."""
        shutil.copytree(_ready_home(), self.home)
        return self.card

    @property
    def card(self) -> DeskCard:
        return parse_card((self.home / "desk.card").read_bytes())

    def open(self) -> Desk:
        """The desk itself; whoever opens it closes its vault."""
        return open_desk(self.home, self.passphrase, self.clock)

    def files(self) -> dict[str, bytes]:
        """Every file of the home, by its path in it."""
        return {
            str(path.relative_to(self.home)): path.read_bytes()
            for path in self.home.rglob("*")
            if path.is_file()
        }


@functools.cache
def _ready_home() -> Path:
    """Making keys and deriving them takes longer than most tests."""
    folder = Path(tempfile.mkdtemp(prefix="qanat-desk-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ready = Newsroom(folder / "desk")
    ready.init()
    return ready.home


@dataclass(frozen=True)
class Made:
    """A parcel that somebody sealed."""

    header: Header
    body: bytes
    content_key: bytes = b""

    @property
    def parcel_id(self) -> bytes:
        return self.header.parcel_id

    @property
    def blocks(self) -> list[bytes]:
        return [self.body[at : at + BLOCK_BYTES] for at in range(0, len(self.body), BLOCK_BYTES)]


@dataclass(frozen=True)
class Attached:
    """A file to attach, and which smaller renditions go with it."""

    name: str
    data: bytes
    media_type: str = "application/octet-stream"
    thumbnail: bytes | None = None


@dataclass
class Writer:
    """Somebody with one pseudonym who writes to one desk."""

    card: DeskCard
    today: int
    key: SigningKey = field(default_factory=SigningKey.generate)
    box: ReplyBox | None = None
    reply_secret: SealingSecret | None = None

    def with_box(self) -> Writer:
        """The same with a reply box."""
        self.reply_secret = SealingSecret.generate()
        self.box = ReplyBox(self.reply_secret.public, os.urandom(32))
        return self

    @property
    def epoch(self) -> int:
        return self.card.epoch_for(self.today)

    @property
    def tag(self) -> bytes:
        return desk_tag(self.card.desk_id, self.epoch)

    @property
    def recipient(self) -> bytes:
        return self.card.sealing_key(self.epoch)

    @property
    def expiry_day(self) -> int:
        return self.card.expiry_day(self.epoch)

    def part(
        self, file: int, rendition: Rendition, media: str, data: bytes
    ) -> tuple[PartRef, Made]:
        """Seal one rendition."""
        sealer = PartSealer(
            tag=self.tag, expiry_day=self.expiry_day, length=len(data), rendition=rendition
        )
        body = b"".join(block.data for block in sealer.blocks([data] if data else []))
        made = Made(sealer.header, body, sealer.content_key)
        key = sealer.content_key
        return PartRef(file, rendition, media, len(data), sealer.sha256, made.parcel_id, key), made

    def report(
        self, text: str = "A report.", files: Sequence[Attached] = (), **fields: Any
    ) -> tuple[Report, list[Made]]:
        """A report and the parts of its files."""
        named, references, parts = [], [], []
        for number, attached in enumerate(files):
            digest = hashlib.sha256(attached.data).digest()
            named.append(File(attached.name, attached.media_type, len(attached.data), digest))
            if attached.thumbnail is not None:
                ref, made = self.part(number, Rendition.THUMBNAIL, "image/jpeg", attached.thumbnail)
                references.append(ref)
                parts.append(made)
            ref, made = self.part(number, Rendition.ORIGINAL, attached.media_type, attached.data)
            references.append(ref)
            parts.append(made)
        report = Report(
            author=self.key.public,
            nonce=os.urandom(16),
            text=text,
            files=tuple(named),
            parts=tuple(references),
            reply_box=self.box,
            **fields,
        )
        return report, parts

    def seal(
        self,
        content: bytes,
        *,
        urgent: bool = False,
        letter_type: LetterType = LetterType.REPORT,
        kind: Kind = Kind.LETTER,
        sign: Callable[[bytes], bytes] | None = None,
        tag: bytes | None = None,
        recipient: bytes | None = None,
    ) -> Made:
        """A letter with this content; without `sign` it is signed as it should be."""

        def honest(bind: bytes) -> bytes:
            context = report_context(self.card.desk_id, self.recipient, bind)
            return self.key.sign("report", context, content)

        sealed = seal_letter(
            kind=kind,
            urgent=urgent,
            tag=tag or self.tag,
            expiry_day=self.expiry_day,
            recipient=recipient or self.recipient,
            letter_type=letter_type,
            content=content,
            sign=sign or honest,
        )
        return Made(sealed.header, sealed.body)

    def write(
        self,
        text: str = "A report.",
        files: Sequence[Attached] = (),
        *,
        urgent: bool = False,
        **fields: Any,
    ) -> tuple[bytes, list[Made]]:
        """A report's id, and its letter and parts."""
        report, parts = self.report(text, files, **fields)
        content = encode_report(report)
        return report_id(content), [self.seal(content, urgent=urgent), *parts]


def frames_of(made: Made, handle: int, indices: Sequence[int] | None = None) -> list[Frame]:
    """The frames that carry a parcel, or some of its blocks."""
    blocks = made.blocks
    leaves = [leaf_hash(block) for block in blocks]
    transfer = Outgoing(handle, made.header, Bitmap.from_indices(()))
    frames = list(transfer.start(page_roots(leaves)))
    for index in range(len(blocks)) if indices is None else indices:
        if (page := transfer.page_needed(index)) is not None:
            first = page * PAGE_LEAVES
            frames.append(transfer.page(page, leaves[first : first + PAGE_LEAVES]))
        frames.append(transfer.block(index, blocks[index]))
    return frames


async def deposit(
    entry: RelayEntry, parcels: Sequence[Made], purges: Sequence[Purge] = ()
) -> list[AckEntry]:
    """Hand parcels to a relay as a reporter does; the last status of each."""

    async def talk(conversation: Conversation) -> list[AckEntry]:
        await conversation.open()
        for handle, made in enumerate(parcels):
            await conversation.send(*frames_of(made, handle))
        if purges:
            await conversation.send(*purges)
        await conversation.end()
        newest: dict[int, AckEntry] = {}
        async for frame in conversation.frames():
            if isinstance(frame, Ack):
                newest.update({status.handle: status for status in frame.entries})
        return [newest[handle] for handle in range(len(parcels))]

    return await converse(entry, talk, settings=CarrierSettings(), roads=Roads())


def arrive(desk: Desk, parcels: Sequence[Made], relay: bytes = b"r" * 32) -> Spool:
    """Let parcels arrive as if a relay had brought them."""
    spool = Spool(desk.home)
    arrivals = Arrivals(desk.vault, spool, desk.clock)
    for made in parcels:
        incoming = arrivals.begin(made.header, relay)
        if incoming is not None:
            for index, block in enumerate(made.blocks):
                arrivals.take(incoming, index, block)
    arrivals.flush(relay)
    return spool


def opener_of(desk: Desk, spool: Spool) -> Opener:
    """What opens the letters of a desk that lie in this spool."""
    return Opener(
        desk.vault,
        spool,
        Tombstones(desk.vault, desk.signing),
        desk_id=desk.card.desk_id,
        clock=desk.clock,
    )


async def open_directly(desk: Desk, parcels: Sequence[Made]) -> Opened:
    """Let parcels arrive as if a relay had brought them, and open them."""
    opener = opener_of(desk, arrive(desk, parcels))
    await opener.open_all()
    return opener.done
