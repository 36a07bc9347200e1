"""`qanat inbox`: opens replies with the code, in memory, and shows bulletins. Stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.library import Library, StoredReply
from qanat_client.reporter.outbox import Outbox
from qanat_client.terminal import Exit, Terminal, printable, printable_line
from qanat_protocol.card import DeskCard
from qanat_protocol.code import Identity, identity
from qanat_protocol.days import epoch_of, iso
from qanat_protocol.errors import ProtocolError
from qanat_protocol.letter import LetterType, open_letter
from qanat_protocol.public import NO_DOCUMENT_BEFORE, PublicDocument
from qanat_protocol.reply import REPLY_GRACE_DAYS, Reply, verify_reply
from qanat_protocol.tags import mailbox_prefix

__all__ = ["inbox", "open_replies"]

_FETCHES = "`qanat sync` fetches what there is"
_AGES = {0: "of today", 1: "of yesterday"}


@dataclass(frozen=True, slots=True)
class OpenReply:
    """A reply to this code, verified; `epoch` is the week in which it was sealed."""

    card: DeskCard
    epoch: int
    reply: Reply


def _epoch_of(reply: StoredReply) -> int:
    return epoch_of(reply.header.expiry_day - REPLY_GRACE_DAYS)


def _open(stored: StoredReply, card: DeskCard, who: Identity, desks: Desks) -> Reply | None:
    """The reply; None for one of another mailbox. Raises a ProtocolError for a false one."""
    prefix = mailbox_prefix(who.mailbox_secret, _epoch_of(stored))
    if stored.header.tag[:4] != prefix:
        return None
    letter = open_letter(stored.header, stored.body, who.reply)
    if letter.letter_type is not LetterType.REPLY:
        return None
    reply = verify_reply(
        letter.content,
        letter.signature,
        desk_id=card.desk_id,
        reply_key=who.reply.public,
        bind=stored.header.bind,
    )
    newest = desks.hear_statement(card, reply.statement_bytes)
    newest.check_certified(reply.signing_key, reply.issued_day)
    return reply


def open_replies(
    replies: Sequence[StoredReply], code: str, desks: Desks
) -> tuple[list[OpenReply], list[str]]:
    """The replies to a code, oldest first, and why some that seemed to be were not shown."""
    found: dict[bytes, OpenReply] = {}
    problems = []
    for card in desks.all():
        who = identity(code, card.desk_id)
        for stored in replies:
            try:
                reply = _open(stored, card, who, desks)
            except ProtocolError as error:
                # Others share the beginning of the tag: that one does not open says nothing.
                if type(error).__name__ != "CannotOpen":
                    problems.append(f"a reply is not shown: {error}")
                continue
            if reply is not None:
                # A desk that posts a reply again seals it anew: its nonce tells.
                found[reply.nonce] = OpenReply(card, _epoch_of(stored), reply)
    ordered = sorted(found.values(), key=lambda r: (r.reply.issued_day, r.epoch, r.reply.number))
    return ordered, problems


def _missing_numbers(opened: Sequence[OpenReply]) -> int:
    """How many replies lie between those that are here, week by week and desk by desk."""
    numbers: dict[tuple[bytes, int], set[int]] = {}
    for one in opened:
        numbers.setdefault((one.card.desk_id, one.epoch), set()).add(one.reply.number)
    return sum(max(some) + 1 - len(some) for some in numbers.values())


def _show_reply(one: OpenReply, numbers: Sequence[int], terminal: Terminal) -> None:
    reply = one.reply
    terminal.say(f"--- reply of {printable_line(one.card.name)}, {iso(reply.issued_day)}")
    if reply.answers is not None:
        terminal.say(f"    to your report {reply.answers.hex()}")
    terminal.say(printable(reply.text))
    if reply.wanted:
        if numbers:
            which = ", ".join(map(str, numbers))
            terminal.say(f"    The desk asks for files of report {which}: they go first now.")
        else:
            answers = "THE-REPORT-ID" if reply.answers is None else reply.answers.hex()
            terminal.say(
                "    The desk asks for files that are not in this outbox any more. Send them again:"
                f" `qanat send --corrects {answers} --attach FILE`, with the same code."
            )


def _gaps(bulletins: Sequence[PublicDocument]) -> list[str]:
    """What is missing in a chain of bulletins, in words."""
    told = []
    before: PublicDocument | None = None
    for document in bulletins:
        last = before.serial if before is not None else 0
        if document.serial - last > 1:
            count = document.serial - last - 1
            told.append(f"{count} missing before number {document.serial}")
        elif document.previous != (before.document_hash if before else NO_DOCUMENT_BEFORE):
            told.append(f"number {document.serial} does not follow the one before it here")
        before = document
    return told


def _show_bulletins(
    card: DeskCard, bulletins: Sequence[PublicDocument], terminal: Terminal
) -> None:
    for document in bulletins:
        age = today() - document.issued_day
        old = f"{age} days old" if age > 1 else _AGES.get(age, "dated in the future")
        title = printable_line(document.title) or "bulletin"
        terminal.say(
            f"=== {printable_line(card.name)}, number {document.serial},"
            f" {iso(document.issued_day)} ({old}): {title}"
        )
        terminal.say(printable(document.text))
    for gap in _gaps(bulletins):
        terminal.say(f"    bulletins of {printable_line(card.name)}: {gap}")


def inbox(home: Home, terminal: Terminal, code: str | None) -> int:
    """Show what is here; the exit code. Without a code only bulletins, which all may read."""
    home.make()
    desks = Desks(home)
    told: dict[str, Any] = {"replies": [], "bulletins": [], "problems": []}
    with closing(connect(home)) as connection:
        library = Library(home, connection, desks)
        outbox = Outbox(home, connection)
        for card in desks.all():
            bulletins, revoked = library.bulletins(card.desk_id)
            _show_bulletins(card, bulletins, terminal)
            told["bulletins"] += [_bulletin_facts(card, document) for document in bulletins]
            told["problems"] += [f"{card.name}: {gap}" for gap in _gaps(bulletins)]
            if revoked:
                problem = f"{card.name}: {revoked} not shown, signed by a key that it has revoked"
                terminal.warn(f"    bulletins of {printable_line(problem)}")
                told["problems"].append(problem)
        replies = library.replies()
        if code is None:
            some = "1 answer is" if len(replies) == 1 else f"{len(replies)} answers are"
            if replies:
                terminal.say(f"{some} here, for you or for others: give your code to open yours")
            else:
                terminal.say(f"no answer is here: {_FETCHES}")
        else:
            opened, problems = open_replies(replies, code, desks)
            for one in opened:
                numbers = outbox.mark_wanted(one.reply.wanted)
                _show_reply(one, numbers, terminal)
                told["replies"].append({**_reply_facts(one), "reports_moved_up": numbers})
            missing = _missing_numbers(opened)
            if missing:
                some = "1 reply to you is" if missing == 1 else f"{missing} replies to you are"
                problems.append(f"{some} not here yet: sync again")
            for problem in problems:
                terminal.warn(problem)
            if not opened:
                terminal.say(f"no reply to this code is here: {_FETCHES}")
            told["problems"] += problems
    terminal.result(told)
    return Exit.DONE


def _reply_facts(one: OpenReply) -> dict[str, Any]:
    return {
        "desk": one.card.name,
        "issued": iso(one.reply.issued_day),
        "number": one.reply.number,
        "answers": one.reply.answers,
        "language": one.reply.language,
        "text": one.reply.text,
        "wanted": list(one.reply.wanted),
    }


def _bulletin_facts(card: DeskCard, document: PublicDocument) -> dict[str, Any]:
    return {
        "desk": card.name,
        "serial": document.serial,
        "issued": iso(document.issued_day),
        "language": document.language,
        "title": document.title,
        "text": document.text,
        "pictures": len(document.pictures),
    }
