"""Letters to the reply box of a report, and the dummies that hide how many there are.

A reply never quotes the report; it names it by its id.
"""

from __future__ import annotations

import os

from qanat_client.desk.desk import Desk
from qanat_client.desk.inbox import Item
from qanat_client.desk.outgoing import Outbox
from qanat_client.errors import BadInput
from qanat_protocol.days import epoch_of, last_day
from qanat_protocol.hashing import sha256
from qanat_protocol.letter import LetterType, Sealed, seal_dummy, seal_letter
from qanat_protocol.parcel import Kind
from qanat_protocol.reply import REPLY_GRACE_DAYS, Reply, encode_reply, reply_context
from qanat_protocol.report import ReplyBox
from qanat_protocol.tags import reply_tag

__all__ = ["DEFAULT_DUMMIES", "DUMMIES_SETTING", "queue_reply"]

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


def queue_reply(desk: Desk, item: Item, text: str, wanted: list[bytes]) -> int:
    """Seal a reply to a report and queue it with its dummies; returns how many dummies.

    Raises BadInput for a report without a reply box, LocalError for a text that is too long.
    """
    box = item.report.reply_box
    if box is None:
        raise BadInput(f"report {item.short_id} was sent without a code and can't be answered")
    stored = desk.vault.setting(DUMMIES_SETTING)
    dummies = DEFAULT_DUMMIES if stored is None else int(stored)
    outbox = Outbox(desk.vault)
    made_s = int(desk.clock())
    with desk.vault.transaction():
        reply = _seal(desk, item, box, text, wanted)
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
    return dummies
