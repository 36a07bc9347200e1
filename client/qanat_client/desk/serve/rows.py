"""A report as a row of a list, and the page of a list that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web

from qanat_client.desk.aliases import aliases_of
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.desk import Desk
from qanat_client.desk.faults import VaultDamaged
from qanat_client.desk.finding import count
from qanat_client.desk.inbox import SHORT_ID_DIGITS, Item, items_of
from qanat_client.desk.pages import Page, PageRow, page_of_reports
from qanat_client.desk.serve.asking import asked
from qanat_client.desk.serve.named_city import named_city
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.serve.wishes import Filters, read_filters, wish_for
from qanat_client.desk.standing import ReportStanding
from qanat_client.desk.words import BASIS_WORDS, first_words

__all__ = ["readable_rows", "rows_of", "tell_inbox"]

ROWS: Final = 50
MAX_ROWS: Final = 200


def _thumb(item: Item) -> dict[str, Any] | None:
    """The smallest picture of the report that is here."""
    here = [
        part.part
        for part in item.parts
        if part.state == "verified" and part.part.media_type.startswith("image/")
    ]
    if not here:
        return None
    first = min(here, key=lambda part: (part.rendition, part.file))
    return {"file": first.file, "rendition": first.rendition.name.lower()}


def _row(item: Item, standing: ReportStanding, alias: str | None) -> dict[str, Any]:
    report = item.report
    return {
        "id": item.report_id.hex(),
        "short_id": item.short_id,
        "alias": alias,
        "author": report.author.hex(),
        "line": first_words(item),
        "where": report.where,
        "when": report.when,
        "written_s": report.written_s or None,
        "arrived_s": item.arrived_s,
        "language": report.language,
        "basis": BASIS_WORDS[report.basis],
        "urgent": item.urgent,
        "state": item.state,
        "can_be_answered": report.reply_box is not None,
        "files": len(report.files),
        "files_here": item.files_here,
        "thumb": _thumb(item),
        "decided": {
            "state": standing.state.name.lower(),
            "read": standing.is_read,
            "starred": standing.is_starred,
            "tags": sorted(standing.tags),
        },
        "figures": len(report.figures),
    }


def rows_of(desk: Desk, report_ids: Sequence[bytes]) -> list[dict[str, Any]]:
    """These reports as rows, in this order."""
    items = items_of(desk.vault, report_ids)
    standing = decision_log(desk).standing_of(report_ids)
    aliases = aliases_of(desk.vault, (item.report.author for item in items))
    return [
        _row(item, standing.of(item.report_id), aliases.get(item.report.author)) for item in items
    ]


@dataclass(frozen=True, slots=True)
class InboxWish:
    """A page of the inbox."""

    filters: Filters
    grouped: bool
    before: int | None
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a page of the inbox shows, before its reports are read."""

    page: Page
    total: int
    muted: int
    city: dict[str, Any] | None


def _found(desk: Desk, wanted: InboxWish) -> Found:
    wish = wish_for(desk, wanted.filters)
    page = page_of_reports(
        desk.vault, wish, before=wanted.before, limit=wanted.limit, grouped=wanted.grouped
    )
    muted = count(desk.vault, replace(wish, is_muted=True)) if wish.is_muted is False else 0
    total = count(desk.vault, wish)
    return Found(page, total, muted, named_city(desk, wish, total))


def _damaged_row(desk: Desk, report_id: bytes) -> dict[str, Any]:
    """What the catalogue knows of a report that can't be read."""
    arrived_s = desk.vault.value("SELECT arrived_s FROM catalogue WHERE report_id = ?", report_id)
    digits = report_id.hex()
    return {
        "id": digits,
        "short_id": digits[:SHORT_ID_DIGITS],
        "arrived_s": arrived_s,
        "line": "(on a damaged page of the vault)",
        "damaged": True,
    }


async def readable_rows(serving: Serving, report_ids: Sequence[bytes]) -> list[dict[str, Any]]:
    """These reports as rows, in this order; one on a damaged page says no more than that."""
    unreadable = serving.unreadable
    if unreadable.isdisjoint(report_ids):
        try:
            return await serving.vault_work(rows_of, report_ids)
        except VaultDamaged:
            # One of them; which, is found by looking at each.
            pass
    rows = []
    for report_id in report_ids:
        if report_id not in unreadable:
            try:
                rows += await serving.vault_work(rows_of, [report_id])
                continue
            except VaultDamaged:
                unreadable.add(report_id)
        rows.append(await serving.vault_work(_damaged_row, report_id))
    return rows


def _grouped(row: PageRow, found: dict[str, Any]) -> dict[str, Any]:
    if not row.more:
        return found
    return found | {"group": {"alias": found.get("alias"), "more": row.more}}


async def tell_inbox(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/inbox."""
    body = await asked(request)
    wanted = InboxWish(
        read_filters(body),
        body.flag("grouped", True),
        body.number("before", None),
        body.number("limit", ROWS, least=1, most=MAX_ROWS),
    )
    body.done()
    found = await serving.vault_work(_found, wanted)
    rows = await readable_rows(serving, [row.report_id for row in found.page.rows])
    return {
        "rows": [_grouped(*each) for each in zip(found.page.rows, rows, strict=True)],
        "next": found.page.next_before,
        "total": found.total,
        "muted": found.muted,
        **({"city": found.city} if found.city else {}),
    }
