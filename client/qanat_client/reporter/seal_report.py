"""Turns what somebody wrote into a sealed report in the outbox. Keeps no key and nothing readable.

Everything that can be refused is refused before the first byte is sealed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qanat_client.errors import BadInput
from qanat_client.reporter.clock import WritingTime, now_s
from qanat_client.reporter.home import Home
from qanat_client.reporter.sealing_room import SealedItem, SealingRoom
from qanat_protocol.card import DeskCard
from qanat_protocol.code import Identity, OneOffIdentity
from qanat_protocol.errors import LocalError
from qanat_protocol.kinds import Kind
from qanat_protocol.letter import LetterType, seal_letter
from qanat_protocol.report import (
    Basis,
    Figure,
    File,
    PartRef,
    ReplyBox,
    Report,
    encode_report,
    report_context,
    report_id,
)
from qanat_protocol.tags import desk_tag

if TYPE_CHECKING:
    from qanat_client.reporter.attachments import Attachment

__all__ = [
    "MAX_TEXT_BYTES",
    "Draft",
    "Queued",
    "check_draft",
    "parse_figure",
    "parse_report_id",
    "seal_report",
]

MAX_TEXT_BYTES = 65_536

_MAX_FIGURE_DIGITS = 32
"""Twice what the largest number has, for whoever writes zeros in front."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote; in memory only."""

    text: str
    what: str = ""
    where: str = ""
    when: str = ""
    basis: Basis = Basis.NOT_SAID
    figures: tuple[Figure, ...] = ()
    language: str = ""
    urgent: bool = False
    corrects: bytes | None = None
    withdraws: bytes | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Queued:
    """What the person is told when a report is safely in the outbox."""

    number: int
    report_id: bytes
    epoch: int
    expiry_day: int
    waiting_bytes: int


def parse_figure(text: str) -> Figure:
    """A figure written as `injured=16` or `injured=16..20`. Raises BadInput."""
    what, equals, numbers = text.rpartition("=")
    low, dots, high = numbers.partition("..")
    low, high = low.strip(), (high if dots else low).strip()
    if (
        not equals
        or not what.strip()
        or not all(n.isdecimal() and n.isascii() for n in (low, high))
        # Python reads no number of thousands of digits.
        or max(len(low), len(high)) > _MAX_FIGURE_DIGITS
    ):
        raise BadInput(f"not a figure: {text!r} (like injured=16..20, or injured=16)")
    minimum, maximum = int(low), int(high)
    if minimum > maximum or maximum > 2**53 - 1:
        raise BadInput(f"the figure {text!r} does not run from the smaller number to the larger")
    return Figure(what.strip(), minimum, maximum)


def parse_report_id(text: str) -> bytes:
    """A report's id as `qanat send` printed it. Raises BadInput."""
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != 32:
        raise BadInput(f"not a report id: {text!r} (64 signs 0-9 and a-f, as `send` printed them)")
    return value


def _check_text(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        raise BadInput(
            f"the text has {size:,} bytes, a report holds {MAX_TEXT_BYTES:,}:"
            " put it into a file and --attach it, with a short text beside it"
        )
    for place, sign in enumerate(text):
        if (sign < " " and sign not in "\n\t") or "\x7f" <= sign <= "\x9f":
            raise BadInput(f"the text holds a control character, U+{ord(sign):04X}, at {place + 1}")
        if "\ud800" <= sign <= "\udfff":
            raise BadInput(f"the text is not UTF-8 at sign {place + 1}")


def _report(
    draft: Draft,
    identity: Identity | OneOffIdentity,
    time: WritingTime,
    checkpoint: tuple[int, bytes],
    *,
    files: tuple[File, ...] = (),
    parts: tuple[PartRef, ...] = (),
) -> bytes:
    box = None
    if identity.reply is not None and identity.mailbox_secret is not None:
        box = ReplyBox(identity.reply.public, identity.mailbox_secret)
    return encode_report(
        Report(
            author=identity.signing.public,
            nonce=secrets.token_bytes(16),
            written_s=time.written_s,
            language=draft.language,
            text=draft.text,
            what=draft.what,
            where=draft.where,
            when=draft.when,
            basis=draft.basis,
            figures=draft.figures,
            files=files,
            parts=parts,
            corrects=draft.corrects,
            withdraws=draft.withdraws,
            reply_box=box,
            checkpoint=checkpoint,
        )
    )


def check_draft(draft: Draft) -> None:
    """Refuse what no report can hold, with a reason for the person. Raises BadInput."""
    _check_text(draft.text)
    if not draft.text and not draft.attachments and draft.withdraws is None:
        raise BadInput("there is nothing to send: no text, and no file")
    if draft.corrects is not None and draft.withdraws is not None:
        raise BadInput("a report corrects or withdraws another, not both")
    for named, value, most in (
        ("--what", draft.what, 512),
        ("--where", draft.where, 512),
        ("--when", draft.when, 128),
        ("--language", draft.language, 35),
    ):
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > most:
            raise BadInput(f"{named} has {size} bytes, at most {most} fit")
        if any(s < " " or "\x7f" <= s <= "\x9f" or "\ud800" <= s <= "\udfff" for s in value):
            raise BadInput(f"{named} must be one line of text")


def seal_report(
    home: Home,
    room: SealingRoom,
    card: DeskCard,
    *,
    draft: Draft,
    identity: Identity | OneOffIdentity,
    time: WritingTime,
    checkpoint: tuple[int, bytes],
    tell: Callable[[str], None],
    advance: Callable[[int], None],
    about_to_queue: Callable[[], None],
) -> Queued:
    """Seal a report with its files and queue it durably; nothing is queued if it raises.

    `checkpoint` is the newest signed document known; `about_to_queue` is called when nothing may
    come between any more. Raises BadInput, and what the disk does.
    """
    check_draft(draft)
    epoch = card.epoch_for(time.day)
    recipient, tag, expiry_day = (
        card.sealing_key(epoch),
        desk_tag(card.desk_id, epoch),
        card.expiry_day(epoch),
    )
    # Once without the files, so that whatever can't be sealed is refused before they are read.
    whole = replace(draft, text=draft.text or "-") if draft.attachments else draft
    content = _sealable(lambda: _report(whole, identity, time, checkpoint))
    batch = secrets.token_hex(8)
    with home.sealing_lock(batch):
        try:
            if draft.attachments:
                from qanat_client.reporter.attachments import seal_attachments

                sealed = seal_attachments(
                    draft.attachments,
                    room=room,
                    batch=batch,
                    tag=tag,
                    expiry_day=expiry_day,
                    tell=tell,
                    advance=advance,
                )
                content = _sealable(
                    lambda: _report(
                        draft, identity, time, checkpoint, files=sealed.files, parts=sealed.parts
                    )
                )
            letter = seal_letter(
                kind=Kind.LETTER,
                urgent=draft.urgent,
                tag=tag,
                expiry_day=expiry_day,
                recipient=recipient,
                letter_type=LetterType.REPORT,
                content=content,
                sign=lambda bind: identity.signing.sign(
                    "report", report_context(card.desk_id, recipient, bind), content
                ),
            )
            item = SealedItem(
                desk_id=card.desk_id,
                epoch=epoch,
                expiry_day=expiry_day,
                sealed_hour=max(0, int(now_s() // 3600)),
                files=len(draft.attachments),
            )
            about_to_queue()
            number = room.queue(batch, item, letter.header, letter.body)
        except BaseException:
            room.clear_batch(batch)
            raise
    return Queued(number, report_id(content), epoch, expiry_day, room.waiting_bytes(number))


def _sealable(make: Callable[[], bytes]) -> bytes:
    try:
        return make()
    except LocalError as error:
        raise BadInput(f"the report can't be sealed: {error}") from error
