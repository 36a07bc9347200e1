"""The editors' command line: `qanat-desk`. Reads arguments, calls, ends with the exit code."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from qanat_client.desk import (
    checking,
    editing,
    exporting,
    keeping,
    mending,
    pulling,
    reading,
    writing,
)
from qanat_client.desk.card_book import DEFAULT_WEEKS
from qanat_client.desk.context import Context
from qanat_client.desk.decisions import Element
from qanat_client.desk.desk import Clock
from qanat_client.desk.filters import STATES, add_filters
from qanat_client.desk.options import (
    add_now,
    add_proxy,
    add_relays,
    add_text,
    port,
    positive,
)
from qanat_client.desk.vault import check_installed
from qanat_client.own_process import guard_process
from qanat_client.subcommand import Subcommand
from qanat_client.terminal import (
    HelpFormatter,
    Terminal,
    add_shared_options,
    make_parser,
    run,
)

__all__ = ["main"]

Command = Callable[[Context], int]
Commands: TypeAlias = "argparse._SubParsersAction[Subcommand]"
FOUND = 50
"""How many reports a search shows."""
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
    "search": "stopped",
    "mark": "stopped; `qanat-desk log ID` shows what was decided",
    "incident": "stopped; `qanat-desk incident list` shows what was kept",
    "log": "stopped",
    "serve": "stopped; nothing is lost",
    "related": "stopped",
    "figures": "stopped",
    "check": "stopped; nothing was changed",
    "show": "stopped",
    "outgoing": "stopped",
}

EPILOG = """\
a morning:  qanat-desk pull; list --unread; show ID; mark ID --state checking --place high
            --note "the fountain is in the picture"; search almaty hospital; reply ID TEXT
exit codes: 0 done, 2 bad usage or bad input, 3 no relay was reachable, 4 refused by the relays
The passphrase comes from a prompt or a file, never from an argument: --passphrase-file,
or the file that QANAT_PASSPHRASE_FILE names. The home is --home, or QANAT_HOME, or
~/.local/share/qanat-desk."""


_LIST = """\
One line for each report, the newest last: its id, what it says, who held it, the two words by
which this desk calls its pseudonym, and what you decided.

  qanat-desk list --unread --urgent
  qanat-desk list --state new --state checking --place almaty --language kk --since 36h"""

_SEARCH = """\
The newest reports that have all of these words, in what they say, their place, their figures and
the names of their files. A word finds every word that begins so, whatever the case, the accents
and the keyboard: almaty finds Almaty's, елка finds ёлка, strasse finds Straße. Of a long word the
first eight letters count.

  qanat-desk search hospital
  qanat-desk search больниц алматы --first-hand --unread"""

_SHOW = """\
Everything about one report: what it says, its files, who held it, what you decided, and what else
came from the same pseudonym. It counts as read with that."""

_MARK = """\
Say what you think of reports. Every change is signed and kept in the log; a later one replaces it.

  qanat-desk mark ID --state checking
  qanat-desk mark ID --place high --note "the fountain is in the picture"
  qanat-desk mark ID ID ID --tag hospital --star
  qanat-desk mark ID --mute        leave everything of this pseudonym out of lists"""

_INCIDENT = """\
An incident gathers reports of one event; a report may be in several.

  qanat-desk incident create "Shooting on the square" ID ID
  qanat-desk incident show "Shooting on the square"
  qanat-desk incident add "Shooting on the square" ID"""

_SERVE = """\
The desk as a page in a browser on this machine, and nowhere else: inbox, reports, decisions,
replies, bulletins. The link that it shows lets one window in, once; then it shows another.

  qanat-desk serve
  qanat-desk serve --port 8765 --proxy socks5h://127.0.0.1:9050
  qanat-desk serve --no-pull       only look at what is here already

It fetches from the relays by itself, as `pull --watch` does. Other commands may run beside it."""

_ELEMENT_WORDS = {
    Element.SOURCE: "who says it, and how they know",
    Element.DATE: "when it was",
    Element.PLACE: "where it was",
    Element.CONTENT: "what is said and shown",
}
# The name, how it is switched on and off, what that means.
_SWITCHES = (
    ("star", "star", "unstar", "find it again with list --starred"),
    ("read", "read", "unread", "count it as read, or as unread again"),
    ("mute", "mute", "unmute", "leave out of lists all reports of the pseudonym; none is lost"),
)


def _command(
    commands: Commands,
    name: str,
    command: Command,
    help_text: str,
    about: str | None = None,
) -> argparse.ArgumentParser:
    made = commands.add_parser(
        name,
        help=help_text,
        description=about or help_text,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    made.set_defaults(run=command)
    add_shared_options(made)
    made.add_argument("--passphrase-file", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    return made


def _add_mark(mark: argparse.ArgumentParser) -> None:
    mark.add_argument("ids", nargs="+", metavar="ID")
    mark.add_argument("--state", choices=list(STATES), help="how far you have come with it")
    for element, what in editing.ELEMENTS.items():
        mark.add_argument(
            f"--{element}",
            choices=list(editing.CONFIDENCES),
            help=f"how sure you are of its {element} ({_ELEMENT_WORDS[what]})",
        )
    mark.add_argument("--note", metavar="TEXT", help="why: kept with what you are sure of")
    for name, yes, no, about in _SWITCHES:
        switch = mark.add_mutually_exclusive_group()
        switch.add_argument(f"--{yes}", dest=name, action="store_true", default=None, help=about)
        switch.add_argument(f"--{no}", dest=name, action="store_false", default=None)
    for option, about in (("--tag", "put this tag on"), ("--untag", "take this tag off")):
        mark.add_argument(
            option, action="append", default=[], metavar="TAG", help=f"{about}; may be repeated"
        )


def _add_incident(commands: Commands) -> None:
    about = "pages that gather reports of one event"
    incident = commands.add_parser(
        "incident",
        help=about,
        description=_INCIDENT,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    under = incident.add_subparsers(
        dest="subcommand", required=True, metavar="COMMAND", parser_class=Subcommand
    )

    def add(
        name: str, command: Command, help_text: str, *, ids: str | None = None
    ) -> argparse.ArgumentParser:
        made = _command(under, name, command, help_text)
        if name not in ("create", "list"):
            made.add_argument("incident", metavar="INCIDENT", help="its name or id")
        if name in ("create", "rename"):
            made.add_argument("name", metavar="NAME")
        if ids is not None:
            made.add_argument("ids", nargs=ids, metavar="ID")
        return made

    add("create", editing.incident_create, "begin one, with reports or without", ids="*")
    add("list", editing.incident_list, "every incident").add_argument(
        "--deleted", action="store_true", help="instead those that were deleted"
    )
    add("show", editing.incident_show, "the reports of one")
    add("add", editing.incident_add, "put reports into one", ids="+")
    add("remove", editing.incident_remove, "take reports out; they stay in the inbox", ids="+")
    add("rename", editing.incident_rename, "call one otherwise")
    add("delete", editing.incident_delete, "one without reports; adding a report brings it back")


def _serve(context: Context) -> int:
    # numpy and what answers a browser take as long to load as all else that a pull loads.
    from qanat_client.desk.serve.command import serve

    return serve(context)


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

    def add(
        name: str, command: Command, help_text: str, about: str | None = None
    ) -> argparse.ArgumentParser:
        return _command(commands, name, command, help_text, about)

    init = add("init", keeping.init, "make a desk: its keys, its vault, its first card")
    init.add_argument("--name", required=True, help="what reporters see")
    add_relays(init)
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
    add_relays(card)
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
    add_proxy(pull)

    serve = add("serve", _serve, "work at the desk in a browser on this machine", _SERVE)
    serve.add_argument(
        "--port", type=port, default=0, metavar="N", help="answer there; any free one by default"
    )
    serve.add_argument("--open", action="store_true", help="open the link in your browser as well")
    serve.add_argument("--no-pull", action="store_true", help="fetch nothing from the relays")
    serve.add_argument(
        "--relay", action="append", default=[], metavar="URL", help="only this one of the card's"
    )
    serve.add_argument(
        "--every",
        type=float,
        metavar="SECONDS",
        help="how long at most until a relay that is not reached is tried again;"
        f" default {pulling.DEFAULT_EVERY_S} seconds",
    )
    add_proxy(serve)

    listing = add("list", reading.list_inbox, "one line for each report", _LIST)
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="also what was set aside")
    which.add_argument("--set-aside", action="store_true", help="only what was set aside")
    listing.add_argument("--limit", type=positive, metavar="N", help="only the newest N")
    add_filters(listing)

    search = add("search", reading.search, "find reports by their words", _SEARCH)
    search.add_argument("words", nargs="+", metavar="WORD")
    search.add_argument(
        "--limit", type=positive, metavar="N", default=FOUND, help=f"the newest N ({FOUND})"
    )
    add_filters(search)

    show = add("show", reading.show, "everything about one report", _SHOW)
    show.add_argument("id", metavar="ID")
    show.add_argument("--keep-unread", action="store_true", help="look without marking it read")

    _add_mark(add("mark", editing.mark, "say what you think of reports", _MARK))
    _add_incident(commands)

    checking.add_commands(add)
    mending.add_command(add)

    log = add("log", editing.log, "every change of one report, in order")
    log.add_argument("id", metavar="ID")

    reply = add("reply", writing.reply, "answer a report")
    reply.add_argument("id", metavar="ID")
    add_text(reply)
    reply.add_argument("--want", action="store_true", help="ask for missing originals as well")
    add_now(reply)

    want = add("want", writing.want, "ask for the originals of a report")
    want.add_argument("id", metavar="ID")
    want.add_argument("--file", type=int, action="append", default=[], metavar="N")
    add_now(want)

    bulletin = add("bulletin", writing.bulletin, "publish news for everybody")
    add_text(bulletin)
    bulletin.add_argument("--title", default="")
    bulletin.add_argument("--language", default="", metavar="TAG")
    bulletin.add_argument(
        "--corrects",
        type=positive,
        metavar="N",
        help="the number of a bulletin that this corrects: title and first line say so",
    )
    bulletin.add_argument("--picture", action="append", default=[], type=Path, metavar="FILE")
    add_now(bulletin)

    add("outgoing", writing.outgoing, "what waits to be sent, and what relays said to it")

    exporting.add_export(
        add("export", exporting.export_reports, "write reports, readable", exporting.EXPORT)
    )

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
