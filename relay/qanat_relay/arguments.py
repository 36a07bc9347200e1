"""What can be typed behind `qanat-relay`: its commands, their options and what help says of them.

Names no more than that; each command's function is handed in.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from qanat_relay import __version__

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
    parser.add_argument("--version", action="version", version=f"qanat-relay {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Command)

    init = _command(commands, "init", runs["init"], "set up a data folder: keys, card, settings")
    init.add_argument("--name", help="what the relay is called in its card")
    init.add_argument(
        "--address", action="append", default=[], metavar="URL", help="where it is reached"
    )
    init.add_argument("--country", metavar="XX", help="the country that it stands in")
    _desk_option(init)
    _json_option(init)

    served = _command(
        commands, "serve", runs["serve"], "run the relay; makes what is missing", config=True
    )
    served.add_argument(
        "--listen", action="append", default=[], metavar="HOST:PORT", help="may be repeated"
    )
    _desk_option(served)
    served.add_argument("--tls-cert", metavar="FILE", help="certificate chain, PEM")
    served.add_argument("--tls-key", metavar="FILE", help="its key, PEM")
    _json_option(served)

    status = _command(commands, "status", runs["status"], "how it is doing", config=True)
    status.add_argument(
        "--health",
        action="store_true",
        help="print ok if the store answers and has room, else fail",
    )
    _json_option(status)

    check = _command(
        commands, "check", runs["check"], "read the whole store, name what is wrong", config=True
    )
    _json_option(check)

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

    desk = commands.add_parser("desk", help="the desks whose public documents are carried")
    desks = desk.add_subparsers(required=True, metavar="COMMAND")
    add = _command(desks, "add", runs["desk add"], "carry a desk, or take its newer card")
    add.add_argument("card", type=Path, metavar="CARD")
    _command(desks, "list", runs["desk list"], "name them, with their fingerprints")
    return parser


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


def _home() -> Path:
    home = os.environ.get("QANAT_HOME")
    return Path(home) if home else Path.home() / ".local" / "share" / "qanat-relay"
