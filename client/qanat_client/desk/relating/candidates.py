"""Reports that have something in common with one, found through the catalogue's indices.

Whatever the desk holds, a bounded number of rows is read: of each word, place and file those that
came or were written nearest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from qanat_client.desk.catalogue import expression_for
from qanat_client.desk.folding import words_of
from qanat_client.desk.relating.keys import place_keys
from qanat_client.desk.vault import Vault, in_portions
from qanat_protocol.part import Rendition
from qanat_protocol.report import Report

__all__ = [
    "MAX_APART_S",
    "Entry",
    "entries",
    "entry_of",
    "nearest",
    "nearest_by_place",
    "same_files",
    "sharing_words",
]

MAX_WORDS: Final = 24
MAX_WORDS_CONSIDERED: Final = 200
"""The first words of a report say what happened; of these the longest are looked for."""
MIN_WORD_LETTERS: Final = 3
NEAREST: Final = 50
"""As many on either side are read of each word and of each word of a place."""
LOOKED_BACK: Final = 500
"""Of a word that many have, only so many reports before this one are looked through."""
MAX_PLACE_WORDS: Final = 6
MAX_SAME_FILE: Final = 200
MAX_APART_S: Final = 86_400

_STRIPPED: Final = ".,;:!?()[]{}\"'«»“”„…،؛؟-–—"
_COLUMNS: Final = "number, report_id, author, at_s, arrived_s, place, place_parts"


@dataclass(frozen=True, slots=True)
class Entry:
    """A report's row in the catalogue; `place` is folded, `place_parts` are its keys."""

    number: int
    report_id: bytes
    author: bytes
    at_s: int
    arrived_s: int
    place: str
    place_parts: str

    @property
    def words(self) -> frozenset[str]:
        """The keys of all words of the place."""
        return _words_in(self.place)

    @property
    def parts(self) -> frozenset[str]:
        """The same with the city's in place of the words that name it, where it is known."""
        return _parts_in(self.place_parts)

    def common_place(self, other: Entry) -> frozenset[str]:
        """What both places have: words, or the city, whatever either calls it."""
        return self.words & other.words | self.parts & other.parts

    def same_place(self, other: Entry) -> float:
        """How much of their places is the same, from 0 to 1."""
        by_parts = _shared(self.parts, other.parts)
        return by_parts if by_parts == 1 else max(by_parts, _shared(self.words, other.words))


@lru_cache(maxsize=4096)
def _words_in(place: str) -> frozenset[str]:
    return frozenset(place_keys(place))


@lru_cache(maxsize=4096)
def _parts_in(parts: str) -> frozenset[str]:
    return frozenset(parts.split())


def _shared(some: frozenset[str], others: frozenset[str]) -> float:
    return 2 * len(some & others) / max(1, len(some) + len(others))


def entry_of(vault: Vault, report_id: bytes) -> Entry | None:
    """One report's; None as long as it is not catalogued."""
    row = vault.row(f"SELECT {_COLUMNS} FROM catalogue WHERE report_id = ?", report_id)  # noqa: S608
    return None if row is None else Entry(*row)


def entries(vault: Vault, *, numbers: Sequence[int] = (), ids: Sequence[bytes] = ()) -> list[Entry]:
    """Those with these numbers, and those with these ids."""
    found = []
    for column, portions in (("number", in_portions(numbers)), ("report_id", in_portions(ids))):
        for some in portions:
            marks = ", ".join("?" * len(some))
            query = f"SELECT {_COLUMNS} FROM catalogue WHERE {column} IN ({marks})"  # noqa: S608
            found += [Entry(*row) for row in vault.rows(query, *some)]
    return found


def _words(report: Report) -> dict[str, str]:
    """What the index is asked for, and the word as the report has it."""
    where = set(place_keys(report.where))
    texts = (report.what, *(figure.what for figure in report.figures), report.text)
    found: dict[str, str] = {}
    for written in (piece for text in texts for piece in text.split()):
        for word in words_of(written):
            if len(word) >= MIN_WORD_LETTERS and where.isdisjoint(place_keys(word)):
                found.setdefault(expression_for(word), written.strip(_STRIPPED))
        if len(found) >= MAX_WORDS_CONSIDERED:
            break
    # Long words are rare ones, whatever the language; and a rare one tells more.
    longest = sorted(found, key=len, reverse=True)[:MAX_WORDS]
    return {expression: found[expression] for expression in longest}


def sharing_words(vault: Vault, own: Entry, report: Report) -> dict[int, dict[str, float]]:
    """Who has words of this report, by number: each word with its rarity, from 0 (everybody has
    it) to 1. The place's own words are left out."""
    newest = int(vault.value("SELECT max(number) FROM catalogue"))
    found: dict[int, dict[str, float]] = {}
    for expression, written in _words(report).items():
        numbers = _holders(vault, expression, 0, newest, limit=2 * NEAREST)
        holders = float(len(numbers))
        if len(numbers) == 2 * NEAREST:
            before = _holders(vault, expression, own.number - 1 - LOOKED_BACK, own.number - 1)
            behind = _holders(vault, expression, own.number, newest, limit=NEAREST)
            last = behind[-1] if len(behind) == NEAREST else newest
            # As dense as it is here the word is taken to be everywhere.
            reach = min(own.number - 1, LOOKED_BACK) + last - own.number + 1
            holders = max(holders, (1 + len(before) + len(behind)) * newest / reach)
            numbers = before[-NEAREST:] + behind
        rarity = max(0.0, math.log((newest + 1) / max(holders, 1))) / math.log(newest + 1)
        for number in numbers:
            if number != own.number:
                found.setdefault(number, {})[written] = rarity
    return found


def _holders(
    vault: Vault, expression: str, above: int, last: int, *, limit: int = LOOKED_BACK
) -> list[int]:
    """The numbers that an expression matches, above one and up to another, the lowest first.

    FTS5 goes through an index in this direction many times faster than in the other.
    """
    rows = vault.rows(
        "SELECT rowid FROM catalogue_words WHERE catalogue_words MATCH ?"
        " AND rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?",
        expression,
        above,
        last,
        limit,
    )
    return [number for (number,) in rows]


def nearest_by_place(vault: Vault, own: Entry) -> set[int]:
    """The numbers of those that have the city or a word of the place and were written within a
    day."""
    found: set[int] = set()
    parts = own.place_parts.split()
    for key in dict.fromkeys([*parts[:MAX_PLACE_WORDS], *place_keys(own.place)[:MAX_PLACE_WORDS]]):
        # The words that name the city find few more: only those who leave open which it is.
        if key not in parts and len(found) >= NEAREST:
            break
        found.update(
            nearest(vault, "catalogue_places", key, own.at_s, apart_s=MAX_APART_S, most=NEAREST)
        )
    return found - {own.number}


def nearest(
    vault: Vault, table: str, key: str, at_s: int, *, apart_s: int, most: int
) -> Iterator[int]:
    """The numbers of the reports that have a key and are written nearest, `most` on either side.

    `table`: catalogue_places or catalogue_figures.
    """
    for order, first_s, last_s in (
        ("DESC", at_s - apart_s, at_s),
        ("ASC", at_s + 1, at_s + apart_s),
    ):
        query = (
            f"SELECT number FROM {table} WHERE word = ? AND at_s BETWEEN ? AND ?"  # noqa: S608
            f" ORDER BY at_s {order} LIMIT ?"
        )
        yield from (number for (number,) in vault.rows(query, key, first_s, last_s, most))


def same_files(vault: Vault, report_id: bytes, report: Report) -> dict[bytes, str]:
    """Who says to have sent a file of this report byte for byte, and the file's name here."""
    found: dict[bytes, str] = {}
    for file in report.files:
        if not file.size:
            continue
        rows = vault.rows(
            "SELECT DISTINCT p.report_id FROM parts p WHERE p.sha256 = ? AND p.rendition = ?"
            " AND p.report_id != ? LIMIT ?",
            file.sha256,
            int(Rendition.ORIGINAL),
            report_id,
            MAX_SAME_FILE,
        )
        for (other,) in rows:
            found.setdefault(other, file.name)
    return found
