"""Which reports a list or a search shows: conditions that combine, answered by the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from qanat_client.desk.catalogue import expression_for
from qanat_client.desk.decisions import ReportState, What
from qanat_client.desk.folding import beginnings_of
from qanat_client.desk.vault import Vault
from qanat_client.errors import BadInput
from qanat_protocol.report import Basis

__all__ = ["EVERYTHING", "Wish", "count", "find", "query_of"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a report has to be; all of it at once. `words` are looked for as `catalogue` says.

    `states`: any of these. `tags`: all of them, as `tag_of` gives them. `author`: a key.
    `cities`: in any of these, by their numbers in the table of places; 0 is none of it.
    `since_s`: arrived at or after, `until_s`: before. `is_muted`: of muted pseudonyms, of others,
    None either.
    """

    words: str | None = None
    states: frozenset[ReportState] = frozenset()
    tags: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    cities: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()
    author: bytes | None = None
    incident: bytes | None = None
    since_s: int | None = None
    until_s: int | None = None
    is_unread: bool = False
    is_starred: bool = False
    is_urgent: bool = False
    is_first_hand: bool = False
    has_media: bool = False
    is_muted: bool | None = None


EVERYTHING: Final = Wish()

# A register of a report, 0 where nothing was decided.
_REGISTER: Final = (
    "coalesce((SELECT number FROM registers WHERE what = ? AND subject = c.report_id"
    " AND part = x''), 0)"
)
_DECIDED: Final = "IN (SELECT subject FROM registers WHERE what = ? AND number = 1)"

Condition = tuple[str, tuple[object, ...]]


def _conditions(wish: Wish) -> Iterator[Condition]:
    if wish.is_urgent:
        yield "c.urgent", ()
    if wish.is_first_hand:
        yield "c.basis = ?", (int(Basis.SEEN),)
    if wish.since_s is not None:
        yield "c.arrived_s >= ?", (wish.since_s,)
    if wish.until_s is not None:
        yield "c.arrived_s < ?", (wish.until_s,)
    if wish.has_media:
        yield "EXISTS (SELECT 1 FROM parts WHERE report_id = c.report_id)", ()
    if wish.author is not None:
        yield "c.author = ?", (wish.author,)
    for place in wish.places:
        yield from (("instr(c.place, ?)", (f" {word}",)) for word in beginnings_of(place))
    if wish.cities:
        yield f"c.city IN ({', '.join('?' * len(wish.cities))})", wish.cities
    if wish.languages:
        # kk finds kk-Cyrl; a tag holds no sign that LIKE takes for any other.
        languages = [language.casefold() for language in wish.languages]
        yield (
            " OR ".join(["c.language = ? OR substr(c.language, 1, ?) = ?"] * len(languages)),
            tuple(
                value
                for language in languages
                for value in (language, len(language) + 1, f"{language}-")
            ),
        )
    if wish.states:
        marks = ", ".join("?" * len(wish.states))
        states = sorted(map(int, wish.states))
        if ReportState.NEW in wish.states:
            yield f"{_REGISTER} IN ({marks})", (int(What.STATE), *states)
        else:
            decided = f"(SELECT subject FROM registers WHERE what = ? AND number IN ({marks}))"  # noqa: S608
            yield f"c.report_id IN {decided}", (int(What.STATE), *states)
    if wish.is_unread:
        yield f"NOT {_REGISTER}", (int(What.READ),)
    # What was picked out is little, and looked at first.
    if wish.is_starred:
        yield f"c.report_id {_DECIDED}", (int(What.STARRED),)
    for tag in wish.tags:
        yield (
            "c.report_id IN"
            " (SELECT subject FROM registers WHERE what = ? AND part = ? AND number = 1)",
            (int(What.TAG), tag.encode()),
        )
    if wish.incident is not None:
        yield (
            "c.report_id IN"
            " (SELECT part FROM registers WHERE what = ? AND subject = ? AND number = 1)",
            (int(What.GATHERED), wish.incident),
        )
    if wish.is_muted is not None:
        yield f"c.author {'' if wish.is_muted else 'NOT '}{_DECIDED}", (int(What.MUTED),)


def query_of(wish: Wish) -> tuple[str, str, list[object]]:
    """The number that rises with each report, FROM and WHERE, and the values in them. Raises
    BadInput where `words` hold no word."""
    number, source, conditions = "c.number", "catalogue c", list(_conditions(wish))
    if wish.words is not None:
        expression = expression_for(wish.words)
        if not expression:
            raise BadInput(f"there is no word in {wish.words!r} to look for")
        if wish.author is not None or wish.is_muted:
            # What one writes is little: it is looked at first.
            found = "c.number IN (SELECT rowid FROM catalogue_words WHERE catalogue_words MATCH ?)"
        else:
            # CROSS JOIN keeps the order, so that a search ends with the newest that are shown.
            number = "w.rowid"
            source = "catalogue_words w CROSS JOIN catalogue c ON c.number = w.rowid"
            found = "w.catalogue_words MATCH ?"
        conditions.insert(0, (found, (expression,)))
    where = " AND ".join(f"({condition})" for condition, _ in conditions) or "1"
    values = [value for _, given in conditions for value in given]
    return number, f"FROM {source} WHERE {where}", values


def find(vault: Vault, wish: Wish, *, limit: int | None = None) -> list[bytes]:
    """The ids of the reports that are what is wished for, the newest `limit` of them first.

    What is not catalogued yet is not found. Raises BadInput where `words` hold no word.
    """
    number, tail, values = query_of(wish)
    query = f"SELECT c.report_id {tail} ORDER BY {number} DESC LIMIT ?"
    rows = vault.rows(query, *values, -1 if limit is None else limit)
    return [report_id for (report_id,) in rows]


def count(vault: Vault, wish: Wish) -> int:
    """How many reports are what is wished for."""
    _, tail, values = query_of(wish)
    return int(vault.value(f"SELECT count(*) {tail}", *values))
