"""Letters to the reply box of a report, and the dummies that hide how many there are.

A reply never quotes the report; it names it by its id.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from qanat_client.desk.desk import Desk, check_can_sign
from qanat_client.desk.inbox import Item
from qanat_client.desk.outgoing import Outbox
from qanat_client.desk.words import counted
from qanat_client.errors import BadInput
from qanat_protocol.days import epoch_of, last_day
from qanat_protocol.errors import LocalError
from qanat_protocol.hashing import sha256
from qanat_protocol.letter import LetterType, Sealed, seal_dummy, seal_letter
from qanat_protocol.parcel import Kind
from qanat_protocol.reply import REPLY_GRACE_DAYS, Reply, encode_reply, reply_context
from qanat_protocol.report import ReplyBox
from qanat_protocol.tags import reply_tag

__all__ = ["DEFAULT_DUMMIES", "DUMMIES_SETTING", "Queued", "missing_originals", "queue_reply"]

DUMMIES_SETTING = "dummies"
DEFAULT_DUMMIES = 3


def _next_number(desk: Desk, box: ReplyBox, epoch: int) -> int:
    """The number of the next reply to this mailbox and week (SPEC 10); inside a transaction."""
    mailbox = sha256(box.mailbox_secret, epoch.to_bytes(4, "big"))
    found = desk.vault.value("SELECT numbers FROM mailboxes WHERE prefix = ?", mailbox)
    number = 0 if found is None else int(found)
    desk.vault.run("INSERT OR REPLACE INTO mailboxes VALUES (?, ?)", mailbox, number + 1)
    return number


def _seal(desk: Desk, item: Item, box: ReplyBox, text: str, wanted: list[bytes]) -> Sealed:
    today = desk.today
    epoch = epoch_of(today)
    number = _next_number(desk, box, epoch)
    reply = Reply(
        statement=desk.card.statement,
        statement_bytes=desk.card.statement_bytes,
        signing_key=desk.signing.public,
        nonce=os.urandom(16),
        issued_day=today,
        number=number,
        answers=item.report_id,
        language=item.report.language,
        text=text,
        wanted=tuple(wanted),
    )
    content = encode_reply(reply)

    def sign(bind: bytes) -> bytes:
        context = reply_context(desk.card.desk_id, box.reply_key, bind)
        return desk.signing.sign("reply", context, content)

    return seal_letter(
        kind=Kind.REPLY,
        urgent=False,
        tag=reply_tag(box.mailbox_secret, epoch, number),
        expiry_day=last_day(epoch) + REPLY_GRACE_DAYS,
        recipient=box.reply_key,
        letter_type=LetterType.REPLY,
        content=content,
        sign=sign,
    )


@dataclass(frozen=True, slots=True)
class Queued:
    """A reply that is on its way out, by its number among all of this desk's."""

    number: int
    dummies: int


def queue_reply(desk: Desk, item: Item, text: str, files: Sequence[int]) -> Queued:
    """Seal a reply to a report, which asks for the originals of these files (from 0), and queue it
    with its dummies.

    Raises BadInput for a report without a reply box or a text that is too long, and as
    `check_can_sign`.
    """
    box = item.report.reply_box
    if box is None:
        raise BadInput(f"report {item.short_id} was sent without a code and can't be answered")
    check_can_sign(desk)
    wanted = [item.original_of(file).part.parcel_id for file in files]
    stored = desk.vault.setting(DUMMIES_SETTING)
    dummies = DEFAULT_DUMMIES if stored is None else int(stored)
    outbox = Outbox(desk.vault)
    made_s = int(desk.clock())
    with desk.vault.transaction():
        try:
            reply = _seal(desk, item, box, text, wanted)
        except LocalError as error:
            raise BadInput(f"the reply can't be sent: {error}") from error
        # As large as the reply: a long one would else be the only one of its size.
        size_bytes = reply.header.body_size
        sealed = [(reply, "reply", item.short_id)]
        sealed += [
            (seal_dummy(today=desk.today, body_size=size_bytes), "dummy", "")
            for _ in range(dummies)
        ]
        # In the order of their ids, so that a relay can't tell the reply by its place.
        sealed.sort(key=lambda entry: entry[0].header.parcel_id)
        for letter, what, about in sealed:
            outbox.add(letter.header, letter.body, what=what, about=about, made_s=made_s)
        number = 1 + int(desk.vault.value("SELECT max(number) FROM replies") or 0)
        desk.vault.run(
            "INSERT INTO replies (number, report_id, parcel_id, made_s, text, wanted)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            number,
            item.report_id,
            reply.header.parcel_id,
            made_s,
            text,
            " ".join(map(str, files)),
        )
    return Queued(number, dummies)


def missing_originals(item: Item, files: Sequence[int] | None = None) -> list[int]:
    """Which of these files of a report (from 0; None means all) did not come whole. Raises BadInput
    for one that the report does not have, and where nothing is missing."""
    count = len(item.report.files)
    for file in files or ():
        if not 0 <= file < count:
            raise BadInput(
                f"report {item.short_id} has {counted(count, 'file')}; there is no file {file + 1}"
            )
    chosen = range(count) if files is None else sorted(set(files))
    missing = [file for file in chosen if item.original_of(file).state != "verified"]
    if not missing:
        raise BadInput(f"report {item.short_id}: every original that you name is here already")
    return missing
