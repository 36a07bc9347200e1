"""The options by which `list` and `search` choose reports, and what they wish for."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from typing import Final

from qanat_client.desk.aliases import author_named
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import ReportState, tag_of
from qanat_client.desk.desk import Desk
from qanat_client.desk.finding import Wish
from qanat_client.errors import BadInput

__all__ = ["STATES", "add_filters", "is_filtered", "since", "wish_of"]

STATES: Final = {state.name.lower(): state for state in ReportState}

_AGO: Final = re.compile(r"(\d{1,6})([mhd])")
_UNIT_S: Final = {"m": 60, "h": 3600, "d": 86_400}


def add_filters(parser: argparse.ArgumentParser) -> None:
    """The options; those of different names combine: each leaves fewer reports."""
    group = parser.add_argument_group(
        "which reports", "All of what you give must hold. An option that may be repeated says how."
    )
    group.add_argument(
        "--state",
        action="append",
        default=[],
        choices=sorted(STATES, key=lambda name: STATES[name]),
        help="in this state of the desk's checking; repeated: in any of them",
    )
    group.add_argument("--unread", action="store_true", help="nobody has read it")
    group.add_argument("--starred", action="store_true")
    group.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help="with this tag; repeated: all"
    )
    group.add_argument(
        "--place",
        action="append",
        default=[],
        metavar="WORDS",
        help="the place that its writer gave has words that begin so; repeated: all",
    )
    group.add_argument("--urgent", action="store_true", help="its writer marked it so")
    group.add_argument("--first-hand", action="store_true", help="its writer says: seen myself")
    group.add_argument(
        "--language",
        action="append",
        default=[],
        metavar="TAG",
        help="such as kk, which takes kk-Cyrl too; repeated: any of them",
    )
    group.add_argument(
        "--alias", metavar="WORDS", help="from this pseudonym, such as amber-heron; muted or not"
    )
    group.add_argument(
        "--since",
        metavar="WHEN",
        help="arrived since then: 2022-01-06, 2022-01-06T14:30 (both UTC), 90m, 36h, 3d",
    )
    group.add_argument("--incident", metavar="NAME", help="gathered in this incident (name or id)")
    group.add_argument("--muted", action="store_true", help="only those of muted pseudonyms")


def since(given: str, now_s: float) -> int:
    """Unix seconds of a time as --since takes it. Raises BadInput."""
    if ago := _AGO.fullmatch(given):
        return int(now_s) - int(ago[1]) * _UNIT_S[ago[2]]
    try:
        parsed = datetime.fromisoformat(given)
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as error:
        raise BadInput(
            f"--since takes a day (2022-01-06), a time (2022-01-06T14:30) or an age (36h, 3d),"
            f" not {given!r}"
        ) from error


def is_filtered(arguments: argparse.Namespace) -> bool:
    """Whether any of these options was given."""
    named = ("state", "tag", "place", "language", "alias", "since", "incident")
    flags = ("unread", "starred", "urgent", "first_hand", "muted")
    return any(getattr(arguments, name) for name in named + flags)


def wish_of(desk: Desk, arguments: argparse.Namespace, words: str | None = None) -> Wish:
    """What the options say. Raises BadInput for an alias, incident or time that is none."""
    incident = arguments.incident
    author = None if arguments.alias is None else author_named(desk.vault, arguments.alias)
    return Wish(
        words=words,
        states=frozenset(STATES[name] for name in arguments.state),
        tags=tuple(map(tag_of, arguments.tag)),
        places=tuple(arguments.place),
        languages=tuple(arguments.language),
        author=author,
        incident=None if incident is None else decision_log(desk).incident_named(incident),
        since_s=None if arguments.since is None else since(arguments.since, desk.clock()),
        is_unread=arguments.unread,
        is_starred=arguments.starred,
        is_urgent=arguments.urgent,
        is_first_hand=arguments.first_hand,
        is_muted=True if arguments.muted else None if author else False,
    )
