"""The editors' command line: `qanat-desk`. Reads arguments, calls, ends with the exit code."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

from qanat_client.desk import keeping, pulling, reading, writing
from qanat_client.desk.card_book import DEFAULT_WEEKS
from qanat_client.desk.context import Context
from qanat_client.desk.desk import Clock
from qanat_client.desk.export import FORMATS
from qanat_client.desk.vault import check_installed
from qanat_client.own_process import guard_process
from qanat_client.subcommand import Subcommand
from qanat_client.terminal import Terminal, add_shared_options, make_parser, run

__all__ = ["main"]

Command = Callable[[Context], int]
DEFAULT_GRACE_DAYS = 90

STOPPED_BEFORE = "stopped before it was done; what was stored before is safe"
STOPPED = {
    "init": "stopped; unless it said so, no desk was made",
    "pull": "stopped; nothing is lost, the next pull goes on from here",
    "reply": "stopped; `qanat-desk outgoing` shows whether the reply is queued",
    "want": "stopped; `qanat-desk outgoing` shows whether the request is queued",
    "bulletin": "stopped; `qanat-desk outgoing` shows whether the bulletin is queued",
    "export": "stopped; what is in the folder is whole, and another export to it adds the rest",
    "list": "stopped",
    "show": "stopped",
    "outgoing": "stopped",
}

EPILOG = """\
exit codes: 0 done, 2 bad usage or bad input, 3 no relay was reachable, 4 refused by the relays
The passphrase comes from a prompt or a file, never from an argument: --passphrase-file,
or the file that QANAT_PASSPHRASE_FILE names. The home is --home, or QANAT_HOME, or
~/.local/share/qanat-desk."""


def _add_relays(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--relay", action="append", default=[], metavar="URL", help="a relay; may be repeated"
    )
    parser.add_argument(
        "--relay-card",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a relay's card as a file; may be repeated",
    )
    _add_proxy(parser)


def _add_proxy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--proxy", metavar="URL", help="such as socks5h://127.0.0.1:9050 for Tor")
    parser.add_argument(
        "--no-datagrams",
        action="store_true",
        help="TCP alone: UDP is noise where https is a site",
    )


def _add_text(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", help="the text (it stays in the shell's history)")
    parser.add_argument("--text-file", type=Path, metavar="FILE", help="- is standard input")


def _add_now(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--now", action="store_true", help="send it with a pull at once")
    _add_proxy(parser)


def _parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "qanat-desk", "An editors' desk: pull, read, answer, publish.", epilog=EPILOG
    )
    add_shared_options(parser)
    parser.add_argument("--home", type=Path, metavar="DIR", help="the desk's folder")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=Subcommand
    )

    def add(name: str, command: Command, help_text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        made.set_defaults(run=command)
        add_shared_options(made)
        made.add_argument("--passphrase-file", type=Path, metavar="FILE", default=argparse.SUPPRESS)
        return made

    init = add("init", keeping.init, "make a desk: its keys, its vault, its first card")
    init.add_argument("--name", required=True, help="what reporters see")
    _add_relays(init)
    init.add_argument("--language", action="append", default=[], metavar="TAG")
    init.add_argument("--note", default="", help="a note on the card")
    init.add_argument(
        "--grace",
        type=int,
        default=DEFAULT_GRACE_DAYS,
        metavar="DAYS",
        help=f"how late a report of a week may arrive ({DEFAULT_GRACE_DAYS})",
    )
    init.add_argument("--weeks", type=int, default=DEFAULT_WEEKS, help="weeks on the card")
    init.add_argument(
        "--source", action="append", default=[], metavar="URL", help="where to get the app"
    )

    card = add("card", keeping.card, "write the newest card, or make the next one")
    card.add_argument("-o", "--output", type=Path, metavar="FILE")
    card.add_argument("--renew", action="store_true", help="make the next card")
    card.add_argument(
        "--link",
        metavar="URL",
        help="also say a link to the web app there that holds the card: tens of thousands of"
        " characters, to stand behind a word on a page",
    )
    card.add_argument(
        "--link-output", type=Path, metavar="FILE", help="write the link there instead of saying it"
    )
    card.add_argument("--weeks", type=int, help="weeks on it")
    _add_relays(card)
    card.add_argument("--drop-relay", action="append", default=[], metavar="URL")
    card.add_argument(
        "--certify", action="store_true", help="certify a new signing key with the root key"
    )
    card.add_argument("--root-key", type=Path, metavar="FILE", help="where the root key file is")

    pull = add("pull", pulling.pull_command, "fetch, open and verify what the relays hold")
    pull.add_argument(
        "--relay", action="append", default=[], metavar="URL", help="only this one of the card's"
    )
    mode = pull.add_mutually_exclusive_group()
    mode.add_argument("--once", action="store_true", help="one time (the default)")
    mode.add_argument(
        "--watch",
        action="store_true",
        help="stay connected, so that what arrives comes at once, until Ctrl-C",
    )
    pull.add_argument(
        "--every",
        type=float,
        metavar="SECONDS",
        help="with --watch: how long at most until a relay that is not reached is tried again, and"
        f" what was queued meanwhile goes out; default {pulling.DEFAULT_EVERY_S} seconds",
    )
    _add_proxy(pull)

    listing = add("list", reading.list_inbox, "one line for each report")
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="also what was set aside")
    which.add_argument("--set-aside", action="store_true", help="only what was set aside")

    show = add("show", reading.show, "everything about one report")
    show.add_argument("id", metavar="ID")

    reply = add("reply", writing.reply, "answer a report")
    reply.add_argument("id", metavar="ID")
    _add_text(reply)
    reply.add_argument("--want", action="store_true", help="ask for missing originals as well")
    _add_now(reply)

    want = add("want", writing.want, "ask for the originals of a report")
    want.add_argument("id", metavar="ID")
    want.add_argument("--file", type=int, action="append", default=[], metavar="N")
    _add_now(want)

    bulletin = add("bulletin", writing.bulletin, "publish news for everybody")
    _add_text(bulletin)
    bulletin.add_argument("--title", default="")
    bulletin.add_argument("--language", default="", metavar="TAG")
    bulletin.add_argument("--picture", action="append", default=[], type=Path, metavar="FILE")
    _add_now(bulletin)

    add("outgoing", writing.outgoing, "what waits to be sent, and what relays said to it")

    export = add("export", reading.export_inbox, "write the inbox, readable, to a folder")
    export.add_argument("-o", "--output", required=True, type=Path, metavar="DIR")
    export.add_argument("--format", choices=FORMATS, help="only this one; both by default")
    export.add_argument("--all", action="store_true", help="thumbnails and previews too")

    setting = add("set", keeping.set_value, "change a setting")
    setting.add_argument("setting", choices=sorted(keeping.LIMITS))
    setting.add_argument("value", type=int)
    return parser


def main(argv: list[str] | None = None, *, clock: Clock = time.time) -> int:
    """Run `qanat-desk`; returns the exit code. `clock` gives unix seconds."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    os.umask(0o077)
    guard_process()
    context = Context(arguments, Terminal(json=getattr(arguments, "json", False)), clock)

    def command() -> int:
        check_installed()
        return int(arguments.run(context))

    stopped = STOPPED.get(arguments.command, STOPPED_BEFORE)
    return run(command, context.terminal, program="qanat-desk", stopped=stopped)
