"""What is on a vault's damaged pages, and what of it can be made again from the rest.

Lists, what is in force and indexes come from what stands elsewhere: they are made anew in place.
What was written once is never touched: what can't be read of it is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from qanat_client.desk.decision_log import fold_again
from qanat_client.desk.faults import VaultDamaged
from qanat_client.desk.vault import Row, Vault

__all__ = ["Damage", "damage_in", "make_anew"]

_CATALOGUE: Final = "lists and searches"
_DECIDED: Final = "what is decided"
_LOOKS: Final = "which pictures look alike"
_DERIVED: Final = {
    "catalogue": _CATALOGUE,
    "catalogue_words": _CATALOGUE,
    "catalogue_places": _CATALOGUE,
    "catalogue_figures": _CATALOGUE,
    "uncatalogued": _CATALOGUE,
    "aliases": _CATALOGUE,
    "registers": _DECIDED,
    "likenesses": _LOOKS,
    "unlooked": _LOOKS,
}
_MADE_OF: Final = {_DECIDED: "decisions", _LOOKS: "parts"}
"""What is made anew from a table is left as it is where that can't be read as a whole."""
_WORDS_TABLE: Final = "catalogue_words"
_WORDS: Final = {
    "reports": "reports",
    "parcels": "parcels that came",
    "copies": "which parcels brought a report",
    "parts": "files of reports",
    "receipts": "who held a report",
    "decisions": "the log of decisions",
    "editors": "the editor's key",
    "epochs": "keys of weeks",
    "mailboxes": "boxes for replies",
    "signing_keys": "the desk's signing keys",
    "cards": "cards of the desk",
    "settings": "settings",
    "outgoing": "replies and bulletins on their way",
    "handed": "what was handed to which relay",
    "documents": "bulletins and cards",
    "replies": "replies",
    "bulletins": "bulletins",
    "alarms": "alarms",
}
_INDEXED_REPORTS: Final = "reports INDEXED BY sqlite_autoindex_reports_1"
_IDS: Final = (
    "SELECT id FROM reports NOT INDEXED ORDER BY rowid",
    f"SELECT id FROM {_INDEXED_REPORTS} ORDER BY id",  # noqa: S608
    "SELECT report_id FROM catalogue NOT INDEXED ORDER BY number",
)
"""Where the ids of reports stand."""
_PAGE: Final = re.compile(r"page (\d+)")


@dataclass(frozen=True, slots=True)
class Damage:
    """pages: by their numbers from 1. tables: those with pages of their own that can't be read;
    indexes: those of other tables. reports: the ids of those that can't be read, as far as any
    page still has them."""

    pages: tuple[int, ...] = ()
    tables: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    reports: tuple[bytes, ...] = ()

    @property
    def again(self) -> tuple[str, ...]:
        """What can be made anew, in words."""
        found = [_DERIVED[table] for table in self.tables if self._can_be_made(table)]
        return tuple(dict.fromkeys([*found, *["indexes"] * bool(self.indexes)]))

    def _can_be_made(self, table: str) -> bool:
        return table in _DERIVED and _MADE_OF.get(_DERIVED[table]) not in self.tables

    @property
    def is_in_free_space(self) -> bool:
        """Whether nothing refers to a damaged page: it stands in the way of writing alone."""
        return bool(self.pages) and not self.tables and not self.indexes

    @property
    def lost(self) -> tuple[str, ...]:
        """What can't be read in part, in words; reports are told by their ids."""
        return tuple(
            _DERIVED.get(table) or _WORDS.get(table, "what the program notes for itself")
            for table in self.tables
            if not self._can_be_made(table) and (table != "reports" or not self.reports)
        )

    @property
    def words(self) -> str:
        """One sentence on what is lost."""
        pages = ", ".join(map(str, self.pages[:10])) + ", ..." * (len(self.pages) > 10)
        told = [f"{'page' if len(self.pages) == 1 else 'pages'} {pages} of the vault can't be read"]
        if self.reports:
            ids = " ".join(report_id.hex()[:8] for report_id in self.reports[:20])
            more = f" and {len(self.reports) - 20:,} more" * (len(self.reports) > 20)
            told.append(f"of reports these are gone from it: {ids}{more}")
        if self.lost:
            told.append(f"of this a part is gone: {', '.join(dict.fromkeys(self.lost))}")
        if not (self.reports or self.lost):
            told.append("nothing is lost by it")
        if self.is_in_free_space:
            told.append("nothing is on it, and what would be written there is refused")
        return "; ".join(told)


def damage_in(vault: Vault) -> Damage:
    """Look at every page, and at every row where one is damaged. Takes as long as reading all."""
    told = (str(row[0]) for row in vault.rows("PRAGMA cipher_integrity_check"))
    pages = [int(found[1]) for line in told if (found := _PAGE.search(line))]
    if not pages:
        return Damage()
    tables, indexes = [], []
    for name in _tables(vault):
        if not _is_readable(vault, f"SELECT * FROM {name} {_by_rows(vault, name)}"):  # noqa: S608
            tables.append(_WORDS_TABLE if name.startswith(f"{_WORDS_TABLE}_") else name)
    for name, table in vault.rows(
        "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' ORDER BY rowid"
    ):
        if table in tables:
            # It is made anew with its table, or can't be.
            continue
        column = _columns(vault, name)[0]
        # Neither counted nor sorted, so that this index and no smaller one is read.
        query = f"SELECT {column} FROM {table} INDEXED BY {name}"  # noqa: S608
        if not _is_readable(vault, query):
            indexes.append(name)
    reports = tuple(_unreadable_reports(vault)) if "reports" in tables else ()
    return Damage(tuple(pages), tuple(dict.fromkeys(tables)), tuple(indexes), reports)


def _tables(vault: Vault) -> list[str]:
    return [
        name
        for (name,) in vault.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%'"
            " ESCAPE '!' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY rowid"
        )
    ]


def _by_rows(vault: Vault, table: str) -> str:
    """Lets a query read the rows themselves: an index that holds all columns would do otherwise."""
    own = vault.value(
        "SELECT name FROM pragma_index_list(?) WHERE origin = 'pk'"
        " AND name NOT IN (SELECT name FROM sqlite_master)",
        table,
    )
    return "NOT INDEXED" if own is None else f"INDEXED BY {own}"


def _columns(vault: Vault, index: str) -> list[str]:
    rows = vault.rows("SELECT name FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", index)
    return [name for (name,) in rows]


def _is_readable(vault: Vault, query: str) -> bool:
    try:
        for _ in vault.each(query):
            pass
    except VaultDamaged:
        return False
    return True


def _unreadable_reports(vault: Vault) -> Iterator[bytes]:
    """The ids that are known and whose rows can't be read."""
    for report_id in _ids(vault):
        query = "SELECT * FROM reports WHERE id = ?"
        try:
            vault.rows(query, report_id)
        except VaultDamaged:
            yield report_id


def _ids(vault: Vault) -> list[bytes]:
    """The ids of all reports in the order in which they came, from the index alone; where that is
    damaged those that any page has, the others last. Never inside a transaction."""
    try:
        rows = vault.rows(f"SELECT id FROM {_INDEXED_REPORTS} ORDER BY rowid")  # noqa: S608
    except VaultDamaged:
        rows = [row for query in _IDS for row in _from_both_ends(vault, query)]
    return list(dict.fromkeys(report_id for (report_id,) in rows))


def _from_both_ends(vault: Vault, query: str) -> list[Row]:
    """All rows that can be read, in their order, since a page between is damaged. query: ends with
    what it is ordered by."""
    ends: dict[str, dict[Row, None]] = {"ASC": {}, "DESC": {}}
    for direction, found in ends.items():
        try:
            for row in vault.each(f"{query} {direction}"):
                found[row] = None
        except VaultDamaged:
            continue
    return list(ends["ASC"] | dict.fromkeys(reversed(ends["DESC"])))


def make_anew(vault: Vault, damage: Damage) -> tuple[str, ...]:
    """Make again what can be; what was, in words. Durable behind the call, all of it or none.

    The damaged pages stay in the file, and nothing refers to them any more. The vault is one that
    nobody else uses in this process. Raises HomeUnusable and its kinds.
    """
    if not damage.again:
        return ()
    groups = {*damage.again} & set(_DERIVED.values())
    # By these the catalogue is read too, which is made anew as a whole.
    groups |= {_DERIVED[table] for table in _tables_of(vault, damage.indexes) & _DERIVED.keys()}
    kept = {table for table, group in _DERIVED.items() if group in groups}
    # Before the transaction: a damaged page ends it.
    aliases, ids = [], []
    if _CATALOGUE in groups:
        # Names stay.
        query = "SELECT author, words, number FROM aliases ORDER BY author"
        aliases, ids = _from_both_ends(vault, query), _ids(vault)
    vault.run("PRAGMA foreign_keys = OFF")
    try:
        with vault.transaction():
            for index in damage.indexes:
                if _table_of(vault, index) not in kept:
                    _index_anew(vault, index)
            _empty(vault, kept)
            if _CATALOGUE in groups:
                _fill_catalogue(vault, aliases, ids)
            if _DECIDED in groups:
                fold_again(vault)
            if _LOOKS in groups:
                vault.run(
                    "INSERT INTO unlooked (report_id, file, rendition)"
                    " SELECT report_id, file, rendition FROM parts WHERE state = 'verified'"
                )
    finally:
        _end_schema_writing(vault)
        vault.run("PRAGMA foreign_keys = ON")
    return damage.again


def _end_schema_writing(vault: Vault) -> None:
    # It also reads the schema again.
    vault.run("PRAGMA writable_schema = RESET")


def _tables_of(vault: Vault, indexes: Sequence[str]) -> set[str]:
    return {_table_of(vault, index) for index in indexes}


def _table_of(vault: Vault, index: str) -> str:
    return str(vault.value("SELECT tbl_name FROM sqlite_master WHERE name = ?", index))


def _index_anew(vault: Vault, index: str) -> None:
    """An index can't be dropped: all of its pages would be read."""
    table, sql = vault.rows("SELECT tbl_name, sql FROM sqlite_master WHERE name = ?", index)[0]
    if sql is not None:
        _forget(vault, "name = ?", index)
        vault.run(sql)
        return
    # The one that comes with a UNIQUE has no statement of its own, but the same rows.
    columns = ", ".join(_columns(vault, index))
    vault.run(f"CREATE UNIQUE INDEX made_anew ON {table} ({columns})")
    vault.run("PRAGMA writable_schema = ON")
    vault.run(
        "UPDATE sqlite_master SET rootpage ="
        " (SELECT rootpage FROM sqlite_master WHERE name = 'made_anew') WHERE name = ?",
        index,
    )
    _forget(vault, "name = 'made_anew'")


def _forget(vault: Vault, where: str, *values: object) -> None:
    vault.run("PRAGMA writable_schema = ON")
    vault.run(f"DELETE FROM sqlite_master WHERE {where}", *values)  # noqa: S608
    _end_schema_writing(vault)


def _empty(vault: Vault, tables: set[str]) -> None:
    """Make these tables anew, without a row. No page of the old ones is read or used again."""
    statements = []
    for table in _DERIVED:
        if table in tables:
            statements += vault.rows(
                "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
                " ORDER BY type = 'trigger', type = 'index', rowid",
                table,
            )
    for table in tables:
        _forget(vault, "tbl_name = ?", table)
        if table == _WORDS_TABLE:
            _forget(vault, "tbl_name LIKE 'catalogue!_words!_%' ESCAPE '!'")
    for (statement,) in statements:
        vault.run(statement)


def _fill_catalogue(vault: Vault, aliases: Sequence[Row], ids: Sequence[bytes]) -> None:
    """Every report waits to be catalogued again, in its order."""
    vault.run_with(
        "INSERT INTO aliases (author, words, number) SELECT c0, c1, c2 FROM GIVEN", aliases
    )
    waiting = [(report_id,) for report_id in ids]
    vault.run_with("INSERT INTO uncatalogued (report_id) SELECT c0 FROM GIVEN", waiting)
