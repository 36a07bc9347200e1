"""`qanat send`: asks for what is lacking, seals, queues, and says what happens next.

Imports nothing of the network: a phone starts this for one letter.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from qanat_client.errors import BadInput
from qanat_client.own_process import interrupts_held
from qanat_client.reporter.clock import WritingTime, parse_day, writing_time
from qanat_client.reporter.code_input import ask_code, checked_code, given_code
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.known_relays import KnownRelays
from qanat_client.reporter.newest import newest_checkpoint
from qanat_client.reporter.seal_report import (
    MAX_TEXT_BYTES,
    Draft,
    Queued,
    check_draft,
    parse_figure,
    parse_report_id,
    seal_report,
)
from qanat_client.reporter.sealing_room import SealingRoom
from qanat_client.terminal import (
    Exit,
    Terminal,
    human_size,
    printable_line,
    read_bytes,
)
from qanat_protocol.attachment import MAX_FILES
from qanat_protocol.card import DeskCard
from qanat_protocol.code import Identity, OneOffIdentity, identity, one_off_identity
from qanat_protocol.days import first_day, iso, last_day
from qanat_protocol.kinds import Rendition
from qanat_protocol.report import Basis
from qanat_protocol.sizes import part_body_size
from qanat_protocol.statement import fingerprint

if TYPE_CHECKING:
    from qanat_client.reporter.attachments import Attachment

__all__ = ["send"]

_NEEDS_CODE = "only the code of a report can correct or withdraw it"
_MOST_READ_BYTES = 16 * MAX_TEXT_BYTES


def _text(arguments: argparse.Namespace, terminal: Terminal) -> str:
    if arguments.text is not None:
        text = str(arguments.text)
        if _names_a_file(text):
            raise BadInput(
                f"{printable_line(text)} is a file: --attach {printable_line(text)} sends it, and"
                " --text-file takes its text"
            )
    elif arguments.text_file is not None:
        text = _decoded(
            read_bytes(arguments.text_file, "the text file", max_bytes=_MOST_READ_BYTES)
        )
    elif sys.stdin is None or sys.stdin.closed:
        text = ""
    else:
        if sys.stdin.isatty():
            terminal.warn("Write the report; Ctrl-D on an empty line ends it, Ctrl-C drops it.")
        text = _decoded(sys.stdin.buffer.read(_MOST_READ_BYTES))
    return text.replace("\r\n", "\n").removeprefix("\ufeff").strip("\n")


def _names_a_file(text: str) -> bool:
    """Whether a TEXT was hardly meant as one: `--attach a.jpg b.jpg`."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"the text is not UTF-8 (byte {error.start + 1})") from None


def _identity(
    arguments: argparse.Namespace, terminal: Terminal, card: DeskCard
) -> Identity | OneOffIdentity:
    refers = arguments.corrects is not None or arguments.withdraws is not None
    if arguments.no_code:
        if arguments.code_file is not None:
            raise BadInput("--code-file and --no-code exclude each other")
        return one_off_identity()
    code = checked_code(given_code(arguments))
    if code is None:
        if not terminal.has_person:
            raise BadInput(
                "there is no terminal to ask for the code: give --code-file, or --no-code for a"
                " report that nobody can answer and that you can't correct"
            )
        question = "Your code (not shown; just Enter: none, and no answer can come):"
        if refers:
            question = "The code with which you sent that report (not shown):"
        code = ask_code(terminal, question)
        while refers and not code:
            terminal.warn(f"{_NEEDS_CODE}; Ctrl-C drops this report")
            code = ask_code(terminal, question)
    return identity(code, card.desk_id) if code else one_off_identity()


def _time(arguments: argparse.Namespace, terminal: Terminal, newest_day: int) -> WritingTime:
    if arguments.date is not None:
        return writing_time(newest_day, parse_day(arguments.date))
    time = writing_time(newest_day)
    if not time.clock_is_behind:
        return time
    terminal.warn(
        "This device's clock is behind: the newest signed document here, or this program, is of"
        f" {iso(time.day)}."
    )
    if terminal.has_person:
        said = terminal.ask(f"What day is it? (2026-01-31; empty: {iso(time.day)})")
        if said:
            return writing_time(newest_day, parse_day(said))
    terminal.warn(f"Sealing as if it were {iso(time.day)}; --date says another day.")
    return time


def _draft(arguments: argparse.Namespace, terminal: Terminal) -> Draft:
    if len(arguments.attach) > MAX_FILES:
        raise BadInput(f"{len(arguments.attach)} files; one report takes {MAX_FILES}")
    attachments = _attachments(arguments.attach) if arguments.attach else []
    for attachment in attachments:
        for note in attachment.notes:
            terminal.warn(note)
        if attachment.size == 0:
            terminal.warn(f"{attachment.name} is empty; it goes as an empty file")
    corrects = None if arguments.corrects is None else parse_report_id(arguments.corrects)
    withdraws = None if arguments.withdraws is None else parse_report_id(arguments.withdraws)
    draft = Draft(
        text=_text(arguments, terminal),
        what=arguments.what,
        where=arguments.where,
        when=arguments.when,
        basis=Basis(arguments.basis or 0),
        figures=tuple(parse_figure(text) for text in arguments.figure),
        language=arguments.language,
        urgent=arguments.urgent,
        corrects=corrects,
        withdraws=withdraws,
        attachments=tuple(attachments),
    )
    check_draft(draft)
    return draft


def _attachments(names: Sequence[str]) -> list[Attachment]:
    from qanat_client.reporter.attachments import inspect, without_doubles

    return without_doubles([inspect(Path(name)) for name in names])


def _warn_of_size(relays: KnownRelays, draft: Draft, card: DeskCard, terminal: Terminal) -> None:
    """Say which files no relay of the card takes, as far as relays have said what they take."""
    if not draft.attachments:
        return
    from qanat_client.reporter.relay_report import SMALLER

    known = relays.largest_bodies()
    takes = [known[relay.signing_key] for relay in card.relays if relay.signing_key in known]
    if not takes:
        return
    for attachment in draft.attachments:
        size = part_body_size(attachment.size, Rendition.ORIGINAL)
        if size > max(takes):
            terminal.warn(
                f"{attachment.name} has {human_size(attachment.size)}; the relays of this desk take"
                f" at most {human_size(max(takes))}, so it would wait here: {SMALLER}"
            )


def _announce(
    queued: Queued,
    card: DeskCard,
    time: WritingTime,
    terminal: Terminal,
    *,
    goes_now: bool,
    named: bool,
    which: str,
) -> dict[str, object]:
    week = f"{iso(first_day(queued.epoch))} to {iso(last_day(queued.epoch))}"
    terminal.say(f"report number {queued.number}, safely queued")
    terminal.say(f"report id {queued.report_id.hex()}")
    if named:
        terminal.say(
            "  (kept nowhere here: note it if you may want to correct or withdraw the report)"
        )
    else:
        terminal.say(
            "  sent as nobody in particular: it can't be corrected or withdrawn, and no answer can"
            " come"
        )
    terminal.say(
        f"sealed to {printable_line(card.name)}{which}, key of the week {week};"
        f" must arrive by {iso(queued.expiry_day)}; {human_size(queued.waiting_bytes)} to send"
    )
    if time.day > card.last_day:
        terminal.warn(
            f"the card of {card.name} ended on {iso(card.last_day)}: sealed to its last week."
            " Get a newer card when you can."
        )
    if not goes_now:
        terminal.say("nothing was sent: run `qanat sync` when a network is there")
    return {
        "number": queued.number,
        "report_id": queued.report_id,
        "desk": card.name,
        "desk_id": card.desk_id,
        "epoch": queued.epoch,
        "must_arrive_by": iso(queued.expiry_day),
        "waiting_bytes": queued.waiting_bytes,
    }


def _older_reports(count: int) -> str:
    if not count:
        return ""
    them = "1 older report is" if count == 1 else f"{count} older reports are"
    return f" {them} safely queued."


class _Sending:
    """How far one `send` has come; `waiting` is how many older reports are queued."""

    def __init__(self) -> None:
        self.waiting = 0
        self.queued: Queued | None = None

    def stopped(self) -> str:
        """What Ctrl-C is answered with."""
        if self.queued is not None:
            return f"stopped; report number {self.queued.number} is safely queued"
        return (
            "stopped. This report was NOT queued and nothing of it is kept: write it again."
            f"{_older_reports(self.waiting)}"
        )


def send(arguments: argparse.Namespace, home: Home, terminal: Terminal) -> int:
    """Run the command; the exit code."""
    sending = _Sending()
    try:
        return _send(arguments, home, terminal, sending)
    except KeyboardInterrupt:
        terminal.warn(f"\n{sending.stopped()}")
        return Exit.INTERRUPTED


def _send(arguments: argparse.Namespace, home: Home, terminal: Terminal, sending: _Sending) -> int:
    home.make()
    settings = home.settings()
    goes_now = bool(arguments.now or settings.sync_on_send)
    refers = arguments.withdraws if arguments.corrects is None else arguments.corrects
    if refers is not None:
        parse_report_id(refers)
        if arguments.no_code:
            raise BadInput(f"{_NEEDS_CODE}: leave --no-code out")
    desks = Desks(home)
    card = desks.choose(arguments.desk)
    if card.signer in desks.revoked(card.desk_id):
        terminal.warn(
            f"{printable_line(card.name)} has revoked the key that signed this card, so it may be"
            " false.\nGet a newer one first if you can: `qanat sync`, or from the desk itself."
        )
    with closing(connect(home)) as connection:
        room = SealingRoom(home, connection)
        room.clear_abandoned()
        sending.waiting = room.waiting_reports()
        draft = _draft(arguments, terminal)
        checkpoint = newest_checkpoint(home, connection, desks)
        time = _time(arguments, terminal, checkpoint[0])
        who = _identity(arguments, terminal, card)
        _warn_of_size(KnownRelays(home, connection), draft, card, terminal)
        total = sum(attachment.size for attachment in draft.attachments)
        with interrupts_held() as hold:
            with terminal.progress("sealing", total) as progress:

                def tell(text: str) -> None:
                    progress.close()
                    terminal.warn(text)

                sending.queued = seal_report(
                    home,
                    room,
                    card,
                    draft=draft,
                    identity=who,
                    time=time,
                    checkpoint=checkpoint,
                    tell=tell,
                    advance=progress.advance,
                    about_to_queue=hold,
                )
            facts = _announce(
                sending.queued,
                card,
                time,
                terminal,
                goes_now=goes_now,
                named=who.reply is not None,
                which=f" ({fingerprint(card.desk_id)})" if desks.namesakes(card) else "",
            )
    if not goes_now:
        terminal.result(facts)
        return Exit.DONE
    from qanat_client.carriers.settings import CarrierSettings
    from qanat_client.reporter.sync import sync_once

    code, told = sync_once(home, terminal, carrier=CarrierSettings(proxy=arguments.proxy))
    terminal.result({**facts, "sync": told})
    return code
