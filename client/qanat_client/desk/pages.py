"""A list of reports page by page, in which whoever wrote many takes one row.

Nothing is lost by it: the row says how many more there are, and the pseudonym's own list has all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qanat_client.desk.finding import Wish, query_of
from qanat_client.desk.vault import Vault

__all__ = ["MANY_OF_ONE", "Page", "PageRow", "page_of_reports"]

MANY_OF_ONE: Final = 20
"""Reports of one pseudonym that each have a row; of more, the newest alone."""


@dataclass(frozen=True, slots=True)
class PageRow:
    """A report of a page. `more`: how many others of its pseudonym it stands for."""

    report_id: bytes
    author: bytes
    more: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, the newest first; `next_before`: where the next page begins, None at the end."""

    rows: tuple[PageRow, ...]
    next_before: int | None


def page_of_reports(
    vault: Vault, wish: Wish, *, before: int | None, limit: int, grouped: bool
) -> Page:
    """The newest `limit` rows of what is wished for, of those that came before the number `before`.

    A list of one pseudonym is never grouped. Raises BadInput where `words` hold no word.
    """
    number, tail, values = query_of(wish)
    groups = _groups(vault, wish) if grouped and wish.author is None else {}
    if groups:
        marks = ", ".join("?" * len(groups))
        tail += f" AND (c.author NOT IN ({marks}) OR {number} IN ({marks}))"
        values = [*values, *groups, *(newest for newest, _ in groups.values())]
    if before is not None:
        tail += f" AND {number} < ?"
        values = [*values, before]
    query = f"SELECT {number}, c.report_id, c.author {tail} ORDER BY {number} DESC LIMIT ?"
    # One more tells whether there is another page.
    found = vault.rows(query, *values, limit + 1)
    rows = tuple(
        PageRow(report_id, author, groups[author][1] - 1 if author in groups else 0)
        for _, report_id, author in found[:limit]
    )
    return Page(rows, found[limit - 1][0] if len(found) > limit else None)


def _groups(vault: Vault, wish: Wish) -> dict[bytes, tuple[int, int]]:
    """Of each pseudonym with many of these: the number of the newest, and how many there are."""
    number, tail, values = query_of(wish)
    # Few have written many at all: what is wished for is looked at of theirs alone.
    many = "SELECT author FROM aliases WHERE reports > ?"
    rows = vault.rows(
        f"SELECT c.author, max({number}), count(*) {tail} AND c.author IN ({many})"
        " GROUP BY c.author HAVING count(*) > ?",
        *values,
        MANY_OF_ONE,
        MANY_OF_ONE,
    )
    return {author: (newest, total) for author, newest, total in rows}
