"""`qanat`: the reporter's program. Parses, calls, prints; each command is in its own module.

Imports come where they are used: `send` runs on a phone and loads nothing of the network.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from qanat_client.errors import BadInput
from qanat_client.own_process import end_process, guard_process
from qanat_client.reporter.arguments import make_arguments, usage_of
from qanat_client.reporter.home import Home, default_home
from qanat_client.terminal import Exit, Terminal, printable_line, read_bytes, run

if TYPE_CHECKING:
    from qanat_client.reporter.desks import CardNews, Desks

__all__ = ["main", "program"]

# Commands that stand apart from a home, by their modules: they are loaded for nothing else.
_APART = {"demo": "qanat_client.demo.main", "simulate": "qanat_simulation.command"}


def _envelope(arguments: argparse.Namespace) -> bytes:
    from qanat_protocol.limits import MAX_CARD_BYTES

    named = str(arguments.card)
    if not named.startswith(("http://", "https://")):
        return read_bytes(Path(named), "the card", max_bytes=MAX_CARD_BYTES)
    import asyncio

    from qanat_client.carriers.http import fetch
    from qanat_client.carriers.settings import CarrierSettings

    settings = CarrierSettings(proxy=arguments.proxy)
    return asyncio.run(fetch(named, max_bytes=MAX_CARD_BYTES, settings=settings))


def _show_card(found: CardNews, terminal: Terminal) -> None:
    from qanat_client.reporter.clock import today
    from qanat_protocol.days import epoch_of, iso
    from qanat_protocol.statement import fingerprint

    card = found.card
    terminal.say(f"{printable_line(card.name)}   card {card.serial} of {iso(card.issued_day)}")
    terminal.say(f"  fingerprint  {fingerprint(card.desk_id)}")
    languages = ", ".join(printable_line(tag) for tag in card.languages)
    terminal.say(f"  languages    {languages or 'not said'}")
    for relay in card.relays:
        country = f"  ({relay.country})" if relay.country else ""
        terminal.say(f"  relay        {relay.addresses[0]}{country}")
    weeks = max(0, card.last_epoch - epoch_of(today()) + 1)
    left = f"{weeks} weeks left" if weeks > 1 else "its weeks are over or ending: get a newer one"
    terminal.say(f"  valid until  {iso(card.last_day)}, {left}")
    if card.note:
        terminal.say(f"  note         {printable_line(card.note.replace(chr(10), ' '))}")
    if found.missing:
        terminal.say(f"  {found.missing} cards between this and the one that was here were missed")
    if found.succeeds is not None:
        terminal.say(f"  this desk is the successor of {printable_line(found.succeeds.name)}")


def _desk_add(arguments: argparse.Namespace, home: Home, terminal: Terminal) -> int:
    from qanat_client.reporter.desks import Desks, News, check_is_card
    from qanat_protocol.statement import fingerprint

    home.make()
    desks = Desks(home)
    envelope = _envelope(arguments)
    check_is_card(envelope, printable_line(str(arguments.card)))
    found = desks.weigh(envelope)
    _show_card(found, terminal)
    namesakes = desks.namesakes(found.card) if found.news is News.NEW else []
    if namesakes and found.succeeds is None:
        name = printable_line(found.card.name)
        terminal.warn(f"CAUTION: a desk of this name is here already. This is ANOTHER desk {name}:")
        for other in namesakes:
            terminal.warn(f"  here already  {fingerprint(other.desk_id)}")
        terminal.warn(f"  this card     {fingerprint(found.card.desk_id)}")
        terminal.warn("Somebody may be posing as it. Keep the card only if you have compared both.")
    if found.news is News.SAME:
        terminal.say("this card is here already")
    else:
        if found.news is News.NEW:
            terminal.say(
                "Compare the fingerprint by voice with somebody of the desk whom you know: read it"
                " out in groups of five. Another fingerprint is another desk, whatever its name."
            )
        if not arguments.yes:
            if not terminal.has_person:
                raise BadInput(
                    "there is no terminal to ask: compare the fingerprint, then say --yes"
                )
            if not terminal.confirm("Is it the right one? Keep this card?"):
                terminal.say("the card was not kept")
                return Exit.BAD_INPUT
        desks.keep(found.card)
        terminal.say("the card is kept; a report to this desk: `qanat send`")
    terminal.result(
        {
            "news": found.news.value,
            "name": found.card.name,
            "desk_id": found.card.desk_id,
            "fingerprint": fingerprint(found.card.desk_id),
            "serial": found.card.serial,
            "missing": found.missing,
            "succeeds": found.succeeds.name if found.succeeds else None,
            "namesakes": [fingerprint(other.desk_id) for other in namesakes],
        }
    )
    return Exit.DONE


def _desk_remove(arguments: argparse.Namespace, home: Home, terminal: Terminal) -> int:
    from qanat_client.reporter.database import connect
    from qanat_client.reporter.desks import Desks
    from qanat_client.reporter.sealing_room import SealingRoom
    from qanat_protocol.statement import fingerprint

    desks = Desks(home)
    card = desks.choose(arguments.desk)
    with closing(connect(home)) as connection:
        waiting = SealingRoom(home, connection).waiting_reports(card.desk_id)
    name = f"{printable_line(card.name)} ({fingerprint(card.desk_id)})"
    if waiting:
        reports = "1 report is" if waiting == 1 else f"{waiting} reports are"
        terminal.warn(
            f"{reports} still queued for it and stay queued, but go nowhere until its card is"
            " added again; `qanat outbox drop N` forgets one."
        )
    if not arguments.yes and not terminal.confirm(f"Remove the card of {name}?"):
        terminal.say("nothing was removed")
        return Exit.DONE
    desks.forget(card.desk_id)
    terminal.say(f"the card of {name} is removed")
    terminal.result({"removed": card.desk_id, "still_queued": waiting})
    return Exit.DONE


def _desk_list(home: Home, terminal: Terminal) -> int:
    from qanat_client.reporter.desks import CardNews, Desks, News
    from qanat_protocol.days import iso
    from qanat_protocol.statement import fingerprint

    desks: Desks = Desks(home)
    cards = desks.all()
    for card in cards:
        _show_card(CardNews(card, News.SAME, 0, None), terminal)
        successor = desks.successor_of(card)
        if successor is not None:
            terminal.say(f"  succeeded by {printable_line(successor.name)}: write there")
    if not cards:
        terminal.say("no desk is known yet: `qanat desk add CARD`")
    terminal.result(
        [
            {
                "name": card.name,
                "desk_id": card.desk_id,
                "fingerprint": fingerprint(card.desk_id),
                "serial": card.serial,
                "issued": iso(card.issued_day),
                "last_day": iso(card.last_day),
                "languages": list(card.languages),
                "relays": [
                    {"addresses": list(relay.addresses), "country": relay.country}
                    for relay in card.relays
                ],
            }
            for card in cards
        ]
    )
    return Exit.DONE


def _code(arguments: argparse.Namespace, terminal: Terminal) -> int:
    from qanat_protocol.code import new_code, normalise
    from qanat_protocol.errors import BadCheck, Malformed

    if arguments.subcommand == "new":
        code = new_code()
        terminal.say(f"\n    {code}\n")
        terminal.say(
            "This is shown once and stored nowhere. Learn it by heart, or copy it by hand to paper"
            " that nobody finds. `qanat code check` tells whether you copied it right. Clear the"
            " screen when you have it."
        )
        terminal.result({"code": code})
        return Exit.DONE
    from qanat_client.reporter.code_input import given_code

    given = given_code(arguments)
    while True:
        typed = terminal.ask_secret("Code (not shown):") if given is None else given
        try:
            normalise(typed)
            break
        except BadCheck:
            wrong = "the digits are 24, but the check digits do not fit: one is wrong or two are"
            wrong += " swapped"
        except Malformed:
            # What was typed stays out of the message.
            digits = sum(sign.isdecimal() for sign in typed)
            wrong = f"a code has 24 digits and nothing else; there are {digits}"
        if given is not None:
            raise BadInput(wrong)
        terminal.warn(f"{wrong}. Once more (Ctrl-C ends it)")
    terminal.say("the code is well formed")
    terminal.result({"ok": True})
    return Exit.DONE


def _outbox(arguments: argparse.Namespace, home: Home, terminal: Terminal) -> int:
    from qanat_client.reporter.clock import today
    from qanat_client.reporter.database import connect
    from qanat_client.reporter.ledger import entries, facts, show
    from qanat_client.reporter.outbox import Outbox
    from qanat_client.reporter.sealing_room import SealingRoom

    if not home.path.exists() and arguments.subcommand is None:
        terminal.say(f"the outbox is empty: there is no home at {home.path}")
        terminal.result([])
        return Exit.DONE
    if not home.path.exists():
        raise BadInput(f"there is no report number {arguments.number}: no home at {home.path}")
    home.make()
    settings = home.settings()
    with closing(connect(home)) as connection:
        SealingRoom(home, connection).clear_abandoned()
        if arguments.subcommand == "drop":
            outbox = Outbox(home, connection)
            outbox.check_number(arguments.number)
            question = f"Forget report {arguments.number}? If it has not arrived, it is lost."
            if not arguments.yes and not terminal.confirm(question):
                terminal.say("nothing was dropped")
                return Exit.DONE
            outbox.drop(arguments.number)
            terminal.say(f"report {arguments.number} is forgotten here")
            terminal.result({"dropped": arguments.number})
            return Exit.DONE
        found = entries(home, connection)
    show(found, settings.country, today(), terminal)
    terminal.result(facts(found, settings.country, today()))
    return Exit.DONE


def _sync(arguments: argparse.Namespace, home: Home, terminal: Terminal) -> int:
    from qanat_client.reporter.code_input import checked_code, given_code

    code = checked_code(given_code(arguments))
    if arguments.watch:
        from qanat_client.reporter.watch import watch

        return watch(arguments, home, terminal, code)
    from qanat_client.reporter.sync import sync

    return sync(arguments, home, terminal, code)


def _inbox(arguments: argparse.Namespace, home: Home, terminal: Terminal) -> int:
    from qanat_client.reporter.code_input import ask_code, checked_code, given_code
    from qanat_client.reporter.inbox import inbox

    code = checked_code(given_code(arguments))
    if code is None and terminal.has_person:
        question = "Your code (not shown; just Enter: bulletins only):"
        code = ask_code(terminal, question) or None
    synced: int = Exit.DONE
    if arguments.sync:
        from qanat_client.reporter.sync import carrier_of, sync_once

        synced, _ = sync_once(
            home,
            terminal,
            relays=arguments.relay,
            carrier=carrier_of(arguments),
            code=code,
        )
    shown = inbox(home, terminal, code)
    return synced or shown


def _wipe(arguments: argparse.Namespace, home: Home, terminal: Terminal) -> int:
    from qanat_client.reporter.wipe import UNSURE, wipe

    if not home.exists():
        terminal.say(f"there is nothing at {home.path}")
        terminal.result({"removed": False, "left": []})
        return Exit.DONE
    question = f"Remove everything of Qanat in {home.path}? What was not handed over is lost."
    if not arguments.yes and not terminal.confirm(question):
        terminal.say("nothing was removed")
        return Exit.DONE
    left = wipe(home)
    terminal.say(f"everything of Qanat in {home.path} is overwritten and removed")
    for path in left:
        terminal.say(f"  left there, as it is not ours: {printable_line(path.name)}")
    terminal.say(UNSURE)
    terminal.result({"removed": True, "left": [path.name for path in left]})
    return Exit.DONE


def _dispatch(arguments: argparse.Namespace, home: Home, terminal: Terminal) -> int:
    if home.is_half_wiped():
        from qanat_client.reporter.wipe import wipe

        wipe(home)
        terminal.warn(f"a wipe of {home.path} had been cut: it is finished now, all of it is gone")
    match arguments.command:
        case "desk" if arguments.subcommand == "add":
            return _desk_add(arguments, home, terminal)
        case "desk" if arguments.subcommand == "remove":
            return _desk_remove(arguments, home, terminal)
        case "desk":
            return _desk_list(home, terminal)
        case "code":
            return _code(arguments, terminal)
        case "send":
            from qanat_client.reporter.send import send

            return send(arguments, home, terminal)
        case "outbox":
            return _outbox(arguments, home, terminal)
        case "sync":
            return _sync(arguments, home, terminal)
        case "inbox":
            return _inbox(arguments, home, terminal)
        case "app":
            from qanat_client.reporter.app import serve_app

            return serve_app(arguments, home, terminal)
        case "wipe":
            return _wipe(arguments, home, terminal)
    raise BadInput("say what to do; `qanat --help` lists the commands")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `qanat`; the exit code."""
    guard_process()
    parser = make_arguments()
    arguments, surplus = parser.parse_known_args(argv)
    if surplus:
        hint = (
            " (a text with spaces stands in quotes, and each file behind an --attach of its own)"
            if arguments.command == "send"
            else f" (`qanat {arguments.command or ''} --help` tells more)".replace("  ", " ")
        )
        usage = usage_of(parser, arguments)
        usage.error(f"not understood: {' '.join(map(printable_line, surplus))}{hint}")
    if arguments.version:
        from qanat_client import __version__

        print(f"qanat {__version__}")
        return Exit.DONE
    if arguments.command in _APART:
        from importlib import import_module

        result: int = import_module(_APART[arguments.command]).run(arguments.rest)
        return result
    terminal = Terminal(json=getattr(arguments, "json", False))
    home = Home(arguments.home or default_home())
    return run(lambda: _dispatch(arguments, home, terminal), terminal)


def program() -> NoReturn:
    """`qanat` as a process of its own."""
    end_process(main())
