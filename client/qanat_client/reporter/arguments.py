"""The command line of `qanat`: its commands, options and what their help teaches. Does nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from qanat_client.terminal import HelpFormatter, add_shared_options, make_parser

__all__ = ["make_arguments", "usage_of"]

_ABOUT = """\
Qanat carries signed, encrypted reports out of an internet shutdown to an editors' desk.

  qanat desk add CARD     once: whom you write to; compare the fingerprint by voice
  qanat code new          once: the digits that make you the same person next time
  qanat send              write a report: it is sealed at once and queued, with no network
  qanat sync              hand over what is queued, fetch answers; only when you say so
  qanat outbox            what waits, and how far it has come
  qanat inbox             answers to you, and bulletins
  qanat app               the same in a browser, from this device
  qanat wipe              remove everything of this from the device"""

_WHERE = """\
Everything lies in one directory, the home: --home DIR, or $QANAT_HOME, or ~/.local/share/qanat.
It holds sealed parcels, the desks' public cards and what relays said. It never holds what you
wrote, your files, your code, or a key that opens any of it: not even you can open what is queued.
settings.toml in it may say: country = "KZ"   sync_on_send = false   original_copies = 2
                         stamp_most_s = 120
probe_every_s = 0   datagrams = true

exit codes: 0 done, 2 bad usage or input, 3 nothing was reachable and all is safely queued,
4 refused by the other side"""

_SEND = """\
Seals a report to a desk and queues it. Sealing takes no network, and nothing is sent unless you
say --now. The text comes from TEXT, from --text-file, or is typed here (Ctrl-D ends it).

TEXT as an argument stays in your shell's history, and is seen by every program on this device
while qanat runs: type the text instead where that matters.

Without a code a report is from nobody in particular: no answer can come, and you can't correct
it later. With your code the desk knows that it is the same person as last time, and no more.

Never stored: the text, names of files, their content, the code, the report id that is printed."""

_SYNC = """\
Goes to every relay of your desks' cards, all at once, and past those that are dead: letters
first, then thumbnails, previews, and last the untouched files, which go to two relays at most.
Fetches the desk's word on what it opened, sealed replies, bulletins and newer cards. What breaks
off is resumed next time. Nothing is deleted because it was sent: only when the desk has signed
that it opened it does the sealed copy go, and its line in the outbox stays.

Before anything goes out it says what waits, the most urgent first, how large it is, and to which
relays it would go. --dry-run says all that, and when, and touches no network.

It runs once. --watch goes on: it contacts the relays again when this device gets a network (an
address, or a way out), within a fraction of a second, and some times more in the half minute after
if none could be reached yet. A network that comes and goes all the time is tried twice a minute at
most. It never probes. Only --every, or probe_every_s in settings.toml, makes it try by the clock as
well, each time up to a quarter later: that can be seen by whoever watches the line."""

_INBOX = """\
Opens the replies to your code, in memory, and shows them with the bulletins of your desks. The
code is asked for, or read from a file; nothing readable is stored. --sync fetches first."""

_APP = """\
Gives the web app to a browser on this device, and to nobody else: it listens on 127.0.0.1 alone.
Open the address that it prints. Ctrl-C ends it; what the app has stored stays in the browser.

The browser keeps what waits under that very address. So the port, any free one the first time, is
remembered in the home and taken again. Another port is another, empty app.

--save FILE writes all of the app into one file that opens from a memory card on any phone, and says
its fingerprint, by which whoever gets it knows that it is the same.

The web app and this program's other commands keep apart outboxes: what is queued in one is not seen
by the other."""

_CODE = """\
A code is 24 digits. From it come your signature, your mailbox and its key, each time anew: it is
the only thing that makes you the same person to a desk. Whoever has it is you.
Nothing of it is stored here. Remember it, or keep it on paper where nobody looks."""


class _Command(argparse.ArgumentParser):
    """A command whose options are made when it is the one that was given: all of them would take
    longer than sealing a letter."""

    fill: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        fill, self.fill = self.fill, None
        if fill is not None:
            self.add_argument("-h", "--help", action="help", help="show this help message and exit")
            add_shared_options(self)
            fill(self)
        return super().parse_known_args(args, namespace)


def _nothing_more(_: argparse.ArgumentParser) -> None:
    """For a command without options of its own."""


def _command(
    commands: argparse._SubParsersAction[_Command],
    name: str,
    short: str,
    text: str = "",
    *,
    fill: Callable[[argparse.ArgumentParser], None] = _nothing_more,
) -> None:
    parser = commands.add_parser(
        name,
        help=short,
        description=text or short,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.fill = fill


def _add_code_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--code-file",
        type=Path,
        metavar="F",
        help="read the code from a file (or name the file in QANAT_CODE_FILE)",
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"not a sensible number of seconds: {text}")
    return value


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--proxy",
        metavar="URL",
        help="go through this proxy: socks5h://127.0.0.1:9050 (Tor), or http://...",
    )
    parser.add_argument(
        "--relay",
        action="append",
        default=[],
        metavar="URL",
        help="also this relay; if no card names it, its key is taken from the relay itself",
    )
    parser.add_argument(
        "--connect-timeout", type=_seconds, default=10.0, metavar="S", help="default 10 seconds"
    )
    parser.add_argument(
        "--stall-timeout",
        type=_seconds,
        default=60.0,
        metavar="S",
        help="how long a connection may stand still; default 60 seconds",
    )


def _fill_send(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("text", nargs="?", metavar="TEXT", help="stays in the shell's history")
    source.add_argument("--text-file", type=Path, metavar="F", help="UTF-8 text")
    parser.add_argument("--desk", metavar="D", help="name, or the fingerprint's beginning")
    parser.add_argument("--what", default="", help="a headline")
    parser.add_argument("--where", default="")
    parser.add_argument("--when", default="", help="in your own words")
    basis = parser.add_mutually_exclusive_group()
    basis.add_argument(
        "--seen", dest="basis", action="store_const", const=1, help="you saw it yourself"
    )
    basis.add_argument(
        "--heard", dest="basis", action="store_const", const=2, help="you heard it from others"
    )
    parser.add_argument(
        "--figure",
        action="append",
        default=[],
        metavar="WHAT=N[..M]",
        help='a number as far as you know it: "injured=16..20"; may be repeated',
    )
    parser.add_argument("--language", default="", metavar="TAG", help="such as kk, ru, en, de, fa")
    parser.add_argument("--urgent", action="store_true", help="before other letters; relays see it")
    parser.add_argument(
        "--attach",
        action="append",
        default=[],
        metavar="FILE",
        help="goes untouched, metadata included; larger pictures also get a thumbnail and a"
        " preview without metadata; once for each file: --attach a.jpg --attach b.mp4",
    )
    refers = parser.add_mutually_exclusive_group()
    refers.add_argument("--corrects", metavar="REPORT-ID", help="needs the code of that report")
    refers.add_argument("--withdraws", metavar="REPORT-ID", help="the same")
    _add_code_file(parser)
    parser.add_argument("--no-code", action="store_true", help="from nobody in particular")
    parser.add_argument(
        "--date", metavar="YYYY-MM-DD", help="what day it is, if this device's clock is wrong"
    )
    parser.add_argument("--now", action="store_true", help="go to the network at once")
    parser.add_argument("--proxy", metavar="URL", help="with --now: as for sync")


def usage_of(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> argparse.ArgumentParser:
    """The parser of the command that was given, so that a mistake shows this command's usage."""
    for level in ("command", "subcommand"):
        named = getattr(arguments, level, None)
        for action in parser._actions:
            # argparse has no public way from a parser to those below it.
            if isinstance(action, argparse._SubParsersAction) and named in action.choices:
                parser = action.choices[named]
    return parser


def _fill_desk(parser: argparse.ArgumentParser) -> None:
    commands = _under(parser, required=True)
    _command(
        commands,
        "add",
        "take in a desk's card",
        "Shows a desk's card and its fingerprint, asks, and keeps the card. Cards are public;\n"
        "what makes it the right one is that you compare the fingerprint by voice with somebody\n"
        "of the desk whom you know. A newer card replaces an older one, never the other way.",
        fill=_fill_desk_add,
    )
    _command(commands, "list", "the desks that are known here")
    _command(
        commands,
        "remove",
        "forget a desk",
        "Removes a desk's card from this device. Reports that are queued for it stay, and go\n"
        "nowhere until its card is added again.",
        fill=_fill_desk_remove,
    )


def _fill_desk_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("card", metavar="CARD|URL", help="a file, or an http(s) address of one")
    parser.add_argument("--yes", action="store_true", help="do not ask: it was compared before")
    parser.add_argument("--proxy", metavar="URL", help="for an address: as for sync")


def _fill_desk_remove(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("desk", metavar="DESK", help="name, or the fingerprint's beginning")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _fill_code(parser: argparse.ArgumentParser) -> None:
    commands = _under(parser, required=True)
    _command(commands, "new", "make a code and show it once", _CODE)
    _command(commands, "check", "look for typing errors in a code", fill=_add_code_file)


def _fill_outbox(parser: argparse.ArgumentParser) -> None:
    _command(
        _under(parser),
        "drop",
        "forget one report, whether it arrived or not",
        fill=_fill_outbox_drop,
    )


def _fill_outbox_drop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, metavar="N")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _fill_sync(parser: argparse.ArgumentParser) -> None:
    _add_network(parser)
    often = parser.add_mutually_exclusive_group()
    often.add_argument("--once", action="store_true", help="one round; the default")
    often.add_argument("--watch", action="store_true", help="again whenever a network comes")
    parser.add_argument(
        "--every",
        type=_seconds,
        metavar="SECONDS",
        help="with --watch: by the clock as well; default probe_every_s of settings.toml: never",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would go, to whom and when; touch no network",
    )
    parser.add_argument(
        "--round-timeout",
        type=_seconds,
        default=600.0,
        metavar="S",
        help="with --watch: how long a relay may hold up the next round; default 600 seconds",
    )
    _add_code_file(parser)


def _fill_inbox(parser: argparse.ArgumentParser) -> None:
    _add_code_file(parser)
    parser.add_argument("--sync", action="store_true", help="fetch first, as `qanat sync` does")
    _add_network(parser)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"not a port of 0 to 65535: {text}")
    return int(text)


def _fill_app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=_port, metavar="N", help="this one, from now on; 0: any free one"
    )
    parser.add_argument(
        "--save",
        type=Path,
        metavar="FILE",
        help="serve nothing: write the app as one HTML file for a memory card, and its signature"
        " beside it if it has one",
    )


def _fill_wipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _under(
    parser: argparse.ArgumentParser, *, required: bool = False
) -> argparse._SubParsersAction[_Command]:
    return parser.add_subparsers(
        dest="subcommand", metavar="COMMAND", required=required, parser_class=_Command
    )


def make_arguments() -> argparse.ArgumentParser:
    """The whole parser; the command's name is in `command`, and in `subcommand` below it."""
    parser = make_parser("qanat", _ABOUT, epilog=_WHERE)
    parser.add_argument("--home", type=Path, metavar="DIR", help="where everything lies")
    parser.add_argument("--version", action="store_true", help="say which version this is")
    add_shared_options(parser)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=_Command
    )
    _command(commands, "desk", "whom you write to", fill=_fill_desk)
    _command(commands, "code", "make or check a code", _CODE, fill=_fill_code)
    _command(commands, "send", "write a report: sealed at once, queued", _SEND, fill=_fill_send)
    _command(
        commands,
        "outbox",
        "what waits, and how far it has come",
        "One line for each report: number, hour of sealing, size, files, and how far it has come:\n"
        "queued, handed over, held by relays (they say), left the country, opened by the desk\n"
        "(the desk signed it). No text is shown because none is here.",
        fill=_fill_outbox,
    )
    _command(commands, "sync", "hand over what is queued, fetch what came", _SYNC, fill=_fill_sync)
    _command(commands, "inbox", "answers to you, and bulletins", _INBOX, fill=_fill_inbox)
    _command(commands, "app", "the web app in a browser, from this device", _APP, fill=_fill_app)
    _command(
        commands,
        "wipe",
        "remove everything of this from the device",
        "Overwrites and removes all that this program keeps in its home, and the directory. What\n"
        "was not handed over to a relay is lost.",
        fill=_fill_wipe,
    )
    for name, short in (
        ("demo", "the whole story on this machine, with a small real shutdown"),
        ("simulate", "documented shutdowns with hundreds of people, under virtual time"),
    ):
        # They have options of their own, read where they run: here nothing begins one.
        apart = commands.add_parser(
            name,
            help=short,
            add_help=False,
            formatter_class=HelpFormatter,
            prefix_chars="\0",
        )
        apart.add_argument("rest", nargs=argparse.REMAINDER)
    return parser
