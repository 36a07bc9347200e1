"""The command line of `qanat-desk`: its commands, options and help. Does nothing.

Each command's arguments are added, and what they need is loaded, when that command was called.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from qanat_client.desk.options import add_now, add_proxy, add_relays, add_text, port, positive
from qanat_client.subcommand import Subcommand
from qanat_client.terminal import HelpFormatter, add_shared_options, make_parser

if TYPE_CHECKING:
    from qanat_client.desk.context import Context

__all__ = ["make_arguments"]

Commands: TypeAlias = "argparse._SubParsersAction[Subcommand]"
FOUND: Final = 50
"""How many reports a search shows."""
DEFAULT_GRACE_DAYS: Final = 90

_EPILOG: Final = """\
a morning:  qanat-desk pull; list --unread; show ID; mark ID --state checking --place high
            --note "the fountain is in the picture"; search almaty hospital; reply ID TEXT
exit codes: 0 done, 2 bad usage or bad input, 3 no relay was reachable, 4 refused by the relays
The passphrase comes from a prompt or a file, never from an argument: --passphrase-file,
or the file that QANAT_PASSPHRASE_FILE names. The home is --home, or QANAT_HOME, or
~/.local/share/qanat-desk."""

_MARK: Final = """\
Say what you think of reports. Every change is signed and kept in the log; a later one replaces it.

  qanat-desk mark ID --state checking
  qanat-desk mark ID --place high --note "the fountain is in the picture"
  qanat-desk mark ID ID ID --tag hospital --star
  qanat-desk mark ID --mute        leave everything of this pseudonym out of lists"""

_INCIDENT: Final = """\
An incident gathers reports of one event; a report may be in several.

  qanat-desk incident create "Shooting on the square" ID ID
  qanat-desk incident show "Shooting on the square"
  qanat-desk incident add "Shooting on the square" ID"""

_ELEMENT_WORDS: Final = {
    "source": "who says it, and how they know",
    "date": "when it was",
    "place": "where it was",
    "content": "what is said and shown",
}
# The name, how it is switched on and off, what that means.
_SWITCHES: Final = (
    ("star", "star", "unstar", "find it again with list --starred"),
    ("read", "read", "unread", "count it as read, or as unread again"),
    ("mute", "mute", "unmute", "leave out of lists all reports of the pseudonym; none is lost"),
)


def make_arguments() -> argparse.ArgumentParser:
    """A parser; what it finds has `command`, `run`, and the options of that command."""
    parser = make_parser(
        "qanat-desk", "An editors' desk: pull, read, answer, publish.", epilog=_EPILOG
    )
    add_shared_options(parser)
    parser.add_argument("--home", type=Path, metavar="DIR", help="the desk's folder")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=Subcommand
    )
    for name, (fill, about) in _COMMANDS.items():
        _add(commands, name, fill, about)
    return parser


def _add(
    commands: Commands, name: str, fill: Callable[[argparse.ArgumentParser], None], about: str
) -> None:
    made = commands.add_parser(
        name, help=about, description=about, formatter_class=HelpFormatter, allow_abbrev=False
    )
    made.fill = fill


def _runs(
    parser: argparse.ArgumentParser, command: Callable[[Context], int], about: str = ""
) -> None:
    parser.set_defaults(run=command)
    parser.description = about or parser.description
    add_shared_options(parser)
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", default=argparse.SUPPRESS)


def _init(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.card_book import DEFAULT_WEEKS
    from qanat_client.desk.keeping import init

    _runs(parser, init)
    parser.add_argument("--name", required=True, help="what reporters see")
    add_relays(parser)
    parser.add_argument("--language", action="append", default=[], metavar="TAG")
    parser.add_argument("--note", default="", help="a note on the card")
    parser.add_argument(
        "--grace",
        type=int,
        default=DEFAULT_GRACE_DAYS,
        metavar="DAYS",
        help=f"how late a report of a week may arrive ({DEFAULT_GRACE_DAYS})",
    )
    parser.add_argument("--weeks", type=int, default=DEFAULT_WEEKS, help="weeks on the card")
    parser.add_argument(
        "--source", action="append", default=[], metavar="URL", help="where to get the app"
    )


def _card(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.keeping import card

    _runs(parser, card)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE")
    parser.add_argument("--renew", action="store_true", help="make the next card")
    parser.add_argument(
        "--link",
        metavar="URL",
        help="also say a link to the web app there that holds the card: tens of thousands of"
        " characters, to stand behind a word on a page",
    )
    parser.add_argument(
        "--link-output", type=Path, metavar="FILE", help="write the link there instead of saying it"
    )
    parser.add_argument("--weeks", type=int, help="weeks on it")
    add_relays(parser)
    parser.add_argument("--drop-relay", action="append", default=[], metavar="URL")
    parser.add_argument(
        "--certify", action="store_true", help="certify a new signing key with the root key"
    )
    parser.add_argument("--root-key", type=Path, metavar="FILE", help="where the root key file is")


def _pull(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.pulling import pull_command

    _runs(parser, pull_command)
    _add_relay(parser)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--once", action="store_true", help="one time (the default)")
    mode.add_argument(
        "--watch",
        action="store_true",
        help="stay connected, so that what arrives comes at once, until Ctrl-C",
    )
    _add_every(
        parser,
        "with --watch: how long at most until a relay that is not reached is tried again, and"
        " what was queued meanwhile goes out",
    )
    add_proxy(parser)


def _serve(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.serve.command import SERVE, serve

    _runs(parser, serve, SERVE)
    parser.add_argument(
        "--port", type=port, default=0, metavar="N", help="answer there; any free one by default"
    )
    parser.add_argument("--open", action="store_true", help="open the link in your browser as well")
    parser.add_argument("--no-pull", action="store_true", help="fetch nothing from the relays")
    _add_relay(parser)
    _add_every(parser, "how long at most until a relay that is not reached is tried again")
    add_proxy(parser)


def _add_relay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--relay", action="append", default=[], metavar="URL", help="only this one of the card's"
    )


def _add_every(parser: argparse.ArgumentParser, about: str) -> None:
    from qanat_client.desk.pulling import DEFAULT_EVERY_S

    parser.add_argument(
        "--every",
        type=float,
        metavar="SECONDS",
        help=f"{about}; default {DEFAULT_EVERY_S} seconds",
    )


def _list(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.filters import add_filters
    from qanat_client.desk.reading import LIST, list_inbox

    _runs(parser, list_inbox, LIST)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="also what was set aside")
    which.add_argument("--set-aside", action="store_true", help="only what was set aside")
    parser.add_argument("--limit", type=positive, metavar="N", help="only the newest N")
    add_filters(parser)


def _search(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.filters import add_filters
    from qanat_client.desk.reading import SEARCH, search

    _runs(parser, search, SEARCH)
    parser.add_argument("words", nargs="+", metavar="WORD")
    parser.add_argument(
        "--limit", type=positive, metavar="N", default=FOUND, help=f"the newest N ({FOUND})"
    )
    add_filters(parser)


def _show(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.reading import SHOW, show

    _runs(parser, show, SHOW)
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--keep-unread", action="store_true", help="look without marking it read")


def _mark(mark: argparse.ArgumentParser) -> None:
    from qanat_client.desk import editing
    from qanat_client.desk.filters import STATES

    _runs(mark, editing.mark, _MARK)
    mark.add_argument("ids", nargs="+", metavar="ID")
    mark.add_argument("--state", choices=list(STATES), help="how far you have come with it")
    for element in editing.ELEMENTS:
        mark.add_argument(
            f"--{element}",
            choices=list(editing.CONFIDENCES),
            help=f"how sure you are of its {element} ({_ELEMENT_WORDS[element]})",
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


def _incident(incident: argparse.ArgumentParser) -> None:
    from qanat_client.desk import editing

    incident.description = _INCIDENT
    under = incident.add_subparsers(
        dest="subcommand", required=True, metavar="COMMAND", parser_class=Subcommand
    )

    def add(
        name: str, command: Callable[[Context], int], about: str, *, ids: str | None = None
    ) -> None:
        def fill(made: argparse.ArgumentParser) -> None:
            _runs(made, command)
            if name not in ("create", "list"):
                made.add_argument("incident", metavar="INCIDENT", help="its name or id")
            if name in ("create", "rename"):
                made.add_argument("name", metavar="NAME")
            if ids is not None:
                made.add_argument("ids", nargs=ids, metavar="ID")
            if name == "list":
                made.add_argument(
                    "--deleted", action="store_true", help="instead those that were deleted"
                )

        _add(under, name, fill, about)

    add("create", editing.incident_create, "begin one, with reports or without", ids="*")
    add("list", editing.incident_list, "every incident")
    add("show", editing.incident_show, "the reports of one")
    add("add", editing.incident_add, "put reports into one", ids="+")
    add("remove", editing.incident_remove, "take reports out; they stay in the inbox", ids="+")
    add("rename", editing.incident_rename, "call one otherwise")
    add("delete", editing.incident_delete, "one without reports; adding a report brings it back")


def _related(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.checking import RELATED, SUGGESTED, related_reports

    _runs(parser, related_reports, RELATED)
    parser.add_argument("id", metavar="ID")
    parser.add_argument(
        "--limit", type=positive, metavar="N", default=SUGGESTED, help=f"the best N ({SUGGESTED})"
    )


def _figures(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.checking import FIGURES, figures

    _runs(parser, figures, FIGURES)
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("--incident", metavar="NAME", help="of this incident (name or id)")


def _check(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.mending import CHECK, check

    _runs(parser, check, CHECK)


def _log(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.editing import log

    _runs(parser, log)
    parser.add_argument("id", metavar="ID")


def _reply(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.writing import reply

    _runs(parser, reply)
    parser.add_argument("id", metavar="ID")
    add_text(parser)
    parser.add_argument("--want", action="store_true", help="ask for missing originals as well")
    add_now(parser)


def _want(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.writing import want

    _runs(parser, want)
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--file", type=int, action="append", default=[], metavar="N")
    add_now(parser)


def _bulletin(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.writing import bulletin

    _runs(parser, bulletin)
    add_text(parser)
    parser.add_argument("--title", default="")
    parser.add_argument("--language", default="", metavar="TAG")
    parser.add_argument(
        "--corrects",
        type=positive,
        metavar="N",
        help="the number of a bulletin that this corrects: title and first line say so",
    )
    parser.add_argument("--picture", action="append", default=[], type=Path, metavar="FILE")
    add_now(parser)


def _outgoing(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.writing import outgoing

    _runs(parser, outgoing)


def _export(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.exporting import EXPORT, add_export, export_reports

    _runs(parser, export_reports, EXPORT)
    add_export(parser)


def _set(parser: argparse.ArgumentParser) -> None:
    from qanat_client.desk.keeping import LIMITS, set_value

    _runs(parser, set_value)
    parser.add_argument("setting", choices=sorted(LIMITS))
    parser.add_argument("value", type=int)


_COMMANDS: Final = {
    "init": (_init, "make a desk: its keys, its vault, its first card"),
    "card": (_card, "write the newest card, or make the next one"),
    "pull": (_pull, "fetch, open and verify what the relays hold"),
    "serve": (_serve, "work at the desk in a browser on this machine"),
    "list": (_list, "one line for each report"),
    "search": (_search, "find reports by their words"),
    "show": (_show, "everything about one report"),
    "mark": (_mark, "say what you think of reports"),
    "incident": (_incident, "pages that gather reports of one event"),
    "related": (_related, "what may belong together"),
    "figures": (_figures, "figures side by side, and whether they agree"),
    "check": (_check, "look whether the vault is whole"),
    "log": (_log, "every change of one report, in order"),
    "reply": (_reply, "answer a report"),
    "want": (_want, "ask for the originals of a report"),
    "bulletin": (_bulletin, "publish news for everybody"),
    "outgoing": (_outgoing, "what waits to be sent, and what relays said to it"),
    "export": (_export, "write reports, readable"),
    "set": (_set, "change a setting"),
}
