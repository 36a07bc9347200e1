"""A reporter with reports that wait, and a relay that has something for them; both are copied for
every cut, and talk by the code that runs in the field."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.client.made_desk import MadeDesk, today, write_card
from tests.client.reporter_runs import CODE, parcels, qanat
from tests.cuts.line import Line
from tests.cuts.relay_side import body_in, entry_of, held_blocks, put, relay_in

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.library import Library
from qanat_client.reporter.outbox import Outbox, Word
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.relays import Target
from qanat_client.reporter.stamper import Stamper
from qanat_client.reporter.sync import mailboxes_of
from qanat_client.reporter.traffic import Traffic
from qanat_client.reporter.transmit import Run, transmit
from qanat_protocol.card import RelayEntry
from qanat_protocol.kinds import Rank
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.parcel import Header, rank_of
from qanat_protocol.tombstone import opened_value, sign_opened
from qanat_relay.node import Node
from qanat_relay.store.interface import MarkOpened

__all__ = ["Prepared", "prepare", "survives"]

FILE_BYTES = 20_000
"""An attachment of two blocks; it is no larger than a preview, so its rank is that of one."""

LONG_TEXT_BYTES = 14_000
"""A letter of two blocks: what is half there of it is resumed too."""


@dataclass(frozen=True)
class Prepared:
    """The folders that are copied for each cut, and what is in them."""

    folder: Path
    entry: RelayEntry
    mailboxes: list[bytes]
    waiting: list[tuple[Header, bytes]]
    """What the reporter has for the relay."""
    opened: Header
    """A letter that the desk has opened, as the relay can tell and the reporter does not know."""
    reply: tuple[Header, bytes]
    news: Header

    def copy(self, folder: Path) -> Copy:
        """Both sides as they were before they met."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder / "home", folder / "home")
        shutil.copytree(self.folder / "relay", folder / "relay")
        return Copy(self, folder)


@dataclass(frozen=True)
class Copy:
    """One reporter and one relay."""

    of: Prepared
    folder: Path

    async def sync(self, line: Line) -> RelayReport:
        """One session over the line, with a program that was just started."""
        home = Home(self.folder / "home")
        with closing(connect(home)) as connection:
            run = Run(
                home,
                connection,
                carrier=CarrierSettings(),
                roads=Roads(open_link=line.open_link),
                traffic=Traffic(today(), home.settings().original_copies),
                mailboxes=self.of.mailboxes,
                advance=lambda _: None,
                stamper=Stamper(home, 0),
            )
            try:
                return await transmit(run, Target(self.of.entry, tuple(Desks(home).all())))
            finally:
                run.disk.close()

    def words(self) -> dict[bytes, Word]:
        """What the reporter's home says that the relay has of each parcel that still waits."""
        home = Home(self.folder / "home")
        with closing(connect(home)) as connection:
            relay = self.of.entry.signing_key
            return {
                parcel.id: parcel.words[relay][0]
                for parcel in Outbox(home, connection).waiting()
                if relay in parcel.words
            }

    async def assert_true(self, node: Node) -> None:
        """Nothing that the home says of the relay goes beyond what is on the relay's disk."""
        held = await held_blocks(node, [header for header, _ in self.of.waiting])
        words = self.words()
        for header, body in self.of.waiting:
            if words.get(header.parcel_id) in (Word.HOLDS, Word.SIGNED):
                assert await body_in(node, header) == body, "custody is told of what is not there"
            elif words.get(header.parcel_id) is Word.HALF:
                assert held[header.parcel_id], "blocks are told of that are not there"

    async def assert_done(self, node: Node) -> None:
        """Everything is where it belongs, whole and once, and both sides know it."""
        for header, body in self.of.waiting:
            assert await body_in(node, header) == body
        words = self.words()
        for header, _ in self.of.waiting:
            assert words[header.parcel_id] is Word.SIGNED
        assert self.of.opened.parcel_id not in words
        stats = await node.store.stats()
        assert stats.partial == 0
        home = Home(self.folder / "home")
        with closing(connect(home)) as connection:
            library = Library(home, connection, Desks(home))
            assert [(reply.header, reply.body) for reply in library.replies()] == [self.of.reply]
            (card,) = Desks(home).all()
            documents, _ = library.bulletins(card.desk_id)
            assert [document.serial for document in documents] == [1]

    def may_go_again(self, held: dict[bytes, set[int]]) -> int:
        """Bytes that may be sent now: what never reached the relay's disk, and what did while no
        word of it came back."""
        words, due = self.words(), 0
        for header in (self.of.opened, *(header for header, _ in self.of.waiting)):
            word = words.get(header.parcel_id)
            is_letter = rank_of(header) <= Rank.LETTER
            if word in (Word.HOLDS, Word.SIGNED):
                continue
            blocks = range(-(-header.body_size // BLOCK_BYTES))
            # A letter goes before the relay has told what it has of it, unless it has told before.
            is_asked = not is_letter or word is Word.HALF
            have = held[header.parcel_id] if is_asked else set()
            due += sum(
                min(BLOCK_BYTES, header.body_size - at * BLOCK_BYTES)
                for at in blocks
                if at not in have
            )
        return due


async def prepare(folder: Path) -> Prepared:
    """A desk, a reporter who wrote three letters and attached a file, a relay with news."""
    desk, home = MadeDesk(weeks=2), folder / "home"
    entry = entry_of(folder / "relay")
    card = desk.card(relays=[entry])
    added = qanat(home, "desk", "add", write_card(card, folder), "--yes")
    assert added.code == 0, added.err
    draw = random.Random(1)
    code, file, text = folder / "code", folder / "file", folder / "text"
    code.write_text(CODE + "\n")
    file.write_bytes(draw.randbytes(FILE_BYTES))
    text.write_text(draw.randbytes(LONG_TEXT_BYTES).hex())
    for arguments in (
        ["what the desk has opened"],
        ["with a file", "--attach", file],
        ["--text-file", text],
    ):
        sent = qanat(home, "send", *arguments, "--code-file", code)
        assert sent.code == 0, sent.err
    (opened, body), *waiting = parcels(home)
    letter, report = desk.open(opened, body)
    word = sign_opened(desk.signing, opened.parcel_id, opened_value(letter.content_key))
    reply, news = desk.reply(report, "We read it."), desk.bulletin(1, "The line is back.")
    async with relay_in(folder / "relay") as node:
        node.desks.take(card)
        writes = [put(opened, body), put(reply.header, reply.body)]
        writes.append(put(news.header, news.body, (1, 1)))
        await node.store.write(writes, today=today())
        await node.store.write([MarkOpened(word)], today=today())
    return Prepared(
        folder,
        entry,
        mailboxes_of(Home(home), CODE),
        waiting,
        opened,
        (reply.header, reply.body),
        news.header,
    )


async def survives(prepared: Prepared, folder: Path, **cut: Any) -> Line:
    """Cut a session, let another one finish; the line of the first. Raises AssertionError."""
    copy = prepared.copy(folder)
    headers = [prepared.opened, *(header for header, _ in prepared.waiting)]
    async with relay_in(folder / "relay") as node:
        line = Line(node, **cut)
        await copy.sync(line)
        await copy.assert_true(node)
        due_bytes = copy.may_go_again(await held_blocks(node, headers))
        report = await copy.sync(Line(node, is_slow=False))
        assert not report.problem, report.problem
        assert report.sent_bytes <= due_bytes, "sent again, though the relay had confirmed it"
        await copy.assert_done(node)
    return line
