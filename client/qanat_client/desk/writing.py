"""Commands that write: reply, want, bulletin, outgoing."""

from __future__ import annotations

from typing import Any

from qanat_client.desk.bulletins import picture_of, queue_bulletin
from qanat_client.desk.context import Context, text_of
from qanat_client.desk.corrections import Wording
from qanat_client.desk.desk import Desk
from qanat_client.desk.inbox import Item, item_of
from qanat_client.desk.outgoing import Outbox
from qanat_client.desk.pulling import pull_now
from qanat_client.desk.replies import missing_originals, queue_reply
from qanat_client.desk.words import time_words, verdict_name
from qanat_client.errors import BadInput
from qanat_client.terminal import Exit, printable_line
from qanat_protocol.days import iso

__all__ = ["bulletin", "outgoing", "reply", "want"]

WANT_TEXT = ""


def _send(context: Context, desk: Desk, said: str, value: dict[str, Any]) -> int:
    if context.arguments.now:
        context.terminal.say(said)
        return pull_now(context, desk, value)
    context.terminal.say(f"{said}; it goes out with the next pull (or now, with --now)")
    context.terminal.result(value)
    return Exit.DONE


def _queue(context: Context, desk: Desk, item: Item, text: str, files: list[int]) -> int:
    queued = queue_reply(desk, item, text, files)
    said = (
        f"a reply to {item.short_id} is queued, and {queued.dummies} dummies beside it that hide"
        " which of them is the answer"
    )
    value = {
        "report": item.report_id.hex(),
        "wanted": len(files),
        "dummies": queued.dummies,
    }
    return _send(context, desk, said, value)


def reply(context: Context) -> int:
    """Answer a report that was sent with a code."""
    text = text_of(context)
    with context.desk() as desk:
        item = item_of(desk.vault, context.arguments.id)
        wanted = missing_originals(item) if context.arguments.want else []
        if not text and not wanted:
            raise BadInput("the reply is empty")
        return _queue(context, desk, item, text, wanted)


def want(context: Context) -> int:
    """Ask the writer of a report to send originals first."""
    with context.desk() as desk:
        item = item_of(desk.vault, context.arguments.id)
        numbers = context.arguments.file
        wanted = missing_originals(item, [number - 1 for number in numbers] or None)
        return _queue(context, desk, item, WANT_TEXT, wanted)


def bulletin(context: Context) -> int:
    """Publish news for everybody."""
    text = text_of(context)
    arguments = context.arguments
    pictures = [picture_of(path) for path in arguments.picture]
    with context.desk() as desk:
        wording = Wording(text, arguments.title, arguments.language)
        (serial,) = queue_bulletin(desk, [wording], pictures=pictures, corrects=arguments.corrects)
        return _send(context, desk, f"bulletin {serial} is queued", {"bulletin": serial})


def outgoing(context: Context) -> int:
    """What waits to be sent, and what each relay said to it."""
    with context.desk() as desk:
        outbox = Outbox(desk.vault)
        values = []
        for entry in outbox.waiting():
            words = outbox.handed(entry.parcel_id)
            said = [
                f"{desk.relay_name(relay)} holds it since {iso(day)} (it says)"
                if status == "held"
                else f"{desk.relay_name(relay)} refused it: {verdict_name(verdict)}"
                for relay, status, verdict, day in words
            ]
            about = f" {printable_line(entry.about)}" if entry.about else ""
            context.terminal.say(
                f"{entry.number}  {time_words(entry.made_s)}  {entry.what}{about}"
                f"  until {iso(entry.expiry_day)}  {'; '.join(said) or 'queued'}"
            )
            values.append(
                {
                    "number": entry.number,
                    "parcel_id": entry.parcel_id.hex(),
                    "what": entry.what,
                    "about": entry.about,
                    "made_s": entry.made_s,
                    "until": iso(entry.expiry_day),
                    "relays": [
                        {
                            "relay": desk.relay_name(relay),
                            "status": status,
                            "verdict": None if verdict is None else verdict_name(verdict),
                            "day": iso(day),
                        }
                        for relay, status, verdict, day in words
                    ],
                }
            )
        dummies = sum(value["what"] == "dummy" for value in values)
        if dummies:
            context.terminal.say(
                f"{dummies} of these are dummies: sealed noise to nobody that leaves with your"
                " replies, so that no relay can tell how many answers there are"
            )
        if not values:
            context.terminal.say("nothing waits to be sent")
        context.terminal.result({"outgoing": values})
    return Exit.DONE
