"""What reports are found by: their folded words and a few of their fields, in the vault.

Made from the reports alone, behind their opening: whoever looks for something catches up first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from typing import Final

from qanat_client.desk.aliases import give_alias
from qanat_client.desk.faults import VaultDamaged
from qanat_client.desk.folding import WORD_LETTERS, beginnings_of, words_of
from qanat_client.desk.places.matching import find_place
from qanat_client.desk.relating.keys import counted_keys, place_keys, place_parts
from qanat_client.desk.vault import Row, Vault
from qanat_protocol.report import Report, decode_report

__all__ = [
    "MAX_UNDERWAY_S",
    "catalogue_one",
    "catalogue_some",
    "catch_up",
    "expression_for",
    "happened_s",
    "is_plausible",
    "uncatalogued",
    "waiting",
]

REPORTS_IN_A_COMMIT: Final = 512
MIN_BEGINNING_LETTERS: Final = 2
"""A single letter is a word of its own: as a beginning it would be in every report."""
MAX_WORDS_LOOKED_FOR: Final = 32
_DAY_S: Final = 86_400
MAX_UNDERWAY_S: Final = 120 * _DAY_S
"""A report that says to be older was written by a clock that is wrong."""


def waiting(vault: Vault) -> int:
    """How many reports are not catalogued yet."""
    return int(vault.value("SELECT count(*) FROM uncatalogued"))


def uncatalogued(vault: Vault) -> list[bytes]:
    """The ids of those, in the order in which they came."""
    rows = vault.rows("SELECT report_id FROM uncatalogued ORDER BY number")
    return [report_id for (report_id,) in rows]


def catch_up(vault: Vault, advance: Callable[[int], None] = lambda _: None) -> int:
    """Catalogue what has been opened since the last time; how many there were.

    Durable every few hundred reports: what is cut short goes on from there. `advance` is told how
    many were done since it was told last. Raises VaultDamaged behind the last where some can't be
    read: they wait, and keep no other waiting.
    """
    total = 0
    bad: set[bytes] = set()
    while waiting(vault) > len(bad):
        try:
            with vault.transaction():
                done = catalogue_some(vault, REPORTS_IN_A_COMMIT, but=bad)
        except VaultDamaged:
            done = _one_by_one(vault, REPORTS_IN_A_COMMIT, bad)
        total += done
        advance(done)
    if bad:
        raise VaultDamaged("they are on damaged pages of the vault: see qanat-desk check")
    return total


def _one_by_one(vault: Vault, most: int, bad: set[bytes]) -> int:
    """Catalogue the first that wait without those of `bad`, to which it adds; how many it did."""
    some = [report_id for report_id in uncatalogued(vault) if report_id not in bad][:most]
    for report_id in some:
        try:
            with vault.transaction():
                catalogue_one(vault, report_id)
        except VaultDamaged:
            bad.add(report_id)
    return len([report_id for report_id in some if report_id not in bad])


def catalogue_some(vault: Vault, most: int, *, but: Collection[bytes] = ()) -> int:
    """Catalogue the first that wait, without those of `but`; how many they were. The caller holds
    the transaction."""
    rows = vault.rows(
        "SELECT q.number, r.id, r.author, r.content, r.arrived_s, r.urgent"
        " FROM uncatalogued q JOIN reports r ON r.id = q.report_id"
        " WHERE hex(q.report_id) NOT IN (SELECT value FROM json_each(?))"
        " ORDER BY q.number LIMIT ?",
        json.dumps([report_id.hex().upper() for report_id in but]),
        most,
    )
    for row in rows:
        _catalogue(vault, row)
        vault.run("DELETE FROM uncatalogued WHERE number = ?", row[0])
    return len(rows)


def catalogue_one(vault: Vault, report_id: bytes) -> None:
    """Catalogue this one that waits; the caller holds the transaction."""
    row = vault.row(
        "SELECT q.number, r.id, r.author, r.content, r.arrived_s, r.urgent"
        " FROM uncatalogued q JOIN reports r ON r.id = q.report_id WHERE q.report_id = ?",
        report_id,
    )
    if row is not None:
        _catalogue(vault, row)
        vault.run("DELETE FROM uncatalogued WHERE number = ?", row[0])


def _catalogue(vault: Vault, row: Row) -> None:
    _, report_id, author, content, arrived_s, urgent = row
    report = decode_report(content)
    at_s = happened_s(report, arrived_s)
    found = find_place(report.where, report.language)
    parts = place_parts(report.where, found)
    give_alias(vault, author)
    vault.run(
        "INSERT INTO catalogue (report_id, author, arrived_s, urgent, basis, language, place, at_s,"
        " city, city_is_unsure, written_s, place_parts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        report_id,
        author,
        arrived_s,
        urgent,
        int(report.basis),
        report.language.casefold(),
        _place_words(report.where),
        at_s,
        found.number,
        not found.is_sure,
        report.written_s,
        " ".join(parts),
    )
    number = vault.value("SELECT last_insert_rowid()")
    words = dict.fromkeys(word for text in _texts(report) for word in words_of(text))
    vault.run("INSERT INTO catalogue_words (rowid, words) VALUES (?, ?)", number, " ".join(words))
    for key in dict.fromkeys((*parts, *place_keys(report.where))):
        vault.run("INSERT INTO catalogue_places VALUES (?, ?, ?)", key, at_s, number)
    for key in {key for figure in report.figures for key in counted_keys(figure.what)}:
        vault.run("INSERT INTO catalogue_figures VALUES (?, ?, ?)", key, at_s, number)


def is_plausible(report: Report, arrived_s: int) -> bool:
    """Whether the writer's clock can have been right."""
    return -_DAY_S <= arrived_s - report.written_s <= MAX_UNDERWAY_S


def happened_s(report: Report, arrived_s: int) -> int:
    """When a report was written, by a clock that can be right; else when it arrived."""
    return report.written_s if is_plausible(report, arrived_s) else arrived_s


def _texts(report: Report) -> Iterator[str]:
    yield from (report.what, report.where, report.when, report.text)
    yield from (figure.what for figure in report.figures)
    yield from (file.name for file in report.files)


def _place_words(place: str) -> str:
    """A place's folded words, each behind a space: where one begins is found by ` WORD`."""
    return "".join(f" {word}" for word in words_of(place))


def expression_for(wanted: str) -> str:
    """What FTS5 is asked for: for every word one that begins so; empty where there is no word."""
    words = list(dict.fromkeys(beginnings_of(wanted)))[:MAX_WORDS_LOOKED_FOR]
    # Words are letters and digits, so that nothing in them means anything to FTS5.
    return " ".join(
        f'"{word}"*' if MIN_BEGINNING_LETTERS <= len(word) < WORD_LETTERS else f'"{word}"'
        for word in words
    )
