"""What can be typed behind `qanat-relay`: its commands, their options and what help says of them.

Names no more than that; each command's function is handed in.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

CODES = """exit codes: 0 done; 1 it failed: the store is unwell, or `check` found something;
2 bad usage, a bad setting or a bad file"""

Run: TypeAlias = Callable[[argparse.Namespace], int]


def build_parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser of the whole command line; `runs` has a function for each command by its name.

    What it parses has that function as `run`, and `data_given`: whether --data was.
    """
    parser = argparse.ArgumentParser(
        prog="qanat-relay",
        description="A node that stores sealed reports and hands them on. It reads none of them.",
        epilog=CODES,
    )
    parser.add_argument("--version", action=_Version, help="say which version this is")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Command)

    init = _command(commands, "init", runs["init"], "set up a data folder: keys, card, settings")
    init.add_argument("--name", help="what the relay is called in its card")
    init.add_argument(
        "--address",
        action="append",
        default=[],
        metavar="URL",
        help="where it is reached; may be repeated",
    )
    init.add_argument("--country", metavar="XX", help="the country that it stands in")
    _listen_options(init)
    _desk_option(init)
    _json_option(init)

    served = _command(
        commands, "serve", runs["serve"], "run the relay; makes what is missing", config=True
    )
    _desk_option(served)
    _listen_options(served)
    served.add_argument(
        "--dry-run",
        action="store_true",
        help="try settings, keys, cards, store, certificate and listeners; say what would be done",
    )
    _json_option(served)

    shown = _command(
        commands, "config", runs["config"], "the settings in force, and who said each", config=True
    )
    _listen_options(shown)
    _json_option(shown)

    status = _command(commands, "status", runs["status"], "how it is doing", config=True)
    status.add_argument(
        "--health",
        action="store_true",
        help="print ok if the store answers and has room, else fail",
    )
    status.add_argument(
        "--watch",
        type=_seconds,
        nargs="?",
        const=2.0,
        metavar="SECONDS",
        help="again and again until Ctrl-C, every 2 seconds; with --json a line each time",
    )
    _json_option(status)

    _care_commands(commands, runs)

    peer = commands.add_parser("peer", help="the relays that feed this one, and are fed by it")
    peers = peer.add_subparsers(required=True, metavar="COMMAND")
    add = _command(
        peers,
        "add",
        runs["peer add"],
        "feed a relay and be fed by it, or take its newer card; its operator has to add this one's",
    )
    add.add_argument("card", metavar="CARD|URL", help="its card, or an address that it answers at")
    _json_option(_command(peers, "list", runs["peer list"], "name them, and how contact went"))
    remove = _command(peers, "remove", runs["peer remove"], "feed a relay no more")
    remove.add_argument("key", metavar="NAME|KEY", help="what it is called, or its key's beginning")

    name = _command(
        peers,
        "name",
        runs["peer name"],
        "name a peer in this relay's card, so that reporters who can't reach this one learn of it;"
        " ask its operator first",
    )
    name.add_argument("key", metavar="NAME|KEY", help="what it is called, or its key's beginning")
    name.add_argument("--not", action="store_true", dest="unname", help="name it no more")

    desk = commands.add_parser("desk", help="the desks whose public documents are carried")
    desks = desk.add_subparsers(required=True, metavar="COMMAND")
    add = _command(desks, "add", runs["desk add"], "carry a desk, or take its newer card")
    add.add_argument("card", type=Path, metavar="CARD", help="its file; - for standard input")
    _command(desks, "list", runs["desk list"], "name them, with their fingerprints")
    return parser


def _care_commands(commands: Any, runs: Mapping[str, Run]) -> None:
    """What is done for the store as a whole."""
    check = _command(
        commands, "check", runs["check"], "read the whole store, name what is wrong", config=True
    )
    check.add_argument(
        "--heal",
        action="store_true",
        help="take out what is damaged, so that peers give it again; the relay must not run",
    )
    _json_option(check)

    backup = _command(
        commands,
        "backup",
        runs["backup"],
        "write the relay into one file, and read that again; the relay may run",
        config=True,
    )
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument(
        "--with-keys",
        action="store_true",
        help="put the relay's keys into it, too: whoever has the file can be the relay then",
    )
    backup.add_argument("--force", action="store_true", help="replace a file that is there")
    _json_option(backup)

    restore = _command(
        commands, "restore", runs["restore"], "make the relay of a backup in an empty folder"
    )
    restore.add_argument("file", type=Path, metavar="FILE")
    keys = restore.add_mutually_exclusive_group()
    keys.add_argument(
        "--keys", type=Path, metavar="DIR", help="the folder with the keys that are kept apart"
    )
    keys.add_argument(
        "--new-keys", action="store_true", help="the keys are lost: be another relay from now on"
    )
    _json_option(restore)

    _json_option(
        _command(
            commands,
            "new-keys",
            runs["new-keys"],
            "both keys are lost: be another relay from now on, with what is stored here",
        )
    )

    compact = _command(
        commands,
        "compact",
        runs["compact"],
        "give unused space back to the disk; the relay must not run",
    )
    compact.add_argument(
        "--copies",
        action="store_true",
        help="remove what upgrades and `check --heal` have kept, too",
    )
    _json_option(compact)


def _command(
    commands: Any, name: str, run: Run, meaning: str, *, config: bool = False
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=meaning, description=meaning, epilog=CODES
    )
    command.add_argument(
        "--data", type=Path, action=_Given, default=_home(), metavar="DIR", help="the data folder"
    )
    if config:
        command.add_argument("--config", type=Path, metavar="FILE", help="settings, TOML")
    command.set_defaults(run=run, data_given=False)
    return command


class _Command(argparse.ArgumentParser):
    """Tells of what it does not know with its own usage, not with the whole program's."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        found, extra = super().parse_known_args(args, namespace)
        if extra:
            self.error(f"unrecognized arguments: {' '.join(extra)}")
        return found, extra


class _Version(argparse.Action):
    """Tells the version and ends the program: what looks it up is loaded for nothing else."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        from qanat_relay import __version__

        print(f"qanat-relay {__version__}")
        parser.exit()


class _Given(argparse.Action):
    """Notes that an option was given, since a config file's folder is the data folder otherwise."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)
        namespace.data_given = True


def _listen_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--listen",
        action="append",
        default=[],
        metavar="[tls://]HOST:PORT",
        help="where to listen; may be repeated",
    )
    command.add_argument(
        "--listen-udp",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="take datagrams there too; may be repeated",
    )
    command.add_argument(
        "--listen-metrics",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="answer Prometheus there, best on loopback; may be repeated",
    )
    command.add_argument("--tls-cert", metavar="FILE", help="certificate chain for tls://, PEM")
    command.add_argument("--tls-key", metavar="FILE", help="its key, PEM")


def _desk_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--desk",
        action="append",
        type=Path,
        default=[],
        metavar="CARD",
        help="carry this desk's public documents; may be repeated",
    )


def _json_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not 0.1 to 86400 seconds")
    return seconds


def _home() -> Path:
    home = os.environ.get("QANAT_HOME")
    return Path(home) if home else Path.home() / ".local" / "share" / "qanat-relay"
