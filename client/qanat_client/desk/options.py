"""Options that several commands of `qanat-desk` share, and the values that they take."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_now", "add_proxy", "add_relays", "add_text", "port", "positive"]

MAX_PORT = 65_535


def add_relays(parser: argparse.ArgumentParser) -> None:
    """Relays for a card, and how they are reached."""
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
    add_proxy(parser)


def add_proxy(parser: argparse.ArgumentParser) -> None:
    """How relays are reached."""
    parser.add_argument("--proxy", metavar="URL", help="such as socks5h://127.0.0.1:9050 for Tor")
    parser.add_argument(
        "--no-datagrams",
        action="store_true",
        help="TCP alone: UDP is noise where https is a site",
    )


def add_text(parser: argparse.ArgumentParser) -> None:
    """The text, or the file that holds it."""
    parser.add_argument("text", nargs="?", help="the text (it stays in the shell's history)")
    parser.add_argument("--text-file", type=Path, metavar="FILE", help="- is standard input")


def add_now(parser: argparse.ArgumentParser) -> None:
    """Whether it leaves at once, and how."""
    parser.add_argument("--now", action="store_true", help="send it with a pull at once")
    add_proxy(parser)


def positive(given: str) -> int:
    """A number from 1."""
    number = int(given)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{given} is not 1 or more")
    return number


def port(given: str) -> int:
    """A port; 0 is any that is free."""
    number = int(given)
    if not 0 <= number <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"{given} is no port: 0 to {MAX_PORT}")
    return number
