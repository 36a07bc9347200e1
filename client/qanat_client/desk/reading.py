"""Commands that show what has come: list, search, show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from qanat_client.desk.aliases import alias_of, aliases_of
from qanat_client.desk.catalogue import catch_up, uncatalogued, waiting
from qanat_client.desk.context import Context
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import mark_read
from qanat_client.desk.desk import Desk
from qanat_client.desk.filters import is_filtered, wish_of
from qanat_client.desk.finding import Wish, count, find
from qanat_client.desk.inbox import (
    SHORT_ID_DIGITS,
    item_of,
    readable_items,
    reports_of,
    set_aside,
)
from qanat_client.desk.standing_words import marks_of, standing_json, standing_lines
from qanat_client.desk.words import (
    counted,
    json_of,
    line_of,
    page_of,
    set_aside_line,
    verdict_name,
)
from qanat_client.errors import BadInput, HomeUnusable
from qanat_client.terminal import Exit, printable_line
from qanat_protocol.days import iso

__all__ = [
    "LIST",
    "SEARCH",
    "SHOW",
    "alarms_of",
    "aside_values",
    "catalogued",
    "list_inbox",
    "search",
    "show",
    "shown",
    "tell_reports",
]

LIST: Final = """\
One line for each report, the newest last: its id, what it says, who held it, the two words by
which this desk calls its pseudonym, and what you decided.

  qanat-desk list --unread --urgent
  qanat-desk list --state new --state checking --place almaty --language kk --since 36h"""

SEARCH: Final = """\
The newest reports that have all of these words, in what they say, their place, their figures and
the names of their files. A word finds every word that begins so, whatever the case, the accents
and the keyboard: almaty finds Almaty's, елка finds ёлка, strasse finds Straße. Of a long word the
first eight letters count.

  qanat-desk search hospital
  qanat-desk search больниц алматы --first-hand --unread"""

SHOW: Final = """\
Everything about one report: what it says, its files, who held it, what you decided, and what else
came from the same pseudonym. It counts as read with that."""

MANY_TO_CATALOGUE: Final = 2000
"""More than that takes seconds: the person is told."""

OTHERS_NAMED: Final = 10


def alarms_of(desk: Desk) -> list[dict[str, Any]]:
    """The tombstones that this desk never issued."""
    return [
        {
            "parcel_id": parcel_id.hex(),
            "relay": desk.relay_name(relay),
            "what": kind,
            "day": iso(day),
        }
        for parcel_id, relay, kind, day in desk.vault.rows(
            "SELECT parcel_id, relay, kind, day FROM alarms ORDER BY day, parcel_id"
        )
    ]


def aside_values(desk: Desk) -> list[dict[str, Any]]:
    """What did not open or verify."""
    return [
        {
            "parcel_id": entry.parcel_id.hex(),
            "verdict": verdict_name(entry.verdict),
            "detail": entry.detail,
            "arrived_s": entry.arrived_s,
            "relay": desk.relay_name(entry.relay),
        }
        for entry in set_aside(desk.vault)
    ]


@dataclass(frozen=True, slots=True)
class Shown:
    """A report in a list: its line, and the same for programs."""

    line: str
    value: dict[str, Any]


def catalogued(context: Context, desk: Desk) -> bool:
    """Catalogue what came since the last time; False, and the person is told, where the disk or
    another program stands in the way."""
    left = waiting(desk.vault)
    try:
        if left < MANY_TO_CATALOGUE:
            catch_up(desk.vault)
        else:
            context.terminal.warn(f"{left:,} reports are made ready for lists and searches, once")
            with context.terminal.progress("reports", 0) as progress:
                catch_up(desk.vault, progress.advance)
    except HomeUnusable as error:
        context.terminal.warn(
            f"{counted(waiting(desk.vault), 'report')} can't be looked through yet: {error}"
        )
        return False
    return True


def shown(desk: Desk, report_ids: Sequence[bytes]) -> list[Shown]:
    """These reports as lists show them, in this order; of one that can't be read, that."""
    items, _ = readable_items(desk.vault, report_ids)
    by_id = {item.report_id: item for item in items}
    standing = decision_log(desk).standing_of(report_ids)
    aliases = aliases_of(desk.vault, (item.report.author for item in items))
    found = []
    for report_id in report_ids:
        item = by_id.get(report_id)
        if item is None:
            found.append(_damaged(report_id))
            continue
        alias = aliases.get(item.report.author)
        own = standing.of(item.report_id)
        found.append(
            Shown(
                f"{line_of(item)}  {alias or '-'}  {marks_of(own)}",
                json_of(item) | {"alias": alias, "decided": standing_json(own, standing.incidents)},
            )
        )
    return found


def _damaged(report_id: bytes) -> Shown:
    digits = report_id.hex()
    short_id = digits[:SHORT_ID_DIGITS]
    return Shown(
        f"{short_id}  on a damaged page of the vault: see qanat-desk check",
        {"id": digits, "short_id": short_id, "damaged": True},
    )


def tell_reports(context: Context, reports: Sequence[Shown]) -> None:
    """One line for each."""
    for report in reports:
        context.terminal.say(report.line)


def list_inbox(context: Context) -> int:
    """One line for each report that is what the options say."""
    arguments, terminal = context.arguments, context.terminal
    filtered = is_filtered(arguments)
    if arguments.set_aside and filtered:
        raise BadInput("what was set aside is no report: --set-aside takes no filters")
    with context.desk() as desk:
        reports: list[Shown] = []
        muted = 0
        if not arguments.set_aside:
            is_whole = catalogued(context, desk)
            wish = wish_of(desk, arguments)
            found = find(desk.vault, wish, limit=arguments.limit)[::-1]
            if not is_whole and not filtered:
                # Nothing that is here is left out because it could not be catalogued.
                found += uncatalogued(desk.vault)
            reports = shown(desk, found)
            muted = _muted(desk, wish)
        aside = set_aside(desk.vault)
        alarms = alarms_of(desk)
        tell_reports(context, reports)
        if not reports and not muted and not arguments.set_aside:
            terminal.say(
                "no report is all of that"
                if filtered
                else "no reports yet; fetch them with: qanat-desk pull"
            )
        _tell_muted(context, muted)
        if arguments.all or arguments.set_aside:
            for entry in aside:
                terminal.say(f"set aside  {set_aside_line(entry)}")
        elif aside:
            terminal.say(f"{len(aside)} set aside; see qanat-desk list --set-aside")
        for alarm in alarms:
            terminal.warn(
                f"ALARM {alarm['day']} {alarm['relay']}: {alarm['parcel_id'][:8]} {alarm['what']}"
            )
        terminal.result(
            {
                "reports": [report.value for report in reports],
                "muted": muted,
                "set_aside": aside_values(desk),
                "alarms": alarms,
            }
        )
    return Exit.DONE


def _muted(desk: Desk, wish: Wish) -> int:
    """How many were left out because their pseudonym is muted."""
    return count(desk.vault, replace(wish, is_muted=True)) if wish.is_muted is False else 0


def _tell_muted(context: Context, muted: int) -> None:
    if muted:
        context.terminal.say(
            f"{counted(muted, 'more report')} of muted pseudonyms; --muted shows them"
        )


def search(context: Context) -> int:
    """The newest reports that have these words and are what the options say."""
    arguments, terminal = context.arguments, context.terminal
    words = " ".join(arguments.words)
    with context.desk() as desk:
        catalogued(context, desk)
        wish = wish_of(desk, arguments, words)
        # One more tells whether there are more.
        found = find(desk.vault, wish, limit=arguments.limit + 1)
        has_more = len(found) > arguments.limit
        reports = shown(desk, found[: arguments.limit])
        muted = _muted(desk, wish)
        tell_reports(context, reports)
        if not reports:
            terminal.say(f"no report has {printable_line(words)!r}")
        if has_more:
            terminal.say(
                f"these are the newest {arguments.limit}; --limit shows more, other options fewer"
            )
        _tell_muted(context, muted)
        terminal.result(
            {
                "reports": [report.value for report in reports],
                "has_more": has_more,
                "muted": muted,
            }
        )
    return Exit.DONE


def show(context: Context) -> int:
    """Everything about one report, which is read with that."""
    arguments, terminal = context.arguments, context.terminal
    with context.desk() as desk:
        item = item_of(desk.vault, arguments.id)
        catalogued(context, desk)
        decisions = decision_log(desk)
        if not arguments.keep_unread:
            try:
                decisions.record([mark_read(item.report_id)])
            except HomeUnusable as error:
                terminal.warn(f"it stays unread here: {error}")
        author = item.report.author
        standing = decisions.standing_of([item.report_id])
        own = standing.of(item.report_id)
        alias = alias_of(desk.vault, author)
        others = [other for other in reports_of(desk.vault, author) if other != item.report_id]
        page, _, text = page_of(item, desk.relay_name).partition("\n\n")
        lines = [
            page,
            f"alias      {alias or '-'}{', muted' * (author in standing.muted)}",
            *standing_lines(own, standing.incidents),
            f"others     {_others_words(others, alias)}",
        ]
        terminal.say("\n".join([*lines, "", text]))
        terminal.result(
            json_of(item)
            | {
                "alias": alias,
                "muted": author in standing.muted,
                "decided": standing_json(own, standing.incidents),
                "same_pseudonym": [other.hex() for other in others],
            }
        )
    return Exit.DONE


def _others_words(others: Sequence[bytes], alias: str | None) -> str:
    if not others:
        return "no other report of this pseudonym"
    named = " ".join(other.hex()[:SHORT_ID_DIGITS] for other in others[-OTHERS_NAMED:])
    if len(others) <= OTHERS_NAMED:
        return named
    return (
        f"{named}, the newest of {len(others):,}; all: qanat-desk list --alias {alias or 'ALIAS'}"
    )
